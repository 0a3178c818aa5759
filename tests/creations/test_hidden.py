"""Markers are nobody's metadata: never shown, never set, and they outlive every edit of it."""

import json
import re
from typing import Any

import pytest

from tests.creations.clouds import MARKER_KEYS, Cloud, Replica, id_of


def test_no_answer_shows_a_marker(cloud: Cloud, replica: Replica) -> None:
    made = id_of(replica.snapshot("k", metadata={"a": "b"}))
    marker = cloud.snapshots()[made]
    replica.ready(made)
    volume = id_of(replica.volume("k"))
    paths = [
        "/storage_snapshots",
        f"/storage_snapshots/{made}",
        f"/storage_snapshots/{made}/metadata",
        f"/storage_snapshots?expand=volume&created_by={marker['snapgate:marker']}",
        "/storage_volumes",
        f"/storage_volumes/{volume}",
    ]
    for path in paths:
        for accept in ("json", "xml", "x-ndjson"):
            answer = replica.send("GET", path, accept=accept)
            if answer.status_code == 406:
                continue
            assert answer.status_code == 200, answer.text
            told = answer.text.replace("snapgate.db", "")
            assert "snapgate:" not in told
            assert not any(value in told for value in marker.values())
    shown = replica.send("GET", f"/storage_snapshots/{made}/metadata").get_json()
    assert shown == {"metadata": {"a": "b"}}


def test_the_backends_own_record_may_show_it(cloud: Cloud, replica: Replica) -> None:
    made = id_of(replica.snapshot("k"))
    answer = replica.send("GET", f"/storage_snapshots/{made}?native=true")
    assert cloud.snapshots()[made]["snapgate:marker"] in answer.text


@pytest.mark.parametrize("key", [*MARKER_KEYS, "snapgate:more", "SnapGate:marker"])
def test_nobody_can_set_or_remove_one(cloud: Cloud, replica: Replica, key: str) -> None:
    made = id_of(replica.snapshot("k", metadata={"a": "b"}))
    before = cloud.snapshots()
    path = f"/storage_snapshots/{made}"
    refused = [
        replica.snapshot(metadata={key: "v"}),
        replica.send("PUT", path, json={"metadata": {key: "v"}}),
        replica.send("PATCH", path, json={"metadata": {key: "v"}}),
        replica.send("PATCH", path, json={"metadata": {key: None}}),
        replica.send("POST", f"{path}/metadata", json={"metadata": {key: "v"}}),
        replica.send("PUT", f"{path}/metadata", json={"metadata": {key: "v"}}),
        replica.send("PUT", f"{path}/metadata/{key}", json={"value": "v"}),
    ]
    for answer in refused:
        assert answer.status_code == 400, answer.text
        assert list(answer.get_json()["fields"]) == [f"metadata[{key}]"]
    for verb in ("GET", "DELETE"):
        assert replica.send(verb, f"{path}/metadata/{key}").status_code == 404
    assert cloud.snapshots() == before


EDITS: dict[str, tuple[str, str, Any]] = {
    "merge": ("PATCH", "", {"metadata": {"c": "d"}}),
    "remove": ("PATCH", "", {"metadata": {"a": None}}),
    "remove and set": ("PATCH", "", {"metadata": {"a": None, "b": None, "c": "d"}}),
    "replace": ("PUT", "", {"metadata": {"c": "d"}}),
    "replace by nothing": ("PUT", "/metadata", {"metadata": {}}),
    "rename": ("PATCH", "", {"name": "m", "description": "e"}),
    "one key": ("PUT", "/metadata/a", {"value": "c"}),
    "delete a key": ("DELETE", "/metadata/a", None),
}


@pytest.mark.parametrize("edit", EDITS)
def test_it_survives_edits(cloud: Cloud, replica: Replica, other: Replica, edit: str) -> None:
    made = id_of(replica.snapshot("k", metadata={"a": "b", "b": "c"}))
    before = cloud.snapshots()
    replica.ready(made)
    method, path, body = EDITS[edit]
    given = {} if body is None else {"json": body}
    answer = replica.send(method, f"/storage_snapshots/{made}{path}", **given)
    assert answer.status_code in (200, 204), answer.text
    assert "snapgate:" not in answer.text
    assert cloud.snapshots() == before
    again = other.snapshot("k", metadata={"a": "b", "b": "c"})
    assert (again.status_code, id_of(again)) == (200, made)


@pytest.mark.parametrize(
    "query",
    [
        "metadata[snapgate:marker]={marker}",
        "metadata__has=snapgate:marker",
        "metadata[snapgate:marker]__isnull=false",
        "metadata[snapgate:marker]__contains=a",
    ],
)
def test_no_filter_on_metadata_finds_it(cloud: Cloud, replica: Replica, query: str) -> None:
    made = id_of(replica.snapshot("k"))
    marker = cloud.snapshots()[made]["snapgate:marker"]
    path = f"/storage_snapshots?{query.format(marker=marker)}&with_count=scan"
    document = replica.send("GET", path).get_json()
    assert (document["storage_snapshots"], document["count"]) == ([], 0)


def test_the_limit_of_pairs_is_that_which_is_told(cloud: Cloud, replica: Replica) -> None:
    limits = replica.send("GET", "/storage_snapshots/schema").get_json()["limits"]
    most = limits["metadata_pairs"]
    pairs = {f"k{n}": "v" for n in range(most + 1)}
    refused = replica.snapshot(metadata=pairs)
    assert refused.status_code == 400, refused.text
    assert list(refused.get_json()["fields"]) == ["metadata"]
    assert not cloud.snapshots()
    del pairs["k0"]
    made = replica.snapshot("k", metadata=pairs)
    assert made.status_code == 201, made.text
    assert json.loads(made.text)["storage_snapshot"]["metadata"] == pairs
    path = f"/storage_snapshots/{id_of(made)}"
    replica.ready(id_of(made))
    assert replica.send("PATCH", path, json={"metadata": {"more": "v"}}).status_code == 400
    assert replica.send("PATCH", path, json={"metadata": {"k1": "w"}}).status_code == 200


def test_every_creation_carries_a_marker_of_its_own(cloud: Cloud, replica: Replica) -> None:
    for _ in range(3):
        assert replica.snapshot().status_code == 201
        assert replica.volume().status_code in (201, 202)
    found = [*cloud.snapshots().values(), *cloud.volumes().values()]
    markers = [one["snapgate:marker"] for one in found]
    assert len(set(markers)) == len(found) == 6
    assert all(re.fullmatch("[0-9a-f]{32}", value) for one in found for value in one.values())
