"""What a refusal is about: a state, a pause, a limit, an account, or no CloudSigma at all."""

import json
from typing import Any, TypeAlias

import pytest
import requests

from drivers.cloudsigma import errors
from gateway.driver import ErrorCode
from tests.unit.cloudsigma_errors import MISSING, OTHERS, UUID, entry, of
from tests.unit.cloudsigma_samples import HTML, classified, raised, response, told

E: TypeAlias = ErrorCode
REFUSED = [
    ('Cannot clone snapshot in state "creating". Snapshot should be in state "a"', E.CONFLICT),
    ('Cannot delete drive in state "cloning_dst"', E.CONFLICT),
    ('permissions: in state "mounted"', E.CONFLICT),
    ('Snapshot should be in state "available"', E.DENIED),
    ("Too many login attempts. Try again in 5 minutes", E.DENIED),
    ("Too many failed logins", E.DENIED),
    ("You have exceeded the number of wrong passwords", E.DENIED),
    ('Cannot delete drive in state "Mounted"', E.DENIED),
    (f'in state "{"x" * 41}"', E.DENIED),
    ("A drive can have a remote snapshot every 30 minutes", E.CONFLICT),
    ("wait 1 minute", E.CONFLICT),
    ("Wait 30 MINUTES: limit exceeded", E.CONFLICT),
    ("there is a 30-minute pause", E.CONFLICT),
    ("minuteses", E.DENIED),
    ("Snapshot limit reached", E.QUOTA),
    ("Limit of snapshots", E.QUOTA),
    ("the maximum number of snapshots is 90", E.QUOTA),
    ("there can be at most 90", E.QUOTA),
    ("quota exceeded", E.QUOTA),
    ("Too many snapshots", E.QUOTA),
    ("unlimited", E.DENIED),
    (OTHERS["error_message"], E.DENIED),
    ("does not have the permissions; try in 30 minutes; limit", E.DENIED),
    ("", E.DENIED),
    (None, E.DENIED),
    (["limit"], E.QUOTA),
]


@pytest.mark.parametrize(("message", "code"), REFUSED)
@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one]], ids=["object", "list"])
def test_a_refusal_is_of_a_state_or_of_an_account(message: Any, code: E, wrap: Any) -> None:
    error = of(403, wrap(entry("permission", message)), to="POST remotesnapshots/")
    assert (error.code, error.backend_code, error.fields) == (code, "permission", {})
    assert error.is_retryable is False
    assert not message or str(message) not in told(error)


def test_each_refusal_says_what_to_do_about_it() -> None:
    texts = ["once in 30 minutes", "limit reached"]
    pause, limit = (
        of(403, [entry("permission", text)], to="POST remotesnapshots/").message for text in texts
    )
    assert "30 minutes" in pause
    assert limit == "the account or the volume has as many remote snapshots as it may have"


@pytest.mark.parametrize(
    ("message", "thing"),
    [
        ('Cannot edit snapshot in state "creating"', "the snapshot"),
        ('Cannot clone remote snapshot in state "creating". X should be', "the snapshot"),
        ('Cannot snapshot drive in state "creating"', "the volume"),
        ('The drive is in state "creating"', "the volume"),
        ('Cannot start guest in state "creating"', "the server"),
        ('while the previous one is in state "creating"', "what this is about"),
    ],
)
def test_a_wrong_state_says_whose_it_is(message: str, thing: str) -> None:
    error = of(403, [entry("permission", message)])
    assert error.message == f"{thing} is creating, which forbids that"


PAUSE = "Cannot create more than one remote snapshot of a drive within 30 minutes"
FULL = "Snapshot limit of 700 reached"


@pytest.mark.parametrize(
    ("to", "pause", "full"),
    [
        ("POST remotesnapshots/", E.CONFLICT, "remote snapshots"),
        ("POST snapshots/", E.DENIED, "snapshots"),
        ("POST drives/", E.DENIED, "volumes"),
        (f"POST snapshots/{UUID}/action/?do=clone", E.DENIED, "volumes"),
        (f"POST remotesnapshots/{UUID}/action/?do=clone", E.DENIED, "volumes"),
        ("GET snapshots/detail/", E.DENIED, None),
        ("GET remotesnapshots/detail/", E.DENIED, None),
        (f"PUT remotesnapshots/{UUID}/", E.DENIED, None),
        (f"DELETE drives/{UUID}/", E.DENIED, None),
    ],
)
def test_a_pause_and_a_limit_are_only_of_what_is_made(to: str, pause: E, full: str | None) -> None:
    assert of(403, [entry("permission", PAUSE)], to=to).code is pause
    error = of(403, [entry("permission", FULL)], to=to)
    assert error.code is (E.DENIED if full is None else E.QUOTA)
    assert full is None or f"has as many {full} as it may have" in error.message


def test_an_answer_to_an_unknown_request_is_no_bug_of_ours() -> None:
    for path in ("", "x", "snapshots/../", "?do=x"):
        assert of(403, [entry("permission", FULL)], to=f"POST {path}").code in (E.DENIED, E.QUOTA)
    assert classified(raised(response(403, json.dumps([entry("permission", FULL)])))).code is (
        E.DENIED
    )


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("body", [HTML, "", "{}", [entry("nginx")], [MISSING]])
def test_a_404_of_a_creation_counts_only_in_cloudsigmas_words(method: str, body: Any) -> None:
    is_known = body == [MISSING] or method != "POST"
    for path in ("snapshots/", f"snapshots/{UUID}/action/?do=clone"):
        error = of(404, body, to=f"{method} {path}")
        assert error.code is (E.NOT_FOUND if is_known else E.BACKEND)
        assert not error.maybe_done


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 600, 999])
def test_what_is_no_success_is_an_error(status: int) -> None:
    answer = response(status, '{"uuid": "u", "status": "x"}', Location="http://elsewhere/")
    with pytest.raises(requests.HTTPError) as caught:
        errors.check_status(answer)
    error = classified(caught.value)
    assert (error.code, str(status) in error.message) == (E.BACKEND, True)
    assert errors.is_lost(answer)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_what_is_a_success_is_none(status: int) -> None:
    errors.check_status(response(status))
