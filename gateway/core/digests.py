"""Digests of requests and of keys: the same in every process, in every version, after a restart."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import orjson

from gateway.driver import UNSET, Credentials, is_uuid

_BYTES = 16
_NOT_SENT = frozenset({"marker"})
_IDS = ("snapshot_id", "volume_id")


def of_request(operation: str, request: Any, **more: str) -> str:
    """Return a digest of what a request asks for, whatever format it was written in.

    What is not given does not count, so that a field that a later version adds
    changes no digest.

    Args:
        operation: what is done.
        request: a dataclass of gateway.driver.
        more: what else is given.
    """
    asked = {f.name: getattr(request, f.name) for f in fields(request) if f.name not in _NOT_SENT}
    given = {k: v for k, v in {**asked, **more}.items() if v is not None and v is not UNSET}
    # A UUID is the same in upper and lower case.
    given |= {k: given[k].lower() for k in _IDS if k in given and is_uuid(given[k])}
    given = {k: v for k, v in given.items() if not (isinstance(v, Mapping | tuple) and not v)}
    return _hex("request", [operation, given])


def of_key(kind: str, key: str, item: int = 0) -> str:
    """Return the id of the marker for a caller's key: the key itself may be a secret.

    Args:
        kind: what is made. A key for a snapshot says nothing of volumes: some
            clouds hand on what a snapshot carries to volumes made from it.
        key: the caller's.
        item: the place in a request for several; the first is that of a request for one.
    """
    return _hex("key", [kind, key, item])


def of_credentials(credentials: Credentials, secret: bytes) -> bytes:
    """Return what tells callers apart in all processes that know ``secret``."""
    parts = [
        credentials.username,
        credentials.password,
        credentials.token,
        credentials.session_token,
    ]
    key = hashlib.blake2b(secret, digest_size=_BYTES).digest()
    return hashlib.blake2b(orjson.dumps(parts), key=key, digest_size=_BYTES).digest()


def _hex(what: str, document: Any) -> str:
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    person = f"snapgate-{what}".encode()[:16]
    return hashlib.blake2b(text, digest_size=_BYTES, person=person).hexdigest()
