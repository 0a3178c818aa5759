"""Bad changes, clones and volumes: refused by name, and nothing happens."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.http.tools import accept, problem
from tests.servers import Server

Unharmed = Callable[[], contextlib.AbstractContextManager[None]]

BAD_CHANGES: list[tuple[str, str, Any, str]] = [
    # (method, path below the snapshot, JSON, what the answer must name)
    *[(method, "", {}, "nothing to change") for method in ("PUT", "PATCH")],
    *[(method, "", {"state": "available"}, "state") for method in ("PUT", "PATCH")],
    *[(method, "", {"name": "new", "colour": "red"}, "colour") for method in ("PUT", "PATCH")],
    ("PATCH", "", {"volume_id": "x"}, "volume_id"),
    ("PATCH", "", {"name": "n" * 256}, "name"),
    ("PATCH", "", {"name": "new", "description": "a\u0000"}, "U+0000"),
    ("PATCH", "", {"name": "new", "metadata": {"a": "\ufffe"}}, "U+FFFE"),
    ("PATCH", "", {"name": "new", "metadata": {"a": "v" * 4097}}, "metadata[a]"),
    ("PATCH", "", {"metadata": {str(i): "v" for i in range(256)}}, "256"),
    ("PATCH", "", {"metadata": "x"}, "metadata"),
    ("POST", "/metadata", {}, "metadata"),
    ("PUT", "/metadata", {}, "metadata"),
    ("POST", "/metadata", {"metadata": {"a": 1}}, "metadata[a]"),
    ("PUT", "/metadata", {"metadata": ["a"]}, "metadata"),
    ("PUT", "/metadata", {"metadata": {"a": "b"}, "name": "x"}, "name"),
    ("PUT", "/metadata/tier", {}, "value"),
    ("PUT", "/metadata/tier", {"value": None}, "value"),
    ("PUT", "/metadata/tier", {"value": 1}, "value"),
    ("PUT", "/metadata/tier", {"value": "x", "meta": {"tier": "x"}}, "value"),
    ("PUT", "/metadata/tier", {"meta": {"other": "x"}}, "tier"),
    ("PUT", "/metadata/tier", {"meta": {"tier": "x", "other": "y"}}, "tier"),
    ("PUT", "/metadata/a%01b", {"value": "x"}, "U+0001"),
    ("PUT", "/metadata/" + "k" * 256, {"value": "x"}, "255"),
    ("POST", "/clone", {"colour": "red"}, "colour"),
    ("POST", "/clone", {"size_bytes": 1}, "size_bytes"),
    ("POST", "/clone", {"size_bytes": 0}, "size_bytes"),
    ("POST", "/clone", {"size_bytes": -1}, "size_bytes"),
    ("POST", "/clone", {"size_bytes": 1.5}, "size_bytes"),
    ("POST", "/clone", {"size_bytes": True}, "size_bytes"),
    ("POST", "/clone", {"size_bytes": "12e3"}, "size_bytes"),
    ("POST", "/clone", {"size_bytes": 1 << 63}, "size_bytes"),
    ("POST", "/clone", {"size_bytes": "9" * 5000}, "size_bytes"),
    ("POST", "/clone", {"name": "n" * 256}, "name"),
    ("POST", "/clone", {"media": "ssd"}, "media"),
    ("POST", "/clone", {"zone": "z"}, "zone"),
    ("POST", "/clone", {"affinities": ["a"]}, "affinities"),
    ("POST", "/clone", {"affinities": [1]}, "affinities"),
    ("POST", "/clone", {"avoid": "a,b"}, "avoid"),
]


@pytest.mark.parametrize(
    ("method", "end", "fields", "named"),
    BAD_CHANGES,
    ids=[f"{i}-{m}{end[:20]}-{named}" for i, (m, end, _, named) in enumerate(BAD_CHANGES)],
)
def test_a_bad_change_is_refused_and_changes_nothing(
    *, server: Server, kept: str, unharmed: Unharmed, method: str, end: str, fields: Any, named: str
) -> None:
    path = f"/storage_snapshots/{kept}{end}"
    with unharmed():
        for format_ in ("xml", "json"):
            answer = server.request(method, path, json=fields, headers=accept(format_))
            assert answer.status_code == 400, answer.text
            found = problem(answer)
            assert (found["code"], found["error"]) == (400, "invalid")
            assert named in found["message"] or named in " ".join(found["fields"])


BAD_VOLUMES: list[tuple[Any, str]] = [
    ({}, "capacity"),
    ({"name": "x"}, "capacity"),
    ({"capacity": 0}, "capacity"),
    ({"capacity": -1}, "capacity"),
    ({"capacity": 1.5}, "capacity"),
    ({"capacity": "1.5"}, "capacity"),
    ({"capacity": "abc"}, "capacity"),
    ({"capacity": ""}, "capacity"),
    ({"capacity": [1]}, "capacity"),
    ({"capacity": "٣"}, "capacity"),
    ({"capacity": 1 << 40}, "capacity"),
    ({"capacity": 1, "size_bytes": 5}, "size_bytes"),
    ({"size_bytes": 1 << 64}, "size_bytes"),
    ({"size_bytes": 1, "name": "n" * 256}, "name"),
    ({"size_bytes": 1, "name": "a\u0007"}, "U+0007"),
    ({"size_bytes": 1, "colour": "red"}, "colour"),
    ({"size_bytes": 1, "zone": "moon"}, "zone"),
    ({"size_bytes": 1, "snapshot_id": ["x"]}, "snapshot_id"),
    ({"size_bytes": 1, "snapshot_id": "KEPT"}, "size_bytes"),
    ({"snapshot_id": ""}, "capacity"),
]


@pytest.mark.parametrize(("fields", "named"), BAD_VOLUMES)
def test_a_bad_volume_is_refused_and_makes_nothing(
    server: Server, kept: str, unharmed: Unharmed, fields: Any, named: str
) -> None:
    given = {name: kept if value == "KEPT" else value for name, value in fields.items()}
    with unharmed():
        for format_ in ("xml", "json"):
            answer = server.request("POST", "/storage_volumes", json=given, headers=accept(format_))
            assert answer.status_code == 400, answer.text
            assert named in problem(answer)["fields"] or named in problem(answer)["message"]


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("POST", "/storage_snapshots", {"volume_id": "no/such"}),
        ("POST", "/storage_snapshots", {"volume_id": "nosuch"}),
        ("POST", "/storage_snapshots", {"volume_id": "../snapgate.db"}),
        ("POST", "/storage_snapshots", {"volume_id": ".."}),
        ("POST", "/storage_snapshots", {"volume_id": "v" * 300}),
        ("POST", "/storage_volumes", {"snapshot_id": "nosuch"}),
        ("POST", "/storage_volumes", {"snapshot_id": "../volumes/x"}),
        ("POST", "/storage_snapshots/nosuch/clone", {}),
        ("PATCH", "/storage_snapshots/nosuch", {"name": "x"}),
        ("PUT", "/storage_snapshots/nosuch", {"name": "x"}),
        ("DELETE", "/storage_snapshots/nosuch", None),
        ("DELETE", "/storage_volumes/nosuch", None),
        ("GET", "/storage_volumes/nosuch", None),
    ],
)
def test_what_does_not_exist_is_not_found(
    *, server: Server, unharmed: Unharmed, method: str, path: str, fields: Any, format_: str
) -> None:
    with unharmed():
        answer = server.request(method, path, json=fields, headers=accept(format_))
    assert answer.status_code == 404
    found = problem(answer)
    assert (found["code"], found["error"]) == (404, "not_found")
    assert found["backend"] == {"driver": "local", "provider": "local", "code": None}
    assert found["request_id"] == answer.headers["X-Request-Id"]
