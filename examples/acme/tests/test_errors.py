"""What Acme's errors mean, and when a change may have happened all the same."""

import json

import pytest
import requests

from acme import errors
from acme.driver import AcmeDriver
from acme.refusals import STATUS
from gateway.driver import DriverError, ErrorCode

E = ErrorCode
CODES = {
    "bad_value": E.INVALID,
    "broken": E.BACKEND,
    "disk_attached": E.CONFLICT,
    "disk_gone": E.CONFLICT,
    "full": E.QUOTA,
    "key_unknown": E.UNAUTHENTICATED,
    "maintenance": E.UNAVAILABLE,
    "no_disk": E.NOT_FOUND,
    "no_path": E.BACKEND,
    "no_snapshot": E.NOT_FOUND,
    "not_allowed": E.DENIED,
    "not_done": E.CONFLICT,
    "slow_down": E.RATE_LIMITED,
    "version_changed": E.CONFLICT,
}
FIELDS = [
    ("label", "name"),
    ("note", "description"),
    ("disk", "volume_id"),
    ("size_mib", "size_bytes"),
    ("tags", "metadata"),
]
PROXIES = [
    (400, E.BACKEND, False),
    (404, E.BACKEND, False),
    (429, E.RATE_LIMITED, False),
    (500, E.BACKEND, True),
    (502, E.UNAVAILABLE, True),
    (503, E.UNAVAILABLE, True),
    (504, E.UNAVAILABLE, True),
]
PAGES = [b"", b"<html>sesame</html>", b"[]", b'{"error": []}', b'{"error": {"code": ["full"]}}']


def answer(status: int, body: bytes) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    response.headers["Retry-After"] = "7"
    response._content = body
    with pytest.raises(requests.HTTPError) as caught:
        errors.check(response)
    return caught.value


def refusal(code: str, field: str | None = None) -> requests.HTTPError:
    return answer(STATUS[code], json.dumps({"error": {"code": code, "field": field}}).encode())


def meant(exc: Exception) -> DriverError:
    error = AcmeDriver.classify(exc)
    assert error is not None
    return error


def test_the_table_holds_every_code_of_acme() -> None:
    assert CODES.keys() == STATUS.keys()


@pytest.mark.parametrize("name", CODES)
def test_a_code_is_what_counts(name: str) -> None:
    error = meant(refusal(name))
    assert (error.code, error.backend_code) == (CODES[name], name)
    assert error.retry_after_s == 7
    assert not errors.is_lost(refusal(name)), "Acme says that nothing happened"


@pytest.mark.parametrize(("field", "ours"), FIELDS)
def test_a_bad_value_names_the_field_of_the_request(field: str, ours: str) -> None:
    error = meant(refusal("bad_value", field))
    assert list(error.fields) == [ours]
    assert ours in error.message


def test_a_field_that_the_request_has_not_is_not_named() -> None:
    assert meant(refusal("bad_value", "cursor")).fields == {}


@pytest.mark.parametrize(("status", "code", "is_lost"), PROXIES)
@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_acme_goes_by_its_status(
    status: int, code: ErrorCode, is_lost: bool, page: bytes
) -> None:
    error = meant(answer(status, page))
    assert (error.code, error.backend_code) == (code, None)
    assert "sesame" not in error.message, "a body is never told"
    assert errors.is_lost(answer(status, page)) is is_lost


@pytest.mark.parametrize(
    ("exc", "code", "is_lost"),
    [
        (requests.ConnectTimeout(), E.UNAVAILABLE, False),
        (requests.ReadTimeout(), E.TIMEOUT, True),
        (requests.ConnectionError(), E.UNAVAILABLE, True),
        (requests.exceptions.ChunkedEncodingError(), E.UNAVAILABLE, True),
    ],
)
def test_an_exchange_that_fails_is_classified(
    exc: requests.RequestException, code: ErrorCode, is_lost: bool
) -> None:
    assert meant(exc).code is code
    assert errors.is_lost(exc) is is_lost


def test_a_bug_is_none_of_ours_to_explain() -> None:
    assert AcmeDriver.classify(KeyError("rows")) is None


@pytest.mark.parametrize("maybe_done", [False, True])
def test_a_wrong_answer_keeps_its_cause(maybe_done: bool) -> None:
    with (
        pytest.raises(DriverError) as caught,
        errors.understanding(maybe_done=maybe_done),
    ):
        json.loads(b"<html>")
    assert caught.value.code is E.BACKEND
    assert caught.value.maybe_done is maybe_done
    assert isinstance(caught.value.__cause__, ValueError)
