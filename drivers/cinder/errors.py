"""What goes wrong between here and Cinder, in the gateway's words, without I/O.

Cinder's codes are coarse: 400 and ``badRequest`` stand for a wrong state as well
as for a wrong value, so the message has to be read where the code does not tell.
Messages as observed on Cinder 29.0.0 in November 2026; the words before the
colon ("Invalid snapshot", "Invalid volume") are those of cinder/exception.py.
"""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import NamedTuple

import openstack.exceptions as sdk
import requests
import urllib3.exceptions
from keystoneauth1 import exceptions as keystone

from gateway.driver import DriverError, ErrorCode, invalid

_E = ErrorCode
_LONGEST_ID = 100
_FIELDS = {
    "availability_zone": "zone",
    "description": "description",
    "metadata": "metadata",
    "name": "name",
    "size": "size_bytes",
    "volume_id": "volume_id",
    "volume_type": "media",
}
"""Cinder's name for a field -> the request's."""


class _Meaning(NamedTuple):
    """What a message of Cinder's means; its groups fill the braces of ``message``."""

    pattern: re.Pattern[str]
    code: ErrorCode
    message: str
    field: str | None = None


def _meanings(
    *rows: tuple[str, ErrorCode, str] | tuple[str, ErrorCode, str, str],
) -> list[_Meaning]:
    return [_Meaning(re.compile(row[0]), *row[1:]) for row in rows]


MEANINGS: Mapping[int, list[_Meaning]] = {
    HTTPStatus.BAD_REQUEST: _meanings(
        (
            r"Invalid snapshot: Snapshot +(status must be|must not be part)",
            _E.CONFLICT,
            "Cinder deletes a snapshot only while it is available or in error, and only one "
            "that is not part of a group snapshot",
        ),
        (
            r"Invalid snapshot: Originating snapshot status",
            _E.CONFLICT,
            "a volume can be made only of a snapshot that is available",
        ),
        (
            r"Invalid volume: Volume \S+ status must be ([a-z, -]+), but current status is: "
            r"([a-z_-]+)",
            _E.CONFLICT,
            "the volume is {1}; a snapshot can be taken while it is {0}",
        ),
        (
            r"Invalid volume: The snapshot cannot be created when the volume is in ([a-z]+)",
            _E.CONFLICT,
            "no snapshot can be taken of a volume in the state {0}",
        ),
        (
            r"Invalid volume: Volume status must be",
            _E.CONFLICT,
            "Cinder deletes a volume only while it is available or in error, and only one "
            "without attachment, group and snapshots",
        ),
        (r"Invalid snapshot: ", _E.CONFLICT, "the snapshot is in a state that forbids it"),
        (r"Invalid volume: ", _E.CONFLICT, "the volume is in a state that forbids it"),
        (
            r"Specified snapshot \S+ is None or not the latest one",
            _E.CONFLICT,
            "a volume can be set back to its latest snapshot only",
        ),
        (
            r".*Availability zone .* is invalid",
            _E.INVALID,
            "no such availability zone in this cloud",
            "zone",
        ),
        (
            r".*Volume size .* cannot be smaller than the snapshot size",
            _E.INVALID,
            "smaller than the snapshot's volume",
            "size_bytes",
        ),
        (
            r".*Invalid volume_type",
            _E.INVALID,
            "Cinder cannot make a volume of that type from this snapshot",
            "media",
        ),
    ),
    HTTPStatus.NOT_FOUND: _meanings(
        (r"Volume type .*could not be found", _E.INVALID, "no such volume type", "media"),
        (r"Snapshot (\S+) could not be found", _E.NOT_FOUND, "no snapshot {0!r}"),
        (r"Volume (\S+) could not be found", _E.NOT_FOUND, "no volume {0!r}"),
        (r"Snapshot \S+ has no metadata with key", _E.NOT_FOUND, "no such metadata key"),
        (
            r"The resource could not be found\.",
            _E.UNSUPPORTED,
            "this cloud's Cinder does not know the operation",
        ),
    ),
    HTTPStatus.CONFLICT: _meanings(
        (
            r"Invalid (snapshot|volume): .*status must be 'available'",
            _E.CONFLICT,
            "the {0} must be available",
        ),
    ),
}
"""HTTP status -> what Cinder's messages mean, the first match first."""

_BAD_FIELD = re.compile(r"Invalid input for field/attribute (\w+)\.")
_SECONDS = re.compile("[0-9]{1,5}")
_POLICY = re.compile(r"Policy doesn't allow (\S{1,100}) to be performed")
NOT_CINDER = "the block storage endpoint answered with something that is no answer of Cinder"
NOT_KEYSTONE = "auth_url answered with something that is no answer of Keystone"
_WRONG_LOGIN = (
    "Keystone does not accept the user with this password, project and domain, or the "
    "application credential, or the token"
)
_NOT_ACCEPTED = "Cinder does not accept the token, not even a new one"
_DOWN = "Cinder cannot answer now; try again"


_KINDS: tuple[tuple[tuple[type[Exception], ...], ErrorCode, str], ...] = (
    (
        (keystone.CatalogException, sdk.EndpointNotFound, sdk.ServiceDisabledException),
        _E.BACKEND,
        "the cloud's catalogue lists no block storage (API v3) for this project with the "
        "provider's region_name and interface",
    ),
    (
        (keystone.AuthorizationFailure, keystone.MissingAuthMethods),
        _E.UNAUTHENTICATED,
        _WRONG_LOGIN,
    ),
    ((keystone.InvalidResponse,), _E.BACKEND, NOT_KEYSTONE),
    (
        (keystone.DiscoveryFailure, sdk.ServiceDiscoveryException),
        _E.UNAVAILABLE,
        "the block storage endpoint cannot be reached",
    ),
    ((sdk.NotSupported,), _E.UNSUPPORTED, "this cloud has no block storage API v3"),
    ((keystone.ClientException, sdk.SDKException), _E.BACKEND, NOT_CINDER),
)
"""Exceptions that are neither an answer nor a failed transport, the first match first."""


def classify(exc: Exception) -> DriverError | None:
    """Return what an exception of openstacksdk or keystoneauth means; None for a bug of ours."""
    if isinstance(exc, sdk.HttpException) and exc.response is not None:
        return _classify_answer(exc.response)
    if isinstance(exc, keystone.ConnectionError):
        return _classify_transport(exc)
    if isinstance(exc, keystone.HttpError):
        return _classify_keystone(exc)
    found = (DriverError(code, text) for types, code, text in _KINDS if isinstance(exc, types))
    return next(found, None)


def was_sent(exc: keystone.ConnectionError) -> bool:
    """Return whether a request that failed in transport may have reached the server."""
    if isinstance(exc, keystone.SSLError):
        return False
    return not any(
        isinstance(
            cause,
            requests.ConnectTimeout
            | urllib3.exceptions.ConnectTimeoutError
            | urllib3.exceptions.NewConnectionError
            | urllib3.exceptions.ProxyError
            | urllib3.exceptions.SSLError,
        )
        for cause in _causes(exc)
    )


def is_unknown_filter(exc: sdk.HttpException) -> bool:
    """Return whether Cinder refused a list because its operator forbids a filter."""
    return _message_of(exc).startswith("Invalid filters ")


def is_unknown_key(exc: sdk.HttpException) -> bool:
    """Return whether the snapshot is there and the metadata key is not."""
    return "has no metadata with key" in _message_of(exc)


def answer_of(response: requests.Response) -> tuple[str | None, str]:
    """Return the kind and the message of an error; None as kind if it is not Cinder's.

    The body is ``{kind: {"code": ..., "message": ...}}``, or flat where the
    request did not get as far as Cinder's own code.
    """
    try:
        body = response.json()
    except ValueError:
        return None, ""
    if not isinstance(body, dict) or not body:
        return None, ""
    kind, detail = next(iter(body.items()))
    if isinstance(detail, dict):
        return str(kind)[:_LONGEST_ID], str(detail.get("message", ""))
    title = str(body.get("title", "message"))[:_LONGEST_ID]
    return (title, str(body["message"])) if "message" in body else (None, "")


def _message_of(exc: sdk.HttpException) -> str:
    return "" if exc.response is None else answer_of(exc.response)[1]


_BY_STATUS: Mapping[int, tuple[ErrorCode, str]] = {
    HTTPStatus.UNAUTHORIZED: (_E.UNAUTHENTICATED, _NOT_ACCEPTED),
    HTTPStatus.NOT_ACCEPTABLE: (_E.UNSUPPORTED, "Cinder does not offer this microversion"),
    HTTPStatus.INTERNAL_SERVER_ERROR: (_E.BACKEND, "Cinder failed inside, with a bug of its own"),
    HTTPStatus.BAD_GATEWAY: (_E.UNAVAILABLE, _DOWN),
    HTTPStatus.SERVICE_UNAVAILABLE: (_E.UNAVAILABLE, _DOWN),
    HTTPStatus.GATEWAY_TIMEOUT: (_E.UNAVAILABLE, _DOWN),
}
"""What a status means whatever the body says, which may be a proxy's."""


def _classify_answer(response: requests.Response) -> DriverError:
    status = response.status_code
    kind, message = answer_of(response)
    if status in _BY_STATUS:
        code, text = _BY_STATUS[status]
        wait_s = _retry_after_s(response)
        return DriverError(code, text, backend_code=kind, retry_after_s=wait_s)
    if status == HTTPStatus.FORBIDDEN:
        return DriverError(_E.DENIED, _denied(message), backend_code=kind)
    if status in {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.TOO_MANY_REQUESTS}:
        return _over_limit(response, kind, message)
    if kind is None:  # a proxy's page: its 404 does not say that there is no snapshot
        return DriverError(_E.BACKEND, NOT_CINDER)
    return _by_message(status, kind, message)


def _by_message(status: int, kind: str, message: str) -> DriverError:
    for meaning in MEANINGS.get(status, ()):
        found = meaning.pattern.match(message)
        if found:
            text = meaning.message.format(*(g[:_LONGEST_ID] for g in found.groups()))
            return _error(meaning.code, text, meaning.field, kind)
    bad_field = _BAD_FIELD.match(message)
    if bad_field:  # any other name is a metadata key
        field = _FIELDS.get(bad_field[1], "metadata")
        return _error(_E.INVALID, "Cinder refuses this value", field, kind)
    code, text = _OTHERWISE.get(status, (_E.BACKEND, NOT_CINDER))
    return DriverError(code, text, backend_code=kind)


_OTHERWISE: Mapping[int, tuple[ErrorCode, str]] = {
    HTTPStatus.BAD_REQUEST: (_E.INVALID, "Cinder refuses the request's values"),
    HTTPStatus.NOT_FOUND: (_E.NOT_FOUND, "Cinder does not find what the request names"),
    HTTPStatus.CONFLICT: (_E.CONFLICT, "the snapshot or its volume is in a state that forbids it"),
    HTTPStatus.UNPROCESSABLE_ENTITY: (_E.INVALID, "Cinder refuses the request's values"),
}
"""What a status of Cinder's own means when its message is none that we know."""


def _error(code: ErrorCode, text: str, field: str | None, kind: str | None) -> DriverError:
    if field is None:
        return DriverError(code, text, backend_code=kind)
    described = invalid({field: text})
    return DriverError(code, described.message, fields=described.fields, backend_code=kind)


def _denied(message: str) -> str:
    policy = _POLICY.search(message)
    what = f" (policy {policy[1]})" if policy else ""
    return f"Cinder does not allow this account to do that{what}"


def _over_limit(response: requests.Response, kind: str | None, message: str) -> DriverError:
    """Tell a used-up quota from requests that come too fast: both are a 413.

    A quota says ``Retry-After: 0``, and no retry would ever help.
    """
    retry_after_s = _retry_after_s(response)
    if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and not retry_after_s:
        if kind != "overLimit":
            return _error(_E.INVALID, "more than Cinder takes in one request", "metadata", kind)
        is_size = "gigabytes" in message.lower()
        text = (
            "the project's quota of gigabytes is used up"
            if is_size
            else "the project has as many snapshots or volumes as its quota allows"
        )
        return DriverError(_E.QUOTA, text, backend_code=kind)
    return DriverError(
        _E.RATE_LIMITED,
        "Cinder asks for fewer requests",
        backend_code=kind,
        retry_after_s=retry_after_s,
    )


def _retry_after_s(response: requests.Response) -> float | None:
    """Return the seconds of Retry-After; a date, which Cinder never sends, is left out."""
    found = _SECONDS.fullmatch(response.headers.get("Retry-After", ""))
    return float(found[0]) if found else None


def _classify_transport(exc: keystone.ConnectionError) -> DriverError:
    if isinstance(exc, keystone.SSLError):
        return DriverError(
            _E.UNAVAILABLE, "the certificate of the cloud's endpoint is not trusted; see cacert"
        )
    if not was_sent(exc):
        return DriverError(_E.UNAVAILABLE, "the cloud's endpoint cannot be reached")
    if isinstance(exc, keystone.ConnectTimeout):  # keystoneauth's name for every time-out
        return DriverError(_E.TIMEOUT, "the cloud did not answer in time")
    return DriverError(_E.UNAVAILABLE, "the connection broke before the whole answer")


_KEYSTONE: Mapping[int, tuple[ErrorCode, str]] = {
    HTTPStatus.BAD_REQUEST: (_E.UNAUTHENTICATED, _WRONG_LOGIN),
    HTTPStatus.UNAUTHORIZED: (_E.UNAUTHENTICATED, _WRONG_LOGIN),
    HTTPStatus.FORBIDDEN: (_E.DENIED, "Keystone forbids this account to log in here"),
    HTTPStatus.TOO_MANY_REQUESTS: (_E.RATE_LIMITED, "Keystone asks for fewer requests"),
}


def _classify_keystone(exc: keystone.HttpError) -> DriverError:
    status = exc.http_status
    if status == HTTPStatus.NOT_FOUND and exc.response is not None:
        kind, _ = answer_of(exc.response)
        if kind == "error":  # Keystone's word for an application credential that is unknown
            return DriverError(_E.UNAUTHENTICATED, _WRONG_LOGIN, backend_code=kind)
    if status in _KEYSTONE:
        return DriverError(*_KEYSTONE[status])
    if isinstance(exc, keystone.HttpServerError):
        return DriverError(_E.UNAVAILABLE, "Keystone cannot answer now; try again")
    return DriverError(_E.BACKEND, NOT_KEYSTONE)


def _causes(exc: BaseException) -> Iterator[object]:
    """Yield what lies behind an exception: keystoneauth keeps it as context, requests as args."""
    pending: list[object] = [exc]
    while pending:
        cause = pending.pop()
        yield cause
        if isinstance(cause, BaseException):
            pending += [c for c in (cause.__cause__, cause.__context__) if c is not None]
            pending += [
                a for a in (*cause.args, getattr(cause, "reason", None)) if isinstance(a, Exception)
            ]
