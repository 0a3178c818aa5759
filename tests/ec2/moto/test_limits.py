"""What EC2 would refuse is refused beforehand, by name, and nothing has changed."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.ec2.moto_server import SNAPSHOTS, Api, Moto

Make = Callable[..., dict[str, Any]]
FULL = {f"k{i}": str(i) for i in range(48)}
"""With the two tags of a marker they are fifty."""
MOTO_FULL = {key: FULL[key] for key in list(FULL)[:-1]}
"""As many as moto takes beside a tag of AWS, which it counts; the simulator does not."""
REFUSED: list[tuple[dict[str, Any], set[str]]] = [
    ({"metadata": {"Name": "x"}}, {"metadata[Name]"}),
    ({"metadata": {"description": "x", "Name": "y"}}, {"metadata[Name]", "metadata[description]"}),
    ({"metadata": {"aws:x": "1", "AWS:y": "2", "z": "3"}}, {"metadata[aws:x]", "metadata[AWS:y]"}),
    ({"metadata": {"k" * 128: "v"}}, {f"metadata[{'k' * 60}]"}),
    ({"metadata": {"": "v"}}, {"metadata[]"}),
    ({"metadata": {"k": "v" * 257, "l": "v"}}, {"metadata[k]"}),
    ({"name": "n" * 257, "description": "d" * 256}, {"name", "description"}),
    ({"name": "n" * 257, "metadata": {"k": "v" * 257}}, {"name", "metadata[k]"}),
    ({"metadata": {**FULL, "one": "more"}}, {"metadata"}),
    ({"name": "the 51st", "metadata": FULL}, {"metadata"}),
]
IDS = ["Name", "description", "aws", "key", "no key", "value", "texts", "both", "51", "50 and name"]
refused = pytest.mark.parametrize(("fields", "named"), REFUSED, ids=IDS)


@refused
def test_no_snapshot_is_made_of_what_ec2_would_refuse(
    api: Api, moto: Moto, fields: dict[str, Any], named: set[str]
) -> None:
    given = {"volume_id": "vol-0123456789abcdef0", **fields}
    with moto.recorded() as calls:
        found = api.refusal("POST", SNAPSHOTS, json=given)
    assert set(found["fields"]) == named
    assert calls == []


@refused
def test_no_snapshot_is_changed_by_what_ec2_would_refuse(
    api: Api, kept: dict[str, Any], fields: dict[str, Any], named: set[str]
) -> None:
    for method in ("PUT", "PATCH"):
        found = api.refusal(method, kept["href"], json={"description": "new", **fields})
        assert set(found["fields"]) == named
    assert api.get(kept["href"]) == kept


@refused
def test_no_copy_is_made_of_what_ec2_would_refuse(
    api: Api, kept: dict[str, Any], moto: Moto, fields: dict[str, Any], named: set[str]
) -> None:
    given = {"destination": "us", **fields}
    with moto.recorded() as calls:
        found = api.refusal("POST", f"{kept['href']}/copy", json=given)
    assert set(found["fields"]) == named
    assert "CopySnapshot" not in {call.action for call in calls}


def test_a_merge_counts_what_is_there_already(api: Api, make_snapshot: Make, format_: str) -> None:
    made = make_snapshot(metadata=FULL)
    for method, path in (("PATCH", ""), ("POST", "/metadata")):
        change = {"metadata": {"one": "more"}}
        found = api.refusal(method, made["href"] + path, json=change, format_=format_)
        assert list(found["fields"]) == ["metadata"]
    for field in ("name", "description"):
        json = {field: "the 51st"}
        found = api.refusal("PATCH", made["href"], json=json, format_=format_)
        assert list(found["fields"]) == ["metadata"]
    assert api.get(made["href"]) == made


@pytest.mark.parametrize(
    ("method", "change"),
    [("PATCH", {"k0": "new"}), ("PUT", MOTO_FULL), ("PUT", {**MOTO_FULL, "aws:x": "1"})],
    ids=["one of them", "all of them", "all that is shown"],
)
def test_the_tags_of_aws_do_not_count(
    api: Api, aws: Callable[..., Any], make_snapshot: Make, method: str, change: dict[str, str]
) -> None:
    made = make_snapshot(metadata=MOTO_FULL)
    aws().create_tags(Resources=[made["id"]], Tags=[{"Key": "aws:x", "Value": "1"}])
    changed = api.change(method, made["href"], json={"metadata": change})
    assert changed["metadata"] == {**MOTO_FULL, "aws:x": "1", **change}


def test_a_key_of_somebody_else_that_is_too_long_here_is_no_obstacle(
    api: Api, aws: Callable[..., Any], make_snapshot: Make
) -> None:
    made = make_snapshot(metadata={"k": "v"})
    theirs = {"x" * 128: "1"}  # the EC2 User Guide allows 128 characters, botocore's model 127
    tags = [{"Key": key, "Value": value} for key, value in theirs.items()]
    aws().create_tags(Resources=[made["id"]], Tags=tags)
    changed = api.change("PATCH", made["href"], json={"metadata": {"k": "new"}})
    assert changed["metadata"] == {"k": "new", **theirs}


def test_the_most_and_longest_is_possible(api: Api, make_snapshot: Make, format_: str) -> None:
    metadata = {f"{i:03}{'k' * 124}": "v" * 256 for i in range(47)}
    fields = {"name": "n" * 256, "description": "d" * 255, "metadata": metadata}
    made = make_snapshot(**fields)
    shown = api.get(made["href"], format_=format_)
    assert {name: shown[name] for name in fields} == fields
    replaced = {f"{i:03}{'l' * 124}": "w" * 256 for i in range(47)}
    change = {"metadata": replaced}
    assert api.change("PUT", made["href"], json=change, format_=format_)["metadata"] == replaced
    assert api.get(made["href"], format_=format_)["metadata"] == replaced


@pytest.mark.parametrize("key", ["Name", "description", "aws:x", "k" * 128])
def test_a_single_key_that_ec2_would_refuse_is_a_400(
    api: Api, kept: dict[str, Any], key: str
) -> None:
    url = f"{kept['href']}/metadata/{key}"
    found = api.refusal("PUT", url, json={"value": "x"})
    assert list(found["fields"]) == [f"metadata[{key[:60]}]"]
    assert api.get(kept["href"]) == kept


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"in_use": "refuse"}, "in_use"),
        ({"location": "x"}, "location"),
        ({"nosuch": "x"}, "nosuch"),
        ({"volume_id": ""}, "volume_id"),
    ],
)
def test_what_ec2_cannot_do_is_a_400_that_names_it(
    api: Api, moto: Moto, fields: dict[str, str], named: str
) -> None:
    given = {"volume_id": "vol-0123456789abcdef0", **fields}
    with moto.recorded() as calls:
        found = api.refusal("POST", SNAPSHOTS, json=given)
    assert list(found["fields"]) == [named]
    assert calls == []
