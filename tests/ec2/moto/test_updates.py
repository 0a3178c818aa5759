"""Changes of a snapshot on EC2, where name, description and metadata are tags."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.ec2.moto_server import SNAPSHOTS, Api, Moto
from tests.ec2.simulated.tools import users
from tests.http.bodies import ASKED, body
from tests.http.tools import facts

Make = Callable[..., dict[str, Any]]
METHODS = ("PUT", "PATCH")
OLD: dict[str, Any] = {"name": "old", "description": "old", "metadata": {"a": "1", "b": "2"}}
NULLABLE = ("json", "xml")
"""The bodies that can say null of a metadata key."""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("kind", "format_"), ASKED)
def test_a_change_answers_with_the_changed_snapshot(
    api: Api, make_snapshot: Make, format_: str, kind: str, method: str
) -> None:
    made = make_snapshot(**OLD)
    new = {"b": "3", "ç d": "☃ '4'"}
    fields = {"name": "né <w>", "description": "n & d", "metadata": new}
    change = body(kind, "storage_snapshot", fields)
    changed = api.change(method, made["href"], format_=format_, **change)
    metadata = new if method == "PUT" else {"a": "1", **new}
    shown = facts(api.request("GET", made["href"]))
    assert shown == {**made, **fields, "metadata": metadata}
    assert changed == shown if format_ == "json" else changed["metadata"] == metadata
    listed = api.list(SNAPSHOTS, params={"id": made["id"]}, format_=format_)
    assert listed == [changed]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("field", ["name", "description"])
def test_a_change_leaves_alone_what_it_does_not_name(
    api: Api, make_snapshot: Make, method: str, field: str
) -> None:
    made = make_snapshot(**OLD)
    assert api.change(method, made["href"], json={field: "new"}) == {**made, field: "new"}
    assert api.get(made["href"]) == {**made, field: "new"}


def test_a_description_is_changed_taken_away_and_brought_back(
    api: Api, aws: Callable[..., Any], make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot(description="first", metadata={"k": "v"})
    for description, tags in (
        ("second", {"k": "v", "description": "second"}),
        (None, {"k": "v", "description": ""}),
        ("first", {"k": "v"}),
        ("", {"k": "v", "description": ""}),
    ):
        change = {"description": description}
        changed = api.change("PATCH", made["href"], json=change, format_=format_)
        assert changed["description"] == (description or None)
        assert api.get(made["href"], format_=format_) == changed
        assert changed["metadata"] == {"k": "v"}
        (row,) = aws().describe_snapshots(SnapshotIds=[made["id"]])["Snapshots"]
        assert users({tag["Key"]: tag["Value"] for tag in row["Tags"]}) == tags
        assert row["Description"] == "first"


def test_a_description_can_be_given_to_a_snapshot_that_was_made_without(
    api: Api, make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot()
    for description in ("new", "newer", None):
        api.change("PATCH", made["href"], json={"description": description}, format_=format_)
        assert api.get(made["href"]) == {**made, "description": description}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("empty", [None, ""])
def test_null_and_empty_text_take_name_and_description_away(
    api: Api, make_snapshot: Make, method: str, empty: str | None
) -> None:
    made = make_snapshot(**OLD)
    api.change(method, made["href"], json={"name": empty, "description": empty})
    assert api.get(made["href"]) == {**made, "name": None, "description": None}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", NULLABLE)
def test_a_null_value_removes_a_metadata_key(
    api: Api, make_snapshot: Make, kind: str, method: str
) -> None:
    made = make_snapshot(**OLD)
    fields = {"metadata": {"a": None, "b": "2", "nosuch": None}}
    change = body(kind, "storage_snapshot", fields)
    assert api.change(method, made["href"], **change)["metadata"] == {"b": "2"}
    assert api.get(made["href"]) == {**made, "metadata": {"b": "2"}}


@pytest.mark.parametrize("kind", NULLABLE)
def test_put_of_no_metadata_takes_all_of_it_away_and_keeps_the_name(
    api: Api, make_snapshot: Make, kind: str
) -> None:
    made = make_snapshot(**OLD)
    change = body(kind, "storage_snapshot", {"metadata": {}})
    assert api.change("PUT", made["href"], **change) == {**made, "metadata": {}}
    assert api.get(made["href"]) == {**made, "metadata": {}}


def test_a_value_can_become_empty_and_blank(api: Api, make_snapshot: Make, format_: str) -> None:
    made = make_snapshot(**OLD)
    change = {"metadata": {"a": "", "b": "  "}}
    for _ in range(2):
        changed = api.change("PATCH", made["href"], json=change, format_=format_)
        assert changed["metadata"] == change["metadata"]
    assert api.get(made["href"]) == {**made, **change}


def test_a_change_touches_only_the_tags_that_it_names(
    api: Api, make_snapshot: Make, moto: Moto
) -> None:
    made = make_snapshot(**OLD)
    with moto.recorded() as calls:
        api.change("PUT", made["href"], json={"metadata": {"a": "1", "c": "3"}})
    changing = {c.action: c.form for c in calls if not c.action.startswith("Describe")}
    assert set(changing) == {"CreateTags", "DeleteTags"}
    keys = {v for k, v in changing["CreateTags"].items() if k.endswith("Key")}
    assert keys == {"a", "c"}
    assert {v for k, v in changing["DeleteTags"].items() if k.startswith("Tag.")} == {"b"}


def test_a_change_to_what_is_there_already_changes_nothing(
    api: Api, make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot(**OLD)
    assert api.change("PUT", made["href"], json=OLD, format_=format_) == made
    assert api.get(made["href"]) == made


def test_the_tags_of_aws_stay_whatever_is_asked(
    api: Api, aws: Callable[..., Any], make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot(**OLD)
    aws().create_tags(Resources=[made["id"]], Tags=[{"Key": "aws:x", "Value": "1"}])
    changed = api.change("PUT", made["href"], json={"metadata": {"c": "3"}}, format_=format_)
    assert changed["metadata"] == {"aws:x": "1", "c": "3"}
    given_back = {**changed["metadata"], "c": "4"}
    changed = api.change("PUT", made["href"], json={"metadata": given_back}, format_=format_)
    assert changed["metadata"] == given_back
    for value in (None, "2"):
        change = {"metadata": {"aws:x": value, "c": "5"}}
        found = api.refusal("PATCH", made["href"], json=change, format_=format_)
        assert list(found["fields"]) == ["metadata[aws:x]"]
    api.refusal("DELETE", f"{made['href']}/metadata/aws:x", format_=format_)
    assert api.get(made["href"])["metadata"] == given_back
    assert api.get(f"{made['href']}/metadata/aws:x", format_="json") == {"aws:x": "1"}
