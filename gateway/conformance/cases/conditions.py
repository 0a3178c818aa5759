"""What lets a client change and delete without losing what others do meanwhile."""

import time
from itertools import pairwise

import pytest

from gateway.conformance.gates import requires
from gateway.conformance.subject import Subject, outcome, refused
from gateway.driver import (
    Capability,
    DriverError,
    ErrorCode,
    SnapshotState,
    StorageSnapshot,
    UpdateSnapshot,
)


@requires(Capability.SNAPSHOT_CREATE, Capability.SNAPSHOT_UPDATE)
class ConditionCases:
    """``UpdateSnapshot.only_if``: the driver asks it itself, the core's look comes before."""

    def test_a_condition_is_asked_of_the_snapshot_as_it_is(
        self, subject: Subject, volume: str
    ) -> None:
        _needs_name(subject)
        made, seen = subject.ready(volume, "before"), list[StorageSnapshot]()
        request = UpdateSnapshot(name="after", only_if=seen.append)
        subject.driver.update_snapshot(made.id, request, deadline=subject.harness.deadline())
        assert seen, "the condition was not asked"
        assert seen[-1] == made
        assert subject.get(made.id).name == "after"

    def test_a_condition_that_fails_changes_nothing(self, subject: Subject, volume: str) -> None:
        _needs_name(subject)
        made = subject.ready(volume, "before")
        request = UpdateSnapshot(name="after", only_if=_refuse)
        change = subject.driver.update_snapshot
        with pytest.raises(DriverError) as caught:
            change(made.id, request, deadline=subject.harness.deadline())
        assert caught.value is _REFUSAL, "what a condition raises is not the driver's to change"
        assert subject.get(made.id) == made

    def test_a_change_that_comes_too_late_is_refused(self, subject: Subject, volume: str) -> None:
        """What a condition has compared is what was there, and not what is there now."""
        _needs_name(subject)
        before = subject.ready(volume, "before")

        def is_as_before(snapshot: StorageSnapshot) -> None:
            if snapshot.name != before.name:
                raise _REFUSAL

        first = UpdateSnapshot(name="first", only_if=is_as_before)
        assert subject.account.update_snapshot(before.id, first).name == "first"
        second = UpdateSnapshot(name="second", only_if=is_as_before)
        error = refused(subject.account.update_snapshot, before.id, second)
        assert error.code is ErrorCode.PRECONDITION_FAILED
        assert subject.get(before.id).name == "first"


class EndingCases:
    """What a driver tells of how things have begun and of how they end."""

    def test_the_last_failure_is_text_or_nothing(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        for id_ in (trio[0].id, subject.harness.missing_id()):
            deadline = subject.harness.deadline()
            told = outcome(
                subject.kind, lambda i=id_, d=deadline: subject.driver.last_failure(i, deadline=d)
            )
            assert isinstance(told, str | DriverError | None)
            assert told != "", "an empty reason is none"

    @requires(Capability.SNAPSHOT_DELETE, Capability.SHOWS_DELETING)
    def test_what_is_being_deleted_is_shown_so(self, subject: Subject, volume: str) -> None:
        snapshot = subject.snapshot(volume, "doomed")
        subject.account.delete_snapshot(snapshot.id)
        end = time.monotonic() + subject.harness.wait_s
        while True:
            found = outcome(subject.kind, subject.get, snapshot.id)
            if isinstance(found, DriverError):
                assert found.code is ErrorCode.NOT_FOUND
                return
            assert found.state is SnapshotState.DELETING
            assert time.monotonic() < end, "it does not go"
            time.sleep(0.01)

    @requires(Capability.SNAPSHOT_CREATE)
    def test_the_later_one_shows_the_later_time(self, subject: Subject, volume: str) -> None:
        """But for ``created_tick_s``: of two with one key the older one stays."""
        made = [subject.ready(volume, f"time-{n}") for n in range(3)]
        for one, other in pairwise(made):
            if one.created is not None and other.created is not None:
                passed = (other.created - one.created).total_seconds()
                assert passed >= -subject.kind.created_tick_s


_REFUSAL = DriverError(ErrorCode.PRECONDITION_FAILED, "somebody else has changed it")


def _refuse(_: StorageSnapshot) -> None:
    raise _REFUSAL


def _needs_name(subject: Subject) -> None:
    if subject.kind.limits.name < len("before"):
        pytest.skip(f"{subject.kind.__name__} has no room for names")
