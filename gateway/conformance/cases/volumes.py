"""Volumes, as far as a driver has them."""

from datetime import timedelta

import pytest

from gateway.conformance.cases.filters import conditions
from gateway.conformance.gates import requires
from gateway.conformance.subject import Subject, outcome, refused
from gateway.driver import (
    Capability,
    CreateVolume,
    ErrorCode,
    Filter,
    Pushdown,
    Query,
    StorageSnapshot,
    StorageVolume,
    VolumeState,
)

_GIB = 1 << 30


@requires(Capability.VOLUME_READ)
class VolumeReadCases:
    """list_volumes and get_volume."""

    def test_a_volume_is_shown(self, subject: Subject, volume: str) -> None:
        found = subject.account.get_volume(volume)
        assert isinstance(found, StorageVolume)
        assert found.id == volume
        assert found.native_state
        assert found.state is not VolumeState.UNKNOWN

    def test_a_volume_has_its_size_in_bytes(self, subject: Subject, volume: str) -> None:
        found = subject.account.get_volume(volume)
        if None not in (found.size_bytes, subject.harness.volume_size_bytes):
            assert found.size_bytes == subject.harness.volume_size_bytes

    def test_the_time_of_a_volume_is_in_utc(self, subject: Subject, volume: str) -> None:
        created = subject.account.get_volume(volume).created
        assert created is None or created.utcoffset() == timedelta(0)

    def test_an_unknown_volume_is_not_found(self, subject: Subject) -> None:
        missing = subject.harness.missing_volume_id()
        assert refused(subject.account.get_volume, missing).code is ErrorCode.NOT_FOUND

    def test_the_volume_of_a_snapshot_is_shown(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        found = subject.account.get_volume(trio[0].volume_id or "")
        assert found.id == trio[0].volume_id

    def test_a_list_of_volumes_holds_each_once(
        self, subject: Subject, volume: str, trio: list[StorageSnapshot]
    ) -> None:
        found = [one.id for one in subject.account.list_volumes(Query()).items()]
        assert len(found) == len(set(found)), "a volume comes twice"
        assert {volume, trio[0].volume_id} <= set(found)

    def test_a_list_of_volumes_tells_what_a_single_answer_tells(
        self, subject: Subject, volume: str
    ) -> None:
        query = Query((Filter("id", volume),))
        listed = list(subject.account.list_volumes(query).items())
        assert listed == [subject.account.get_volume(volume)]

    def test_pages_of_one_hold_each_volume_once(
        self, subject: Subject, volume: str, trio: list[StorageSnapshot]
    ) -> None:
        found, cursor, deadline = [], None, subject.harness.deadline
        while True:
            page = subject.driver.list_volumes(
                Query(), page_size=1, cursor=cursor, deadline=deadline()
            )
            assert len(page.items) <= 1
            found += [one.id for one in page.items]
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
        whole = [one.id for one in subject.account.list_volumes(Query()).items()]
        assert sorted(found) == sorted(whole)

    def test_a_declared_filter_on_volumes_means_what_it_says(
        self, subject: Subject, volume: str
    ) -> None:
        if not subject.kind.volume_pushdown:
            pytest.skip(f"{subject.kind.__name__} pushes down no filter on volumes")
        every = list(subject.account.list_volumes(Query()).items())
        target = subject.account.get_volume(volume)
        for field, lookup in subject.kind.volume_pushdown:
            for condition in conditions(field, lookup, [target]):
                found = _by_the_driver(subject, condition)
                wanted = {one.id for one in every if condition.matches(one)}
                assert wanted <= found, f"{condition}: what matches is missing"
                if subject.kind.volume_pushdown[field, lookup] is Pushdown.EXACT:
                    assert found == wanted, f"{condition}: declared as EXACT, and gives more"


@requires(Capability.VOLUME_READ, Capability.VOLUME_CREATE)
class VolumeCreateCases:
    """create_volume."""

    def test_an_empty_volume_is_created(self, subject: Subject) -> None:
        description = "what it is for"[: subject.kind.limits.description] or None
        request = CreateVolume(_GIB, name=subject.label("empty"), description=description)
        made = subject.account.create_volume(request)
        subject.remember_volume(made.id)
        found = subject.harness.wait_volume(made.id)
        assert found
        assert (found.id, found.name) == (made.id, made.name)
        assert (made.description, found.description) == (description, description)
        assert (found.size_bytes or 0) >= _GIB
        assert found.state is VolumeState.AVAILABLE

    def test_a_volume_is_made_once_and_never_smaller(self, subject: Subject) -> None:
        before = {one.id for one in subject.account.list_volumes(Query()).items()}
        request = CreateVolume(_GIB + 1, name=subject.label("once"))
        made = outcome(subject.kind, subject.account.create_volume, request)
        if not isinstance(made, StorageVolume):
            assert made.code is ErrorCode.INVALID
            return
        subject.remember_volume(made.id)
        found = subject.harness.wait_volume(made.id)
        assert found
        assert (found.size_bytes or 0) > _GIB
        after = subject.account.list_volumes(Query()).items()
        new = [one for one in after if one.id not in before and subject.is_named(one, "once")]
        assert [one.id for one in new] == [made.id]

    def test_a_volume_with_too_long_a_name_is_refused(self, subject: Subject) -> None:
        before = {one.id for one in subject.account.list_volumes(Query()).items()}
        request = CreateVolume(_GIB, name="x" * (subject.kind.limits.name + 1))
        error = refused(subject.account.create_volume, request)
        assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["name"])
        assert {one.id for one in subject.account.list_volumes(Query()).items()} == before


@requires(Capability.VOLUME_READ, Capability.VOLUME_CREATE, Capability.VOLUME_DELETE)
class VolumeDeleteCases:
    """delete_volume."""

    def test_a_deleted_volume_is_gone(self, subject: Subject) -> None:
        volume_id = self._empty(subject)
        subject.account.delete_volume(volume_id)
        subject.harness.wait_volume_gone(volume_id)
        listed = {one.id for one in subject.account.list_volumes(Query()).items()}
        assert volume_id not in listed

    def test_deleting_a_volume_twice_is_not_found(self, subject: Subject) -> None:
        volume_id = self._empty(subject)
        subject.account.delete_volume(volume_id)
        subject.harness.wait_volume_gone(volume_id)
        error = refused(subject.account.delete_volume, volume_id)
        assert error.code is ErrorCode.NOT_FOUND

    def test_an_unknown_volume_cannot_be_deleted(self, subject: Subject) -> None:
        missing = subject.harness.missing_volume_id()
        assert refused(subject.account.delete_volume, missing).code is ErrorCode.NOT_FOUND

    def _empty(self, subject: Subject) -> str:
        made = subject.account.create_volume(CreateVolume(_GIB, name=subject.label("doomed")))
        subject.harness.wait_volume(made.id)
        return made.id


def _by_the_driver(subject: Subject, condition: Filter) -> set[str]:
    """Return what the driver itself lists, all pages of it, unless it leaves the filter out."""
    found, cursor = set[str](), None
    while True:
        page = subject.driver.list_volumes(
            Query((condition,)), page_size=1, cursor=cursor, deadline=subject.harness.deadline()
        )
        found |= {one.id for one in page.items}
        cursor = page.next_cursor
        if cursor is None:
            return found


class VolumeCases(VolumeReadCases, VolumeCreateCases, VolumeDeleteCases):
    """All about volumes."""
