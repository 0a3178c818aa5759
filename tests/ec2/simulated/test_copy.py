"""Copies to another region: asked for there, tagged as the source, told of at once."""

from typing import Any

import pytest

from gateway.core.creations import Terms
from gateway.core.snapshots import Account
from gateway.driver import CopySnapshot, CreateSnapshot, ErrorCode, SnapshotState
from tests.ec2.simulated.tools import (
    FOREIGN,
    Connect,
    Gateway,
    forms,
    listed,
    owner_of,
    refused,
    tags,
)
from tests.simulators.ec2 import ACCOUNT_ID, Simulator
from tests.simulators.ec2_state import Region, Snapshot, Volume

TAGS = {"env": "prod", "owner": "me"}


@pytest.fixture
def source(region: Region) -> Snapshot:
    return region.add_snapshot(
        tags={**TAGS, "Name": "n", "aws:backup": "x"}, description="d", volume_size=3
    )


@pytest.fixture
def destination(gateway: Gateway) -> Account:
    return gateway.account(provider="east")


def test_a_copy_is_asked_for_at_its_destination(
    simulator: Simulator, account: Account, destination: Account, east: Region, source: Snapshot
) -> None:
    made = account.copy_snapshot(source.id, CopySnapshot(), destination)
    (form,) = forms(simulator, "CopySnapshot")
    assert (form["SourceRegion"], form["SourceSnapshotId"]) == ("eu-west-1", source.id)
    assert (form["Description"], tags(form)) == ("d", {**TAGS, "Name": "n"})
    assert simulator.count("CreateTags") == 0
    assert list(east.snapshots) == [made.id] != [source.id]
    assert (made.name, made.description, made.metadata) == ("n", "d", TAGS)
    assert (made.state, made.ready, made.volume_id) == (SnapshotState.CREATING, False, None)
    assert (made.size_bytes, owner_of(made)) == (3 << 30, (ACCOUNT_ID, True))


def test_the_copy_is_found_at_its_destination_and_becomes_available(
    simulator: Simulator, account: Account, destination: Account, source: Snapshot
) -> None:
    made = account.copy_snapshot(source.id, CopySnapshot(), destination)
    assert destination.get_snapshot(made.id) == made
    assert listed(account) == {source.id}
    simulator.settings.clock.advance(60)
    found = destination.get_snapshot(made.id)
    assert (found.state, found.ready, found.volume_id) == (SnapshotState.AVAILABLE, True, None)


@pytest.mark.parametrize(
    ("given", "name", "description", "metadata"),
    [
        ({"name": "m"}, "m", "d", TAGS),
        ({"description": "e"}, "n", "e", TAGS),
        ({"metadata": {"x": "y"}}, "n", "d", {"x": "y"}),
        ({"metadata": {}}, "n", "d", {}),
        ({"name": "m", "description": "e", "metadata": {}}, "m", "e", {}),
    ],
)
def test_what_is_given_stands_for_what_the_source_has(
    account: Account,
    destination: Account,
    source: Snapshot,
    *,
    given: Any,
    name: str,
    description: str,
    metadata: dict[str, str],
) -> None:
    made = account.copy_snapshot(source.id, CopySnapshot(**given), destination)
    assert (made.name, made.description, made.metadata) == (name, description, metadata)
    assert destination.get_snapshot(made.id) == made


def test_a_description_that_was_changed_is_the_copys_own(
    account: Account, destination: Account, source: Snapshot
) -> None:
    source.tags["description"] = "changed"
    made = account.copy_snapshot(source.id, CopySnapshot(), destination)
    found = destination.get_snapshot(made.id)
    assert (made.description, found.description) == ("changed", "changed")
    assert found.metadata == TAGS


def test_a_bare_snapshot_can_be_copied(
    account: Account, destination: Account, region: Region
) -> None:
    made = account.copy_snapshot(region.add_snapshot().id, CopySnapshot(), destination)
    assert (made.name, made.description, made.metadata) == (None, None, {})


def test_a_copy_can_stay_in_its_region(account: Account, region: Region, source: Snapshot) -> None:
    made = account.copy_snapshot(source.id, CopySnapshot(), account)
    assert set(region.snapshots) == {source.id, made.id}


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"state": "pending"}, "creating"),
        ({"state": "error"}, "error"),
        ({"state": "recoverable"}, "recycled"),
        ({"storage_tier": "archive"}, "archived"),
    ],
)
def test_a_source_that_is_not_ready_is_a_conflict(
    simulator: Simulator,
    account: Account,
    destination: Account,
    region: Region,
    *,
    fields: dict[str, str],
    state: str,
) -> None:
    pending = region.add_snapshot(**fields)
    error = refused(account.copy_snapshot, pending.id, CopySnapshot(), destination)
    assert error.code is ErrorCode.CONFLICT
    assert all(word in error.message for word in (pending.id, state, "copied"))
    assert simulator.count("CopySnapshot") == 0


@pytest.mark.parametrize("hidden", [1, 999])
def test_a_copy_that_ec2_shows_late_is_told_of_at_once(
    simulator: Simulator, connect: Connect, source: Snapshot, hidden: int
) -> None:
    simulator.settings.hidden_reads = hidden
    account = connect(call_timeout_s=0.5)
    destination = connect(provider="east")
    made = account.copy_snapshot(source.id, CopySnapshot(), destination)
    assert list(simulator.region("us-east-1").snapshots) == [made.id]
    assert (made.state, made.ready, made.volume_id) == (SnapshotState.CREATING, False, None)
    assert (made.name, made.description, made.metadata) == ("n", "d", TAGS)


def test_late_tags_are_in_the_answer(
    simulator: Simulator, account: Account, destination: Account, source: Snapshot
) -> None:
    simulator.settings.late_tags = 9
    made = account.copy_snapshot(source.id, CopySnapshot(), destination)
    assert (made.name, made.metadata) == ("n", TAGS)


@pytest.mark.parametrize("fault", ["garbled", "silent", "denied"])
def test_a_look_that_fails_does_not_undo_a_copy(
    simulator: Simulator, connect: Connect, source: Snapshot, east: Region, fault: str
) -> None:
    account, destination = connect(call_timeout_s=0.5), connect(provider="east")
    if fault == "garbled":
        simulator.garble("DescribeSnapshots", after=1)
    elif fault == "silent":
        simulator.delay("DescribeSnapshots", 30, after=1, times=9)
    else:
        simulator.fail("DescribeSnapshots", "UnauthorizedOperation", 403, after=1)
    made = account.copy_snapshot(source.id, CopySnapshot(), destination)
    assert list(east.snapshots) == [made.id]


def test_a_copy_that_the_destination_denies_is_denied(
    simulator: Simulator, account: Account, destination: Account, east: Region, source: Snapshot
) -> None:
    simulator.default_account.denied = {"CopySnapshot"}
    error = refused(account.copy_snapshot, source.id, CopySnapshot(), destination)
    assert error.code is ErrorCode.DENIED
    assert not east.snapshots


def test_the_quota_of_the_destination_is_a_quota(
    simulator: Simulator, account: Account, destination: Account, source: Snapshot
) -> None:
    simulator.fail("CopySnapshot", "ResourceLimitExceeded", 400)
    error = refused(account.copy_snapshot, source.id, CopySnapshot(), destination)
    assert error.code is ErrorCode.QUOTA


@pytest.mark.parametrize("snapshot_id", ["snap-0123456789abcdef0", "snap-x", "nonsense"])
def test_what_is_not_there_cannot_be_copied(
    account: Account, destination: Account, snapshot_id: str
) -> None:
    error = refused(account.copy_snapshot, snapshot_id, CopySnapshot(), destination)
    assert error.code is ErrorCode.NOT_FOUND


def test_a_copy_of_a_shared_snapshot_is_ones_own(
    account: Account, destination: Account, region: Region
) -> None:
    shared = region.add_snapshot(owner_id=FOREIGN, shared_with={ACCOUNT_ID}, tags=TAGS)
    made = account.copy_snapshot(shared.id, CopySnapshot(), destination)
    assert owner_of(destination.get_snapshot(made.id)) == (ACCOUNT_ID, True)


def test_what_ec2_would_refuse_is_not_sent(
    simulator: Simulator, account: Account, destination: Account, source: Snapshot
) -> None:
    request = CopySnapshot(metadata={"aws:x": "y"})
    error = refused(account.copy_snapshot, source.id, request, destination)
    assert list(error.fields) == ["metadata[aws:x]"]
    assert simulator.count("CopySnapshot") == 0


def test_a_copy_carries_its_own_marker_and_a_key_makes_one(
    simulator: Simulator, account: Account, destination: Account, east: Region, volume: Volume
) -> None:
    source = account.create_snapshot(CreateSnapshot(volume.id, metadata=TAGS))
    simulator.settings.clock.advance(60)
    terms = Terms("k")
    first = account.make_copy(source.id, CopySnapshot(), destination, terms)
    assert first.found is None
    assert first.item.metadata == TAGS
    assert None not in {source.created_by, first.item.created_by}
    assert first.item.created_by != source.created_by
    again = account.make_copy(source.id, CopySnapshot(), destination, terms)
    assert (again.found, again.item.id) == ("key", first.item.id)
    other = refused(account.make_copy, source.id, CopySnapshot("other"), destination, terms)
    assert other.code is ErrorCode.KEY_REUSED
    assert list(east.snapshots) == [first.item.id]
    assert simulator.count("CopySnapshot") == 1


@pytest.mark.parametrize("where", ["answer", "after_headers", "middle"])
def test_a_copy_whose_answer_is_lost_is_found_at_its_destination(
    simulator: Simulator, account: Account, destination: Account, source: Snapshot, where: Any
) -> None:
    simulator.cut("CopySnapshot", where)
    made = account.copy_snapshot(source.id, CopySnapshot(), destination)
    assert listed(destination) == {made.id}
    assert simulator.count("CopySnapshot") == 1
