"""Waits: how often they look, how long, and what they make of what they see."""

import threading
import time
from collections.abc import Callable

import pytest

from gateway.core import waiting
from gateway.core.waiting import Patience, Polls, Wait, Watch
from gateway.driver import Deadline, DriverError, ErrorCode

E = ErrorCode


class Time:
    """Stands for the module ``time``: sleeping moves it on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 0.25, "nobody sleeps longer than a hang-up may go unnoticed"
        self.now += seconds
        self.slept.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    monkeypatch.setattr(waiting, "time", found)
    return found


def looks(clock: Time, seconds: float, outcome: Callable[[], str]) -> list[float]:
    """Return when a wait of so many seconds looks that sees ``outcome``."""
    seen: list[float] = []

    def look(_: Deadline) -> str:
        seen.append(clock.now - 1000)
        return outcome()

    wait = Wait(Patience(seconds), Polls(1000), "cloud")
    wait.until(look, lambda found: found == "done")
    return seen


def test_pauses_grow_and_the_last_look_is_shortly_before_the_end(clock: Time) -> None:
    found = looks(clock, 60, lambda: "busy")
    pauses = [b - a for a, b in zip([0, *found], found, strict=False)]
    assert pauses[0] < 0.15
    assert all(pause < 5 * 1.25 + 0.01 for pause in pauses)
    assert 15 <= len(found) <= 25, "a wait of a minute is a bounded number of looks"
    assert 59 <= found[-1] <= 60
    assert clock.now - 1000 <= 60


@pytest.mark.parametrize("seconds", [0.4, 1, 2])
def test_a_short_wait_looks_before_its_end(clock: Time, seconds: float) -> None:
    found = looks(clock, seconds, lambda: "busy")
    assert found
    assert seconds - 0.5 <= found[-1] <= seconds
    assert clock.now - 1000 <= seconds


@pytest.mark.parametrize(
    ("look_s", "before_s"), [(0.0, 0.1), (0.01, 0.1), (0.1, 0.2), (0.2, 0.4), (0.9, 0.5)]
)
def test_the_last_look_is_as_late_as_those_before_let_it_be(
    clock: Time, look_s: float, before_s: float
) -> None:
    began: list[float] = []

    def look(_: Deadline) -> str:
        began.append(clock.now - 1000)
        clock.now += look_s
        return "busy"

    Wait(Patience(8), Polls(1000), "cloud").until(look, lambda _: False)
    assert began[-1] <= 8 - before_s + 1e-6
    assert began[-1] + look_s >= 8 - before_s - 1e-6, "there was time for another one"


def test_no_wait_is_no_look(clock: Time) -> None:
    assert looks(clock, 0, lambda: "done") == []
    assert clock.slept == []


def test_waits_that_begin_together_do_not_look_together(clock: Time) -> None:
    first = looks(clock, 30, lambda: "busy")
    clock.now = 1000.0
    second = looks(clock, 30, lambda: "busy")
    assert not set(first[:10]) & set(second[:10])


def test_the_end_of_what_is_waited_for_ends_the_wait(clock: Time) -> None:
    left = iter(["busy", "busy", "done"])
    assert len(looks(clock, 60, lambda: next(left))) == 3
    assert clock.now - 1000 < 1


def raising(*codes: ErrorCode, retry_after_s: float | None = None) -> Callable[[Deadline], str]:
    left = iter(codes)

    def look(_: Deadline) -> str:
        for code in left:
            raise DriverError(code, "no", retry_after_s=retry_after_s)
        return "done"

    return look


HOPEFUL = [E.UNAVAILABLE, E.TIMEOUT, E.RATE_LIMITED, E.BACKEND, E.NOT_FOUND]


def test_looks_that_may_work_later_are_made_again(clock: Time) -> None:
    waited = Wait(Patience(60), Polls(1000), "cloud").until(raising(*HOPEFUL), bool, seen="old")
    assert (waited.item, waited.is_over, waited.error) == ("done", True, None)


@pytest.mark.parametrize("code", sorted(set(E) - set(HOPEFUL)))
def test_a_look_without_hope_ends_the_wait_and_is_not_raised(clock: Time, code: ErrorCode) -> None:
    waited = Wait(Patience(60), Polls(1000), "cloud").until(raising(code), bool, seen="old")
    assert (waited.item, waited.is_over) == ("old", False)
    assert waited.error is not None
    assert waited.error.code is code
    assert clock.now - 1000 < 1


def test_what_a_backend_asks_for_is_waited(clock: Time) -> None:
    look = raising(E.RATE_LIMITED, retry_after_s=20)
    Wait(Patience(60), Polls(1000), "cloud").until(look, bool)
    assert 15 <= clock.now - 1000 <= 26


def test_gone_is_the_end_of_a_deletion_only(clock: Time) -> None:
    look = raising(E.NOT_FOUND)
    waited = Wait(Patience(60), Polls(1000), "cloud").until(look, bool, ends_when_gone=True)
    assert (waited.item, waited.is_gone, waited.is_over) == (None, True, False)


def test_who_has_gone_is_not_waited_with(clock: Time) -> None:
    patience = Patience(60, lambda: clock.now > 1003)
    waited = Wait(patience, Polls(1000), "cloud").until(lambda _: "busy", lambda _: False)
    assert (waited.item, waited.is_over) == ("busy", False)
    assert clock.now - 1000 < 3.5


def test_a_look_has_what_the_wait_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def look(limit: Deadline) -> str:
        found.append(limit.remaining_s())
        return "busy"

    Wait(Patience(0.6), Polls(1000), "cloud").until(look, lambda _: False)
    assert found
    assert all(0 < left < 0.6 for left in found)


def test_a_backend_is_asked_so_often_a_second_and_others_beside_it(clock: Time) -> None:
    polls = Polls(10)
    slots = [polls.reserve("a", before=2000) for _ in range(30)]
    assert slots == pytest.approx([1000 + n / 10 for n in range(30)])
    assert polls.reserve("b", before=2000) == 1000
    assert polls.reserve("a", before=1003) is None
    assert polls.reserve("a", before=1003.1) == pytest.approx(1003)
    clock.now = 1100
    assert polls.reserve("a", before=2000) == 1100


def test_many_who_wait_share_the_budget() -> None:
    polls, count, lock = Polls(20), [0], threading.Lock()

    def look(_: Deadline) -> str:
        with lock:
            count[0] += 1
        return "busy"

    def wait() -> None:
        Wait(Patience(1.5), polls, "cloud").until(look, lambda _: False)

    threads = [threading.Thread(target=wait) for _ in range(40)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - start < 3
    assert 15 <= count[0] <= 32, "20 a second, however many wait"


def test_what_judges_a_look_may_end_the_wait(clock: Time) -> None:
    def is_over(_: str) -> bool:
        raise DriverError(E.CONFLICT, "back again")

    with pytest.raises(DriverError, match="back again"):
        Wait(Patience(60), Polls(1000), "cloud").until(lambda _: "busy", is_over)


def test_many_things_of_one_wait_share_the_budget_and_take_turns(clock: Time) -> None:
    seen: list[tuple[int, float]] = []

    def watch(number: int) -> Watch[str]:
        def look(_: Deadline) -> str:
            seen.append((number, clock.now - 1000))
            return "done" if number else "busy"

        return Watch(look, lambda found: found == "done")

    things = [watch(number) for number in range(20)]
    Wait(Patience(4), Polls(10), "cloud").watch(things)
    assert [number for number, _ in seen[:20]] == list(range(20))
    assert seen[19][1] > 1.8, "ten a second"
    assert {number for number, _ in seen[20:]} == {0}, "what has ended is looked at no more"
    assert [thing.result().is_over for thing in things] == [False, *[True] * 19]
    assert clock.now - 1000 <= 4
