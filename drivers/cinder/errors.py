"""What goes wrong between here and Cinder, in the gateway's words, without I/O."""

import re
from collections.abc import Mapping
from http import HTTPStatus

import openstack.exceptions as sdk
import orjson
import requests
from keystoneauth1 import exceptions as keystone

from drivers.cinder import messages
from drivers.cinder.wire import NOT_CINDER
from gateway.driver import DriverError, ErrorCode, retry_after_s, was_sent

_E = ErrorCode
FAILURES = (sdk.SDKException, keystone.ClientException, DriverError)
"""All that a call of Cinder can raise."""
_LONGEST_ID = 100
_POLICY = re.compile(r"Policy doesn't allow (\S{1,100}) to be performed")
NOT_KEYSTONE = "auth_url answered with something that is no answer of Keystone"
_WRONG_LOGIN = (
    "Keystone does not accept the user with this password, project and domain, or the "
    "application credential, or the token"
)
_NOT_ACCEPTED = "Cinder does not accept the token"
_DOWN = "Cinder cannot answer now"


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


def maybe_done(exc: Exception) -> DriverError:
    """Return what a failure means after which a change may have happened."""
    error = exc if isinstance(exc, DriverError) else classify(exc)
    assert error is not None, "what a call of Cinder raises is classified"  # noqa: S101
    return error.as_maybe_done()


def is_not_found(exc: Exception) -> bool:
    """Return whether Cinder says that a resource does not exist; a proxy's page says nothing."""
    return _code(exc) is ErrorCode.NOT_FOUND


def is_conflict(exc: Exception) -> bool:
    """Return whether Cinder says that the state of something, or what depends on it, forbids it."""
    return _code(exc) is ErrorCode.CONFLICT


def _code(exc: Exception) -> ErrorCode | None:
    error = exc if isinstance(exc, DriverError) else classify(exc)
    return None if error is None else error.code


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
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
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
    HTTPStatus.INTERNAL_SERVER_ERROR: (_E.BACKEND, "the block storage service failed inside"),
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
        wait_s = retry_after_s(response)
        return DriverError(code, text, backend_code=kind, retry_after_s=wait_s)
    if status == HTTPStatus.FORBIDDEN:
        return DriverError(_E.DENIED, _denied(message), backend_code=kind)
    if status in {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.TOO_MANY_REQUESTS}:
        return _over_limit(response, kind, message)
    if kind is None:  # a proxy's page: its 404 does not say that there is no snapshot
        return DriverError(_E.BACKEND, NOT_CINDER)
    return messages.meant(status, kind, message)


def _denied(message: str) -> str:
    policy = _POLICY.search(message)
    what = f" (policy {policy[1]})" if policy else ""
    return f"Cinder does not allow this account to do that{what}"


def _over_limit(response: requests.Response, kind: str | None, message: str) -> DriverError:
    """Tell a used-up quota from requests that come too fast: both are a 413.

    A quota says ``Retry-After: 0``, and no retry would ever help.
    """
    wait_s = retry_after_s(response)
    if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and not wait_s:
        if kind is None:
            return DriverError(_E.BACKEND, NOT_CINDER)
        if kind != "overLimit":
            return messages.error(
                _E.INVALID, "more than Cinder takes in one request", "metadata", kind
            )
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
        retry_after_s=wait_s,
    )


def _classify_transport(exc: keystone.ConnectionError) -> DriverError:
    if isinstance(exc, keystone.SSLError):
        return DriverError(
            _E.UNAVAILABLE,
            "the TLS connection to the cloud's endpoint failed; if its certificate is "
            "not trusted, see cacert",
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
        kind, message = answer_of(exc.response)
        if kind == "error" and message.startswith("Could not find "):  # the credential
            return DriverError(_E.UNAUTHENTICATED, _WRONG_LOGIN, backend_code=kind)
    wait_s = None if exc.response is None else retry_after_s(exc.response)
    if status in _KEYSTONE:
        return DriverError(*_KEYSTONE[status], retry_after_s=wait_s)
    if isinstance(exc, keystone.HttpServerError):
        text = "Keystone cannot answer now"
        return DriverError(_E.UNAVAILABLE, text, retry_after_s=wait_s)
    return DriverError(_E.BACKEND, NOT_KEYSTONE)
