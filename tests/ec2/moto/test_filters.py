"""Filters on the list of snapshots: what moto answers of them, the gateway makes exact."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.ec2.moto_server import ACCOUNT_ID, SNAPSHOTS, Api, Moto

Make = Callable[..., dict[str, Any]]
Volume = Callable[..., str]
ODD = [
    "*",
    "?",
    "a*b",
    "a?b",
    "a[b]c",
    "[!a]",
    "a\\b",
    "\\",
    "\\*",
    "a[b]*",
    "a]b",
    "a & b <c> \"d\" 'e'",
    "100%+1=2;3,4:5/6",
    "Grüße ☃ 😀",
    " padded ",
    " ",
    "two\nlines",
    "x" * 256,
]
"""Names that are wildcards, escapes or mark-up somewhere on the way."""


KEYS = ["a*", "a?[b]", "Ünï ☃", "a & <b>", "a.b:c/d@e=f+g", "Name ", "a]", "ab"]


def found(api: Api, format_: str = "json", **filters: str) -> list[str]:
    """Return the ids that a filtered list shows."""
    return [item["id"] for item in api.list(SNAPSHOTS, params=filters, format_=format_)]


@pytest.fixture(scope="module")
def odd(make_snapshot: Make) -> dict[str, str]:
    """Snapshots with all odd names, and with some that are alike: name -> id."""
    names = [*ODD, "axb", "a\\xb", "xx", "abc"]
    return {name: make_snapshot(name=name, metadata={"k": name})["id"] for name in names}


@pytest.mark.parametrize("field", ["id", "name", "state", "volume_id", "owner", "metadata[Key x]"])
def test_a_filter_finds_what_matches_exactly(
    api: Api, make_snapshot: Make, make_volume: Volume, format_: str, field: str
) -> None:
    value = f"W {field[:4]} {format_}"
    wanted = make_snapshot(name=value, volume_id=make_volume(), metadata={"Key x": value})
    other = make_snapshot(name=value.lower(), metadata={"Key x": f"{value} ", "key x": value})
    volume = wanted["storage_volume"]["id"]
    given = {**wanted, "metadata[Key x]": value, "owner": "self", "volume_id": volume}
    ids = found(api, format_, **{field: given[field]})
    assert wanted["id"] in ids
    assert (other["id"] in ids) is (field in {"state", "owner"})


@pytest.mark.parametrize("name", ODD)
def test_a_name_is_found_whatever_its_characters_mean_elsewhere(
    api: Api, odd: dict[str, str], name: str
) -> None:
    assert found(api, name=name) == [odd[name]]
    assert found(api, "xml", **{"metadata[k]": name}) == [odd[name]]


@pytest.fixture(scope="module")
def keyed(make_snapshot: Make) -> dict[str, str]:
    """Snapshots that differ in one key each: key -> id."""
    values = dict.fromkeys(KEYS, "there")
    return {key: make_snapshot(metadata={**values, key: "here"})["id"] for key in KEYS}


@pytest.mark.parametrize("key", KEYS)
def test_metadata_is_found_by_a_key_of_any_characters(
    api: Api, keyed: dict[str, str], key: str
) -> None:
    assert found(api, **{f"metadata[{key}]": "here"}) == [keyed[key]]


def test_metadata_is_found_by_an_empty_value(api: Api, make_snapshot: Make, format_: str) -> None:
    wanted = make_snapshot(metadata={f"empty in {format_}": ""})
    make_snapshot(metadata={f"empty in {format_}": "full"})
    assert found(api, format_, **{f"metadata[empty in {format_}]": ""}) == [wanted["id"]]


def test_name_and_description_are_no_metadata_to_be_found(api: Api, make_snapshot: Make) -> None:
    made = make_snapshot(name="hidden", description="d")
    api.change("PATCH", made["href"], json={"description": "hidden too"})
    assert found(api, **{"metadata[Name]": "hidden"}) == []
    assert found(api, **{"metadata[description]": "hidden too"}) == []


def test_filters_must_all_match(api: Api, make_snapshot: Make, format_: str) -> None:
    made = make_snapshot(name="x", metadata={"a": "1", "b": "2"})
    filters = {"id": made["id"], "name": "x", "metadata[a]": "1", "metadata[b]": "2"}
    assert found(api, format_, **filters, owner="self", state="available") == [made["id"]]
    for field in filters:
        assert found(api, format_, **{**filters, field: "other"}) == []


@pytest.mark.parametrize("owner", ["self", ACCOUNT_ID])
def test_the_callers_own_snapshots_are_found_by_self_and_by_number(
    api: Api, kept: dict[str, Any], moto: Moto, format_: str, owner: str
) -> None:
    with moto.recorded() as calls:
        assert found(api, format_, owner=owner, id=kept["id"]) == [kept["id"]]
    assert {call.form.get("Owner.1") for call in calls} == {owner}


@pytest.mark.parametrize("owner", ["999999999999", "12345678901", "amazon", "all", "*", "ä", ""])
def test_nothing_is_found_of_somebody_else(api: Api, kept: dict[str, Any], owner: str) -> None:
    assert found(api, owner=owner, id=kept["id"]) == []


@pytest.mark.parametrize(
    "wanted", ["snap-*", "snap-????????????????", "nosuch", "", "ä&", "a" * 300]
)
def test_an_id_that_nothing_has_gives_an_empty_list(api: Api, wanted: str) -> None:
    for field in ("id", "volume_id"):
        assert found(api, **{field: wanted}) == []


@pytest.mark.parametrize("state", ["creating", "error", "archived", "recycled", "busy", "deleting"])
def test_a_state_that_nothing_is_in_gives_an_empty_list(
    api: Api, kept: dict[str, Any], state: str
) -> None:
    assert found(api, state=state, id=kept["id"]) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nosuch", "x"),
        ("Name", "x"),
        ("tag:Name", "x"),
        ("owner_id", "x"),
        ("metadata", "x"),
        ("state", "completed"),
        ("description__gte", "x"),
    ],
)
def test_an_unknown_filter_is_a_400_that_names_it(
    api: Api, moto: Moto, name: str, value: str
) -> None:
    with moto.recorded() as calls:
        problem = api.refusal("GET", SNAPSHOTS, params={name: value})
    assert list(problem["fields"]) == [name]
    assert "state" in problem["fields"][name] or "creating" in problem["fields"][name]
    assert calls == []
