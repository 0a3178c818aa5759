"""What Acme's errors and failed exchanges mean, without I/O.

Source: the error codes of acme/refusals.py, which stands for Acme's documentation.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

import requests

from gateway.driver import DriverError, ErrorCode, invalid, retry_after_s, was_sent

_E = ErrorCode
_BY_CODE: Mapping[str, tuple[ErrorCode, str]] = {
    "bad_value": (_E.INVALID, "Acme refuses a value of the request"),
    "broken": (_E.BACKEND, "Acme failed inside"),
    "disk_attached": (_E.CONFLICT, "the volume is attached to a machine; detach it first"),
    "disk_gone": (_E.CONFLICT, "the snapshot's volume does not exist any more"),
    "full": (_E.QUOTA, "the account has as many snapshots as it may have"),
    "key_unknown": (_E.UNAUTHENTICATED, "Acme does not accept the account and its API key"),
    "maintenance": (_E.UNAVAILABLE, "Acme is down for maintenance"),
    "no_disk": (_E.NOT_FOUND, "there is no such volume"),
    "no_path": (_E.BACKEND, "the endpoint is no API of Acme's; see the option endpoint"),
    "no_snapshot": (_E.NOT_FOUND, "there is no such snapshot"),
    "not_allowed": (_E.DENIED, "Acme does not allow this account to do that"),
    "not_done": (_E.CONFLICT, "it is still being made; try again once it is available"),
    "slow_down": (_E.RATE_LIMITED, "Acme asks for fewer requests"),
    "version_changed": (_E.CONFLICT, "somebody else has changed the snapshot just now"),
}
_BY_STATUS: Mapping[int, tuple[ErrorCode, str]] = {
    HTTPStatus.TOO_MANY_REQUESTS: (_E.RATE_LIMITED, "a proxy asks for fewer requests"),
    HTTPStatus.BAD_GATEWAY: (_E.UNAVAILABLE, "Acme cannot be reached by its proxy"),
    HTTPStatus.SERVICE_UNAVAILABLE: (_E.UNAVAILABLE, "Acme cannot be reached by its proxy"),
    HTTPStatus.GATEWAY_TIMEOUT: (_E.UNAVAILABLE, "Acme cannot be reached by its proxy"),
}
"""Answers that are not Acme's own: they have no code."""
_FIELDS = {
    "disk": "volume_id",
    "label": "name",
    "note": "description",
    "size_mib": "size_bytes",
    "tags": "metadata",
}
"""Acme's word for a field -> the request's."""
_SERVER_ERRORS = range(500, 600)


def check(response: requests.Response) -> None:
    """Raise HTTPError for all that is no success."""
    if response.status_code not in {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT}:
        raise requests.HTTPError(f"status {response.status_code}", response=response)


@contextmanager
def understanding(*, maybe_done: bool = False) -> Iterator[None]:
    """Turn what reading a wrong answer raises into ``backend``."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as exc:
        text = "the endpoint answered with something that is no answer of Acme's"
        raise DriverError(_E.BACKEND, text, maybe_done=maybe_done) from exc


def classify(exc: Exception) -> DriverError | None:
    """Return what an exception of requests means; None for a bug of ours."""
    if isinstance(exc, requests.HTTPError) and exc.response is not None:
        return _of_answer(exc.response)
    if isinstance(exc, requests.RequestException):
        if not was_sent(exc):
            return DriverError(_E.UNAVAILABLE, "Acme's endpoint cannot be reached")
        if isinstance(exc, requests.Timeout):
            return DriverError(_E.TIMEOUT, "Acme did not answer in time")
        return DriverError(_E.UNAVAILABLE, "the connection broke before the whole answer")
    return None


def is_lost(exc: requests.RequestException) -> bool:
    """Return whether the change that failed like this may have happened."""
    if exc.response is None:
        return was_sent(exc)
    return code_of(exc.response) is None and exc.response.status_code in _SERVER_ERRORS


def code_of(response: requests.Response | None) -> str | None:
    """Return Acme's code for an error; None for an answer that is not Acme's own."""
    code = None if response is None else _said(response).get("code")
    return code if isinstance(code, str) and code in _BY_CODE else None


def _of_answer(response: requests.Response) -> DriverError:
    name = code_of(response)
    unknown = (_E.BACKEND, f"the endpoint answers with status {response.status_code}")
    code, text = _BY_CODE[name] if name else _BY_STATUS.get(response.status_code, unknown)
    field = _FIELDS.get(str(_said(response).get("field")))
    fields = {}
    if code is _E.INVALID and field:
        fields = {field: "Acme refuses this value"}
        text = invalid(fields).message
    return DriverError(
        code, text, fields=fields, backend_code=name, retry_after_s=retry_after_s(response)
    )


def _said(response: requests.Response) -> Mapping[str, object]:
    """Return the error that an answer holds, nothing for what is not Acme's."""
    try:
        error = response.json()["error"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return error if isinstance(error, dict) else {}
