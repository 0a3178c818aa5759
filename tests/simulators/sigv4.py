"""Signature Version 4 as the server sees it, written from the specification with hmac alone.

Source: AWS General Reference, "Create a signed AWS API request". No client's
signer is used, so that a client is judged by something other than itself.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

ALGORITHM = "AWS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +"
    r"Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)"
    r"/aws4_request, *"
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+), *"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


class BadAuthorization(ValueError):
    """The Authorization header or the date is not as the specification wants it."""


@dataclass(frozen=True)
class SignedRequest:
    """What of a request is signed; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Authorization:
    """The parts of an Authorization header."""

    access_key: str
    day: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        """The credential scope."""
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


def read_authorization(header: str) -> Authorization:
    """Take an Authorization header apart.

    Raises:
        BadAuthorization: it is none of this algorithm, or incomplete.
    """
    found = _AUTHORIZATION.fullmatch(header.strip())
    if found is None:
        raise BadAuthorization("Authorization header is incomplete or of another algorithm.")
    signed = tuple(found["headers"].split(";"))
    if list(signed) != sorted(set(signed)):
        raise BadAuthorization("SignedHeaders must be sorted and without repetition.")
    return Authorization(
        access_key=found["key"],
        day=found["day"],
        region=found["region"],
        service=found["service"],
        signed_headers=signed,
        signature=found["signature"],
    )


def read_date(request: SignedRequest) -> datetime:
    """Return the time that a request names in X-Amz-Date.

    Raises:
        BadAuthorization: there is none, or it is no ISO 8601 basic time.
    """
    given = request.headers.get("x-amz-date", "")
    try:
        return datetime.strptime(given, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadAuthorization(f"X-Amz-Date is no basic ISO 8601 time: '{given}'.") from error


def unsigned_headers(request: SignedRequest, authorization: Authorization) -> list[str]:
    """Return the headers that must be signed and are not.

    The specification wants host and every x-amz-* header that is sent.
    """
    needed = {"host"} | {name for name in request.headers if name.startswith("x-amz-")}
    return sorted(needed - set(authorization.signed_headers))


def is_signed(request: SignedRequest, authorization: Authorization, secret: str) -> bool:
    """Say whether the signature was made with ``secret`` over this very request."""
    if any(name not in request.headers for name in authorization.signed_headers):
        return False
    body_hash = hashlib.sha256(request.body).hexdigest()
    if request.headers.get("x-amz-content-sha256", body_hash) != body_hash:
        return False
    expected = signature_of(request, authorization, secret)
    return hmac.compare_digest(expected, authorization.signature)


def signature_of(request: SignedRequest, authorization: Authorization, secret: str) -> str:
    """Return the signature that ``secret`` gives to a request, in lower-case hexadecimal."""
    canonical = canonical_request(request, authorization.signed_headers)
    text = "\n".join(
        [
            ALGORITHM,
            request.headers.get("x-amz-date", ""),
            authorization.scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = _signing_key(secret, authorization)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def canonical_request(request: SignedRequest, signed_headers: Iterable[str]) -> str:
    """Return step 1 of the specification: the request in its canonical form."""
    names = list(signed_headers)
    return "\n".join(
        [
            request.method,
            quote(request.path, safe="/-_.~"),
            _canonical_query(request.query),
            *(f"{name}:{_trimmed(request.headers[name])}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )


def _canonical_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    encoded = sorted((quote(key, safe="-_.~"), quote(value, safe="-_.~")) for key, value in pairs)
    return "&".join(f"{key}={value}" for key, value in encoded)


def _trimmed(value: str) -> str:
    return re.sub(r" +", " ", value.strip())


def _signing_key(secret: str, authorization: Authorization) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (authorization.day, authorization.region, authorization.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
