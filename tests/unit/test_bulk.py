"""Many changes in one request: how many at once, in which order, and what comes of each."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from gateway.core.bulk import (
    AT_ONCE,
    MAX_ITEMS,
    Outcome,
    check_item_count,
    create_snapshots,
    delete_snapshots,
    run,
)
from gateway.core.creations import NewSnapshot
from gateway.core.snapshots import Account
from gateway.driver import (
    Capability,
    CreateSnapshot,
    Deadline,
    DriverError,
    ErrorCode,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
)
from tests.unit.fakes import Backend, FakeDriver, SdkError, SlackDriver, account, snapshot


class Meter:
    """Counts the calls that are under way, and keeps each for a moment."""

    def __init__(self, hold_s: float = 0.01) -> None:
        self.hold_s = hold_s
        self.now = self.most = 0
        self.order: list[Any] = []
        self._lock = threading.Lock()

    def __call__(self, item: Any) -> Any:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.order.append(item)
        time.sleep(self.hold_s)
        with self._lock:
            self.now -= 1
        return item


def refused(call: Callable[..., Any], *args: Any, **kw: Any) -> DriverError:
    with pytest.raises(DriverError) as caught:
        call(*args, **kw)
    return caught.value


def codes(outcomes: Sequence[Outcome[Any]]) -> list[str | None]:
    return [outcome.error.code.value if outcome.error else None for outcome in outcomes]


def test_there_are_never_more_at_once_than_the_bound_and_as_many() -> None:
    meter = Meter()
    run(meter, range(AT_ONCE * 6))
    assert meter.most == AT_ONCE
    assert sorted(meter.order) == list(range(AT_ONCE * 6))


def test_groups_keep_to_the_bound_too() -> None:
    meter = Meter()
    run(meter, range(100), group=lambda item: item % (AT_ONCE * 2))
    assert meter.most == AT_ONCE


def test_results_are_in_the_order_of_the_items_whichever_ends_first() -> None:
    def slower_first(item: int) -> int:
        time.sleep(0.03 if item < 3 else 0)
        return item * 10

    assert [o.value for o in run(slower_first, range(20))] == [i * 10 for i in range(20)]


def test_one_group_is_one_after_another_in_order() -> None:
    met: list[int] = []
    ends: list[int] = []

    def call(item: int) -> None:
        met.append(item)
        time.sleep(0.005)
        assert met[-1] == item
        ends.append(item)

    outcomes = run(call, range(12), group=lambda _: "same")
    assert met == ends == list(range(12))
    assert codes(outcomes) == [None] * 12


def test_a_group_does_not_hold_up_the_others() -> None:
    others = threading.Event()

    def call(item: int) -> bool:
        if item == 0:
            return others.wait(5)
        if item == 4:
            others.set()
        return True

    outcomes = run(call, range(5), group=lambda item: "slow" if item < 2 else item)
    assert [outcome.value for outcome in outcomes] == [True] * 5


def test_what_fails_is_told_and_the_rest_goes_on() -> None:
    error = DriverError(ErrorCode.QUOTA, "full", retry_after_s=3)

    def call(item: int) -> int:
        if item % 3 == 1:
            raise error
        return item

    outcomes = run(call, range(9), group=lambda item: item // 3)
    assert [outcome.error for outcome in outcomes] == [None, error, None] * 3
    assert [outcome.value for outcome in outcomes if not outcome.error] == [0, 2, 3, 5, 6, 8]


def test_a_bug_with_one_item_is_an_internal_error_of_its_own() -> None:
    bug = ZeroDivisionError("hunter2")

    def call(item: int) -> int:
        if item == 1:
            raise bug
        return item

    outcomes = run(call, range(3))
    assert codes(outcomes) == [None, "internal", None]
    assert outcomes[1].error is not None
    assert outcomes[1].error.__cause__ is bug
    assert "hunter2" not in outcomes[1].error.message


def test_the_end_of_the_process_is_no_result() -> None:
    def call(item: int) -> int:
        if item == 1:
            raise KeyboardInterrupt
        return item

    with pytest.raises(KeyboardInterrupt):
        run(call, range(3))


@pytest.mark.parametrize("count", [0, MAX_ITEMS + 1])
def test_too_few_and_too_many_are_refused_without_a_call(count: int) -> None:
    backend = Backend()
    found = account(backend)
    error = refused(delete_snapshots, found, [str(n) for n in range(count)])
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["ids"])
    error = refused(create_snapshots, found, [NewSnapshot(CreateSnapshot("v"))] * count)
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["storage_snapshots"])
    assert backend.calls == []
    check_item_count("ids", 1)
    check_item_count("ids", MAX_ITEMS)


def test_an_id_that_comes_twice_is_refused_and_named() -> None:
    backend = Backend()
    error = refused(delete_snapshots, account(backend), ["a", "b", "c", "b", "x" * 999, "x" * 999])
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["ids"])
    assert "'b', 'xxx" in error.fields["ids"]
    assert "'a'" not in error.fields["ids"]
    assert len(error.fields["ids"]) < 200
    assert backend.calls == []


class Mute(FakeDriver):
    capabilities = Capability.KEEPS_DEADLINE


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_the_driver_cannot_do_at_all_is_refused_as_a_whole(dry_run: bool) -> None:
    backend = Backend()
    found = account(backend, Mute)
    for call in (
        lambda: delete_snapshots(found, ["a"], dry_run=dry_run),
        lambda: create_snapshots(found, [NewSnapshot(CreateSnapshot("v"))], dry_run=dry_run),
    ):
        assert refused(call).code is ErrorCode.UNSUPPORTED
    assert backend.calls == []


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_login_that_fails_is_one_refusal_and_not_one_for_each(dry_run: bool) -> None:
    class Stranger(FakeDriver):
        def check_credentials(self, *, deadline: Deadline) -> None:
            raise DriverError(ErrorCode.UNAUTHENTICATED, "no")

    backend = Backend()
    found = account(backend, Stranger)
    for call in (
        lambda: delete_snapshots(found, ["a", "b"], dry_run=dry_run),
        lambda: create_snapshots(found, [NewSnapshot(CreateSnapshot("v"))], dry_run=dry_run),
    ):
        assert refused(call).code is ErrorCode.UNAUTHENTICATED
    assert backend.calls == []


class Picky(SlackDriver):
    """Watched from outside; refuses what its backend does not hold, in its SDK's words."""

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        assert deadline.remaining_s() > 4
        super().delete_snapshot(snapshot_id, deadline=deadline)
        if snapshot_id not in self.backend.snapshots:
            raise SdkError

    def create_snapshot(self, request: CreateSnapshot, *, deadline: Deadline) -> StorageSnapshot:
        if request.volume_id == "bug":
            raise KeyError(request.volume_id)
        return super().create_snapshot(request, deadline=deadline)

    def get_volume(self, volume_id: str, *, deadline: Deadline) -> StorageVolume:
        if volume_id == "none":
            raise DriverError(ErrorCode.NOT_FOUND, "no volume")
        return super().get_volume(volume_id, deadline=deadline)


@pytest.fixture
def backend() -> Backend:
    busy = {"state": SnapshotState.CREATING, "native_state": "making"}
    return Backend(
        {"a": snapshot("a"), "b": snapshot("b", **busy), "c": snapshot("c", deletable=False)}
    )


@pytest.fixture
def picky(backend: Backend) -> Account:
    return account(backend, Picky)


def test_each_snapshot_is_deleted_once_and_each_refusal_told(
    backend: Backend, picky: Account
) -> None:
    outcomes = delete_snapshots(picky, ["x", "a", "bad/id", "b"])
    assert codes(outcomes) == ["conflict", None, "not_found", None]
    deleted = [call for call in backend.calls if call[0] == "delete_snapshot"]
    assert sorted(deleted) == [("delete_snapshot", one) for one in ("a", "b", "x")]


def test_a_dry_run_of_deletions_looks_and_deletes_nothing(backend: Backend, picky: Account) -> None:
    outcomes = delete_snapshots(picky, ["x", "a", "b", "c"], dry_run=True)
    assert codes(outcomes) == ["not_found", None, "conflict", "conflict"]
    assert outcomes[2].error is not None
    assert "creating" in outcomes[2].error.message
    assert set(backend.names) == {"list_snapshots", "get_snapshot"}


def test_each_snapshot_is_made_and_each_refusal_told(backend: Backend, picky: Account) -> None:
    outcomes = create_snapshots(
        picky,
        [
            NewSnapshot(CreateSnapshot(v, name=n))
            for v, n in [("v", "x" * 11), ("w", "n"), ("bug", "n")]
        ],
    )
    assert codes(outcomes) == ["invalid", None, "internal"]
    assert outcomes[1].value is not None
    assert outcomes[1].value.item.volume_id == "w"
    assert backend.names.count("create_snapshot") == 1


def test_a_dry_run_of_creations_looks_and_makes_nothing(backend: Backend, picky: Account) -> None:
    asked = [("v", None), ("none", None), ("v", "x" * 11), ("a/b", None)]
    requests = [NewSnapshot(CreateSnapshot(volume, name=name)) for volume, name in asked]
    outcomes = create_snapshots(picky, requests, dry_run=True)
    assert codes(outcomes) == [None, "not_found", "invalid", "not_found"]
    assert [outcome.value for outcome in outcomes] == [None] * 4
    assert set(backend.names) == {"list_snapshots", "get_volume"}


def test_a_dry_run_asks_for_no_volume_where_none_can_be_shown(backend: Backend) -> None:
    class Blind(FakeDriver):
        capabilities = FakeDriver.capabilities & ~Capability.VOLUME_READ

    outcomes = create_snapshots(
        account(backend, Blind), [NewSnapshot(CreateSnapshot("v"))], dry_run=True
    )
    assert codes(outcomes) == [None]
    assert backend.names == ["list_snapshots"]


def test_creations_of_one_volume_come_one_after_another(backend: Backend) -> None:
    under_way: set[str] = set()
    meter = Meter()

    class Pacing(FakeDriver):
        def create_snapshot(
            self, request: CreateSnapshot, *, deadline: Deadline
        ) -> StorageSnapshot:
            volume = request.volume_id.lower()
            assert volume not in under_way
            under_way.add(volume)
            meter((volume, request.name))
            under_way.discard(volume)
            return snapshot(f"{request.volume_id}-{request.name}")

    # The same volume in both cases: a UUID is.
    asked = [(volume, str(n)) for n in range(6) for volume in ("v1", "V1", "v2", "v3")]
    outcomes = create_snapshots(
        account(backend, Pacing), [NewSnapshot(CreateSnapshot(v, name=n)) for v, n in asked]
    )
    assert [o.value.item.id for o in outcomes if o.value] == [f"{v}-{n}" for v, n in asked]
    assert meter.most == 3
    for volume in ("v1", "v2", "v3"):
        met = [name for found, name in meter.order if found == volume]
        assert met == sorted(met)


def test_the_time_of_all_calls_is_counted(backend: Backend) -> None:
    class Slow(FakeDriver):
        def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
            time.sleep(0.05)

    found = account(backend, Slow)
    before = found.stopwatch.seconds
    delete_snapshots(found, list("abcd"))
    assert found.stopwatch.seconds - before >= 0.2


def test_a_uuid_is_the_same_in_both_cases_and_other_ids_are_not(backend: Backend) -> None:
    uuid = "450357dc-cbe1-471d-b4cc-dbdfe5f28d84"
    with pytest.raises(DriverError, match="more than once"):
        delete_snapshots(account(backend), [uuid, uuid.upper()])
    assert "delete_snapshot" not in backend.names
    assert len(delete_snapshots(account(backend), ["s", "S"])) == 2
