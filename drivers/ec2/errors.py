"""What EC2's errors mean, without I/O.

Source: the appendix "Error codes" of the EC2 API reference, and as observed on moto 5.2.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from drivers.ec2 import tags
from gateway.driver import DriverError, ErrorCode, invalid

NOT_EC2 = "EC2's endpoint answered with something that is no answer of EC2"


class _Meaning(NamedTuple):
    """What an error code of EC2 means."""

    kind: ErrorCode
    message: str
    field: str | None = None
    retry_after_s: float | None = None


_E = ErrorCode
_WRONG_KEY = _Meaning(
    _E.UNAUTHENTICATED, "EC2 does not accept the access key, the secret or the session token"
)
_EXPIRED = _Meaning(
    _E.UNAUTHENTICATED,
    "the session token has expired (or this machine's clock is wrong); get new credentials",
)
_NOT_ALLOWED = _Meaning(_E.DENIED, "EC2 does not allow this account to do that")
_NO_SNAPSHOT = _Meaning(_E.NOT_FOUND, "no snapshot {id}")
_NO_VOLUME_FOUND = _Meaning(_E.NOT_FOUND, "no volume {id}")
_NOT_EC2 = _Meaning(_E.BACKEND, NOT_EC2)
_SLOW_DOWN = _Meaning(_E.RATE_LIMITED, "EC2 asks for fewer requests", retry_after_s=5)
_BAD_VALUE = _Meaning(_E.INVALID, "EC2 refuses the request's values")
_DOWN = _Meaning(_E.UNAVAILABLE, "EC2 has an internal error or no capacity")

ERRORS: Mapping[str, _Meaning] = {
    **dict.fromkeys(
        (
            "AuthFailure",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "MissingAuthenticationToken",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        _WRONG_KEY,
    ),
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "RequestExpired"), _EXPIRED),
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccessDeniedException",
            "Blocked",
            "OperationNotPermitted",
            "OptInRequired",
            "PendingVerification",
            "UnauthorizedOperation",
        ),
        _NOT_ALLOWED,
    ),
    "InvalidSnapshot.NotFound": _NO_SNAPSHOT,
    "InvalidSnapshotID.Malformed": _NO_SNAPSHOT,
    "InvalidSnapshotID.NotFound": _NO_SNAPSHOT,
    "InvalidVolume.NotFound": _NO_VOLUME_FOUND,
    "InvalidVolumeID.Malformed": _NO_VOLUME_FOUND,
    "InvalidVolumeID.NotFound": _NO_VOLUME_FOUND,
    "InvalidID": _Meaning(_E.NOT_FOUND, "no resource {id}"),
    **dict.fromkeys(
        (
            "ConcurrentTagAccess",
            "EC2ThrottledException",
            "PriorRequestNotComplete",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        _SLOW_DOWN,
    ),
    "SnapshotCreationPerVolumeRateExceeded": _Meaning(
        _E.RATE_LIMITED, "EC2 takes a snapshot of one volume every 15 seconds", retry_after_s=15
    ),
    "ConcurrentSnapshotLimitExceeded": _Meaning(
        _E.RATE_LIMITED,
        "too many snapshots of this volume are being made; wait for one to end",
        retry_after_s=60,
    ),
    "SnapshotLimitExceeded": _Meaning(
        _E.QUOTA, "the account has as many snapshots as it may have in this region"
    ),
    "VolumeLimitExceeded": _Meaning(
        _E.QUOTA, "the account has as many volumes as it may have in this region"
    ),
    "MaxIOPSLimitExceeded": _Meaning(_E.QUOTA, "the account's IOPS in this region are used up"),
    "ResourceLimitExceeded": _Meaning(
        _E.QUOTA, "the account has or copies as many resources as it may in this region"
    ),
    "InvalidSnapshot.InUse": _Meaning(
        _E.CONFLICT, "the snapshot is in use by an image (AMI){users}; deregister that first"
    ),
    "VolumeInUse": _Meaning(
        _E.CONFLICT, "the volume is attached to an instance{users}; detach it first"
    ),
    "IncorrectState": _Meaning(_E.CONFLICT, "the snapshot or volume is in a state that forbids it"),
    "IncorrectVolumeState": _Meaning(_E.CONFLICT, "the volume is in a state that forbids it"),
    "IdempotentParameterMismatch": _Meaning(
        _E.KEY_REUSED, "another request has used the same client token"
    ),
    "InvalidZone.NotFound": _Meaning(
        _E.INVALID, "no such availability zone in this region", field="zone"
    ),
    "UnknownVolumeType": _Meaning(_E.INVALID, "no such volume type", field="media"),
    "TagLimitExceeded": _Meaning(
        _E.INVALID, f"a resource can have {tags.MOST} tags", field="metadata"
    ),
    "InvalidTagKey.Malformed": _Meaning(_E.INVALID, "EC2 refuses a key", field="metadata"),
    "InvalidParameterValue": _BAD_VALUE,
    "InvalidParameterCombination": _BAD_VALUE,
    "MissingParameter": _BAD_VALUE,
    "UnknownParameter": _BAD_VALUE,
    "InvalidAction": _Meaning(_E.UNSUPPORTED, "this EC2 endpoint does not know the operation"),
    "UnsupportedOperation": _Meaning(_E.UNSUPPORTED, "EC2 cannot do that with this resource"),
    "InternalError": _DOWN,
    "InternalFailure": _DOWN,
    "ServiceUnavailable": _DOWN,
    "Unavailable": _DOWN,
    "InsufficientVolumeCapacity": _DOWN,
}
"""EC2's error code -> what it means. The status does not count: some throttles are a 400."""

_TRANSPORT: tuple[tuple[type[Exception], ErrorCode, str], ...] = (
    (ReadTimeoutError, _E.TIMEOUT, "EC2 did not answer in time"),
    (ConnectTimeoutError, _E.UNAVAILABLE, "EC2's endpoint could not be reached in time"),
    (EndpointConnectionError, _E.UNAVAILABLE, "EC2's endpoint cannot be reached"),
    (ProxyConnectionError, _E.UNAVAILABLE, "the proxy to EC2's endpoint cannot be reached"),
    (SSLError, _E.UNAVAILABLE, "the certificate of EC2's endpoint is not trusted; see ca_bundle"),
    (ConnectionClosedError, _E.UNAVAILABLE, "the connection to EC2 broke before its whole answer"),
    (HTTPClientError, _E.UNAVAILABLE, "the HTTP exchange with EC2 failed"),
    (ResponseParserError, *_NOT_EC2[:2]),
)
_LONGEST_CODE = 100
_ID = re.compile(r"\b(snap|vol)-[0-9a-zA-Z-]{1,40}\b")
_USERS = re.compile(r"\b(?:ami|i)-[0-9a-zA-Z]{1,40}\b")
"""What uses a snapshot or a volume, as in "is currently in use by ami-0123"."""
_PARAMETER = re.compile(r"\bparameter:? '?(\w+)")
_PARAMETER_FIELDS = {
    "availabilityzone": "zone",
    "description": "description",
    "size": "size_bytes",
    "tag": "metadata",
    "tagkey": "metadata",
    "tagvalue": "metadata",
    "volumetype": "media",
}
_BAD_IDS = {
    "snapshotid": _NO_SNAPSHOT,
    "sourcesnapshotid": _NO_SNAPSHOT,
    "volumeid": _NO_VOLUME_FOUND,
}
"""An id without its prefix is a bad value to EC2, one with it is malformed or not found."""


def classify(exc: Exception) -> DriverError | None:
    """Return what an exception of boto3 means; None for a bug of ours."""
    if isinstance(exc, ClientError):
        return _classify_answer(exc)
    for type_, code, message in _TRANSPORT:
        if isinstance(exc, type_):
            return DriverError(code, message)
    return None


def _classify_answer(exc: ClientError) -> DriverError:
    error = exc.response.get("Error", {})
    code, text = error_code(exc), str(error.get("Message", ""))
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    meaning = ERRORS.get(code) or _by_form(code, status)
    field = meaning.field
    if meaning is _BAD_VALUE:
        parameter = _named_parameter(text)
        meaning = _BAD_IDS.get(parameter, meaning)
        field = _PARAMETER_FIELDS.get(parameter)
    if field is not None:
        described = invalid({field: meaning.message})
        return DriverError(
            described.code, described.message, fields=described.fields, backend_code=code
        )
    found = _ID.search(text)
    message = meaning.message.replace(" {id}", f" {found.group()!r}" if found else " of that id")
    message = message.replace("{users}", "".join(f" {one!r}" for one in _USERS.findall(text)))
    return DriverError(
        meaning.kind, message, backend_code=code or None, retry_after_s=meaning.retry_after_s
    )


_BY_STATUS = {401: _WRONG_KEY, 403: _NOT_ALLOWED, 429: _SLOW_DOWN}
"""What the statuses of a proxy mean, whose page is no answer of EC2."""


def error_code(exc: ClientError) -> str:
    """Return EC2's error code, at most as much of it as can be one; "" if there is none."""
    code = str(exc.response.get("Error", {}).get("Code", ""))[:_LONGEST_CODE]
    return code.removeprefix("Client.").removeprefix("Server.")


def _by_form(code: str, status: int) -> _Meaning:
    """Return what a code that the table lacks most likely means."""
    if status >= 500:  # noqa: PLR2004 - HTTP's server errors
        return _DOWN
    if not code or code.isdecimal():
        return _BY_STATUS.get(status, _NOT_EC2)
    if code.endswith(("NotFound", ".Malformed")):
        return _Meaning(_E.NOT_FOUND, "no resource {id}")
    if code.endswith("LimitExceeded"):
        return _Meaning(_E.QUOTA, "a limit of the account is reached")
    if 400 <= status < 500:  # noqa: PLR2004 - HTTP's client errors
        return _Meaning(_E.INVALID, "EC2 refuses the request")
    return _NOT_EC2


def _named_parameter(text: str) -> str:
    found = _PARAMETER.search(text)
    return found.group(1).lower() if found else ""
