"""One snapshot: what is told of it, and what is answered for ids that nobody has."""

from datetime import datetime, timedelta

import orjson
import pytest

from gateway.conformance.harness import SnapshotHarness
from gateway.conformance.subject import Subject, outcome, refused
from gateway.driver import ErrorCode, SnapshotState, StorageSnapshot, StoredKind, Visibility

IMPOSSIBLE_IDS = {
    "empty": "",
    "slash": "a/b",
    "dots": "..",
    "control": "a\nb",
    "too-long": "x" * 256,
}
ODD_IDS = {
    "quote": "x' OR '1'='1",
    "percent": "%2e%2e%2fx",
    "query": "x?y=1",
    "fragment": "x#y",
    "unicode": "snäp-😀",
    "space": "a b",
    "backslash": "..\\x",
    "wildcard": "*",
    "list": "a,b",
    "longest": "x" * 255,
}
_CLOCKS_DIFFER = timedelta(minutes=15)


class ReadCases:
    """get_snapshot, and the fields of the model."""

    def test_a_snapshot_is_shown(self, subject: Subject, trio: list[StorageSnapshot]) -> None:
        for snapshot in trio:
            found = subject.get(snapshot.id)
            assert isinstance(found, StorageSnapshot)
            assert found.id == snapshot.id

    def test_a_snapshot_is_the_same_twice(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        assert subject.get(trio[0].id) == subject.get(trio[0].id)

    def test_an_unknown_snapshot_is_not_found(self, subject: Subject) -> None:
        error = refused(subject.get, subject.harness.missing_id())
        assert error.code is ErrorCode.NOT_FOUND

    @pytest.mark.parametrize("id_", IMPOSSIBLE_IDS.values(), ids=IMPOSSIBLE_IDS)
    def test_an_impossible_id_is_not_found(self, subject: Subject, id_: str) -> None:
        assert refused(subject.get, id_).code is ErrorCode.NOT_FOUND

    @pytest.mark.parametrize("id_", ODD_IDS.values(), ids=ODD_IDS)
    def test_an_odd_id_is_not_found(self, subject: Subject, id_: str) -> None:
        """It is no part of a URL, a query or a path: another thing must never be shown."""
        assert refused(subject.get, id_).code is ErrorCode.NOT_FOUND

    def test_an_id_with_something_behind_it_is_not_found(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        for suffix in ("%00", "?", "#", " ", ";x", "*"):
            error = refused(subject.get, trio[0].id + suffix)
            assert error.code is ErrorCode.NOT_FOUND, suffix

    def test_a_part_of_an_id_is_another_id(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        part = trio[0].id[:-1]
        found = outcome(subject.kind, subject.get, part)
        if isinstance(found, StorageSnapshot):  # where ids are numbers, somebody can have it
            assert found.id == part
        else:
            assert found.code is ErrorCode.NOT_FOUND

    def test_a_ready_snapshot_is_available(self, trio: list[StorageSnapshot]) -> None:
        for snapshot in trio:
            assert snapshot.ready is True
            assert snapshot.state is SnapshotState.AVAILABLE
            assert snapshot.native_state

    def test_times_are_aware_and_in_utc(
        self, harness: SnapshotHarness, trio: list[StorageSnapshot]
    ) -> None:
        for snapshot in trio:
            for moment in _times(snapshot):
                assert moment.tzinfo is not None, "a time without a zone"
                assert moment.utcoffset() == timedelta(0), f"a time in {moment.tzinfo}"

    def test_times_are_those_of_the_present(
        self, harness: SnapshotHarness, trio: list[StorageSnapshot]
    ) -> None:
        """A time that is wrong by hours was read in the wrong zone."""
        for snapshot in trio:
            for moment in _times(snapshot):
                assert abs(harness.now() - moment) < _CLOCKS_DIFFER

    def test_a_snapshot_is_not_completed_before_it_is_created(
        self, trio: list[StorageSnapshot]
    ) -> None:
        for snapshot in trio:
            if snapshot.created and snapshot.completed:
                assert snapshot.created <= snapshot.completed

    def test_sizes_are_bytes(self, harness: SnapshotHarness, trio: list[StorageSnapshot]) -> None:
        """Whoever forgets to multiply tells of a disk of ten bytes."""
        for snapshot in trio:
            for size in (snapshot.size_bytes, snapshot.stored_bytes):
                assert size is None or type(size) is int
            if snapshot.size_bytes is not None and harness.volume_size_bytes is not None:
                assert snapshot.size_bytes == harness.volume_size_bytes
            if snapshot.size_bytes is not None:
                assert snapshot.size_bytes % 512 == 0, "no size of a block device in bytes"
                assert snapshot.size_bytes >= 1 << 12

    def test_what_is_stored_has_a_kind(self, trio: list[StorageSnapshot]) -> None:
        for snapshot in trio:
            if snapshot.stored_bytes is not None:
                assert isinstance(snapshot.stored_kind, StoredKind)
                assert snapshot.stored_bytes >= 0

    def test_texts_are_texts(self, trio: list[StorageSnapshot]) -> None:
        for snapshot in trio:
            assert snapshot.name is None or type(snapshot.name) is str
            assert snapshot.description is None or type(snapshot.description) is str
            assert all(type(t) is str for pair in snapshot.metadata.items() for t in pair)
            assert type(snapshot.labels) is tuple
            assert isinstance(snapshot.visibility, Visibility)

    def test_progress_is_percent(self, trio: list[StorageSnapshot]) -> None:
        for snapshot in trio:
            assert snapshot.progress is None or 0 <= snapshot.progress <= 100

    def test_the_owner_is_the_caller(self, trio: list[StorageSnapshot]) -> None:
        for snapshot in trio:
            if snapshot.owner is not None:
                assert snapshot.owner.id
                assert snapshot.owner.is_self is True

    def test_the_native_record_can_be_shown(self, trio: list[StorageSnapshot]) -> None:
        for snapshot in trio:
            if snapshot.native is not None:
                assert isinstance(snapshot.native, dict)
                assert orjson.dumps(snapshot.native, default=str)  # as the gateway does

    def test_a_native_state_that_nobody_knows_is_kept(self, subject: Subject, volume: str) -> None:
        snapshot = subject.snapshot(volume, "strange")
        subject.harness.set_native_state(snapshot.id, "unheard-of")
        for found in (subject.get(snapshot.id), subject.of_volume(volume)[snapshot.id]):
            assert found.state is SnapshotState.UNKNOWN
            assert found.native_state == "unheard-of"
            assert found.ready is False


def _times(snapshot: StorageSnapshot) -> list[datetime]:
    found = (snapshot.created, snapshot.completed, snapshot.updated)
    return [moment for moment in found if moment is not None]
