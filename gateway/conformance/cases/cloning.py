"""Clones: a new volume with the snapshot's bytes, and the snapshot as it was."""

import pytest

from gateway.conformance.gates import requires
from gateway.conformance.subject import Subject, outcome, refused
from gateway.driver import (
    Capability,
    CloneSnapshot,
    ErrorCode,
    Query,
    StorageSnapshot,
    StorageVolume,
    VolumeState,
)

_GIB = 1 << 30
_READ = Capability.VOLUME_READ


@requires(Capability.SNAPSHOT_CLONE)
class CloneCases:
    """clone_snapshot."""

    def test_a_clone_is_a_new_volume(self, subject: Subject, trio: list[StorageSnapshot]) -> None:
        clone = subject.clone(trio[0].id, "restored")
        assert isinstance(clone, StorageVolume)
        assert clone.id != trio[0].volume_id
        assert subject.is_named(clone, "restored")
        assert clone.state is not VolumeState.ERROR

    @requires(_READ)
    def test_a_clone_is_among_the_volumes(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        clone = subject.clone(trio[0].id)
        assert subject.account.get_volume(clone.id).id == clone.id
        assert clone.size_bytes is None or clone.size_bytes >= (trio[0].size_bytes or 0)

    @requires(_READ)
    def test_a_clone_is_made_once_and_told_as_it_is(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        before = {one.id for one in subject.account.list_volumes(Query()).items()}
        description = "what it is for"[: subject.kind.limits.description] or None
        request = CloneSnapshot(name=subject.label("once"), description=description)
        told = subject.account.clone_snapshot(trio[0].id, request)
        subject.remember_volume(told.id)
        found = subject.harness.wait_volume(told.id) or told
        assert (found.id, found.name) == (told.id, told.name)
        assert (told.description, found.description) == (description, description)
        assert told.size_bytes in (None, found.size_bytes)
        assert found.snapshot_id in (None, trio[0].id)
        after = subject.account.list_volumes(Query()).items()
        new = [one for one in after if one.id not in before and subject.is_named(one, "once")]
        assert [one.id for one in new] == [told.id]

    def test_two_clones_are_two_volumes(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        first, second = (subject.clone(trio[0].id, "twin") for _ in range(2))
        assert first.id != second.id

    def test_cloning_leaves_the_snapshot_as_it_was(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        before = subject.get(trio[0].id)
        subject.clone(trio[0].id)
        assert subject.harness.wait_ready(trio[0].id) == before

    def test_a_clone_has_the_bytes_of_the_snapshot(self, subject: Subject) -> None:
        """What is written after the snapshot is not in the clone."""
        volume_id, harness = subject.volume(), subject.harness
        before, after = b"before the snapshot" * 100, b"after the snapshot!" * 100
        harness.write_volume(volume_id, before)
        snapshot = subject.snapshot(volume_id, "bytes")
        harness.write_volume(volume_id, after)
        clone = subject.clone(snapshot.id)
        assert harness.read_volume(clone.id, len(before)) == before
        harness.write_volume(clone.id, b"of the clone alone")
        assert harness.read_volume(volume_id, len(after)) == after

    def test_an_unknown_snapshot_cannot_be_cloned(self, subject: Subject) -> None:
        missing = subject.harness.missing_id()
        error = refused(subject.account.clone_snapshot, missing, CloneSnapshot())
        assert error.code is ErrorCode.NOT_FOUND

    def test_a_clone_with_too_long_a_name_is_refused(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        request = CloneSnapshot(name="x" * (subject.kind.limits.name + 1))
        error = refused(subject.account.clone_snapshot, trio[0].id, request)
        assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["name"])

    @requires(_READ, Capability.CLONE_SIZE)
    def test_a_clone_can_be_larger(self, subject: Subject, trio: list[StorageSnapshot]) -> None:
        wanted = (trio[0].size_bytes or 0) // _GIB * _GIB + 2 * _GIB
        clone = subject.clone(trio[0].id, size_bytes=wanted)
        assert subject.account.get_volume(clone.id).size_bytes == wanted

    @requires(Capability.CLONE_SIZE)
    def test_a_clone_is_never_smaller(self, subject: Subject, trio: list[StorageSnapshot]) -> None:
        """What is too small is refused, or rounded up to where it is not."""
        found = outcome(subject.kind, lambda: subject.clone(trio[0].id, size_bytes=1))
        if isinstance(found, StorageVolume):
            assert (found.size_bytes or 0) >= (trio[0].size_bytes or 0)
        else:
            assert found.code is ErrorCode.INVALID

    @requires(_READ, Capability.ZONE)
    def test_a_clone_can_be_placed_in_a_zone(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        zone = subject.harness.zone
        if zone is None:
            pytest.skip(f"{type(subject.harness).__name__} names no zone")
        assert subject.clone(trio[0].id, zone=zone).zone == zone

    @requires(Capability.ZONE)
    def test_an_unknown_zone_is_refused(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        request = CloneSnapshot(zone="no-such-zone")
        error = refused(subject.account.clone_snapshot, trio[0].id, request)
        assert error.code in {ErrorCode.INVALID, ErrorCode.NOT_FOUND}

    @requires(Capability.CLONE_MEDIA)
    def test_a_clone_can_be_of_another_media_type(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        media = subject.harness.media
        if media is None:
            pytest.skip(f"{type(subject.harness).__name__} names no media type")
        assert subject.clone(trio[0].id, media=media).id

    @requires(Capability.CLONE_AFFINITIES)
    def test_a_clone_can_be_placed_by_affinities(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        affinities = subject.harness.affinities
        if not affinities:
            pytest.skip(f"{type(subject.harness).__name__} names no affinities")
        assert subject.clone(trio[0].id, affinities=affinities).id

    @requires(Capability.CLONE_AVOID)
    def test_a_clone_can_be_kept_away_from_a_volume(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        assert subject.clone(trio[0].id, avoid=(trio[0].volume_id or "",)).id
