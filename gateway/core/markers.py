"""Where a walk through a list stands, as an opaque text that clients hand back.

Signed, so that what a driver gets back as its cursor is what it gave out; bound
to the provider and the query, so that a marker never leads into another list.
"""

import hashlib
import hmac
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass

import orjson

from gateway.core.registry import Provider
from gateway.driver import Query, invalid
from gateway.driver.order import Values

_VERSION = b"\x01"
_SIGNATURE_BYTES = 16
_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: at a driver's cursor, or behind a place in the core's own order."""

    cursor: str | None = None
    after: Values | None = None


class Markers:
    """Writes and reads the markers of one list."""

    def __init__(self, key: bytes, provider: Provider, kind: str, query: Query) -> None:
        """Bind to the list that a query makes.

        Args:
            key: the secret that all processes share which serve the same clients.
            provider: where the list comes from.
            kind: snapshots or volumes.
            query: its filters and its order; the page's size may change.
        """
        filters = sorted(
            orjson.dumps([f.name, [str(value) for value in f.values]]).decode()
            for f in query.filters
        )
        bound = [provider.driver_name, provider.name, kind, filters, [k.name for k in query.sort]]
        self._sign = hmac.new(key, _VERSION + orjson.dumps(bound), hashlib.sha256)

    def write(self, position: Position) -> str:
        """Return the marker of a position."""
        data = orjson.dumps([position.cursor, position.after])
        return _text(_VERSION + self._signature(data) + data)

    def read(self, marker: str) -> Position:
        """Return the position of a marker.

        Raises:
            DriverError: ``invalid`` for one that is not of this list.
        """
        data = self._checked(marker)
        if data is None:
            raise invalid(
                {
                    "marker": "not a marker of this list; follow the link to the next page, with "
                    "the same provider, filters and sort, or begin without a marker"
                }
            )
        cursor, after = orjson.loads(data)
        return Position(cursor, after)

    def _checked(self, marker: str) -> bytes | None:
        """Return what a marker holds, None unless it was signed here for this list."""
        if len(marker) > _LONGEST:
            return None
        try:
            raw = b64decode(marker + "=" * (-len(marker) % 4), altchars="-_", validate=True)
        except ValueError:
            return None
        signature, data = raw[1 : 1 + _SIGNATURE_BYTES], raw[1 + _SIGNATURE_BYTES :]
        if _text(raw) != marker:  # spelled otherwise
            return None
        is_ours = raw[:1] == _VERSION and hmac.compare_digest(signature, self._signature(data))
        return data if is_ours else None

    def _signature(self, data: bytes) -> bytes:
        signing = self._sign.copy()
        signing.update(data)
        return signing.digest()[:_SIGNATURE_BYTES]


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
