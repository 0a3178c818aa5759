"""Acme's rows and the model, in both directions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from acme import wire
from gateway.driver import (
    Filter,
    Lookup,
    Marker,
    MetadataChange,
    Owner,
    Page,
    Query,
    SnapshotState,
    SortKey,
    UpdateSnapshot,
    VolumeState,
)

ROW: Mapping[str, Any] = {
    "id": "snap-0123456789ab",
    "account": "demo",
    "label": "night",
    "note": "",
    "size_mib": 3,
    "made": "2026-11-21T08:00:00.123456+02:00",
    "state": "done",
    "disk": "disk-0123456789ab",
    "tags": {"env": "prod"},
    "version": "2",
    "reference": "f00:ba5",
}
DISK: Mapping[str, Any] = {**ROW, "id": "disk-0123456789ab", "state": "free", "origin": ROW["id"]}
MADE = datetime(2026, 11, 21, 6, 0, 0, 123456, tzinfo=UTC)


def test_a_row_is_a_snapshot() -> None:
    found = wire.snapshot(ROW)
    assert (found.id, found.name, found.description) == (ROW["id"], "night", None)
    assert (found.created, found.size_bytes) == (MADE, 3 << 20)
    assert (found.volume_id, found.metadata) == (ROW["disk"], {"env": "prod"})
    assert found.owner == Owner("demo", is_self=True)
    assert found.created_by == Marker("f00", "ba5")
    assert wire.snapshot({**ROW, "reference": ""}).created_by is None


def test_a_row_is_a_volume() -> None:
    found = wire.volume(DISK)
    assert (found.id, found.snapshot_id, found.size_bytes) == (DISK["id"], ROW["id"], 3 << 20)
    assert wire.volume({**DISK, "origin": None}).snapshot_id is None


@pytest.mark.parametrize(
    ("native_state", "state", "ready"),
    [
        ("making", SnapshotState.CREATING, False),
        ("done", SnapshotState.AVAILABLE, True),
        ("failed", SnapshotState.ERROR, False),
        ("thawing", SnapshotState.UNKNOWN, False),
    ],
)
def test_a_state_is_translated_and_kept(
    native_state: str, state: SnapshotState, ready: bool
) -> None:
    found = wire.snapshot({**ROW, "state": native_state})
    assert (found.state, found.native_state, found.ready) == (state, native_state, ready)


@pytest.mark.parametrize(
    ("native_state", "state"),
    [
        ("making", VolumeState.CREATING),
        ("free", VolumeState.AVAILABLE),
        ("attached", VolumeState.IN_USE),
        ("failed", VolumeState.ERROR),
        ("thawing", VolumeState.UNKNOWN),
    ],
)
def test_the_state_of_a_volume_is_translated(native_state: str, state: VolumeState) -> None:
    assert wire.volume({**DISK, "state": native_state}).state is state


@pytest.mark.parametrize("key", [key for key in ROW if key != "note"])
@pytest.mark.parametrize("value", [None, 1.5, ["x"]])
def test_a_row_that_is_none_is_noticed(key: str, value: object) -> None:
    row = {**ROW, key: value}
    with pytest.raises((KeyError, TypeError)):
        wire.version({**row, "id": wire.snapshot(row).id})


@pytest.mark.parametrize("made", ["", "yesterday"])
def test_a_time_that_is_none_is_noticed(made: str) -> None:
    with pytest.raises(ValueError, match="Invalid isoformat"):
        wire.snapshot({**ROW, "made": made})


def test_only_a_cursor_of_null_ends_a_list() -> None:
    last: Page[Any] = wire.page({"items": [ROW], "next": None}, wire.snapshot)
    assert (len(last.items), last.next_cursor) == (1, None)
    assert wire.page({"items": [], "next": "c"}, wire.snapshot).next_cursor == "c"
    with pytest.raises(KeyError):
        wire.page({"items": [ROW]}, wire.snapshot)
    with pytest.raises(TypeError):
        wire.page({"items": [ROW], "next": 3}, wire.snapshot)


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (Query(), {}),
        (Query((Filter("volume_id", "d"), Filter("name", ""))), {"disk": "d", "label": ""}),
        (
            Query((Filter("created", MADE, Lookup.GTE),)),
            {"since": "2026-11-21T06:00:00.123456+00:00"},
        ),
        (Query(sort=(SortKey("created"),)), {"sort": "made"}),
        (Query(sort=(SortKey("created", descending=True),)), {"sort": "-made"}),
    ],
)
def test_a_query_is_asked(query: Query, asked: dict[str, str]) -> None:
    assert wire.asked(query) == asked


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (UpdateSnapshot(), {}),
        (UpdateSnapshot(name=None, description="d"), {"label": "", "note": "d"}),
        (
            UpdateSnapshot(metadata=MetadataChange({"a": "1"}, frozenset({"a", "b"}))),
            {"tags": {"a": "1", "b": None}, "replace_tags": False},
        ),
        (
            UpdateSnapshot(metadata=MetadataChange({"a": "1"}, replace=True)),
            {"tags": {"a": "1"}, "replace_tags": True},
        ),
    ],
)
def test_a_change_is_said(request_: UpdateSnapshot, body: dict[str, Any]) -> None:
    assert wire.changes(request_) == body
    assert wire.changes(request_, wire.version(ROW)) == {**body, "if_version": "2"}


@pytest.mark.parametrize(("size_bytes", "size_mib"), [(1, 1), (1 << 20, 1), ((1 << 20) + 1, 2)])
def test_a_size_is_rounded_up_to_mib(size_bytes: int, size_mib: int) -> None:
    assert wire.size(size_bytes) == size_mib


@pytest.mark.parametrize("text", ["", "..", "snap-1", "snap-0123456789AB", "snap-0123456789ab\n"])
def test_what_is_no_id_never_gets_into_a_path(text: str) -> None:
    assert not wire.is_id(text)
