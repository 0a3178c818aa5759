"""Validators of representations: strong, quoted, of the bytes (RFC 9110, 8.8)."""

import hashlib
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

from werkzeug.wrappers import Request

from gateway.driver import DriverError, ErrorCode, invalid
from gateway.http.negotiation import FORMATS

T = TypeVar("T")


def of(body: bytes) -> str:
    """Return the ETag of a representation."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def is_known(request: Request, etag: str) -> bool:
    """Return whether If-None-Match says that the client has this representation."""
    if "HTTP_IF_NONE_MATCH" not in request.environ:
        return False
    # If-None-Match compares weakly: a proxy may have made our ETag a weak one.
    return request.if_none_match.contains_weak(etag.strip('"'))


def check_if_match(
    request: Request, fetch: Callable[[], T], show: Callable[[ModuleType, T], bytes]
) -> str | None:
    """Refuse a change of a resource that is not what the client saw.

    Args:
        request: its If-Match header counts, if there is one.
        fetch: returns the resource as it is now.
        show: returns its representation in one format; any format may match.

    Returns:
        The revision that the change must still find, for backends that can
        compare and change at once; None where nothing is asked or they cannot.

    Raises:
        DriverError: ``precondition_failed``.
    """
    if "HTTP_IF_MATCH" not in request.environ:
        return None
    wanted = request.if_match
    resource = fetch()
    if not wanted.star_tag and not any(
        wanted.is_strong(of(show(module, resource)).strip('"')) for module in FORMATS.values()
    ):
        raise DriverError(
            ErrorCode.PRECONDITION_FAILED,
            "If-Match: the resource has changed since, or the ETag is a weak one, of an answer "
            "with fields=, native= or expand=; GET it without them for its present ETag",
        )
    return None if wanted.star_tag else getattr(resource, "revision", None)


def refuse_if_match(request: Request) -> None:
    """Raise ``invalid`` for If-Match where there is no one resource that it could mean."""
    if "HTTP_IF_MATCH" in request.environ:
        raise invalid({"If-Match": "a request about several snapshots has no ETag to match"})
