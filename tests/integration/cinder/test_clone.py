"""New volumes from snapshots."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.http.bodies import body
from tests.http.tools import facts
from tests.integration.cinder.gateway import (
    GIB,
    NOBODYS,
    SNAPSHOTS,
    VOLUMES,
    Api,
    nothing_made,
    pair,
    rels,
)
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]


@pytest.fixture(scope="module")
def path(make: Make) -> str:
    """The path of the snapshot that all tests here clone."""
    return make(name="source")


@pytest.mark.parametrize(
    ("kind", "format_"), [("form", "xml"), ("query", "xml"), ("json", "json"), ("xml", "json")]
)
def test_a_clone_is_accepted_and_made(
    api: Api, cinder: RealCinder, path: str, kind: str, format_: str
) -> None:
    fields = {"name": "Größe 😀", "description": "d <&>"}
    given = body(kind, "clone", fields)
    answer = api.request("POST", f"{path}/clone", format_=format_, **given)
    assert answer.status_code == 202, answer.text
    made = facts(answer)
    assert made["href"] == answer.headers["Location"] == f"{api.server.api}{VOLUMES}/{made['id']}"
    assert made["state"] == "creating"
    shown = api.settled(made["href"], "available", format_=format_)
    assert (shown["name"], shown["description"]) == ("Größe 😀", "d <&>")
    assert (shown["size_bytes"], shown["capacity"]) == (GIB, 1)
    assert shown["source_snapshot_id"] == path[-36:]
    row = cinder.as_user("demo")("GET", f"/volumes/{made['id']}")["volume"]
    assert (row["snapshot_id"], row["volume_type"]) == (path[-36:], "fake")


@pytest.mark.parametrize("given", [{}, {"json": {}}, {"data": b""}], ids=["none", "{}", "empty"])
@pytest.mark.parametrize("format_", ["xml"])
def test_a_clone_needs_nothing(api: Api, path: str, format_: str, given: dict[str, Any]) -> None:
    made = api.make(f"{path}/clone", 202, format_=format_, **given)
    assert made["size_bytes"] == GIB


@pytest.mark.parametrize(
    ("size", "whole"), [(GIB, 1), (2 * GIB, 2), (GIB + 1, 2), (3 * GIB - 1, 3)]
)
def test_a_clone_can_be_larger(api: Api, path: str, size: int, whole: int) -> None:
    made = api.make(f"{path}/clone", 202, data={"size_bytes": size})
    shown = api.settled(made["href"], "available")
    assert (shown["capacity"], shown["size_bytes"]) == (whole, whole * GIB)


@pytest.mark.parametrize("fields", [{"size_bytes": 1}, {"size_bytes": GIB - 1}], ids=["1", "GiB-1"])
@pytest.mark.parametrize("format_", ["json"])
def test_a_clone_cannot_be_smaller(
    api: Api, cinder: RealCinder, path: str, format_: str, fields: dict[str, Any]
) -> None:
    with nothing_made(cinder):
        found = api.refusal("POST", f"{path}/clone", json=fields, format_=format_)
    assert list(found["fields"]) == ["size_bytes"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("zone", "nosuch"),
        ("media", "nosuch"),
        ("media", NOBODYS),
        ("description", "line\nbreak"),
        ("name", "x" * 256),
        ("size_bytes", 0),
        ("size_bytes", 1 << 70),
        ("size_bytes", (1 << 63) - 1),
        ("zone", "z" * 256),
        ("media", "m" * 256),
        ("zone", "nosuch zone: \"x\" 'y' {0}"),
        ("affinities", "a"),
        ("avoid", "a"),
        ("nosuch", "a"),
    ],
)
def test_what_a_clone_cannot_have_is_refused_by_its_name(
    api: Api, cinder: RealCinder, path: str, field: str, value: Any
) -> None:
    with nothing_made(cinder):
        found = api.refusal("POST", f"{path}/clone", json={field: value})
    assert (found["error"], list(found["fields"])) == ("invalid", [field])


def test_a_clone_in_the_zone_that_there_is(api: Api, path: str) -> None:
    made = api.make(f"{path}/clone", 202, json={"zone": "nova"})
    assert api.settled(made["href"], "available")["zone"] == "nova"


def test_a_clone_of_the_type_of_its_snapshot(api: Api, cinder: RealCinder, path: str) -> None:
    made = api.make(f"{path}/clone", 202, json={"media": "fake"})
    cinder.wait("volumes", made["id"], "available")
    row = cinder.as_user("demo")("GET", f"/volumes/{made['id']}")["volume"]
    assert row["volume_type"] == "fake"


@pytest.mark.parametrize("format_", ["xml"])
def test_a_clone_of_a_type_that_lives_elsewhere_is_a_conflict_or_refused_or_made(
    api: Api, cinder: RealCinder, path: str, format_: str
) -> None:
    answer = api.request("POST", f"{path}/clone", json={"media": "nfs"}, format_=format_)
    if answer.status_code == 400:
        found = api.refusal("POST", f"{path}/clone", json={"media": "nfs"}, format_=format_)
        assert list(found["fields"]) == ["media"]
        return
    assert answer.status_code == 202, answer.text
    row = cinder.as_user("demo")("GET", f"/volumes/{facts(answer)['id']}")["volume"]
    assert row["volume_type"] == "nfs"


def test_real_bytes_are_cloned(api: Api, cinder: RealCinder, real_volume: str) -> None:
    source = cinder.snapshot(real_volume)
    made = api.make(f"{SNAPSHOTS}/{source}/clone", 202, json={"name": "copy"})
    shown = api.settled(made["href"], "available")
    assert (shown["source_snapshot_id"], shown["snapshots"]) == (source, [])
    assert rels(shown) == ["delete"]
    api.delete(made["href"])
    api.gone(made["href"])


def test_who_may_only_read_clones_nothing(api: Api, cinder: RealCinder, path: str) -> None:
    with nothing_made(cinder):
        answer = api.request("POST", f"{path}/clone", user="demo-reader")
        assert pair(answer) == (403, "denied")
        assert pair(api.request("POST", f"{path}/clone", user="other")) == (404, "not_found")
