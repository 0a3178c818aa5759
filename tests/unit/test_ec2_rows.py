from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from drivers.ec2 import wire
from gateway.driver import Owner, SnapshotState, StoredKind, Visibility, VolumeState

START = datetime(2024, 1, 31, 12, tzinfo=UTC)
END = datetime(2024, 1, 31, 13, tzinfo=UTC)
ME, OTHER = "123456789012", "999999999999"
GIB = 1024**3


def snapshot(account: str | None = ME, **row: Any) -> Any:
    return wire.snapshot({"SnapshotId": "snap-1", "State": "completed", **row}, account)


def volume(**row: Any) -> Any:
    return wire.volume({"VolumeId": "vol-1", "State": "available", **row})


def tags(**given: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in given.items()]


def test_a_whole_row_makes_a_whole_snapshot() -> None:
    found = snapshot(
        VolumeId="vol-1",
        State="completed",
        StateMessage="fine",
        StartTime=START,
        CompletionTime=END,
        Progress="100%",
        OwnerId=ME,
        Description="native",
        VolumeSize=8,
        FullSnapshotSizeInBytes=4096,
        Encrypted=True,
        StorageTier="standard",
        Tags=tags(Name="n", k="v"),
    )
    assert (found.id, found.name, found.description) == ("snap-1", "n", "native")
    assert (found.state, found.native_state, found.ready) == ("available", "completed", True)
    assert (found.state_reason, found.progress) == ("fine", 100)
    assert (found.created, found.completed, found.updated) == (START, END, None)
    assert (found.volume_id, found.size_bytes) == ("vol-1", 8 * GIB)
    assert (found.stored_bytes, found.stored_kind) == (4096, StoredKind.FULL)
    assert (found.metadata, found.owner) == ({"k": "v"}, Owner(ME, is_self=True))
    assert (found.encrypted, found.tier) == (True, "standard")
    assert (found.visibility, found.volume_exists) == (Visibility.UNKNOWN, None)


def test_a_row_with_nothing_but_an_id_makes_up_nothing() -> None:
    found = wire.snapshot({"SnapshotId": "snap-1"}, ME)
    assert (found.state, found.native_state, found.ready) == (SnapshotState.UNKNOWN, "", False)
    known = {"id", "state", "native_state", "ready", "metadata", "labels", "visibility"}
    known |= {"deletable", "native"}
    others = {name: getattr(found, name) for name in found.__slots__ if name not in known}
    assert set(others.values()) == {None}
    assert found.metadata == {}


@pytest.mark.parametrize(
    ("native", "tier", "state", "ready"),
    [
        ("pending", "standard", SnapshotState.CREATING, False),
        ("completed", "standard", SnapshotState.AVAILABLE, True),
        ("completed", None, SnapshotState.AVAILABLE, True),
        ("completed", "archive", SnapshotState.ARCHIVED, False),
        ("pending", "archive", SnapshotState.CREATING, False),
        ("error", "archive", SnapshotState.ERROR, False),
        ("error", "standard", SnapshotState.ERROR, False),
        ("recoverable", "standard", SnapshotState.RECYCLED, False),
        ("recovering", "standard", SnapshotState.BUSY, False),
        ("error_deleting", "standard", SnapshotState.UNKNOWN, False),
        ("Completed", "standard", SnapshotState.UNKNOWN, False),
        ("", "standard", SnapshotState.UNKNOWN, False),
    ],
)
def test_a_state_is_translated_and_kept(
    native: str, tier: str | None, state: SnapshotState, ready: bool
) -> None:
    found = snapshot(State=native, **({} if tier is None else {"StorageTier": tier}))
    assert (found.state, found.native_state, found.ready) == (state, native, ready)
    assert found.tier == tier


@pytest.mark.parametrize(
    ("native", "shown"),
    [
        ("vol-ffffffff", None),
        ("vol-fffffffffffffffff", None),
        ("", None),
        ("vol-fffffffe", "vol-fffffffe"),
        ("vol-0fffffff", "vol-0fffffff"),
        ("vol-ffffffff0ffffffff", "vol-ffffffff0ffffffff"),
        ("vol-ffffffff\n", "vol-ffffffff\n"),
        ("vol-1", "vol-1"),
    ],
)
def test_the_volume_of_a_copy_is_none(native: str, shown: str | None) -> None:
    assert snapshot(VolumeId=native).volume_id == shown


@pytest.mark.parametrize(
    ("native", "percent"),
    [
        ("80%", 80),
        ("0%", 0),
        ("100%", 100),
        ("150%", 100),
        ("42", 42),
        ("", None),
        ("%", None),
        ("abc", None),
        ("-5%", None),
        ("99.5%", None),
        ("8²%", None),
        ("80%%", None),
        (None, None),
    ],
)
def test_progress_is_a_whole_number_of_percent_or_nothing(
    native: str | None, percent: int | None
) -> None:
    assert snapshot(Progress=native).progress == percent


@pytest.mark.parametrize(
    ("gib", "size"), [(1, GIB), (16384, 16384 * GIB), (0, 0), (None, None)], ids=str
)
def test_sizes_are_bytes(gib: int | None, size: int | None) -> None:
    assert snapshot(VolumeSize=gib).size_bytes == size
    assert volume(Size=gib).size_bytes == size


@pytest.mark.parametrize("size", [0, None])
def test_a_stored_size_of_zero_is_one_that_nobody_told(size: int | None) -> None:
    found = snapshot(FullSnapshotSizeInBytes=size)
    assert (found.stored_bytes, found.stored_kind) == (None, None)


@pytest.mark.parametrize(
    ("size_bytes", "gib"), [(1, 1), (GIB - 1, 1), (GIB, 1), (GIB + 1, 2), (5 * GIB, 5)]
)
def test_a_size_is_rounded_up_to_whole_gib(size_bytes: int, gib: int) -> None:
    assert wire.gib(size_bytes) == gib


@pytest.mark.parametrize(
    ("owner", "account", "expected"),
    [
        (ME, ME, Owner(ME, is_self=True)),
        (OTHER, ME, Owner(OTHER, is_self=False)),
        (ME, None, Owner(ME, is_self=False)),
        (None, ME, None),
        ("", "", None),
        (None, None, None),
    ],
)
def test_the_owner_is_told_apart_from_the_caller(
    owner: str | None, account: str | None, expected: Owner | None
) -> None:
    assert snapshot(account, OwnerId=owner).owner == expected


@pytest.mark.parametrize("encrypted", [True, False, None])
def test_encryption_is_told_only_if_ec2_tells_it(encrypted: bool | None) -> None:
    assert snapshot(Encrypted=encrypted).encrypted is encrypted


@pytest.mark.parametrize(
    ("given", "native", "name", "description", "metadata"),
    [
        ([], "native", None, "native", {}),
        ([], "", None, None, {}),
        (tags(k="v"), "native", None, "native", {"k": "v"}),
        (tags(Name="n"), None, "n", None, {}),
        (tags(Name=""), None, None, None, {}),
        (tags(description="tag"), "native", None, "tag", {}),
        (tags(description=""), "native", None, None, {}),
        (tags(description="tag"), None, None, "tag", {}),
        (tags(name="x", Description="y"), None, None, None, {"name": "x", "Description": "y"}),
        ([{"Key": "aws:x", "Value": "v"}], None, None, None, {"aws:x": "v"}),
        ([{"Key": "k"}], None, None, None, {"k": ""}),
    ],
)
def test_tags_are_name_description_and_metadata(
    given: list[dict[str, str]],
    native: str | None,
    name: str | None,
    description: str | None,
    metadata: dict[str, str],
) -> None:
    found = snapshot(Tags=given, Description=native)
    assert (found.name, found.description, found.metadata) == (name, description, metadata)


def test_metadata_of_one_row_is_not_anothers() -> None:
    first, second = snapshot().metadata, snapshot().metadata
    first["k"] = "v"
    assert second == {}


def test_a_whole_row_makes_a_whole_volume() -> None:
    found = volume(
        CreateTime=START,
        Size=8,
        AvailabilityZone="eu-west-1a",
        SnapshotId="snap-1",
        Tags=tags(Name="n", description="d", k="v"),
    )
    assert (found.id, found.name, found.description) == ("vol-1", "n", "d")
    assert (found.state, found.native_state) == ("available", "available")
    assert (found.created, found.size_bytes) == (START, 8 * GIB)
    assert (found.zone, found.snapshot_id, found.metadata) == ("eu-west-1a", "snap-1", {"k": "v"})


def test_a_volume_with_nothing_but_an_id_makes_up_nothing() -> None:
    found = wire.volume({"VolumeId": "vol-1"})
    assert (found.state, found.native_state, found.metadata) == (VolumeState.UNKNOWN, "", {})
    known = {"id", "state", "native_state", "metadata", "native"}
    others = {name: getattr(found, name) for name in found.__slots__ if name not in known}
    assert set(others.values()) == {None}


@pytest.mark.parametrize(
    ("native", "state"),
    [
        ("creating", VolumeState.CREATING),
        ("available", VolumeState.AVAILABLE),
        ("in-use", VolumeState.IN_USE),
        ("deleting", VolumeState.DELETING),
        ("deleted", VolumeState.DELETING),
        ("error", VolumeState.ERROR),
        ("busy", VolumeState.UNKNOWN),
        ("", VolumeState.UNKNOWN),
    ],
)
def test_a_state_of_a_volume_is_translated_and_kept(native: str, state: VolumeState) -> None:
    found = volume(State=native)
    assert (found.state, found.native_state) == (state, native)


def test_a_volume_made_of_nothing_names_no_snapshot() -> None:
    assert volume(SnapshotId="").snapshot_id is None


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2020, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2020, 1, 1),
    ],
)
def test_every_time_is_in_utc(moment: datetime) -> None:
    row = {"SnapshotId": "s", "StartTime": moment, "CompletionTime": moment}
    shown = wire.snapshot(row, None)
    made = wire.volume({"VolumeId": "v", "CreateTime": moment})
    for time in (shown.created, shown.completed, made.created):
        assert time is not None
        assert time.isoformat() == "2020-01-01T00:00:00+00:00"
