"""Reverting a volume to a snapshot, and copying a snapshot to another provider."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.conformance.gates import requires
from gateway.conformance.harness import SnapshotHarness
from gateway.conformance.subject import Subject, account_of, outcome, refused
from gateway.core.snapshots import Account
from gateway.driver import Capability, CopySnapshot, DriverError, ErrorCode, StorageSnapshot


@requires(Capability.SNAPSHOT_REVERT)
class RevertCases:
    """revert_snapshot."""

    def test_reverting_answers_the_snapshot(self, subject: Subject) -> None:
        snapshot = subject.snapshot(subject.volume(), "to go back to")
        assert subject.account.revert_snapshot(snapshot.id).id == snapshot.id
        after = subject.harness.wait_ready(snapshot.id)
        assert replace(after, updated=snapshot.updated) == snapshot

    def test_a_reverted_volume_has_the_bytes_of_the_snapshot(self, subject: Subject) -> None:
        volume_id, harness = subject.volume(), subject.harness
        before, after = b"before the snapshot" * 100, b"after the snapshot!" * 100
        harness.write_volume(volume_id, before)
        snapshot = subject.snapshot(volume_id, "bytes")
        harness.write_volume(volume_id, after)
        subject.account.revert_snapshot(snapshot.id)
        harness.wait_ready(snapshot.id)
        harness.wait_volume(volume_id)
        assert harness.read_volume(volume_id, len(before)) == before

    def test_reverting_keeps_the_other_snapshots_or_is_refused(self, subject: Subject) -> None:
        """A later one is not lost without a word."""
        volume_id = subject.volume()
        older, newer = (subject.snapshot(volume_id, label) for label in ("older", "newer"))
        error = outcome(subject.kind, subject.account.revert_snapshot, older.id)
        assert not isinstance(error, DriverError) or error.code is ErrorCode.CONFLICT
        subject.harness.wait_ready(older.id)
        assert set(subject.of_volume(volume_id)) == {older.id, newer.id}

    def test_to_an_unknown_snapshot_nothing_is_reverted(self, subject: Subject) -> None:
        error = refused(subject.account.revert_snapshot, subject.harness.missing_id())
        assert error.code is ErrorCode.NOT_FOUND


@requires(Capability.SNAPSHOT_COPY)
class CopyCases:
    """copy_snapshot."""

    @pytest.fixture
    def elsewhere(self, harness: SnapshotHarness) -> Iterator[Account]:
        """The account at another provider of the same driver; copies are deleted there."""
        driver = harness.open_destination()
        account = account_of(driver, timeout_s=harness.wait_s)
        yield account
        driver.close()

    def test_a_copy_is_at_the_other_provider(
        self, subject: Subject, trio: list[StorageSnapshot], elsewhere: Account
    ) -> None:
        copy = subject.account.copy_snapshot(trio[0].id, CopySnapshot(), elsewhere)
        try:
            found = elsewhere.get_snapshot(copy.id)
            assert (found.name, found.metadata) == (trio[0].name, trio[0].metadata)
            assert found.size_bytes == trio[0].size_bytes
        finally:
            elsewhere.delete_snapshot(copy.id)

    def test_a_copy_can_have_a_name_of_its_own(
        self, subject: Subject, trio: list[StorageSnapshot], elsewhere: Account
    ) -> None:
        copy = subject.account.copy_snapshot(
            trio[0].id, CopySnapshot(name=subject.label("copied")), elsewhere
        )
        try:
            assert subject.is_named(elsewhere.get_snapshot(copy.id), "copied")
        finally:
            elsewhere.delete_snapshot(copy.id)

    @requires(Capability.SNAPSHOT_CREATE)
    def test_a_copy_has_the_texts_of_its_source_or_those_asked_for(
        self, subject: Subject, volume: str, elsewhere: Account
    ) -> None:
        limits = subject.kind.limits
        if limits.description < len("theirs") or not limits.metadata_pairs:
            pytest.skip(f"{subject.kind.__name__} has no room for texts")
        source = subject.ready(volume, "source", description="ours", metadata={"k": "v"})
        asked = CopySnapshot(description="theirs", metadata={"l": "w"})
        for request, texts in (
            (CopySnapshot(), ("ours", {"k": "v"})),
            (asked, ("theirs", {"l": "w"})),
        ):
            copy = subject.account.copy_snapshot(source.id, request, elsewhere)
            found = elsewhere.get_snapshot(copy.id)
            elsewhere.delete_snapshot(copy.id)
            assert (found.description, found.metadata) == texts

    def test_copying_leaves_the_snapshot_as_it_was(
        self, subject: Subject, trio: list[StorageSnapshot], elsewhere: Account
    ) -> None:
        before = subject.get(trio[0].id)
        copy = subject.account.copy_snapshot(
            trio[0].id, CopySnapshot(name=subject.label("copied")), elsewhere
        )
        elsewhere.delete_snapshot(copy.id)
        assert subject.get(trio[0].id) == before

    def test_an_unknown_snapshot_cannot_be_copied(
        self, subject: Subject, elsewhere: Account
    ) -> None:
        missing = subject.harness.missing_id()
        error = refused(subject.account.copy_snapshot, missing, CopySnapshot(), elsewhere)
        assert error.code is ErrorCode.NOT_FOUND


class RestoreCases(RevertCases, CopyCases):
    """revert_snapshot and copy_snapshot."""
