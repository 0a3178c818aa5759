"""What a new snapshot or volume carries, so that the request which made it can be told.

Backends that keep keys and values beside their resources keep a marker as two pairs
whose keys begin with PREFIX. They are the gateway's own: no metadata shows them and
no request can set them.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

PREFIX = "snapgate:"
"""How the keys begin that are the gateway's own, in whatever case they are written."""
MARKER_KEY = f"{PREFIX}marker"
REQUEST_KEY = f"{PREFIX}request"


@dataclass(frozen=True, slots=True)
class Marker:
    """By which request something was made.

    Attributes:
        id: 32 hexadecimal digits: a digest of the caller's key, else made up for one request.
        request: 32 more: a digest of what was asked for. Empty where somebody removed it.
    """

    id: str
    request: str

    @property
    def pairs(self) -> dict[str, str]:
        """The marker as two pairs, for backends that keep pairs."""
        return {MARKER_KEY: self.id, REQUEST_KEY: self.request}


def take_marker(pairs: MutableMapping[str, str]) -> Marker | None:
    """Take the marker out of a resource's pairs, so that what is left is metadata."""
    marker_id, request = pairs.pop(MARKER_KEY, None), pairs.pop(REQUEST_KEY, None)
    return None if marker_id is None else Marker(marker_id, request or "")


def marker_pairs(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return those of a resource's pairs that are its marker: a change of metadata keeps them."""
    return {key: pairs[key] for key in (MARKER_KEY, REQUEST_KEY) if key in pairs}


def is_own_key(key: str) -> bool:
    """Return whether a metadata key is the gateway's own."""
    return key.lower().startswith(PREFIX)
