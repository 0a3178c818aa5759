"""Whatever is changed in trouble: all of it or nothing, or nobody is told so."""

import time
from typing import Any

from tests.faults.backends import CHANGES
from tests.faults.cases import Case, cases
from tests.faults.requests import REQUESTS, facts, made
from tests.faults.world import GOOD, Send, json_of, sent_again

_GONE_S = 5


@cases(CHANGES)
def test_a_change_in_trouble_is_made_or_told(case: Case) -> None:
    for nth in (1, 2, 3):  # EC2 takes a call to try, and two to do it
        snapshot = made(case.gateway, case.world.backend.make_volume())
        if not _is_met_by_a_change(case, snapshot["id"], nth):
            assert nth > 1, "the trouble has met nothing"
            return


def _is_met_by_a_change(case: Case, snapshot_id: str, nth: int) -> bool:
    """Let a change meet the trouble at its nth step; return whether it has so many."""
    asked, proxy, backend = REQUESTS[case.operation], case.world.proxy, case.world.backend
    before, others = facts(case.gateway, snapshot_id), backend.snapshots().keys() - {snapshot_id}
    carried_out = proxy.carried_out
    with proxy.troubled(case.trouble, nth=nth):
        answer = asked.ask(case.troubled, snapshot_id)
    is_met = case.is_struck
    if answer.status_code in (*GOOD, 204):
        _wait_for(case.gateway, snapshot_id, asked.wanted)
        assert proxy.carried_out > carried_out, "a success that there was not"
    elif (problem := json_of(answer))["outcome"] is None:
        assert facts(case.gateway, snapshot_id) == before, f"changed, told as failed: {problem}"
        if case.operation == "revert":
            assert proxy.carried_out == carried_out, f"reverted, told as failed: {problem}"
    assert answer.status_code != 500, answer.text
    sent_again(lambda: asked.ask(case.troubled, snapshot_id), good=(*GOOD, 204, *asked.again))
    _wait_for(case.gateway, snapshot_id, asked.wanted)
    assert others <= backend.snapshots().keys(), "another snapshot is lost"
    return is_met


def _wait_for(send: Send, snapshot_id: str, wanted: dict[str, Any] | None) -> None:
    end = time.monotonic() + _GONE_S
    while facts(send, snapshot_id) != wanted:
        assert time.monotonic() < end, f"{facts(send, snapshot_id)} instead of {wanted}"
        time.sleep(0.02)
