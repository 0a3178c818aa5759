"""What Acme refuses: its error codes, and what is wrong with the values of a request."""

from collections.abc import Mapping
from http import HTTPStatus

from acme.pages import Row

STATUS: Mapping[str, HTTPStatus] = {
    "bad_value": HTTPStatus.UNPROCESSABLE_ENTITY,
    "broken": HTTPStatus.INTERNAL_SERVER_ERROR,
    "disk_attached": HTTPStatus.CONFLICT,
    "disk_gone": HTTPStatus.CONFLICT,
    "full": HTTPStatus.FORBIDDEN,
    "key_unknown": HTTPStatus.UNAUTHORIZED,
    "maintenance": HTTPStatus.SERVICE_UNAVAILABLE,
    "no_disk": HTTPStatus.NOT_FOUND,
    "no_path": HTTPStatus.NOT_FOUND,
    "no_snapshot": HTTPStatus.NOT_FOUND,
    "not_allowed": HTTPStatus.FORBIDDEN,
    "not_done": HTTPStatus.CONFLICT,
    "slow_down": HTTPStatus.TOO_MANY_REQUESTS,
    "version_changed": HTTPStatus.PRECONDITION_FAILED,
}
"""Acme's error codes, and the status that each comes with."""
LONGEST = {"label": 80, "note": 500, "reference": 100}
TAGS, TAG_KEY, TAG_VALUE = 16, 40, 200
_LARGEST_MIB = 1 << 24


class Refusal(Exception):
    """An error that Acme answers with; ``field`` is the one of the request that is wrong."""

    def __init__(self, code: str, field: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.field = field


def texts(body: Row) -> dict[str, str]:
    """Return the label and the note that a request gives."""
    given = {name: body[name] for name in LONGEST if name in body}
    for name, text in given.items():
        if not isinstance(text, str) or len(text) > LONGEST[name]:
            raise Refusal("bad_value", name)
    return given


def size(body: Row, default: int) -> int:
    """Return the size that a request gives, in MiB."""
    size_mib = body.get("size_mib", default)
    if type(size_mib) is not int or not 0 < size_mib <= _LARGEST_MIB:
        raise Refusal("bad_value", "size_mib")
    return size_mib


def merged(tags: Mapping[str, str], body: Row) -> dict[str, str]:
    """Return tags after a change; a value of null removes its key."""
    changes = body.get("tags", {})
    after = {k: v for k, v in {**tags, **changes}.items() if v is not None}
    if len(after) > TAGS or not all(
        isinstance(v, str) and 0 < len(k) <= TAG_KEY and len(v) <= TAG_VALUE
        for k, v in after.items()
    ):
        raise Refusal("bad_value", "tags")
    return after
