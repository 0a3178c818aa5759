"""Conditions and ends of changes, with a driver that does only what it is told."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.core import endings
from gateway.core.guard import DriverBug
from gateway.core.snapshots import Account
from gateway.core.waiting import Patience, Polls, Wait
from gateway.driver import (
    Capability,
    Deadline,
    DriverError,
    ErrorCode,
    MetadataChange,
    SnapshotState,
    StorageSnapshot,
    UpdateSnapshot,
)
from tests.unit.fakes import Backend, FakeDriver, account, snapshot

S = SnapshotState


class Honest(FakeDriver):
    """Shows from the beginning what it deletes."""

    capabilities = FakeDriver.capabilities | Capability.SHOWS_DELETING


class Moving(FakeDriver):
    """Shows one state after another, whatever it is asked for."""

    states: Iterator[SnapshotState]

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        state = next(self.states, None)
        if state is None:
            raise DriverError(ErrorCode.NOT_FOUND, "gone")
        return snapshot(snapshot_id, state=state, native_state=state.value)


def deleted(*states: SnapshotState, driver: type[FakeDriver] = FakeDriver) -> str:
    """Return how a wait for a deletion ends that sees these states, and then nothing."""

    class Seen(Moving, driver):  # type: ignore[misc, valid-type]
        capabilities = driver.capabilities

    Seen.states = iter(states)
    wait = Wait(Patience(8), Polls(1000), "cloud")
    waited = endings.snapshot_deleted(account(Backend(), Seen), "snap").after(wait)
    return "gone" if waited.is_gone else "?"


def test_what_is_still_shown_is_no_failure_where_deleting_is_not_shown() -> None:
    assert deleted(S.AVAILABLE, S.ERROR, S.AVAILABLE) == "gone"
    assert deleted(S.DELETING, S.BUSY, S.UNKNOWN, S.DELETING) == "gone"


@pytest.mark.parametrize(
    ("states", "driver"), [((S.DELETING,), FakeDriver), ((), Honest), ((S.DELETING,), Honest)]
)
@pytest.mark.parametrize(
    ("end", "code"),
    [
        (S.AVAILABLE, ErrorCode.CONFLICT),
        (S.ARCHIVED, ErrorCode.CONFLICT),
        (S.ERROR, ErrorCode.BACKEND),
    ],
)
def test_what_was_deleting_and_is_something_else_was_not_deleted(
    states: tuple[SnapshotState, ...], driver: type[FakeDriver], end: SnapshotState, code: ErrorCode
) -> None:
    with pytest.raises(DriverError, match="snap") as caught:
        deleted(*states, end, driver=driver)
    assert caught.value.code is code


def test_a_failure_to_find_out_why_is_the_cause_and_not_the_verdict() -> None:
    class Confused(Honest):
        """Fails when it is asked for a reason."""

        def last_failure(self, resource_id: str, *, deadline: Deadline) -> str | None:
            raise KeyError("messages")

    for end, code in ((S.ERROR, ErrorCode.BACKEND), (S.AVAILABLE, ErrorCode.CONFLICT)):
        with pytest.raises(DriverError, match="snap") as caught:
            deleted(S.DELETING, end, driver=Confused)
        assert caught.value.code is code
        assert isinstance(caught.value.__cause__, DriverBug)


def is_old(found: StorageSnapshot) -> None:
    """Stand for an If-Match that has seen an unnamed snapshot."""
    if found.name is not None:
        raise DriverError(ErrorCode.PRECONDITION_FAILED, "changed")


@pytest.fixture
def backend() -> Backend:
    return Backend({"snap": snapshot("snap")})


def named(backend: Backend) -> None:
    backend.snapshots["snap"] = replace(backend.snapshots["snap"], name="new")


def test_a_condition_holds_for_drivers_that_do_not_check_it(backend: Backend) -> None:
    changes = (
        UpdateSnapshot(name="x", only_if=is_old),
        UpdateSnapshot(metadata=MetadataChange({"a": "1"}), only_if=is_old),
    )
    for request in changes:
        account(backend).update_snapshot("snap", request)
    named(backend)
    backend.calls.clear()
    for request in changes:
        with pytest.raises(DriverError) as caught:
            account(backend).update_snapshot("snap", request)
        assert caught.value.code is ErrorCode.PRECONDITION_FAILED
    assert backend.names == ["get_snapshot"] * 2, "the driver has not been asked to change it"


@pytest.mark.parametrize("verb", ["delete_snapshot", "revert_snapshot"])
def test_a_condition_holds_for_what_no_driver_checks(backend: Backend, verb: str) -> None:
    getattr(account(backend), verb)("snap", only_if=is_old)
    assert backend.names == ["get_snapshot", verb]
    named(backend)
    backend.calls.clear()
    with pytest.raises(DriverError) as caught:
        getattr(account(backend), verb)("snap", only_if=is_old)
    assert caught.value.code is ErrorCode.PRECONDITION_FAILED
    assert backend.names == ["get_snapshot"]


@pytest.mark.parametrize("verb", ["delete_snapshot", "revert_snapshot", "update_snapshot"])
def test_nobody_changes_it_between_the_look_and_the_change(backend: Backend, verb: str) -> None:
    tried: list[ErrorCode] = []

    class Watching(FakeDriver):
        """Lets somebody else try to have his turn while it is asked for something."""

        def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
            with (
                pytest.raises(DriverError) as caught,
                found._boundary._guard._turns.take("fake", snapshot_id, 0.01),
            ):
                pass
            tried.append(caught.value.code)
            return super().get_snapshot(snapshot_id, deadline=deadline)

    found: Account = account(backend, Watching)
    if verb == "update_snapshot":
        found.update_snapshot("snap", UpdateSnapshot(name="x", only_if=is_old))
    else:
        getattr(found, verb)("snap", only_if=is_old)
    assert tried == [ErrorCode.CONFLICT]
    with found._boundary._guard._turns.take("fake", "snap", 0.01):
        pass
