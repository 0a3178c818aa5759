"""What rows become in the model: the documented samples, and each field by itself."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest

from drivers.cloudsigma import wire
from drivers.cloudsigma.wire import LOCAL, REMOTE
from gateway.driver import Owner, SnapshotState, StoredKind, Visibility, VolumeState
from tests.golden_cloudsigma import sample
from tests.unit.cloudsigma_samples import Row, rows

ZRH = "c6a3135e-d39a-487d-9ae8-c083ddefa6ff"
"""The owner in the samples of remote snapshots."""
DRIVE = "de5dbef6-137e-4bec-9640-d87430142c39"
S: TypeAlias = SnapshotState
V: TypeAlias = VolumeState


def snapshot(**row: Any) -> Any:
    """Return the model of a row, a remote one if it has a location."""
    kind = REMOTE if row.get("location") else LOCAL
    return wire.snapshot(wire.check_row({"uuid": DRIVE, "status": "available", **row}), kind)


def volume(**row: Any) -> Any:
    return wire.volume(wire.check_row({"uuid": DRIVE, "status": "unmounted", **row}))


def shown(name: str) -> Any:
    """Return the model of the one snapshot in a sample."""
    answer = sample(name).answer
    row = answer.get("objects", [answer])[0]
    return wire.snapshot(wire.check_row(row), REMOTE if "location" in row else LOCAL)


def test_the_samples_hold_what_these_tests_are_about() -> None:
    states = {kind: Counter(row["status"] for _, row in rows(kind)) for kind in KINDS}
    assert states == {
        "local": {"available": 14, "creating": 4},
        "remote": {"available": 5, "creating": 1},
        "drive": {"unmounted": 28, "creating": 10, "cloning_dst": 10, "resizing": 2, "mounted": 1},
    }


KINDS = ("local", "remote", "drive")
SNAPSHOTS = [*rows("local"), *rows("remote")]


@pytest.mark.parametrize(("name", "row"), SNAPSHOTS, ids=[name for name, _ in SNAPSHOTS])
def test_each_documented_snapshot_becomes_its_model(name: str, row: Row) -> None:
    found = wire.snapshot(wire.check_row(row))
    assert (found.id, found.native_state, found.name) == (row["uuid"], row["status"], row["name"])
    assert (found.state.value, found.ready) == (row["status"], row["status"] == "available")
    assert found.created.strftime("%Y-%m-%d %H:%M:%S.%f+00:00") == row["timestamp"]  # type: ignore[union-attr]
    assert found.created.tzinfo is UTC  # type: ignore[union-attr]
    assert found.volume_id == row["drive"]["uuid"]
    assert found.stored_bytes == row["allocated_size"]
    assert found.stored_kind is (None if row["allocated_size"] is None else StoredKind.DELTA)
    assert found.metadata == row["meta"]
    assert found.owner == Owner(row["owner"]["uuid"], is_self=True)
    assert found.labels == tuple(tag["uuid"] for tag in row["tags"])
    listed = {True: "shared", False: "private", None: "unknown"}  # the oldest have no list
    assert found.visibility.value == listed[bool(row["grantees"]) if "grantees" in row else None]
    assert (found.description, found.progress, found.completed) == (None, None, None)


@pytest.mark.parametrize(("name", "row"), rows("local"), ids=[name for name, _ in rows("local")])
def test_a_local_snapshot_has_a_drive_and_no_size(name: str, row: Row) -> None:
    found = wire.snapshot(row)
    assert (found.kind, found.location, found.volume_exists) == ("local", None, True)
    assert (found.size_bytes, found.updated, found.deletable) == (None, None, True)


@pytest.mark.parametrize(("name", "row"), rows("remote"), ids=[name for name, _ in rows("remote")])
def test_a_remote_snapshot_has_a_place_and_a_size(name: str, row: Row) -> None:
    found = wire.snapshot(row, REMOTE)
    assert (found.kind, found.location, found.volume_exists) == ("remote", row["location"], None)
    assert found.size_bytes == row["drive_meta"]["size"] > 0
    assert found.updated.strftime("%Y-%m-%d %H:%M:%S.%f+00:00") == row["last_state_change"]  # type: ignore[union-attr]
    assert found.deletable == (row["status"] == "available")


DRIVES = rows("drive")


@pytest.mark.parametrize(("name", "row"), DRIVES, ids=[name for name, _ in DRIVES])
def test_each_documented_drive_becomes_its_model(name: str, row: Row) -> None:
    found = wire.volume(wire.check_row(row))
    states = {"unmounted": V.AVAILABLE, "mounted": V.IN_USE, "resizing": V.BUSY}
    assert (found.id, found.native_state) == (row["uuid"], row["status"])
    assert found.state is states.get(row["status"], V.CREATING)
    assert (found.name, found.size_bytes) == (row.get("name"), row.get("size"))
    assert (found.progress, found.created, found.zone, found.snapshot_id) == (None,) * 4
    meta = {key: text for key, text in row.get("meta", {}).items() if key != "description"}
    assert (found.metadata, found.description) == (meta, None)
    owner = row.get("owner")
    assert found.owner == (None if owner is None else Owner(owner["uuid"], is_self=True))


def test_a_snapshot_as_it_is_at_each_turn_of_its_life() -> None:
    created, renamed = shown("snapshot_create"), shown("snapshot_edit")
    assert (created.id, created.name, created.metadata) == (
        "855ebdc8-ce4b-48d0-9d8d-306c9074be29",
        "first_snapshot",
        {"key": "val"},
    )
    assert (created.state, created.ready, created.stored_bytes) == (S.CREATING, False, None)
    assert created.created == datetime(2014, 6, 5, 9, 52, 53, 896622, tzinfo=UTC)
    assert (renamed.id, renamed.created) == (created.id, created.created)
    assert (renamed.state, renamed.ready, renamed.stored_bytes) == (S.AVAILABLE, True, 0)
    assert renamed.metadata == {"key": "val_changed", "new_key": "new_key_value"}


def test_a_remote_snapshot_that_others_may_see_says_so() -> None:
    found = shown("remote_snapshot_get")
    assert (found.location, found.volume_id, found.size_bytes) == ("ZRH", DRIVE, 53687091200)
    assert (found.stored_bytes, found.stored_kind) == (1166014976, StoredKind.DELTA)
    assert (found.visibility, found.owner) == (Visibility.SHARED, Owner(ZRH, is_self=True))
    assert found.labels == ("8266cec6-ec17-4155-a4bd-6eff1f3e51ae",)
    assert found.created == datetime(2016, 12, 5, 20, 51, 36, 188588, tzinfo=UTC)
    assert found.updated == datetime(2016, 12, 5, 20, 51, 48, 779709, tzinfo=UTC)


@pytest.mark.parametrize("name", ["snapshot_clone", "remote_snapshot_clone"])
def test_a_clone_whose_uri_is_an_object_is_a_drive(name: str) -> None:
    row = sample(name).answer
    assert isinstance(row["resource_uri"], dict)
    found = wire.volume(wire.check_row(row), progress=40)
    assert (found.id, found.state, found.progress) == (row["uuid"], V.CREATING, 40)
    assert found.size_bytes == 1 << 30


@pytest.mark.parametrize(
    ("native", "state", "finished"),
    [
        ("creating", S.CREATING, False),
        ("transferring", S.CREATING, False),
        ("cloning_dst", S.CREATING, True),
        ("available", S.AVAILABLE, True),
        ("unavailable", S.ERROR, True),
        ("deleting", S.UNKNOWN, True),
        ("AVAILABLE", S.UNKNOWN, True),
        ("", S.UNKNOWN, True),
    ],
)
def test_a_state_of_a_snapshot_is_translated_and_kept(
    native: str, state: S, finished: bool
) -> None:
    for location in (None, "", "ZRH"):
        found = snapshot(status=native, location=location)
        assert (found.state, found.native_state) == (state, native)
        assert found.ready == (native == "available")
        assert found.deletable == (finished or not location)
        assert found.location == (location or None)
        assert found.kind == ("remote" if location else "local")
        assert found.volume_exists is (None if location else True)


BUSY = "cloning_src copying resizing staging unavailable uploading"


@pytest.mark.parametrize(
    ("natives", "state"),
    [
        ("creating cloning_dst", V.CREATING),
        ("unmounted", V.AVAILABLE),
        ("mounted", V.IN_USE),
        (BUSY, V.BUSY),
        ("available deleting Mounted transferring", V.UNKNOWN),
    ],
)
def test_a_state_of_a_drive_is_translated_and_kept(natives: str, state: V) -> None:
    for native in natives.split():
        found = volume(status=native)
        assert (found.state, found.native_state) == (state, native)


MOMENT = datetime(2014, 6, 5, 9, 53, 28, 851859, tzinfo=UTC)
WHOLE = MOMENT.replace(microsecond=0)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2014-06-05 09:53:28.851859+00:00", MOMENT),
        ("2014-06-05T09:53:28.851859+00:00", MOMENT),
        ("2014-06-05 09:53:28.851859", MOMENT),
        ("2014-06-05T09:53:28.851859Z", MOMENT),
        ("2014-06-05 09:53:28", WHOLE),
        ("2014-06-05T09:53:28+00:00", WHOLE),
        ("2014-06-05 11:53:28.851859+02:00", MOMENT),
        ("2014-06-05T04:23:28-05:30", WHOLE),
        ("2014-06-05 09:53:28.851", MOMENT.replace(microsecond=851000)),
        ("", None),
        (None, None),
    ],
)
def test_a_time_is_in_utc(text: str | None, time: datetime | None) -> None:
    found = snapshot(timestamp=text, last_state_change=text)
    assert (found.created, found.updated, wire.utc(text)) == (time, time, time)
    assert time is None or found.created.tzinfo is UTC


@pytest.mark.parametrize(
    ("size", "found"),
    [(None, None), (0, 0), (1166014976, 1166014976), (1166014976.0, 1166014976), (1.5, 1)],
)
def test_a_size_is_in_bytes_however_it_is_written(size: Any, found: int | None) -> None:
    shown = snapshot(allocated_size=size, drive_meta={"size": size})
    assert (shown.stored_bytes, shown.size_bytes) == (found, found)
    assert shown.stored_kind is (None if size is None else StoredKind.DELTA)
    assert all(type(one) is not float for one in (shown.stored_bytes, shown.size_bytes))
    assert volume(size=size).size_bytes == found


@pytest.mark.parametrize("meta", [None, {}, {"name": "n"}, {"size": None}])
def test_a_drive_that_tells_no_size_has_none(meta: Any) -> None:
    assert snapshot(drive_meta=meta, location="ZRH").size_bytes is None


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ({"resource_uri": f"/api/2.0/drives/{DRIVE}/", "uuid": DRIVE}, DRIVE),
        ({"uuid": DRIVE}, DRIVE),
        (DRIVE, DRIVE),
        (None, None),
        ({}, None),
        ({"resource_uri": "/api/2.0/drives/x/"}, None),
        ({"uuid": None}, None),
    ],
)
def test_a_reference_is_an_object_or_an_id(reference: Any, found: str | None) -> None:
    owner = None if found is None else Owner(found, is_self=True)
    shown = snapshot(drive=reference, owner=reference, tags=[reference, "t"])
    assert (shown.volume_id, shown.owner) == (found, owner)
    assert shown.labels == (*([found] if found else []), "t")
    assert volume(owner=reference).owner == owner


@pytest.mark.parametrize("tags", [None, []])
def test_no_tags_are_no_labels(tags: Any) -> None:
    assert snapshot(tags=tags).labels == snapshot().labels == ()


@pytest.mark.parametrize(
    ("row", "is_self"),
    [({}, True), ({"permissions": []}, True), ({"permissions": None}, True)]
    + [({"permissions": [one]}, False) for one in ("LIST", "EDIT", "CLONE")],
)
def test_who_needs_no_permissions_is_the_owner(row: Row, is_self: bool) -> None:
    assert snapshot(owner={"uuid": ZRH}, **row).owner == Owner(ZRH, is_self)
    assert volume(owner={"uuid": ZRH}, **row).owner == Owner(ZRH, is_self)
    assert snapshot(**row).owner is None


@pytest.mark.parametrize(
    ("row", "visibility"),
    [
        ({}, Visibility.UNKNOWN),
        ({"grantees": None}, Visibility.UNKNOWN),
        ({"grantees": []}, Visibility.PRIVATE),
        ({"grantees": [{"permissions": ["LIST"], "user": {"uuid": ZRH}}]}, Visibility.SHARED),
    ],
)
def test_whom_it_is_granted_to_makes_it_visible(row: Row, visibility: Visibility) -> None:
    assert snapshot(**row).visibility is visibility


@pytest.mark.parametrize("location", [None, "", "ZRH"])
@pytest.mark.parametrize("status", ["available", "transferring"])
def test_the_collection_tells_which_are_remote(location: str | None, status: str) -> None:
    row = {"uuid": DRIVE, "status": status, "location": location}
    local, remote = wire.snapshot(row, LOCAL), wire.snapshot(row, REMOTE)
    assert (local.kind, local.location, local.volume_exists) == ("local", None, True)
    assert (remote.kind, remote.location) == ("remote", location or "unknown")
    assert remote.volume_exists is None
    assert (local.deletable, remote.deletable) == (True, status == "available")


def test_a_row_with_nothing_but_an_id_and_a_state_makes_up_nothing() -> None:
    known = {"id", "state", "native_state", "ready", "metadata", "labels", "visibility"}
    for found in (snapshot(), volume()):
        others = {name: getattr(found, name) for name in found.__slots__ if name not in known}
        assert others.pop("volume_exists", True) is others.pop("deletable", True) is True
        assert others.pop("native").keys() == {"uuid", "status"}
        assert set(others.values()) == {None}
        assert found.metadata == {}


def test_a_name_that_is_empty_is_none() -> None:
    assert (snapshot(name="").name, volume(name="").name) == (None, None)
    assert (snapshot(name=None).name, snapshot(name=" ").name) == (None, " ")
