"""What a case of the matrix does, and what must be so then."""

import functools
import time
from collections.abc import Callable
from typing import Any

from tests.faults.answers import GOOD, Told, check_problem, check_told, ids_told, told
from tests.faults.backends import Backend, Held
from tests.faults.cases import Case, NotStruckError
from tests.faults.requests import REQUESTS, Change, Creation, creation
from tests.faults.troubles import BACK_AT_ONCE, NOTHING_DONE, Trouble
from tests.faults.world import Send, sent_again

_GONE_S = 10
_TRIES = 3


def _struck(trial: Callable[[Case], None]) -> Callable[[Case], None]:
    """Try a case again with more time if its request gave up before the trouble met it.

    The time of a call is short for the sake of troubles that outlast it, and a busy machine may
    stand still for as long.
    """

    @functools.wraps(trial)
    def tried(case: Case) -> None:
        for _ in range(_TRIES - 1):
            try:
                return trial(case)
            except NotStruckError:
                time.sleep(case.patience_s)  # what is under way yet would count as made by the next
                case = case.with_more_time()
        return trial(case)

    return tried


@_struck
def creation_in_trouble(case: Case) -> None:
    """Whatever is made in trouble with a key: one of it, and the truth about it."""
    asked = creation(case.operation, case.world.backend, case.gateway)
    made = _news(asked)
    named = _made_in_trouble(case, asked, case.key)
    again = sent_again(lambda: asked.ask(case.troubled, case.key))
    asked.check_places(told(again, asked.count))
    kept = ids_told(again, asked.count)
    assert made().keys() == set(kept)
    assert all(one in (None, id_) for one, id_ in zip(named, kept, strict=True))
    elsewhere = sent_again(lambda: asked.ask(case.gateway, case.key))
    assert ids_told(elsewhere, asked.count) == kept
    assert elsewhere.headers["Idempotency-Replayed"] == "true"
    assert made().keys() == set(kept)


@_struck
def creation_without_a_key(case: Case) -> None:
    """The same of a request that nobody can repeat."""
    asked = creation(case.operation, case.world.backend, case.gateway)
    _made_in_trouble(case, asked, None)


def _made_in_trouble(case: Case, asked: Creation, key: str | None) -> list[str | None]:
    """Let a creation meet the trouble and return the id of each thing that is named, if any."""
    made = _news(asked)
    with case.world.proxy.troubled(case.trouble, nth=_in_the_middle(asked.count)):
        answer = asked.ask(case.troubled, key)
        made_in_time = made()
    case.check_struck(answer)
    made_now = made()
    if case.trouble in NOTHING_DONE:
        assert len(made_now) < asked.count
    if len(made_in_time) == asked.count and case.trouble in BACK_AT_ONCE:
        assert answer.status_code in GOOD, f"made, and not adopted: {answer.text}"
    each = told(answer, asked.count)
    return check_told(each, made_now, lambda marker: asked.found_by(case.gateway, marker))


def _news(asked: Creation) -> Callable[[], Held]:
    """Return what tells what there is of a kind that there is not now."""
    before = asked.held().keys()
    return lambda: {id_: one for id_, one in asked.held().items() if id_ not in before}


def _in_the_middle(count: int) -> int:
    """Return which of the calls for so many things the trouble strikes."""
    return (count + 1) // 2


@_struck
def change_in_trouble(case: Case) -> None:
    """Whatever is changed in trouble: all of it or nothing, or nobody is told so."""
    asked = REQUESTS[case.operation]
    if asked.count > 1:
        _change(case, asked, nth=_in_the_middle(asked.count))
        return
    steps = 1 if case.trouble is Trouble.REFUSED else _steps(case, asked)
    for nth in range(1, steps + 1):
        _change(case, asked, nth=nth)


_known_steps: dict[tuple[type[Backend], str], int] = {}


def _steps(case: Case, asked: Change) -> int:
    """Return how many calls a change takes: EC2 takes one to try, and two to do it."""
    proxy, backend = case.world.proxy, case.world.backend
    what = (type(backend), case.operation)
    if what not in _known_steps:
        ids, before = asked.prepare(case.gateway, backend), proxy.carried_out
        sent_again(lambda: asked.ask(case.gateway, ids), good=(*GOOD, 204))
        _known_steps[what] = proxy.carried_out - before
        for id_ in ids:
            wait_for(asked, case.gateway, id_, backend.held)
    return _known_steps[what]


def _change(case: Case, asked: Change, *, nth: int) -> None:
    """Let a change meet the trouble at its nth step."""
    proxy, backend = case.world.proxy, case.world.backend
    ids = asked.prepare(case.gateway, backend)
    before = [asked.facts(case.gateway, one) for one in ids]
    others, carried_out = backend.held().keys() - set(ids), proxy.carried_out
    with proxy.troubled(case.trouble, nth=nth):
        answer = asked.ask(case.troubled, ids)
    case.check_struck(answer)
    each = told(answer, asked.count)
    done = proxy.carried_out - carried_out
    assert done >= sum(one.problem is None for one in each), "a success that there was not"
    for id_, was, one in zip(ids, before, each, strict=True):
        check_changed(asked, case.gateway, id_, was, one)
        if case.operation == "revert" and one.problem and one.problem["outcome"] is None:
            assert not done, f"reverted, told as failed: {one.problem}"
    sent_again(lambda: asked.ask(case.troubled, ids), good=(*GOOD, 204, *asked.again))
    for id_ in ids:
        wait_for(asked, case.gateway, id_, backend.held)
    assert others <= backend.held().keys(), "something else is lost"


def check_changed(
    asked: Change, send: Send, id_: str, before: dict[str, Any] | None, one: Told
) -> None:
    """Check that what is told of a change is so."""
    if one.problem is None:
        wait_for(asked, send, id_)
        return
    check_problem(one)
    if one.problem["outcome"] is None:
        assert asked.facts(send, id_) == before, f"changed, told as failed: {one.problem}"


def wait_for(asked: Change, send: Send, id_: str, held: Callable[[], Held] = dict) -> None:
    """Wait until it is so as it was asked for; what is gone is so from the backend, too."""
    end = time.monotonic() + _GONE_S
    while (found := asked.facts(send, id_)) != asked.wanted or (
        asked.wanted is None and id_ in held()
    ):
        assert time.monotonic() < end, f"{found} instead of {asked.wanted}"
        time.sleep(0.02)
