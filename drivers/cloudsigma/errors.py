"""What CloudSigma's errors and failed exchanges mean, without I/O.

Source: the API documentation of January 2026 (status codes, the closed set of
error types) and bodies seen by others; a body may be a list, an object, a page or empty.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson
import requests

from gateway.driver import DriverError, ErrorCode, invalid, retry_after_s, was_sent

_E = ErrorCode
NOT_CLOUDSIGMA = "the endpoint answered with something that is no answer of CloudSigma"
_TYPES = frozenset(
    {
        "backend",
        "billing",
        "concurrency",
        "database",
        "notexist",
        "payment",
        "permission",
        "validation",
    }
)
"""All that error_type can be; anything else may be whatever an endpoint wants us to show."""
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
_WRONG_STATE = re.compile(
    r'(?:\b(snapshot|drive|guest|server) )?(?:is )?(?<!should be )in state "([a-z_]{1,40})"'
)
_THINGS = {
    "snapshot": "the snapshot",
    "drive": "the volume",
    "guest": "the server",
    "server": "the server",
}
_UNKNOWN = re.compile(r"Object with uuid \S+ does not exist")
_TOO_SOON = re.compile(r"\bminutes?\b", re.IGNORECASE)
_LIMIT = re.compile(r"\b(limit|maximum|at most|exceeded|too many)\b", re.IGNORECASE)
_LOGIN = re.compile(r"\b(log-?ins?|attempts?|passwords?)\b", re.IGNORECASE)
"""Words that have their own minutes and limits."""
_MADE = {"snapshots": "snapshots", "remotesnapshots": "remote snapshots", "drives": "volumes"}
_LONGEST = 100


class Said(NamedTuple):
    """One entry of an error's body; the type is empty where it is none of CloudSigma's."""

    type: str
    point: str
    message: str


class Asked(NamedTuple):
    """What was refused: the method, the collection and, of a creation, what would be made."""

    method: str
    collection: str
    made: str


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


def not_cloudsigma(*, maybe_done: bool = False) -> DriverError:
    """Return the error for an answer that no CloudSigma gives."""
    return DriverError(_E.BACKEND, NOT_CLOUDSIGMA, maybe_done=maybe_done)


def check_status(response: requests.Response) -> None:
    """Raise HTTPError for all that is no success, a redirection that was not followed too."""
    if not HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        raise requests.HTTPError(f"status {response.status_code}", response=response)


def is_lost(response: requests.Response) -> bool:
    """Return whether a change with this answer, which is no success, may have happened."""
    return not HTTPStatus.BAD_REQUEST <= response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR


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


def is_unknown_drive(exc: requests.HTTPError) -> bool:
    """Return whether a snapshot was refused because there is no such drive.

    Which status CloudSigma gives then is undocumented: 404, or 400 naming the field.
    Other things can be wrong with a drive too; the words are those of its 404.
    """
    if exc.response is None:
        return False
    entries = said(exc.response)
    if status_of(exc) == HTTPStatus.NOT_FOUND:
        return any(entry.type for entry in entries)
    return status_of(exc) == HTTPStatus.BAD_REQUEST and any(
        entry.point == "drive" and (entry.type == "notexist" or _UNKNOWN.match(entry.message))
        for entry in entries
    )


def said(response: requests.Response) -> list[Said]:
    """Return the entries of an error's body, none for what is none of CloudSigma's."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return []
    entries = body if isinstance(body, list) else [body]
    return [
        Said(
            kind if isinstance(kind := entry.get("error_type"), str) and kind in _TYPES else "",
            str(entry.get("error_point") or "")[:_LONGEST],
            str(entry.get("error_message") or ""),
        )
        for entry in entries
        if isinstance(entry, dict)
    ]


def asked_of(response: requests.Response) -> Asked:
    """Return what an answer is the answer to."""
    request = response.request
    if request is None or request.url is None:
        return Asked("", "", "")
    *before, last = urlsplit(request.url).path.strip("/").split("/")
    collection = next((part for part in (last, *reversed(before)) if part in _MADE), "")
    made = "drives" if last == "action" else collection
    method = request.method or ""
    return Asked(method, collection, made if method == "POST" else "")


def _classify_answer(response: requests.Response) -> DriverError:
    entries, asked = said(response), asked_of(response)
    status = response.status_code
    kind = next((entry.type for entry in entries if entry.type), None)
    wait_s = retry_after_s(response)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        for entry in entries:  # any of them: a state is what the caller can wait for
            if state := _WRONG_STATE.search(entry.message):
                return _wrong_state(state, entry)
    if status == HTTPStatus.BAD_REQUEST:
        return _invalid(entries, kind)
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(entries, kind, asked)
    if status == HTTPStatus.NOT_FOUND and asked.made and kind is None:
        return not_cloudsigma()  # a proxy's page: what is missing is no object
    if status == HTTPStatus.SERVICE_UNAVAILABLE and kind == "concurrency":
        text = "another change of the same resource is under way; try again"
        return DriverError(_E.RATE_LIMITED, text, backend_code=kind, retry_after_s=wait_s or 1)
    code, text = _BY_STATUS.get(status, (_E.BACKEND, f"CloudSigma answers with status {status}"))
    return DriverError(code, text, backend_code=kind, retry_after_s=wait_s)


def _wrong_state(found: re.Match[str], entry: Said) -> DriverError:
    thing = _THINGS.get(found[1], "what this is about")
    text = f"{thing} is {found[2]}, which forbids that"
    return DriverError(_E.CONFLICT, text, backend_code=entry.type or None)


def _invalid(entries: list[Said], kind: str | None) -> DriverError:
    """Return the error that names every field which CloudSigma complains of."""
    points = [entry.point.split(".")[0] for entry in entries]
    fields = {_FIELDS[p]: "CloudSigma refuses this value" for p in points if p in _FIELDS}
    if not fields:
        text = "CloudSigma refuses the request's values"
        return DriverError(_E.INVALID, text, backend_code=kind)
    described = invalid(fields)
    return DriverError(_E.INVALID, described.message, fields=described.fields, backend_code=kind)


def _forbidden(entries: list[Said], kind: str | None, asked: Asked) -> DriverError:
    """Tell what an account may not do from what nobody can do now: both are a 403.

    What the pause and the limits are called is undocumented. So their words count
    only where they can apply: when something is made, and not of a login.
    """
    text = " ".join(entry.message for entry in entries)
    if "permissions" not in text and not _LOGIN.search(text):
        if asked.made == "remotesnapshots" and _TOO_SOON.search(text):
            pause = "the volume has had a remote snapshot within the last 30 minutes"
            return DriverError(_E.CONFLICT, pause, backend_code=kind)
        if asked.made and _LIMIT.search(text):
            return DriverError(_E.QUOTA, _full(asked.made), backend_code=kind)
    return DriverError(
        _E.DENIED, "CloudSigma does not allow this account to do that", backend_code=kind
    )


def _full(made: str) -> str:
    whose = "the account" if made == "drives" else "the account or the volume"
    return f"{whose} has as many {_MADE[made]} as it may have"
