"""Creating snapshots: what was asked for is there, once, and nothing else has changed."""

import time

import pytest

from gateway.conformance.gates import requires
from gateway.conformance.limits import Threads
from gateway.conformance.subject import Subject, refused
from gateway.driver import (
    Capability,
    CreateSnapshot,
    ErrorCode,
    SnapshotState,
    StorageSnapshot,
)

_FIRST_STATES = {SnapshotState.CREATING, SnapshotState.BUSY, SnapshotState.AVAILABLE}


@requires(Capability.SNAPSHOT_CREATE)
class CreateCases:
    """create_snapshot."""

    def test_a_snapshot_is_created(self, subject: Subject, volume: str) -> None:
        made = subject.create(volume, "created")
        assert isinstance(made, StorageSnapshot)
        assert made.volume_id == volume
        assert made.state in _FIRST_STATES
        found = subject.harness.wait_ready(made.id)
        assert (found.id, found.volume_id) == (made.id, volume)
        assert subject.is_named(found, "created")
        assert found.state is SnapshotState.AVAILABLE

    def test_a_snapshot_without_a_name_has_none_or_one_made_up(
        self, subject: Subject, volume: str
    ) -> None:
        made = subject.ready(volume)
        assert made.name is None or made.name

    def test_a_snapshot_is_found_as_soon_as_it_is_created(
        self, subject: Subject, volume: str
    ) -> None:
        made = subject.create(volume, "at once")
        assert subject.get(made.id).id == made.id
        assert made.id in subject.of_volume(volume), "a list tells of what is being made, too"

    def test_two_snapshots_of_one_name_are_two(self, subject: Subject, volume: str) -> None:
        first, second = (subject.ready(volume, "twin") for _ in range(2))
        assert first.id != second.id
        assert {first.id, second.id} <= set(subject.of_volume(volume))

    def test_one_name_on_two_volumes_is_two_snapshots(self, subject: Subject, volume: str) -> None:
        other = subject.volume()
        first, second = subject.ready(volume, "twin"), subject.ready(other, "twin")
        assert (first.volume_id, second.volume_id) == (volume, other)
        assert list(subject.of_volume(other)) == [second.id]

    def test_two_creations_at_once_make_two(self, subject: Subject) -> None:
        volumes = [subject.volume(), subject.volume()]
        with Threads() as pool:
            made = list(pool.map(lambda v: subject.create(v, "at once"), volumes))
        assert len({snapshot.id for snapshot in made}) == 2
        for volume_id, snapshot in zip(volumes, made, strict=True):
            subject.harness.wait_ready(snapshot.id)
            assert list(subject.of_volume(volume_id)) == [snapshot.id]

    def test_an_unknown_volume_is_refused(self, subject: Subject) -> None:
        missing = subject.harness.missing_volume_id()
        error = refused(subject.create, missing, "never")
        assert error.code in {ErrorCode.NOT_FOUND, ErrorCode.INVALID}
        assert not error.maybe_done
        assert subject.of_volume(missing) == {}

    @pytest.mark.parametrize("id_", ["", "a/b", "x" * 300], ids=["empty", "slash", "too-long"])
    def test_an_impossible_volume_is_refused(self, subject: Subject, id_: str) -> None:
        error = refused(subject.create, id_, "never")
        assert error.code in {ErrorCode.NOT_FOUND, ErrorCode.INVALID}

    def test_creating_changes_no_other_snapshot(
        self, subject: Subject, trio: list[StorageSnapshot], volume: str
    ) -> None:
        before = [subject.get(snapshot.id) for snapshot in trio]
        subject.ready(volume, "another")
        assert [subject.get(snapshot.id) for snapshot in trio] == before

    def test_a_snapshot_has_the_size_of_its_volume(self, subject: Subject, volume: str) -> None:
        snapshot = subject.ready(volume, "sized")
        size = subject.harness.volume_size_bytes
        if Capability.VOLUME_READ in subject.kind.capabilities:
            size = subject.account.get_volume(volume).size_bytes
        if None not in (size, snapshot.size_bytes):
            assert snapshot.size_bytes == size

    def test_metadata_comes_with_the_snapshot(self, subject: Subject, volume: str) -> None:
        given = _few_pairs(subject)
        made = subject.create(volume, "tagged", metadata=given)
        assert subject.get(made.id).metadata == given
        assert subject.harness.wait_ready(made.id).metadata == given

    def test_what_was_given_is_told_everywhere(self, subject: Subject, volume: str) -> None:
        """By the answer to the creation, by the snapshot itself, and by lists."""
        description = "what it is for"[: subject.kind.limits.description] or None
        pairs = {"k": "v"} if subject.kind.limits.metadata_pairs else {}
        made = subject.create(volume, "given", description=description, metadata=pairs)
        found = subject.harness.wait_ready(made.id)
        for one in (made, found, subject.listed()[made.id], subject.of_volume(volume)[made.id]):
            assert (one.name, one.description) == (found.name, description)
            assert (dict(one.metadata), one.volume_id) == (pairs, volume)

    def test_without_metadata_there_is_none(self, subject: Subject, volume: str) -> None:
        """What a driver or the gateway notes for itself is not the caller's."""
        assert subject.ready(volume, "bare").metadata == {}

    def test_a_description_is_kept(self, subject: Subject, volume: str) -> None:
        if subject.kind.limits.description < len("what it is for"):
            pytest.skip(f"{subject.kind.__name__} has no room for descriptions")
        made = subject.ready(volume, "described", description="what it is for")
        assert made.description == "what it is for"
        assert subject.is_named(made, "described")

    def test_the_life_of_a_snapshot_has_no_unknown_state(
        self, subject: Subject, volume: str
    ) -> None:
        found = subject.create(volume, "alive")
        end, progress = time.monotonic() + subject.harness.wait_s, 0
        while not found.ready:
            assert found.state in _FIRST_STATES - {SnapshotState.AVAILABLE}
            assert found.native_state
            assert (found.progress or 0) >= progress, "progress goes backwards"
            progress = found.progress or 0
            assert time.monotonic() < end, f"still {found.state} after {subject.harness.wait_s} s"
            time.sleep(0.01)
            found = subject.get(found.id)
        assert found.state is SnapshotState.AVAILABLE

    def test_a_volume_in_use_can_be_snapshotted(self, subject: Subject) -> None:
        volume_id = subject.volume()
        subject.harness.use_volume(volume_id)
        assert subject.ready(volume_id, "in use", in_use="allow").volume_id == volume_id

    @requires(Capability.IN_USE_REFUSE)
    def test_a_volume_in_use_is_refused_if_so_asked(self, subject: Subject) -> None:
        volume_id = subject.volume()
        subject.harness.use_volume(volume_id)
        error = refused(subject.create, volume_id, "never", in_use="refuse")
        assert error.code is ErrorCode.CONFLICT
        assert subject.of_volume(volume_id) == {}

    @requires(Capability.IN_USE_REFUSE)
    def test_a_volume_out_of_use_is_not_refused(self, subject: Subject) -> None:
        volume_id = subject.volume()
        assert subject.ready(volume_id, "idle", in_use="refuse").volume_id == volume_id

    @requires(Capability.LOCATION)
    def test_a_snapshot_can_be_kept_in_another_location(self, subject: Subject) -> None:
        location = subject.harness.location
        if location is None:
            pytest.skip(f"{type(subject.harness).__name__} names no location")
        made = subject.ready(subject.volume(), "far away", location=location)
        assert (made.location, made.kind) == (location, "remote")
        assert made.id in subject.listed()

    @requires(Capability.LOCATION)
    def test_an_unknown_location_is_refused(self, subject: Subject) -> None:
        volume_id = subject.volume()
        request = CreateSnapshot(volume_id, "never", location="no-such-place")
        error = refused(subject.account.create_snapshot, request)
        assert error.code in {ErrorCode.INVALID, ErrorCode.NOT_FOUND}
        assert subject.of_volume(volume_id) == {}


def _few_pairs(subject: Subject) -> dict[str, str]:
    limits = subject.kind.limits
    pairs = {"env": "test", "team": "storage"}
    if limits.metadata_pairs < len(pairs) or min(limits.metadata_key, limits.metadata_value) < 7:
        pytest.skip(f"{subject.kind.__name__} has no room for metadata")
    return pairs
