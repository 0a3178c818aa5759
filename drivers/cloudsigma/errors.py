"""What CloudSigma's errors and failed exchanges mean, without I/O.

Source: the API documentation of January 2026 (status codes, the closed set of
error types) and bodies seen by others; a body may be a list, an object, a page or empty.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import orjson
import requests

from gateway.driver import DriverError, ErrorCode, invalid, retry_after_s, was_sent

_E = ErrorCode
_FIELDS = {
    "affinities": "affinities",
    "avoid": "avoid",
    "drive": "volume_id",
    "location": "location",
    "media": "media",
    "meta": "metadata",
    "name": "name",
    "size": "size_bytes",
    "storage_type": "media",
}
"""CloudSigma's error_point -> the request's field."""
_WRONG_STATE = re.compile(r'in state "([a-z_]{1,40})"')
_TOO_SOON = re.compile(r"\bminutes?\b", re.IGNORECASE)
_LIMIT = re.compile(r"\b(limit|maximum|at most|exceeded|too many)\b", re.IGNORECASE)
_LONGEST = 100


class Said(NamedTuple):
    """One entry of an error's body."""

    type: str
    point: str
    message: str


_BY_STATUS: Mapping[int, tuple[ErrorCode, str]] = {
    HTTPStatus.UNAUTHORIZED: (
        _E.UNAUTHENTICATED,
        "CloudSigma does not accept the e-mail address and password, or the token",
    ),
    HTTPStatus.PAYMENT_REQUIRED: (_E.QUOTA, "the account has not enough funds for that"),
    HTTPStatus.NOT_FOUND: (_E.NOT_FOUND, "CloudSigma does not find what the request names"),
    HTTPStatus.CONFLICT: (_E.CONFLICT, "another change is under way, or the state forbids this"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (_E.INVALID, "more than CloudSigma takes in one request"),
    HTTPStatus.TOO_MANY_REQUESTS: (_E.RATE_LIMITED, "CloudSigma asks for fewer requests"),
    HTTPStatus.INTERNAL_SERVER_ERROR: (_E.BACKEND, "CloudSigma failed inside"),
    HTTPStatus.BAD_GATEWAY: (_E.UNAVAILABLE, "CloudSigma cannot answer now"),
    HTTPStatus.SERVICE_UNAVAILABLE: (_E.UNAVAILABLE, "CloudSigma cannot do that now"),
    HTTPStatus.GATEWAY_TIMEOUT: (_E.UNAVAILABLE, "CloudSigma cannot answer now"),
}


def classify(exc: Exception) -> DriverError | None:
    """Return what an exception of requests means; None for a bug of ours."""
    if isinstance(exc, requests.HTTPError) and exc.response is not None:
        return _classify_answer(exc.response)
    if isinstance(exc, requests.exceptions.SSLError):
        return DriverError(
            _E.UNAVAILABLE,
            "the TLS connection to CloudSigma failed; is its certificate trusted? see verify",
        )
    if isinstance(exc, requests.RequestException):
        if not was_sent(exc):
            return DriverError(_E.UNAVAILABLE, "CloudSigma's endpoint cannot be reached")
        if isinstance(exc, requests.Timeout):
            return DriverError(_E.TIMEOUT, "CloudSigma did not answer in time")
        return DriverError(_E.UNAVAILABLE, "the connection broke before the whole answer")
    return None


def status_of(exc: requests.HTTPError) -> int:
    """Return the status that CloudSigma answered with."""
    return 0 if exc.response is None else exc.response.status_code


def is_about_drive(exc: requests.HTTPError) -> bool:
    """Return whether a snapshot was refused because there is no such drive.

    Which status CloudSigma gives then is undocumented: 404, or 400 naming the field.
    """
    if exc.response is None or status_of(exc) != HTTPStatus.BAD_REQUEST:
        return status_of(exc) == HTTPStatus.NOT_FOUND
    return any(entry.point == "drive" for entry in said(exc.response))


def said(response: requests.Response) -> list[Said]:
    """Return the entries of an error's body, none for what is none of CloudSigma's."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return []
    entries = body if isinstance(body, list) else [body]
    return [
        Said(
            str(entry.get("error_type") or "")[:_LONGEST],
            str(entry.get("error_point") or "")[:_LONGEST],
            str(entry.get("error_message") or ""),
        )
        for entry in entries
        if isinstance(entry, dict)
    ]


def _classify_answer(response: requests.Response) -> DriverError:
    entries = said(response)
    first = entries[0] if entries else Said("", "", "")
    status, kind = response.status_code, first.type or None
    wait_s = retry_after_s(response)
    state = _WRONG_STATE.search(first.message)
    if state and HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return DriverError(_E.CONFLICT, f"it is {state[1]}, which forbids that", backend_code=kind)
    if status == HTTPStatus.BAD_REQUEST:
        return _invalid(entries, kind)
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(first, kind)
    if status == HTTPStatus.SERVICE_UNAVAILABLE and kind == "concurrency":
        text = "another change of the same resource is under way; try again"
        return DriverError(_E.RATE_LIMITED, text, backend_code=kind, retry_after_s=wait_s or 1)
    code, text = _BY_STATUS.get(status, (_E.BACKEND, f"CloudSigma answers with status {status}"))
    return DriverError(code, text, backend_code=kind, retry_after_s=wait_s)


def _invalid(entries: list[Said], kind: str | None) -> DriverError:
    """Return the error that names every field which CloudSigma complains of."""
    points = [entry.point.split(".")[0] for entry in entries]
    fields = {_FIELDS[p]: "CloudSigma refuses this value" for p in points if p in _FIELDS}
    if not fields:
        text = "CloudSigma refuses the request's values"
        return DriverError(_E.INVALID, text, backend_code=kind)
    described = invalid(fields)
    return DriverError(_E.INVALID, described.message, fields=described.fields, backend_code=kind)


def _forbidden(first: Said, kind: str | None) -> DriverError:
    """Tell what an account may not do from what nobody can do now: both are a 403."""
    if "permissions" in first.message:
        pass
    elif _TOO_SOON.search(first.message):
        text = "the drive has had a remote snapshot within the last 30 minutes"
        return DriverError(_E.CONFLICT, text, backend_code=kind)
    elif _LIMIT.search(first.message):
        text = "the account or the drive has as many snapshots as it may have"
        return DriverError(_E.QUOTA, text, backend_code=kind)
    return DriverError(
        _E.DENIED, "CloudSigma does not allow this account to do that", backend_code=kind
    )
