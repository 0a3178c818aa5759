"""Answers made up from the shapes that botocore's model gives them."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.model import ListShape, StructureShape
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.ec2.clients import OPERATIONS
from tests.unit.test_ec2_parser import FAST, envelope, no_stock, parsed, same, shape

__all__ = ["no_stock"]

FIXED = {
    "string": "text",
    "integer": "-5",
    "long": "4294967296",
    "boolean": "true",
    "timestamp": "2024-01-31T12:00:00.000Z",
}


def whole(tag: str, of: Any) -> str:
    """An element with every member that its shape has."""
    if isinstance(of, StructureShape):
        content = "".join(whole(wire_name(name, one), one) for name, one in of.members.items())
    elif isinstance(of, ListShape):
        content = whole("item", of.member) * 2
    else:
        content = FIXED[of.type_name]
    return f"<{tag}>\n{content}</{tag}>" if "<" in content else f"<{tag}>{content}</{tag}>"


def wire_name(name: str, of: Any) -> str:
    found: str = of.serialization.get("name", name)
    return found


def inside(element: str) -> str:
    return element[element.index(">") + 1 : element.rindex("</")]


@pytest.mark.usefixtures("no_stock")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_whole_answers_take_the_fast_path(operation: str) -> None:
    root = shape(operation)
    content = "" if root is None else inside(whole("x", root))
    found = parsed(FAST, envelope(operation, content), operation)
    assert set(found) == {"ResponseMetadata", *(root.members if root else ())}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_whole_answers_are_read_as_botocore_reads_them(operation: str) -> None:
    root = shape(operation)
    content = "" if root is None else inside(whole("x", root))
    same(envelope(operation, content), operation)


def written(character: str) -> st.SearchStrategy[str]:
    """The ways to write a character in XML."""
    reference = f"&#{ord(character)};"
    if character in "<&":
        return st.just(reference)
    return st.sampled_from([character, character, reference])


letters = st.sampled_from("ab0;]>'\"{}!? \t\n\r\x7f\u00e9\u20ac\u2028\U0001f600")
texts = st.lists((letters | st.sampled_from("<&")).flatmap(written), max_size=4).map("".join)
gaps = st.sampled_from(["", "", "\n    ", " ", "\r\n", "text"])
numbers = st.integers(-(2**40), 2**40).map(str)
TIDY = {
    "string": texts,
    "integer": numbers,
    "long": numbers,
    "boolean": st.sampled_from(["true", "false"]),
    "timestamp": st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}.123Z"),
}
UNTIDY = {name: values | texts for name, values in TIDY.items()}
STRANGE = ["<new/>", "<new><item>a</item></new>", "<item/>", "<x:new xmlns:x='u'/>"]
seldom = st.integers(0, 5).map(lambda number: number == 0)


class Writer:
    """Writes random elements, mostly of their shape."""

    def __init__(
        self, data: st.DataObject, scalars: Mapping[str, st.SearchStrategy[str]], *, doubles: bool
    ) -> None:
        self.draw, self.scalars, self.doubles = data.draw, scalars, doubles

    def content(self, of: Any) -> str:
        if isinstance(of, StructureShape):
            parts = self.members({wire_name(name, one): one for name, one in of.members.items()})
        elif isinstance(of, ListShape):
            parts = [self.element("item", of.member) for _ in range(self.draw(st.integers(0, 2)))]
        else:
            return self.draw(self.scalars[of.type_name])
        gap = self.draw(gaps)
        return "".join(f"{gap}{part}" for part in parts) + gap

    def members(self, known: Mapping[str, Any]) -> list[str]:
        tags = st.lists(st.sampled_from([*known]), max_size=6, unique=not self.doubles)
        parts = [self.element(tag, known[tag]) for tag in self.draw(tags)]
        return [*parts, self.draw(st.sampled_from(STRANGE))] if self.draw(seldom) else parts

    def element(self, tag: str, of: Any) -> str:
        return f"<{tag}>{self.content(of)}</{tag}>"


each_result = pytest.mark.parametrize(
    "operation",
    ["CopySnapshot", "CreateSnapshot", "CreateVolume", "DescribeSnapshots", "DescribeVolumes"],
)


def test_the_other_operations_have_no_result() -> None:
    assert sum(shape(name) is not None for name in OPERATIONS) == 5


@each_result
@settings(max_examples=25)
@given(data=st.data())
def test_random_answers_are_read_as_botocore_reads_them(
    operation: str, data: st.DataObject
) -> None:
    answer = Writer(data, UNTIDY, doubles=False).content(shape(operation))
    same(envelope(operation, answer), operation)


@each_result
@settings(max_examples=12)
@given(data=st.data())
def test_so_are_repeated_elements(operation: str, data: st.DataObject) -> None:
    answer = Writer(data, TIDY, doubles=True).content(shape(operation))
    same(envelope(operation, answer), operation)
