from collections import Counter
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest

from drivers.cinder import wire
from gateway.driver import Owner, SnapshotState, Visibility, VolumeState
from tests.unit.cinder_samples import DEMO, Row, named, rows

GIB = 1 << 30
OTHER = "0967a71cc4"
PROJECT = "os-extended-snapshot-attributes:project_id"
PROGRESS = "os-extended-snapshot-attributes:progress"
TENANT = "os-vol-tenant-attr:tenant_id"
SNAP_A = "b2c813a4-cc74-4b1f-b672-450d6422b044"
VOL_A = "b8dc5925-7fc0-46dc-91dd-a9c0e16e60b9"
MADE = datetime(2026, 11, 20, 18, 34, 9, 475382, tzinfo=UTC)
CHANGED = datetime(2026, 11, 20, 18, 34, 10, 626827, tzinfo=UTC)
S: TypeAlias = SnapshotState
V: TypeAlias = VolumeState


def snapshot(project: str | None = DEMO, **row: Any) -> Any:
    return wire.snapshot({"id": "s", "status": "available", **row}, project)


def volume(project: str | None = DEMO, **row: Any) -> Any:
    return wire.volume({"id": "v", "status": "available", **row}, project)


def shown(name: str, kind: str = "snapshot", project: str | None = DEMO) -> Any:
    """Return the model of what one recorded exchange answered."""
    row = wire.check_row(named(name).answer[kind])
    return wire.snapshot(row, project) if kind == "snapshot" else wire.volume(row, project)


def test_the_recording_holds_what_these_tests_are_about() -> None:
    states = Counter(row["status"] for _, row in rows("snapshot"))
    assert {"available", "creating", "deleting", "error", "error_deleting", "restoring"} <= set(
        states
    )
    assert len(rows("snapshot")) >= 359
    assert len(rows("volume")) >= 13


def test_each_recorded_snapshot_becomes_its_model() -> None:
    for exchange, row in rows("snapshot"):
        found = wire.snapshot(wire.check_row(row), DEMO)
        assert (found.id, found.native_state) == (row["id"], row["status"]), exchange.name
        assert found.state is wire.STATES[row["status"]], exchange.name
        assert found.ready == (row["status"] == "available"), exchange.name
        assert found.created.strftime("%Y-%m-%dT%H:%M:%S.%f") == row["created_at"]  # type: ignore[union-attr]
        assert found.created.tzinfo is UTC  # type: ignore[union-attr]
        assert (found.updated is None) == (row["updated_at"] is None), exchange.name
        assert (found.name, found.description) == (row["name"] or None, row["description"] or None)
        assert (found.volume_id, found.volume_exists) == (row["volume_id"], True)
        assert (found.size_bytes, found.metadata) == (row["size"] * GIB, row["metadata"])
        assert found.owner == Owner(DEMO, is_self=True), exchange.name
        assert found.group_id == row.get("group_snapshot_id"), exchange.name
        assert found.visibility is Visibility.PRIVATE


def test_each_recorded_volume_becomes_its_model() -> None:
    for exchange, row in rows("volume"):
        found = wire.volume(wire.check_row(row), DEMO)
        assert (found.id, found.native_state) == (row["id"], row["status"]), exchange.name
        assert found.state is wire.VOLUME_STATES[row["status"]], exchange.name
        assert found.created.strftime("%Y-%m-%dT%H:%M:%S.%f") == row["created_at"]  # type: ignore[union-attr]
        assert (found.name, found.description) == (row["name"], row["description"])
        assert (found.size_bytes, found.metadata) == (row["size"] * GIB, row["metadata"])
        assert (found.zone, found.snapshot_id) == (row["availability_zone"], row["snapshot_id"])
        assert found.owner == Owner(DEMO, is_self=True), exchange.name


VERSIONS = ["3.0", "3.13", "3.14", "3.40", "3.41", "3.64", "3.65", "3.71", "latest"]


@pytest.mark.parametrize("version", [*(f"at {one}" for one in VERSIONS), "no version header"])
def test_a_snapshot_looks_the_same_at_every_microversion(version: str) -> None:
    found = shown(f"snapshot show {version}")
    assert (found.id, found.name, found.description) == (SNAP_A, "snap-a", "first")
    assert (found.state, found.native_state, found.ready) == (S.AVAILABLE, "available", True)
    assert (found.state_reason, found.progress) == (None, 100)
    assert (found.created, found.completed, found.updated) == (MADE, None, CHANGED)
    assert (found.volume_id, found.size_bytes) == (VOL_A, GIB)
    assert (found.stored_bytes, found.stored_kind, found.encrypted) == (None, None, None)
    assert found.metadata == {"tier": "gold", "env": "ci"}
    assert found.owner == Owner(DEMO, is_self=True)
    assert (found.group_id, found.labels, found.location, found.tier) == (None, (), None, None)


@pytest.mark.parametrize(
    ("name", "state", "ready", "progress", "updated"),
    [
        ("snapshot create (metadata, description)", S.CREATING, False, None, None),
        ("snapshot create #0", S.CREATING, False, None, None),
        ("snapshot show while creating", S.CREATING, False, 0, None),
        ("update: name and description", S.AVAILABLE, True, None, CHANGED),
        ("failed snapshot", S.ERROR, False, 0, None),
        ("after a failed delete", S.ERROR, False, 100, None),
        ("show with progress", S.CREATING, False, 50, None),
        ("show while deleting", S.DELETING, False, 100, None),
        ("snapshot while reverting", S.BUSY, False, 100, None),
        ("snapshot after revert", S.AVAILABLE, True, 100, None),
    ],
)
def test_a_snapshot_as_it_is_at_each_turn_of_its_life(
    name: str, state: S, ready: bool, progress: int | None, updated: datetime | None
) -> None:
    found = shown(name)
    assert (found.state, found.ready) == (state, ready)
    assert found.progress == progress
    assert updated is None or found.updated >= updated


def test_a_snapshot_of_a_group_says_so() -> None:
    [row] = named("list snapshots of the grouped volume").answer["snapshots"]
    assert wire.snapshot(row, DEMO).group_id == row["group_snapshot_id"]
    assert row["group_snapshot_id"]


@pytest.mark.parametrize(
    ("name", "state", "owner"),
    [
        ("volume create", V.CREATING, Owner(DEMO, is_self=True)),
        ("volume show", V.AVAILABLE, Owner(DEMO, is_self=True)),
        ("volume after the refused revert (stuck)", V.BUSY, Owner(DEMO, is_self=True)),
        ("volume while reverting", V.BUSY, Owner(DEMO, is_self=True)),
        ("volume show in-use", V.IN_USE, Owner(DEMO, is_self=True)),
        ("fake backend: volume in-use", V.IN_USE, Owner(DEMO, is_self=True)),
    ],
)
def test_a_volume_as_it_is_at_each_turn_of_its_life(name: str, state: V, owner: Owner) -> None:
    found = shown(name, "volume")
    assert (found.state, found.owner, found.size_bytes) == (state, owner, GIB)


def test_a_volume_names_the_snapshot_it_was_made_from() -> None:
    row = named("volume from snapshot, done").answer["volume"]
    found = wire.volume(row, DEMO)
    assert found.snapshot_id == row["snapshot_id"]
    assert found.snapshot_id
    assert (found.zone, found.state) == ("nova", V.AVAILABLE)


@pytest.mark.parametrize(
    ("native", "state"),
    [
        ("creating", S.CREATING),
        ("available", S.AVAILABLE),
        ("backing-up", S.BUSY),
        ("deleting", S.DELETING),
        ("error", S.ERROR),
        ("deleted", S.DELETING),
        ("unmanaging", S.BUSY),
        ("restoring", S.BUSY),
        ("error_deleting", S.ERROR),
        ("updating", S.BUSY),
        ("hibernating", S.UNKNOWN),
        ("AVAILABLE", S.UNKNOWN),
        ("", S.UNKNOWN),
    ],
)
def test_a_state_of_a_snapshot_is_translated_and_kept(native: str, state: S) -> None:
    found = snapshot(status=native)
    assert (found.state, found.native_state) == (state, native)
    assert found.ready == (native == "available")
    assert found.state_reason == ("delete_failed" if native == "error_deleting" else None)


def test_cinder_knows_no_other_states_of_a_snapshot() -> None:
    message = named("os-reset_status bad value").answer["badRequest"]["message"]
    valid = message.partition("valid statuses are: ")[2]
    assert {word for word in valid.split("'") if word.isidentifier() or "-" in word} == set(
        wire.STATES
    )


BUSY_VOLUMES = (
    "attaching awaiting-transfer backing-up detaching downloading extending maintenance reserved "
    "restoring-backup retyping reverting unmanaging uploading"
)
BAD_VOLUMES = "error error_backing-up error_deleting error_extending error_managing error_restoring"


@pytest.mark.parametrize(
    ("natives", "state"),
    [
        ("creating managing", V.CREATING),
        ("available", V.AVAILABLE),
        ("in-use", V.IN_USE),
        ("deleting", V.DELETING),
        (BUSY_VOLUMES, V.BUSY),
        (BAD_VOLUMES, V.ERROR),
        ("hibernating In-Use error_new", V.UNKNOWN),
    ],
)
def test_a_state_of_a_volume_is_translated_and_kept(natives: str, state: V) -> None:
    for native in natives.split():
        found = volume(status=native)
        assert (found.state, found.native_state) == (state, native)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2013-02-25T04:13:17.000000", datetime(2013, 2, 25, 4, 13, 17, tzinfo=UTC)),
        ("2026-11-20T18:34:09.475382", MADE),
        ("2026-11-20T18:34:09", MADE.replace(microsecond=0)),
        ("2026-11-20T18:34:09.475382Z", MADE),
        (None, None),
        ("", None),
    ],
)
def test_a_time_is_in_utc(text: str | None, time: datetime | None) -> None:
    found = snapshot(created_at=text, updated_at=text)
    assert (found.created, found.updated, volume(created_at=text).created) == (time, time, time)
    assert time is None or found.created.tzinfo is UTC


@pytest.mark.parametrize(
    ("native", "percent"),
    [("0%", 0), ("80%", 80), ("100%", 100), ("150%", 100), ("42", 42), ("", None), (None, None)]
    + [(bad, None) for bad in ("%", "abc", "-5%", "99.5%", "8²%", "80%%", " 5%")],
)
def test_a_progress_is_a_number(native: str | None, percent: int | None) -> None:
    assert snapshot(**{PROGRESS: native}).progress == percent


@pytest.mark.parametrize(
    ("row", "project", "owner"),
    [
        ({"p": DEMO}, DEMO, Owner(DEMO, is_self=True)),
        ({"p": OTHER}, DEMO, Owner(OTHER, is_self=False)),
        ({"p": OTHER}, None, Owner(OTHER, is_self=False)),
        ({}, DEMO, Owner(DEMO, is_self=True)),
        ({"p": None}, DEMO, Owner(DEMO, is_self=True)),
        ({"p": ""}, DEMO, Owner(DEMO, is_self=True)),
        ({}, None, None),
    ],
)
def test_the_owner_is_the_project(row: Row, project: str | None, owner: Owner | None) -> None:
    assert snapshot(project, **_renamed(row, PROJECT)).owner == owner
    assert volume(project, **_renamed(row, TENANT)).owner == owner


def _renamed(row: Row, field: str) -> Row:
    return {field: row["p"]} if row else {}


def test_an_administrator_sees_whose_a_snapshot_is() -> None:
    found = shown("snapshot show as admin of another project", project="4b156201304740bb")
    assert found.owner == Owner(DEMO, is_self=False)
    every = named("list all_tenants as admin").answer["snapshots"]
    assert {wire.snapshot(row, "4b15").owner for row in every} == {Owner(DEMO, is_self=False)}


@pytest.mark.parametrize(("size", "found"), [(1, GIB), (500, 500 * GIB), (0, 0), (None, None)])
def test_a_size_is_in_gib(size: int | None, found: int | None) -> None:
    assert (snapshot(size=size).size_bytes, volume(size=size).size_bytes) == (found, found)


def test_a_row_with_nothing_but_an_id_and_a_state_makes_up_nothing() -> None:
    for found in (snapshot(None), volume(None)):
        known = {
            "id",
            "state",
            "native_state",
            "ready",
            "metadata",
            "labels",
            "visibility",
            "native",
        }
        others = {name: getattr(found, name) for name in found.__slots__ if name not in known}
        assert others.pop("volume_exists", True) is others.pop("deletable", True) is True
        assert set(others.values()) == {None}
        assert found.metadata == {}


@pytest.mark.parametrize(
    ("row", "deletable"),
    [
        ({"status": "available"}, True),
        ({"status": "error"}, True),
        ({"status": "error_deleting"}, False),
        ({"group_snapshot_id": None}, True),
        ({"group_snapshot_id": "g"}, False),
        ({"status": "error", "group_snapshot_id": "g"}, False),
    ],
)
def test_what_cinder_would_not_delete_is_not_deletable(row: Row, deletable: bool) -> None:
    assert snapshot(**row).deletable is deletable


def test_cinder_was_recorded_to_delete_like_that() -> None:
    assert named("delete errored snapshot").status == 202
    assert named("delete of error_deleting").status == 400
    assert named("delete a snapshot which is part of a group").status == 400


def test_a_text_that_is_empty_is_none() -> None:
    found = snapshot(name="", description="", metadata=None)
    assert (found.name, found.description, found.metadata) == (None, None, {})


def test_a_reason_that_is_known_better_comes_before_the_rows_own() -> None:
    row = {"id": "s", "status": "error_deleting"}
    assert wire.snapshot(row, None, why="because").state_reason == "because"
    assert wire.snapshot(row, None).state_reason == wire.DELETE_FAILED == "delete_failed"
