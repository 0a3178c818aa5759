"""Deleting snapshots: gone means gone, once, and no other goes along."""

import pytest

from gateway.conformance.cases.reading import IMPOSSIBLE_IDS, ODD_IDS
from gateway.conformance.gates import requires
from gateway.conformance.limits import Threads
from gateway.conformance.subject import Subject, outcome, refused
from gateway.driver import Capability, DriverError, ErrorCode, StorageSnapshot


@requires(Capability.SNAPSHOT_DELETE)
class DeleteCases:
    """delete_snapshot."""

    def test_a_deleted_snapshot_is_gone(self, subject: Subject, volume: str) -> None:
        snapshot = subject.snapshot(volume, "doomed")
        subject.account.delete_snapshot(snapshot.id)
        subject.harness.wait_gone(snapshot.id)
        assert refused(subject.get, snapshot.id).code is ErrorCode.NOT_FOUND
        assert snapshot.id not in subject.listed()
        assert snapshot.id not in subject.of_volume(volume)

    def test_deleting_twice_is_not_found(self, subject: Subject, volume: str) -> None:
        snapshot = subject.snapshot(volume, "doomed")
        subject.account.delete_snapshot(snapshot.id)
        subject.harness.wait_gone(snapshot.id)
        error = refused(subject.account.delete_snapshot, snapshot.id)
        assert error.code is ErrorCode.NOT_FOUND

    def test_deleting_what_does_not_exist_is_not_found(self, subject: Subject) -> None:
        error = refused(subject.account.delete_snapshot, subject.harness.missing_id())
        assert error.code is ErrorCode.NOT_FOUND

    @pytest.mark.parametrize(
        "id_", [*IMPOSSIBLE_IDS.values(), *ODD_IDS.values()], ids=[*IMPOSSIBLE_IDS, *ODD_IDS]
    )
    def test_an_odd_id_deletes_nothing(
        self, subject: Subject, trio: list[StorageSnapshot], id_: str
    ) -> None:
        error = refused(subject.account.delete_snapshot, id_)
        assert error.code is ErrorCode.NOT_FOUND
        assert set(subject.of_volume(trio[0].volume_id or "")) == {s.id for s in trio}

    def test_a_part_of_an_id_deletes_nothing(self, subject: Subject, volume: str) -> None:
        kept = [subject.snapshot(volume, "kept") for _ in range(2)]
        part = kept[0].id[:-1]
        if isinstance(outcome(subject.kind, subject.get, part), StorageSnapshot):
            pytest.skip(f"there is a snapshot with the id {part}")
        error = refused(subject.account.delete_snapshot, part)
        assert error.code is ErrorCode.NOT_FOUND
        assert {snapshot.id for snapshot in kept} <= set(subject.of_volume(volume))

    def test_deleting_one_leaves_the_others(
        self, subject: Subject, trio: list[StorageSnapshot], volume: str
    ) -> None:
        kept, doomed = subject.snapshot(volume, "kept"), subject.snapshot(volume, "doomed")
        before = [subject.get(snapshot.id) for snapshot in trio]
        subject.account.delete_snapshot(doomed.id)
        subject.harness.wait_gone(doomed.id)
        assert kept.id in subject.of_volume(volume)
        assert [subject.get(snapshot.id) for snapshot in trio] == before

    @requires(Capability.SNAPSHOT_CREATE)
    def test_deleting_what_is_being_created_works_or_is_a_conflict(
        self, subject: Subject, volume: str
    ) -> None:
        """Either it goes, or it stays and becomes ready: nothing in between."""
        snapshot = subject.create(volume, "young")
        error = outcome(subject.kind, subject.account.delete_snapshot, snapshot.id)
        if isinstance(error, DriverError):
            assert error.code is ErrorCode.CONFLICT
            assert subject.harness.wait_ready(snapshot.id).ready
        else:
            subject.harness.wait_gone(snapshot.id)

    def test_of_two_deletions_at_once_no_one_is_told_nonsense(
        self, subject: Subject, volume: str
    ) -> None:
        snapshot = subject.snapshot(volume, "fought over")

        def delete(_: int) -> ErrorCode | None:
            error = outcome(subject.kind, subject.account.delete_snapshot, snapshot.id)
            return error.code if isinstance(error, DriverError) else None

        with Threads() as pool:
            told = list(pool.map(delete, range(2)))
        assert None in told, "nobody was told that it was deleted"
        assert set(told) <= {None, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT}
        subject.harness.wait_gone(snapshot.id)

    @requires(Capability.SNAPSHOT_CREATE)
    def test_what_is_made_after_a_deletion_is_another(self, subject: Subject, volume: str) -> None:
        first = subject.ready(volume, "again")
        subject.account.delete_snapshot(first.id)
        subject.harness.wait_gone(first.id)
        assert subject.ready(volume, "again").id != first.id
