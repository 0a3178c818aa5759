"""What Cinder's messages mean, where its codes do not tell.

The codes are coarse: 400 and ``badRequest`` stand for a wrong state as well as
for a wrong value. Messages as observed on Cinder 29.0.0 in November 2026; the
words before the colon ("Invalid snapshot", "Invalid volume") are those of
cinder/exception.py.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from drivers.cinder.wire import NOT_CINDER
from gateway.driver import DriverError, ErrorCode, invalid

_E = ErrorCode
_LONGEST_ID = 100
_FIELDS = {
    "availability_zone": "zone",
    "description": "description",
    "metadata": "metadata",
    "name": "name",
    "size": "size_bytes",
    "volume_id": "volume_id",
    "volume_type": "media",
}
"""Cinder's name for a field -> the request's."""


class _Meaning(NamedTuple):
    """What a message of Cinder's means; its groups fill the braces of ``message``."""

    pattern: re.Pattern[str]
    code: ErrorCode
    message: str
    field: str | None = None


def _meanings(
    *rows: tuple[str, ErrorCode, str] | tuple[str, ErrorCode, str, str],
) -> list[_Meaning]:
    return [_Meaning(re.compile(row[0]), *row[1:]) for row in rows]


MEANINGS: Mapping[int, list[_Meaning]] = {
    HTTPStatus.BAD_REQUEST: _meanings(
        (
            r"Invalid snapshot: Snapshot +(status must be|must not be part)",
            _E.CONFLICT,
            "Cinder deletes a snapshot only while it is available or in error, and only one "
            "that is not part of a group snapshot",
        ),
        (
            r"Invalid snapshot: Originating snapshot status",
            _E.CONFLICT,
            "a volume can be made only of a snapshot that is available",
        ),
        (
            r"Invalid volume: Volume \S+ status must be ([a-z, -]+), but current status is: "
            r"([a-z_-]+)",
            _E.CONFLICT,
            "the volume is {1}; a snapshot can be taken while it is {0}",
        ),
        (
            r"Invalid volume: The snapshot cannot be created when the volume is in ([a-z]+)",
            _E.CONFLICT,
            "no snapshot can be taken of a volume in the state {0}",
        ),
        (
            r"Invalid volume: Volume status must be",
            _E.CONFLICT,
            "Cinder deletes a volume only while it is available or in error, and only one "
            "without attachment, group and snapshots",
        ),
        (r"Invalid snapshot: ", _E.CONFLICT, "the snapshot is in a state that forbids it"),
        (r"Invalid volume: ", _E.CONFLICT, "the volume is in a state that forbids it"),
        (
            r"Specified snapshot \S+ is None or not the latest one",
            _E.CONFLICT,
            "a volume can be set back to its latest snapshot only",
        ),
        (
            r"Can't revert volume .*The volume size must be equal to the snapshot size",
            _E.CONFLICT,
            "the volume has grown since the snapshot, so it cannot be set back to it",
        ),
        (
            r".*Availability zone .* is invalid",
            _E.INVALID,
            "no such availability zone in this cloud",
            "zone",
        ),
        (
            r".*Volume size .* cannot be smaller than the snapshot size",
            _E.INVALID,
            "smaller than the snapshot's volume",
            "size_bytes",
        ),
        (
            r".*Invalid volume_type",
            _E.INVALID,
            "Cinder cannot make a volume of that type from this snapshot",
            "media",
        ),
    ),
    HTTPStatus.NOT_FOUND: _meanings(
        (r"Volume type .*could not be found", _E.INVALID, "no such volume type", "media"),
        (r"Snapshot (\S+) could not be found", _E.NOT_FOUND, "no snapshot {0!r}"),
        (r"Volume (\S+) could not be found", _E.NOT_FOUND, "no volume {0!r}"),
        (r"Snapshot \S+ has no metadata with key", _E.NOT_FOUND, "no such metadata key"),
        (
            r"The resource could not be found\.",
            _E.UNSUPPORTED,
            "this cloud's Cinder does not know the operation",
        ),
    ),
    HTTPStatus.CONFLICT: _meanings(
        (
            r"Invalid (snapshot|volume): .*status must be 'available'",
            _E.CONFLICT,
            "the {0} must be available",
        ),
    ),
}
"""HTTP status -> what Cinder's messages mean, the first match first."""

_BAD_FIELD = re.compile(r"Invalid input for field/attribute (.{1,255}?)\. Value: ")


def meant(status: int, kind: str, message: str) -> DriverError:
    """Return what an error of Cinder's own means.

    Args:
        status: its HTTP status.
        kind: the key of its body, e.g. ``badRequest``.
        message: what it says.
    """
    for meaning in MEANINGS.get(status, ()):
        found = meaning.pattern.match(message)
        if found:
            text = meaning.message.format(*(g[:_LONGEST_ID] for g in found.groups()))
            return error(meaning.code, text, meaning.field, kind)
    bad_field = _BAD_FIELD.match(message)
    if bad_field:  # any other name is a metadata key
        field = _FIELDS.get(bad_field[1], "metadata")
        return error(_E.INVALID, "Cinder refuses this value", field, kind)
    code, text = _OTHERWISE.get(status, (_E.BACKEND, NOT_CINDER))
    return DriverError(code, text, backend_code=kind)


_OTHERWISE: Mapping[int, tuple[ErrorCode, str]] = {
    HTTPStatus.BAD_REQUEST: (_E.INVALID, "Cinder refuses the request's values"),
    HTTPStatus.NOT_FOUND: (_E.NOT_FOUND, "Cinder does not find what the request names"),
    HTTPStatus.CONFLICT: (_E.CONFLICT, "the snapshot or its volume is in a state that forbids it"),
    HTTPStatus.UNPROCESSABLE_ENTITY: (_E.INVALID, "Cinder refuses the request's values"),
}
"""What a status of Cinder's own means when its message is none that we know."""


def error(code: ErrorCode, text: str, field: str | None, kind: str | None) -> DriverError:
    """Return an error, of a field if there is one; ``kind`` is Cinder's word for it."""
    if field is None:
        return DriverError(code, text, backend_code=kind)
    described = invalid({field: text})
    return DriverError(code, described.message, fields=described.fields, backend_code=kind)
