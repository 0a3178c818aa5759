from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ec2 import tags
from gateway.driver import UNSET, DriverError, ErrorCode, MetadataChange, UpdateSnapshot

AWS = {"aws:a": "1", "aws:b": "2"}


def many(count: int, prefix: str = "k") -> dict[str, str]:
    return {f"{prefix}{number}": "v" for number in range(count)}


def change(**metadata: Any) -> UpdateSnapshot:
    return UpdateSnapshot(metadata=MetadataChange(**metadata))


def changed(
    before: Mapping[str, str], request: UpdateSnapshot, native: str | None = None
) -> dict[str, str]:
    """The tags after a change."""
    return tags.changed(before, native, request).applied_to(before)


def refused(function: Any, *args: Any, **kw: Any) -> dict[str, str]:
    with pytest.raises(DriverError) as caught:
        function(*args, **kw)
    assert caught.value.code is ErrorCode.INVALID
    return caught.value.fields


@pytest.mark.parametrize(
    ("name", "description", "metadata", "expected"),
    [
        (None, None, {}, {}),
        ("", "", {"k": ""}, {"k": ""}),
        ("n", None, {"k": "v"}, {"k": "v", "Name": "n"}),
        (None, "d", {}, {"description": "d"}),
        (None, None, {"name": "x", "Description": "y"}, {"name": "x", "Description": "y"}),
    ],
)
def test_a_new_resource_has_the_tags_that_it_needs(
    name: str | None,
    description: str | None,
    metadata: Mapping[str, str],
    expected: Mapping[str, str],
) -> None:
    assert tags.for_new(name, metadata, description=description) == expected


def test_what_is_given_is_not_changed() -> None:
    metadata: dict[str, str] = {}
    tags.for_new("n", metadata, description="d")
    before = {"Name": "n", "k": "v"}
    changed(before, UpdateSnapshot(name=None, metadata=MetadataChange(remove=frozenset("k"))))
    assert (metadata, before) == ({}, {"Name": "n", "k": "v"})


@pytest.mark.parametrize(
    ("count", "name", "description"),
    [(50, None, None), (49, "n", None), (49, None, "d"), (48, "n", "d")],
)
def test_a_new_resource_takes_fifty_tags_and_no_more(
    count: int, name: str | None, description: str | None
) -> None:
    assert len(tags.for_new(name, many(count), description=description)) == 50
    problems = refused(tags.for_new, name, many(count + 1), description=description)
    assert list(problems) == ["metadata"]
    assert "51" in problems["metadata"]


def test_every_key_that_is_refused_is_named() -> None:
    metadata = {"Name": "x", "description": "x", "aws:x": "x", "AWS:y": "x", "Aws:": "x", "k": "x"}
    problems = refused(tags.for_new, None, metadata)
    assert set(problems) == {f"metadata[{key}]" for key in metadata if key != "k"}
    assert "as name" in problems["metadata[Name]"]
    assert "as description" in problems["metadata[description]"]
    assert "aws:" in problems["metadata[AWS:y]"]


@pytest.mark.parametrize("key", ["aws", "awsome", "name", "NAME", "Description", "xaws:"])
def test_keys_that_only_look_reserved_are_free(key: str) -> None:
    assert tags.for_new("n", {key: "v"}) == {"Name": "n", key: "v"}
    assert changed({}, change(set={key: "v"})) == {key: "v"}


@pytest.mark.parametrize("replace", [True, False])
def test_a_change_cannot_set_the_tags_that_hold_name_and_description(replace: bool) -> None:
    asked = change(set={"Name": "x", "description": "x"}, replace=replace)
    problems = refused(changed, {"Name": "n", "description": "d"}, asked)
    assert set(problems) == {"metadata[Name]", "metadata[description]"}


@pytest.mark.parametrize("before", [{}, {"Name": "n", "description": "d", "k": "v"}])
def test_removing_what_is_no_metadata_changes_nothing(before: dict[str, str]) -> None:
    gone = frozenset({"Name", "description", "aws:none", "none"})
    assert changed(before, change(remove=gone)) == before


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (change(set={"aws:a": "other"}), "aws:a"),
        (change(set={"aws:new": "x"}), "aws:new"),
        (change(set={"AWS:new": "x"}), "AWS:new"),
        (change(set={"aws:a": "other"}, replace=True), "aws:a"),
        (change(remove=frozenset({"aws:a", "k"})), "aws:a"),
    ],
)
def test_awss_own_tags_can_neither_be_set_nor_removed(request_: UpdateSnapshot, key: str) -> None:
    assert list(refused(changed, {**AWS, "k": "v"}, request_)) == [f"metadata[{key}]"]


@pytest.mark.parametrize(
    "request_",
    [
        change(replace=True),
        change(set=AWS, replace=True),
        change(set={"aws:a": "1"}),
        change(remove=frozenset({"k"})),
        UpdateSnapshot(name=None),
        UpdateSnapshot(description=None),
    ],
)
def test_awss_own_tags_stay_in_any_case(request_: UpdateSnapshot) -> None:
    assert changed(AWS, request_) == AWS


def test_other_servers_have_such_tags_in_capitals() -> None:
    assert changed({"AWS:a": "1"}, change(set={"k": "v"})) == {"AWS:a": "1", "k": "v"}
    assert changed({"AWS:a": "1"}, change(replace=True)) == {"AWS:a": "1"}
    assert list(refused(changed, {"AWS:a": "1"}, change(remove=frozenset({"AWS:a"}))))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (change(set={"b": "2"}), {"Name": "n", "a": "1", "b": "2"}),
        (change(set={"a": ""}), {"Name": "n", "a": ""}),
        (change(remove=frozenset({"a"})), {"Name": "n"}),
        (change(set={"a": "2"}, remove=frozenset({"a"})), {"Name": "n", "a": "2"}),
        (change(set={"b": "2"}, replace=True), {"Name": "n", "b": "2"}),
        (change(replace=True), {"Name": "n"}),
        (change(), {"Name": "n", "a": "1"}),
        (UpdateSnapshot(), {"Name": "n", "a": "1"}),
        (UpdateSnapshot(name="m"), {"Name": "m", "a": "1"}),
        (UpdateSnapshot(name=None), {"a": "1"}),
    ],
)
def test_a_change_of_name_and_metadata(
    request_: UpdateSnapshot, expected: Mapping[str, str]
) -> None:
    assert changed({"Name": "n", "a": "1"}, request_) == expected


@pytest.mark.parametrize(
    ("request_", "set_", "removed"),
    [
        (UpdateSnapshot(name="n"), {"Name": "n"}, set()),
        (UpdateSnapshot(name=None), {}, {"Name"}),
        (UpdateSnapshot(description=None), {}, {"description"}),
        (change(set={"k": "v"}), {"k": "v"}, set()),
        (change(remove=frozenset({"late"})), {}, {"late"}),
        (change(set={"k": "v"}, replace=True), {"k": "v"}, {"old"}),
        (change(set={"k": "v"}, remove=frozenset({"k"})), {"k": "v"}, set()),
        (change(set=AWS, remove=frozenset({"aws:none", "Name"})), {}, set()),
        (UpdateSnapshot(), {}, set()),
    ],
)
def test_what_is_asked_for_is_sent_and_nothing_else(
    request_: UpdateSnapshot, set_: dict[str, str], removed: set[str]
) -> None:
    # Also what is already so: EC2 shows tags late.
    found = tags.changed({**AWS, "k": "v", "old": "", "Name": "n"}, None, request_)
    assert (dict(found.set), set(found.remove)) == (set_, removed)


@pytest.mark.parametrize("before", [{}, {"description": "old"}, {"description": ""}])
@pytest.mark.parametrize(
    ("native", "asked", "expected"),
    [
        ("native", "new", {"description": "new"}),
        ("native", "native", {}),
        ("native", None, {"description": ""}),
        ("native", "", {"description": ""}),
        (None, "new", {"description": "new"}),
        (None, None, {}),
        ("", None, {}),
    ],
)
def test_a_tag_holds_a_description_that_differs_from_the_native_one(
    before: dict[str, str], native: str | None, asked: str | None, expected: dict[str, str]
) -> None:
    assert changed(before, UpdateSnapshot(description=asked), native) == expected


@pytest.mark.parametrize("before", [{}, {"description": "old"}, {"description": ""}])
def test_a_description_that_nobody_asks_to_change_stays(before: dict[str, str]) -> None:
    assert changed(before, UpdateSnapshot(name="n"), "native") == {**before, "Name": "n"}


def test_a_change_leaves_fifty_tags_at_most_and_awss_do_not_count() -> None:
    before = {**many(48), **many(9, "aws:"), **many(3, "AWS:"), "Name": "n"}
    assert len(changed(before, UpdateSnapshot(description="d"))) == 48 + 12 + 2
    both = UpdateSnapshot(description="d", metadata=MetadataChange(set={"new": "v"}))
    assert list(refused(changed, before, both)) == ["metadata"]
    swap = UpdateSnapshot(
        description="d", metadata=MetadataChange(set={"new": "v"}, remove=frozenset({"k0"}))
    )
    assert len(changed(before, swap)) == 48 + 12 + 2


@pytest.mark.parametrize("given_", [None, [], ()])
def test_no_tags_are_an_empty_map(given_: Iterable[Mapping[str, str]] | None) -> None:
    assert tags.as_map(given_) == {}
    assert tags.specification("snapshot", {}) == {}


def test_tags_are_given_in_ec2s_form() -> None:
    assert tags.specification("volume", {"k": "v"}) == {
        "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "k", "Value": "v"}]}]
    }
    assert tags.as_map(tags.as_list({"k": "v", "l": ""})) == {"k": "v", "l": ""}


# Few letters, so that what is before and what is asked for meet.
keys = st.text("ab", min_size=1, max_size=2)
maps = st.dictionaries(keys, st.text("xy", max_size=2), max_size=6)
own = st.dictionaries(keys.map("aws:{}".format), st.just("v"), max_size=2)
texts = st.none() | st.sampled_from(["", "native", "other"])
asked = st.just(UNSET) | texts
changes = st.none() | st.builds(
    MetadataChange, set=maps, remove=st.frozensets(keys), replace=st.booleans()
)
fields = st.fixed_dictionaries({}, optional={"Name": texts.map(str), "description": texts.map(str)})


def told(asked_: Any, before: str | None) -> str | None:
    return before if asked_ is UNSET else asked_ or None


@given(maps, own, fields, texts, st.builds(UpdateSnapshot, asked, asked, changes))
def test_what_is_asked_for_is_read_afterwards(
    before: dict[str, str],
    aws: dict[str, str],
    special: dict[str, str],
    native: str | None,
    request_: UpdateSnapshot,
) -> None:
    all_before = {**before, **aws, **special}
    change_ = tags.changed(all_before, native, request_)
    after = change_.applied_to(all_before)
    name, description, metadata, _ = tags.read(tags.as_list(after), native)
    old_name, old_description, _, _ = tags.read(tags.as_list(all_before), native)
    assert name == told(request_.name, old_name)
    assert description == told(request_.description, old_description)
    wanted = before if request_.metadata is None else request_.metadata.applied_to(before)
    assert metadata == {**wanted, **aws}
    # EC2 is told of a change in two calls, in any order.
    assert not change_.set.keys() & change_.remove
    assert not (change_.set.keys() | change_.remove) & aws.keys()


@given(st.none() | st.text("xy", min_size=1), st.none() | st.text("xy", min_size=1), maps)
def test_what_a_new_resource_shall_be_is_read_afterwards(
    name: str | None, description: str | None, metadata: dict[str, str]
) -> None:
    made = tags.as_list(tags.for_new(name, metadata, description=description))
    assert tags.read(made, None) == (name, description, metadata, None)
