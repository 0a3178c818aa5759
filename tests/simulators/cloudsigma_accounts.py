"""Sessions: ``/accounts/action/``."""

from flask import Blueprint, Response, g

from tests.simulators.cloudsigma_auth import Gate
from tests.simulators.cloudsigma_call import Call, current
from tests.simulators.cloudsigma_errors import lacks, missing
from tests.simulators.cloudsigma_input import definition, require

accounts = Blueprint("accounts", __name__, url_prefix="/api/2.0/accounts")
_SESSION_S = 1_209_600
_CSRF_S = 31_449_600


@accounts.post("/action/")
def act() -> Response:
    """Begin a session, end it, or tell whose it is."""
    call = current()
    gate: Gate = g.gate
    action = call.query.get("do")
    if action == "login":
        return _log_in(call, gate)
    if action == "logout":
        gate.log_out(call.request)
        return call.answer({})
    if action == "check_login":
        return call.answer({"uuid": call.account.uuid})
    if not action:
        raise missing("do")
    raise lacks(f"accounts' action {action}")


def _log_in(call: Call, gate: Gate) -> Response:
    given = definition(call)
    require(given, "username", "password")
    found, session, csrf = gate.log_in(str(given["username"]), str(given["password"]))
    call.request.user = found.email
    answer = call.answer({"uuid": found.uuid})
    answer.set_cookie("csrftoken", csrf, max_age=_CSRF_S)
    answer.set_cookie("sessionid", session, max_age=_SESSION_S, httponly=True)
    return answer
