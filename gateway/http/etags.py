"""Validators of representations: strong, quoted, of the bytes (RFC 9110, 8.8)."""

import hashlib
from collections.abc import Callable, Iterable

from werkzeug.wrappers import Request

from gateway.driver import DriverError, ErrorCode


def of(body: bytes) -> str:
    """Return the ETag of a representation."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def is_known(request: Request, etag: str) -> bool:
    """Return whether If-None-Match says that the client has this representation."""
    if "HTTP_IF_NONE_MATCH" not in request.environ:
        return False
    # If-None-Match compares weakly: a proxy may have made our ETag a weak one.
    return request.if_none_match.contains_weak(etag.strip('"'))


def check_if_match(request: Request, representations: Callable[[], Iterable[bytes]]) -> None:
    """Refuse a change of a resource that is not what the client saw.

    Args:
        request: its If-Match header counts, if there is one.
        representations: returns the resource in every format; any may match.

    Raises:
        DriverError: ``precondition_failed``.
    """
    if "HTTP_IF_MATCH" not in request.environ:
        return
    wanted = request.if_match
    if not any(
        wanted.is_strong(of(body).strip('"')) or wanted.star_tag for body in representations()
    ):
        raise DriverError(
            ErrorCode.PRECONDITION_FAILED,
            "If-Match: the resource has changed since; GET it again for its present ETag",
        )
