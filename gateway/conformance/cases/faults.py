"""What goes wrong between driver and backend lands on its code, and nothing is half done."""

import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace

import pytest

from gateway.conformance.cases.secrets import secrets_of, told_by
from gateway.conformance.gates import requires
from gateway.conformance.harness import Fault, SnapshotHarness
from gateway.conformance.subject import Subject, account_of, outcome, refused
from gateway.core.snapshots import Account
from gateway.driver import (
    Capability,
    CloneSnapshot,
    CreateSnapshot,
    CreateVolume,
    DriverError,
    ErrorCode,
    Filter,
    MetadataChange,
    Query,
    StorageSnapshot,
    UpdateSnapshot,
)

E, C = ErrorCode, Capability
EXPECTED: Mapping[Fault, frozenset[ErrorCode]] = {
    Fault.TIMEOUT: frozenset({E.TIMEOUT}),
    Fault.REFUSED: frozenset({E.UNAVAILABLE}),
    Fault.CUT: frozenset({E.UNAVAILABLE, E.BACKEND}),
    Fault.UNAUTHENTICATED: frozenset({E.UNAUTHENTICATED}),
    Fault.DENIED: frozenset({E.DENIED}),
    Fault.NOT_FOUND: frozenset({E.NOT_FOUND}),
    Fault.CONFLICT: frozenset({E.CONFLICT}),
    Fault.THROTTLED: frozenset({E.RATE_LIMITED}),
    Fault.QUOTA: frozenset({E.QUOTA}),
    Fault.BROKEN: frozenset({E.BACKEND, E.UNAVAILABLE}),
    Fault.GARBAGE: frozenset({E.BACKEND}),
}
"""The codes on which each fault lands."""
_ANYWHERE = (
    Fault.TIMEOUT,
    Fault.REFUSED,
    Fault.CUT,
    Fault.UNAUTHENTICATED,
    Fault.DENIED,
    Fault.THROTTLED,
    Fault.BROKEN,
    Fault.GARBAGE,
)
_NO_BODY = (*_ANYWHERE[:-1], Fault.NOT_FOUND, Fault.CONFLICT)
"""An answer to a deletion has no body that could be garbage."""
_LOOKS = 4
"""The time-out of calls that fail at once, in time-outs of those that shall be late."""
_HARMLESS = frozenset(Fault) - {Fault.TIMEOUT, Fault.CUT, Fault.BROKEN, Fault.GARBAGE}
"""After these it is certain that nothing has changed."""


@dataclass(frozen=True)
class Operation:
    """A call through the core, and the faults that its backend can meet it with."""

    call: Callable[[Account, StorageSnapshot], object]
    faults: tuple[Fault, ...]
    needs: tuple[Capability, ...] = ()
    is_change: bool = True


READS = {
    "list": Operation(lambda a, _: list(a.list_snapshots(Query()).items()), _ANYWHERE, (), False),
    "get": Operation(
        lambda a, s: a.get_snapshot(s.id), (*_ANYWHERE, Fault.NOT_FOUND), is_change=False
    ),
    "list-volumes": Operation(
        lambda a, _: list(a.list_volumes(Query()).items()),
        _ANYWHERE,
        (C.VOLUME_READ,),
        is_change=False,
    ),
    "get-volume": Operation(
        lambda a, s: a.get_volume(s.volume_id or ""),
        (Fault.TIMEOUT, Fault.CUT, Fault.NOT_FOUND, Fault.THROTTLED, Fault.BROKEN),
        (C.VOLUME_READ,),
        is_change=False,
    ),
}
CHANGES = {
    "create": Operation(
        lambda a, s: a.create_snapshot(
            CreateSnapshot(s.volume_id or "", _label(a, "made in trouble"))
        ),
        (*_ANYWHERE, Fault.CONFLICT, Fault.QUOTA),
        (C.SNAPSHOT_CREATE,),
    ),
    "update": Operation(
        lambda a, s: a.update_snapshot(s.id, _update(a)),
        (*_ANYWHERE, Fault.NOT_FOUND),
        (C.SNAPSHOT_UPDATE,),
    ),
    "delete": Operation(lambda a, s: a.delete_snapshot(s.id), _NO_BODY, (C.SNAPSHOT_DELETE,)),
    "clone": Operation(
        lambda a, s: a.clone_snapshot(s.id, CloneSnapshot(name=_label(a, "cloned in trouble"))),
        (*_ANYWHERE, Fault.CONFLICT, Fault.QUOTA, Fault.NOT_FOUND),
        (C.SNAPSHOT_CLONE,),
    ),
    "revert": Operation(
        lambda a, s: a.revert_snapshot(s.id),
        (*_ANYWHERE, Fault.CONFLICT, Fault.NOT_FOUND),
        (C.SNAPSHOT_REVERT,),
    ),
    "create-volume": Operation(
        lambda a, _: a.create_volume(CreateVolume(1 << 30, _label(a, "made in trouble"))),
        (*_ANYWHERE, Fault.QUOTA),
        (C.VOLUME_READ, C.VOLUME_CREATE),
    ),
    "delete-volume": Operation(
        lambda a, s: a.delete_volume(s.volume_id or ""), _NO_BODY, (C.VOLUME_READ, C.VOLUME_DELETE)
    ),
}
OPERATIONS = READS | CHANGES


def _update(account: Account) -> UpdateSnapshot:
    pairs = {"k": "v"} if account.provider.driver.limits.metadata_pairs else {}
    # Replaced, not merged: for a merge the core looks first, and would meet the fault.
    return UpdateSnapshot(
        name=_label(account, "changed"), metadata=MetadataChange(pairs, replace=True)
    )


def _label(account: Account, text: str) -> str | None:
    return text[: account.provider.driver.limits.name] or None


def _pairs(operations: Mapping[str, Operation]) -> list[object]:
    return [
        pytest.param(
            name, fault, id=f"{name}-{fault}", marks=pytest.mark.snapshot_requires(*one.needs)
        )
        for name, one in operations.items()
        for fault in one.faults
    ]


class FaultCases:
    """Every fault that the harness can inject, for every operation."""

    @pytest.fixture
    def troubled(self, subject: Subject) -> StorageSnapshot:
        """A snapshot of a volume of its own, known to the driver before the trouble begins."""
        return subject.snapshot(subject.volume(), "in trouble")

    @pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.UNAUTHENTICATED])
    def test_an_opening_that_fails_says_why(self, subject: Subject, fault: Fault) -> None:
        """It need not call the backend."""
        with subject.harness.inject(fault):
            found = outcome(subject.kind, subject.harness.open_driver)
        if isinstance(found, DriverError):
            assert found.code in _expected(subject.harness, fault)
        else:
            found.close()

    @pytest.mark.parametrize(("name", "fault"), _pairs(READS))
    def test_a_read_that_fails_says_why(
        self, subject: Subject, trio: list[StorageSnapshot], name: str, fault: Fault
    ) -> None:
        subject.listed()
        error = _failure(subject, trio[0], OPERATIONS[name], fault)
        assert not error.maybe_done, "nothing can have happened"
        assert subject.get(trio[0].id) == trio[0], "the driver does not recover"

    @pytest.mark.parametrize(("name", "fault"), _pairs(CHANGES))
    def test_a_change_that_fails_is_not_half_done(
        self, subject: Subject, troubled: StorageSnapshot, name: str, fault: Fault
    ) -> None:
        troubled = _alone(subject, troubled, name)
        before = _state(subject, troubled)
        error = _failure(subject, troubled, OPERATIONS[name], fault)
        if fault in _HARMLESS:
            assert not error.maybe_done, "it is certain that nothing has happened"
        after = _state(subject, troubled)
        if after != before:
            assert error.maybe_done, "something has happened, and the caller was told nothing"
            _look_for_what_was_made(subject, error)
        for then, now in zip(before, after, strict=True):
            assert len(now) - len(then) <= 1, "it was sent more than once"
        _forget_what_was_made(subject, troubled)

    @pytest.mark.parametrize("after", [1, 2, 3])
    @pytest.mark.parametrize(
        "name",
        [
            pytest.param(name, marks=pytest.mark.snapshot_requires(*one.needs))
            for name, one in CHANGES.items()
        ],
    )
    def test_a_change_that_fails_in_the_middle_is_not_half_done(
        self, subject: Subject, troubled: StorageSnapshot, name: str, after: int
    ) -> None:
        """Some changes take several calls of a backend, and any of them can fail."""
        troubled = _alone(subject, troubled, name)
        before = _state(subject, troubled)
        account = _account(subject, Fault.BROKEN)
        with subject.harness.inject_after(Fault.BROKEN, after):
            error = outcome(subject.kind, CHANGES[name].call, account, troubled)
        if isinstance(error, DriverError):
            assert _code(subject, error) in _expected(subject.harness, Fault.BROKEN)
            assert error.maybe_done or _state(subject, troubled) == before
        _forget_what_was_made(subject, troubled)

    @pytest.mark.parametrize("fault", _ANYWHERE, ids=str)
    def test_a_page_that_fails_does_not_end_a_list(
        self, subject: Subject, trio: list[StorageSnapshot], fault: Fault
    ) -> None:
        """Half a list must never pass for a whole one."""
        harness = subject.harness
        timeout_s = harness.fault_timeout_s if fault is Fault.TIMEOUT else harness.wait_s
        account = account_of(subject.driver, timeout_s=timeout_s, page_size=1)
        items = account.list_snapshots(Query()).items()
        next(items)
        with harness.inject(fault):
            error = refused(list, items)
        assert error.code in _expected(harness, fault)
        assert len(subject.listed()) >= len(trio)

    @requires(Capability.KEEPS_DEADLINE)
    @pytest.mark.parametrize("name", OPERATIONS)
    def test_a_call_ends_by_its_deadline(
        self, subject: Subject, troubled: StorageSnapshot, name: str
    ) -> None:
        """Promised, so that the core does not watch it; it is timed from outside here."""
        operation = OPERATIONS[name]
        if not all(flag in subject.kind.capabilities for flag in operation.needs):
            pytest.skip(f"{subject.kind.__name__} does not declare {operation.needs[0].name}")
        troubled = _alone(subject, troubled, name)
        start = time.monotonic()
        _failure(subject, troubled, operation, Fault.TIMEOUT)
        took_s = time.monotonic() - start
        _forget_what_was_made(subject, troubled)
        assert took_s < subject.harness.fault_timeout_s + subject.harness.slack_s


def _alone(subject: Subject, target: StorageSnapshot, name: str) -> StorageSnapshot:
    """Return what shall be changed: a volume with snapshots cannot be deleted everywhere."""
    return replace(target, volume_id=subject.volume()) if name == "delete-volume" else target


def _failure(
    subject: Subject, target: StorageSnapshot, operation: Operation, fault: Fault
) -> DriverError:
    """Return the error with which an operation meets a fault, once all that is sure of it."""
    harness, account = subject.harness, _account(subject, fault)
    with harness.inject(fault):
        error = refused(operation.call, account, target)
    code = _code(subject, error)
    assert code in _expected(harness, fault), f"{fault} became {code}: {error}"
    assert error.__cause__ is not None or error.code is ErrorCode.TIMEOUT, "the cause is lost"
    assert error.message
    told = "\n".join(told_by(error))
    for secret in secrets_of(harness.credentials):
        assert secret not in told, "a credential is in the error"
    return error


def _account(subject: Subject, fault: Fault) -> Account:
    """Return an account; of short patience where it may have to look for what it has made."""
    if fault in _HARMLESS:
        return subject.account
    longest_s = subject.harness.fault_timeout_s * (1 if fault is Fault.TIMEOUT else _LOOKS)
    return account_of(subject.driver, timeout_s=min(longest_s, subject.harness.wait_s))


def _code(subject: Subject, error: DriverError) -> ErrorCode:
    """Return what the driver has called a failure.

    A creation that may have happened and is not found is a time-out to clients, whatever
    the reason was; it names the marker that they can look for.
    """
    cause = error.__cause__
    if error.marker is None or not isinstance(cause, Exception):
        return error.code
    assert (error.code, error.maybe_done) == (ErrorCode.TIMEOUT, True)
    meaning = cause if isinstance(cause, DriverError) else subject.kind.classify(cause)
    return error.code if meaning is None else meaning.code


def _look_for_what_was_made(subject: Subject, error: DriverError) -> None:
    """Find what was made although its answer was lost, as the error says that it can be."""
    if error.marker is None:
        return
    carries = Filter("created_by", error.marker)
    found = [*subject.listed(carries)]
    if Capability.VOLUME_READ in subject.kind.capabilities:
        found += [one.id for one in subject.account.list_volumes(Query((carries,))).items()]
    assert len(found) == 1, "what was made is not found by the marker that the error names"


def _expected(harness: SnapshotHarness, fault: Fault) -> frozenset[ErrorCode]:
    return EXPECTED[fault] | harness.extra_codes.get(fault, frozenset())


def _state(subject: Subject, target: StorageSnapshot) -> tuple[Mapping[str, object], Set[str]]:
    """Return all that an operation on ``target`` could have changed."""
    snapshots = subject.of_volume(target.volume_id or "")
    volumes: set[str] = set()
    if Capability.VOLUME_READ in subject.kind.capabilities:
        volumes = {volume.id for volume in subject.account.list_volumes(Query()).items()}
    facts = {id_: (s.name, s.description, dict(s.metadata)) for id_, s in snapshots.items()}
    return facts, volumes


def _forget_what_was_made(subject: Subject, target: StorageSnapshot) -> None:
    """Let what a cut answer has made be deleted after the case.

    Some of it may go by itself: Cinder takes a snapshot while it reverts a volume.
    """
    for snapshot_id in subject.of_volume(target.volume_id or ""):
        if snapshot_id != target.id:
            wait = subject.harness.wait_ready
            ended = outcome(subject.kind, wait, subject.remember(snapshot_id))
            assert not isinstance(ended, DriverError) or ended.code is ErrorCode.NOT_FOUND
    if Capability.VOLUME_READ in subject.kind.capabilities:
        for volume in subject.account.list_volumes(Query()).items():
            if volume.name and volume.name in "cloned in trouble, made in trouble":
                subject.remember_volume(volume.id)
                subject.harness.wait_volume(volume.id)
