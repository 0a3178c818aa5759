"""Whatever is made in trouble: one of it, and the truth about it."""

from tests.faults.backends import CREATIONS
from tests.faults.cases import Case, cases
from tests.faults.requests import creation
from tests.faults.troubles import BACK_AT_ONCE, NOTHING_DONE
from tests.faults.world import GOOD, check_told, document, sent_again


@cases(CREATIONS)
def test_a_creation_in_trouble_makes_one_and_tells_the_truth(case: Case) -> None:
    _without_a_key(case)
    asked = creation(case.operation, case.world.backend, case.gateway)
    before = asked.held().keys()
    with case.world.proxy.troubled(case.trouble):
        answer = asked.ask(case.troubled, "the-key")
    assert case.is_struck, f"the trouble has met nothing: {answer.text}"
    made_now = {id_: one for id_, one in asked.held().items() if id_ not in before}
    check_told(answer, made_now, lambda marker: asked.found_by(case.gateway, marker))
    again = sent_again(lambda: asked.ask(case.troubled, "the-key"))
    (kept,) = asked.held().keys() - before
    assert document(again)["id"] == kept
    elsewhere = sent_again(lambda: asked.ask(case.gateway, "the-key"))
    assert document(elsewhere)["id"] == kept
    assert elsewhere.headers["Idempotency-Replayed"] == "true"
    assert asked.held().keys() - before == {kept}


def _without_a_key(case: Case) -> None:
    """Let the request that nobody will repeat meet the trouble first."""
    asked = creation(case.operation, case.world.backend, case.gateway)
    before = asked.held().keys()
    with case.world.proxy.troubled(case.trouble):
        answer = asked.ask(case.troubled)
        made_in_time = asked.held().keys() - before
    assert case.is_struck, f"the trouble has met nothing: {answer.text}"
    made_now = {id_: one for id_, one in asked.held().items() if id_ not in before}
    if case.trouble in NOTHING_DONE:
        assert not made_now
    if made_in_time and case.trouble in BACK_AT_ONCE:
        assert answer.status_code in GOOD, f"made, and not adopted: {answer.text}"
    check_told(answer, made_now, lambda marker: asked.found_by(case.gateway, marker))
