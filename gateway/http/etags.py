"""Validators of representations: strong, quoted (RFC 9110, 8.8).

That of a snapshot, a volume or its metadata has two parts, STATE-BYTES: a digest of what
the resource is, which is the same in every format and behind every host, and one of the
bytes, which makes it strong. If-None-Match compares the whole, If-Match the state.
"""

import hashlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import orjson
from werkzeug.wrappers import Request

from gateway.driver import DriverError, ErrorCode, invalid

T = TypeVar("T")
_STATE_BYTES = 16
_NOT_SHOWN = frozenset({"created_by", "native"})


def of(body: bytes, state: str | None = None) -> str:
    """Return the ETag of a representation; ``state`` is that of the resource, if it has one."""
    digest = hashlib.blake2b(body, digest_size=16).hexdigest()
    return f'"{digest}"' if state is None else f'"{state}-{digest}"'


def state_of(*facts: Any) -> str:
    """Return the state of what is made of these facts: models, texts and maps."""
    document = [_plain(fact) for fact in facts]
    try:
        text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # lone surrogates, or numbers of more than 64 bits
        text = repr(document).encode("utf-8", "backslashreplace")
    return hashlib.blake2b(text, digest_size=_STATE_BYTES).hexdigest()


def _plain(fact: Any) -> Any:
    if not is_dataclass(fact):
        return dict(fact) if hasattr(fact, "keys") else fact
    shown = (f.name for f in fields(fact) if f.name not in _NOT_SHOWN)
    return {name: getattr(fact, name) for name in shown}


def is_known(request: Request, etag: str) -> bool:
    """Return whether If-None-Match says that the client has this representation."""
    if "HTTP_IF_NONE_MATCH" not in request.environ:
        return False
    # If-None-Match compares weakly: a proxy may have made our ETag a weak one.
    return request.if_none_match.contains_weak(etag.strip('"'))


def if_match(request: Request, state: Callable[[T], str | None]) -> Callable[[T], None] | None:
    """Return what If-Match asks for: a check that refuses a resource in another state.

    None without the header. An ETag of any format, host or selection of the provider
    will do: it is the state that a change replaces.

    Args:
        request: whose header it is.
        state: returns the state of a resource as it is, None if there is none: that matches
            nothing, not even ``*`` (RFC 9110, 13.1.1).
    """
    if "HTTP_IF_MATCH" not in request.environ:
        return None
    wanted = request.if_match
    states = {tag.partition("-")[0] for tag in wanted.as_set() if "-" in (tag or "")}

    def check(resource: T) -> None:
        present = state(resource)
        if present is None or not (wanted.star_tag or present in states):
            raise DriverError(
                ErrorCode.PRECONDITION_FAILED,
                "If-Match: the resource has changed since, or the ETag is a weak one, of an answer "
                "with fields=, native= or expand=; GET it without them for its present ETag",
            )

    return check


def refuse_if_match(request: Request) -> None:
    """Raise ``invalid`` for If-Match where there is no one resource that it could mean."""
    if "HTTP_IF_MATCH" in request.environ:
        raise invalid({"If-Match": "this request is about no one resource whose ETag could match"})
