"""Two accounts of one provider: what drivers share between them is nobody's property."""

import secrets
from collections.abc import Iterator

import pytest

from gateway.conformance.gates import requires
from gateway.conformance.limits import Threads
from gateway.conformance.subject import Subject, account_of, refused
from gateway.core.snapshots import Account
from gateway.driver import (
    Capability,
    CloneSnapshot,
    CreateSnapshot,
    ErrorCode,
    Filter,
    Marker,
    Query,
    StorageSnapshot,
    UpdateSnapshot,
)

_STRANGE = frozenset({ErrorCode.NOT_FOUND, ErrorCode.DENIED, ErrorCode.INVALID})
"""What is told of a thing of another account: mostly that there is none."""
_TURNS = 6


class AccountCases:
    """An account that may neither see nor change what the first one has."""

    @pytest.fixture
    def other(self, subject: Subject) -> Iterator[Account]:
        """The other account, with the core around a driver of its own."""
        driver = subject.harness.open_other()
        yield account_of(driver, timeout_s=subject.harness.wait_s)
        driver.close()

    def test_another_account_does_not_see_it(
        self, other: Account, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        assert _ids(subject.account) >= {one.id for one in trio}
        assert _ids(other).isdisjoint(one.id for one in trio)
        by_volume = Query((Filter("volume_id", trio[0].volume_id or ""),))
        assert list(other.list_snapshots(by_volume).items()) == []
        by_id = Query((Filter("id", trio[0].id),))
        assert list(other.list_snapshots(by_id).items()) == []
        assert refused(other.get_snapshot, trio[0].id).code in _STRANGE

    def test_accounts_that_take_turns_see_their_own(
        self, other: Account, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        """In threads, too: what one of them sends goes with its own credentials."""
        wanted = {one.id for one in trio}

        def look(number: int) -> None:
            account = other if number % 2 else subject.account
            for _ in range(_TURNS):
                found = _ids(account)
                assert found.isdisjoint(wanted) if account is other else found >= wanted

        with Threads() as pool:
            list(pool.map(look, range(8)))

    @requires(Capability.VOLUME_READ)
    def test_another_account_does_not_see_volumes(self, other: Account, subject: Subject) -> None:
        volume_id = subject.volume()
        assert subject.account.get_volume(volume_id).id == volume_id
        assert refused(other.get_volume, volume_id).code in _STRANGE
        listed = {volume.id for volume in other.list_volumes(Query()).items()}
        assert volume_id not in listed

    @requires(Capability.SNAPSHOT_DELETE)
    def test_another_account_cannot_delete_it(
        self, other: Account, subject: Subject, volume: str
    ) -> None:
        kept = subject.snapshot(volume, "kept")
        assert refused(other.delete_snapshot, kept.id).code in _STRANGE
        assert subject.get(kept.id) == kept

    @requires(Capability.SNAPSHOT_UPDATE)
    def test_another_account_cannot_change_it(
        self, other: Account, subject: Subject, volume: str
    ) -> None:
        kept = subject.snapshot(volume, "kept")
        request = UpdateSnapshot(name=subject.label("stolen"))
        assert refused(other.update_snapshot, kept.id, request).code in _STRANGE
        assert subject.get(kept.id) == kept

    @requires(Capability.SNAPSHOT_CREATE)
    def test_another_account_cannot_make_a_snapshot_of_its_volume(
        self, other: Account, subject: Subject
    ) -> None:
        volume_id = subject.volume()
        assert refused(other.create_snapshot, CreateSnapshot(volume_id)).code in _STRANGE
        assert subject.of_volume(volume_id) == {}

    @requires(Capability.SNAPSHOT_CLONE)
    def test_another_account_cannot_clone_it(
        self, other: Account, trio: list[StorageSnapshot]
    ) -> None:
        assert refused(other.clone_snapshot, trio[0].id, CloneSnapshot()).code in _STRANGE

    @requires(Capability.SNAPSHOT_CREATE, Capability.SNAPSHOT_MARKER)
    def test_another_account_does_not_find_it_by_its_marker(
        self, other: Account, subject: Subject, volume: str
    ) -> None:
        """Else two accounts with the same Idempotency-Key would get the same snapshot."""
        marker = Marker(secrets.token_hex(16), secrets.token_hex(16))
        request = CreateSnapshot(volume, subject.label("marked"), marker=marker)
        deadline = subject.harness.deadline()
        made = subject.remember(subject.driver.create_snapshot(request, deadline=deadline).id)
        query = Query((Filter("created_by", marker.id),))
        assert [one.id for one in subject.account.list_snapshots(query).items()] == [made]
        assert list(other.list_snapshots(query).items()) == []

    def test_closing_the_driver_of_one_account_leaves_that_of_another_open(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        driver = subject.harness.open_other()
        _ids(account_of(driver, timeout_s=subject.harness.wait_s))
        driver.close()
        assert subject.get(trio[0].id) == trio[0]


def _ids(account: Account) -> set[str]:
    return {snapshot.id for snapshot in account.list_snapshots(Query()).items()}
