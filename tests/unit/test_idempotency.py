"""Which of two things with one key stays, where two servers have made one each."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.core.attempts import Attempts
from gateway.core.creations import Creations
from gateway.core.idempotency import Keyed, Made
from gateway.driver import (
    Capability,
    DriverError,
    ErrorCode,
    Marker,
    SnapshotState,
    StorageSnapshot,
)
from tests.unit.fakes import snapshot

MARKER, OTHER = Marker("m" * 32, "r" * 32), Marker("m" * 32, "x" * 32)
START = datetime(2026, 11, 21, tzinfo=UTC)
NO_TIME = None


def thing(thing_id: str, seconds: float | None = 0, marker: Marker = MARKER) -> StorageSnapshot:
    created = None if seconds is None else START + timedelta(seconds=seconds)
    return snapshot(thing_id, created=created, created_by=marker)


@dataclass
class Cloud:
    """What a backend shows to each look in turn, the last of them for ever."""

    shows: list[list[StorageSnapshot]]
    deleted: list[str] = field(default_factory=list)
    looks: int = 0
    refuses: Callable[[], None] = lambda: None

    def list_by(self, marker_id: str, seconds: float) -> list[StorageSnapshot]:
        assert marker_id == MARKER.id
        assert seconds > 0
        shown = self.shows[min(self.looks, len(self.shows) - 1)]
        self.looks += 1
        return [one for one in shown if one.id not in self.deleted]

    def delete(self, thing_id: str) -> None:
        self.refuses()
        self.deleted.append(thing_id)


def run(
    cloud: Cloud,
    mine: StorageSnapshot | DriverError,
    *,
    tick_s: float = 0,
    attempts: Attempts | None = None,
    can_delete: bool = True,
    get: Callable[[str], StorageSnapshot] = thing,
    marker: Marker = MARKER,
) -> Made[StorageSnapshot]:
    def send() -> StorageSnapshot:
        if isinstance(mine, DriverError):
            raise mine
        return mine

    creations: Creations[StorageSnapshot] = Creations(
        "snapshot",
        Capability.SNAPSHOT_MARKER,
        get,
        cloud.list_by,
        cloud.delete if can_delete else None,
        call_s=1.6,
        tick_s=tick_s,
    )
    keyed = Keyed(marker, b"me", creations, send)
    return keyed.run(attempts or Attempts())


def refused(*args: Any, **kw: Any) -> DriverError:
    with pytest.raises(DriverError) as caught:
        run(*args, **kw)
    return caught.value


def test_alone_mine_stays() -> None:
    cloud = Cloud([[], [thing("a")]])
    assert run(cloud, thing("a")) == Made(thing("a"))
    assert not cloud.deleted


def test_what_is_there_before_is_found_and_nothing_sent() -> None:
    cloud = Cloud([[thing("a")]])
    assert run(cloud, DriverError(ErrorCode.INTERNAL, "sent")) == Made(thing("a"), "key")


def test_the_older_one_stays_whatever_its_id() -> None:
    for older, younger in (("a", "b"), ("b", "a")):
        mine = thing(younger, 5)
        cloud = Cloud([[], [thing(older), mine]])
        assert run(cloud, mine) == Made(thing(older), "key")
        assert cloud.deleted == [younger]
        mine = thing(older)
        cloud = Cloud([[], [mine, thing(younger, 5)]])
        assert run(cloud, mine) == Made(mine)
        assert not cloud.deleted


@pytest.mark.parametrize("seconds", [0, 0.5, 1, NO_TIME])
def test_where_times_do_not_tell_the_larger_id_gives_way(seconds: float | None) -> None:
    mine = thing("b", 0.5 if seconds is not None else None)
    cloud = Cloud([[], [thing("a", seconds), mine]])
    error = refused(cloud, mine, tick_s=1)
    assert (error.code, error.retry_after_s) == (ErrorCode.CONFLICT, 2)
    assert (cloud.deleted, cloud.looks) == (["b"], 2), "at once, so that the other one is alone"


def test_the_smaller_id_stays_once_it_is_alone() -> None:
    mine, rival = thing("a"), thing("b")
    cloud = Cloud([[], [mine, rival], [mine, rival], [mine]])
    assert run(cloud, mine) == Made(mine)
    assert not cloud.deleted


def test_the_smaller_id_gives_way_too_if_the_other_does_not_go() -> None:
    """The other one may have been told to a client before this one came into being."""
    mine = thing("a")
    cloud = Cloud([[], [mine, thing("b")]])
    assert refused(cloud, mine).code is ErrorCode.CONFLICT
    assert cloud.deleted == ["a"]


def test_an_older_one_of_another_request_stays_and_is_told() -> None:
    mine = thing("b", 5)
    cloud = Cloud([[], [thing("a", 0, OTHER), mine]])
    assert refused(cloud, mine).code is ErrorCode.KEY_REUSED
    assert cloud.deleted == ["b"]


def test_what_cannot_be_deleted_yet_is_named() -> None:
    def refuse() -> None:
        raise DriverError(ErrorCode.CONFLICT, "it is creating")

    mine = thing("mine", 5)
    cloud = Cloud([[], [thing("theirs"), mine]], refuses=refuse)
    error = refused(cloud, mine)
    assert error.code is ErrorCode.CONFLICT
    assert "'mine'" in error.message
    assert "theirs" in error.message


def test_what_is_gone_already_has_given_way() -> None:
    def refuse() -> None:
        raise DriverError(ErrorCode.NOT_FOUND, "gone")

    mine = thing("b", 5)
    cloud = Cloud([[], [thing("a"), mine]], refuses=refuse)
    assert run(cloud, mine) == Made(thing("a"), "key")


def test_a_driver_that_cannot_delete_keeps_what_it_made() -> None:
    mine = thing("b", 5)
    assert run(Cloud([[], [thing("a"), mine]]), mine, can_delete=False) == Made(mine)


def test_what_was_adopted_is_never_deleted() -> None:
    """It may be that of another server, which has told a client of it."""
    lost = DriverError(ErrorCode.UNAVAILABLE, "cut", maybe_done=True)
    cloud = Cloud([[], [thing("b", 5)], [thing("a"), thing("b", 5)]])
    assert run(cloud, lost) == Made(thing("b", 5))
    assert not cloud.deleted
    both = Cloud([[], [thing("a"), thing("b", 5)]])
    error = refused(both, lost)
    assert error.code is ErrorCode.CONFLICT
    assert "a, b" in error.message
    assert not both.deleted


def test_a_marker_that_the_backend_itself_refuses_is_looked_for() -> None:
    taken = DriverError(ErrorCode.KEY_REUSED, "taken")
    assert run(Cloud([[], [thing("a")]]), taken) == Made(thing("a"), "key")
    assert refused(Cloud([[], [thing("a", 0, OTHER)]]), taken).code is ErrorCode.KEY_REUSED
    assert refused(Cloud([[]]), taken) is taken


def test_of_several_that_stay_the_oldest_is_the_answer_and_the_others_are_named() -> None:
    cloud = Cloud([[thing("c", 9), thing("b", NO_TIME), thing("a", 9)]])
    assert run(cloud, thing("x")) == Made(thing("a", 9), "key", ("c", "b"))
    assert not cloud.deleted


def test_what_is_being_deleted_is_no_duplicate() -> None:
    going = replace(thing("b", 5), state=SnapshotState.DELETING)
    assert run(Cloud([[thing("a"), going]]), thing("x")) == Made(thing("a"), "key")
    leaving = replace(thing("a"), state=SnapshotState.DELETING)
    both = Cloud([[leaving, thing("b", 5)]])
    assert run(both, thing("x")) == Made(thing("b", 5), "key"), "the one that stays"
    assert run(Cloud([[leaving]]), thing("x")) == Made(leaving, "key")


def test_what_is_not_shown_yet_is_given_up_later() -> None:
    tries: list[int] = []

    def refuse() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise DriverError(ErrorCode.NOT_FOUND, "EC2 does not show it yet")

    mine = thing("b", 5)
    cloud = Cloud([[], [thing("a"), mine]], refuses=refuse)
    assert run(cloud, mine) == Made(thing("a"), "key")
    assert cloud.deleted == ["b"]


def test_a_marker_that_somebody_damaged_is_that_of_another_request() -> None:
    damaged = Cloud([[thing("a", 0, Marker(MARKER.id, ""))]])
    assert refused(damaged, thing("b")).code is ErrorCode.KEY_REUSED


def test_a_failed_look_afterwards_is_no_failure_and_one_before_sends_nothing() -> None:
    class Blind(Cloud):
        blind_from = 1

        def list_by(self, marker_id: str, seconds: float) -> list[StorageSnapshot]:
            self.looks += 1
            if self.looks > self.blind_from:
                raise DriverError(ErrorCode.UNAVAILABLE, "down")
            return []

    assert run(Blind([]), thing("a")) == Made(thing("a"))
    nothing = Blind([])
    nothing.blind_from = 0
    assert refused(nothing, thing("a")).code is ErrorCode.UNAVAILABLE


def test_a_repeat_after_an_unknown_end_looks_longer_before_it_sends() -> None:
    attempts = Attempts()
    lost = DriverError(ErrorCode.UNAVAILABLE, "cut", maybe_done=True)
    error = refused(Cloud([[]]), lost, attempts=attempts)
    assert (error.code, error.marker, error.maybe_done) == (ErrorCode.TIMEOUT, MARKER.id, True)
    late = Cloud([[], [], [], [thing("late")]])
    unsent = DriverError(ErrorCode.INTERNAL, "sent")
    assert run(late, unsent, attempts=attempts) == Made(thing("late"), "key")
    assert late.looks == 4


def test_what_is_remembered_counts_only_while_it_is_there() -> None:
    """The backend shows its marker late; once it is deleted its key is free."""
    attempts = Attempts()
    assert run(Cloud([[]]), thing("a"), attempts=attempts) == Made(thing("a"))
    unsent = DriverError(ErrorCode.INTERNAL, "sent")
    assert run(Cloud([[]]), unsent, attempts=attempts) == Made(thing("a"), "key")
    hidden = [snapshot("a", created=START)]
    shown = run(Cloud([[]]), unsent, attempts=attempts, get=lambda _: hidden[0])
    assert shown == Made(hidden[0], "key")
    other: dict[str, Any] = {"attempts": attempts, "marker": OTHER}
    error = refused(Cloud([[]]), unsent, get=lambda _: hidden[0], **other)
    assert error.code is ErrorCode.KEY_REUSED

    def gone(_: str) -> StorageSnapshot:
        raise DriverError(ErrorCode.NOT_FOUND, "gone")

    assert run(Cloud([[]]), thing("b", 0, OTHER), get=gone, **other) == Made(thing("b", 0, OTHER))
