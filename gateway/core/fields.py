"""By what lists can be filtered and sorted, and how values are spelled in a query string."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from gateway.driver import (
    Filter,
    Lookup,
    SnapshotState,
    SortKey,
    StoredKind,
    Visibility,
    VolumeState,
    invalid,
)

_RANGES = (Lookup.GTE, Lookup.GT, Lookup.LTE, Lookup.LT)
_TEXT_LOOKUPS = (Lookup.EXACT, Lookup.IN, Lookup.CONTAINS, Lookup.ISNULL)
_ORDERED_LOOKUPS = (Lookup.EXACT, Lookup.IN, *_RANGES, Lookup.ISNULL)
_SIZE = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,6})?) ?([KMGTPE]i?)?B?", re.ASCII)
_POWERS = {unit: power for power, unit in enumerate("KMGTPE", 1)}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_FLAGS = {"true": True, "false": False}
_MOST_VALUES = 200
"""In one filter with ``__in``."""
_MOST_DIGITS = 19
_MOST = (1 << 63) - 1
"""What databases and JSON's readers hold."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field that lists can be filtered by.

    Attributes:
        read: turns the text of a query string into a value; ValueError with what
            would be right.
        lookups: the ways to compare it.
        is_sortable: whether lists can be sorted by it.
    """

    read: Callable[[str], Any]
    lookups: tuple[Lookup, ...]
    is_sortable: bool = True


def _text(text: str) -> str:
    return text


def _number(text: str) -> int:
    if not re.fullmatch(f"[0-9]{{1,{_MOST_DIGITS}}}", text, re.ASCII):
        raise ValueError("not a whole number")
    return _bounded(int(text))


def _size(text: str) -> int:
    """Return bytes: ``1024``, ``10GiB``, ``1.5 TB``."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError("not a size; give bytes, or a number and a unit, such as 10GiB or 500MB")
    number, unit = found[1], found[2] or ""
    factor = (1024 if unit.endswith("i") else 1000) ** _POWERS.get(unit[:1], 0)
    size = Decimal(number) * factor
    if size != int(size):
        raise ValueError("a part of a byte")
    return _bounded(int(size))


def _bounded(number: int) -> int:
    if number > _MOST:
        raise ValueError(f"too large; at most {_MOST}")
    return number


def _time(text: str) -> datetime:
    """Return an aware time in UTC: RFC 3339, or a date, which is its first moment."""
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (OverflowError, ValueError):
        pass
    raise ValueError(
        "not a time; give RFC 3339 with an offset, such as 2026-11-21T08:00:00Z, or a date "
        "(a + in a URL is written %2B)"
    )


def _flag(text: str) -> bool:
    if text not in _FLAGS:
        raise ValueError("give true or false")
    return _FLAGS[text]


def _one_of(name: str, *possible: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in possible:
            raise ValueError(f"no such {name}; one of {', '.join(possible)}")
        return text

    return read


_TEXT = Field(_text, _TEXT_LOOKUPS)
_COUNT = Field(_number, _ORDERED_LOOKUPS)
_BYTES = Field(_size, _ORDERED_LOOKUPS)
_MOMENT = Field(_time, _ORDERED_LOOKUPS)
_YES_NO = Field(_flag, (Lookup.EXACT, Lookup.ISNULL))


_MARKER = Field(_text, (Lookup.EXACT,), is_sortable=False)
"""The id of the marker that a creation carried."""


def _words(name: str, *possible: str) -> Field:
    return Field(_one_of(name, *possible), (Lookup.EXACT, Lookup.IN, Lookup.ISNULL))


METADATA_OF_KEY = Field(_text, _TEXT_LOOKUPS, is_sortable=False)
"""The value of one metadata key: ``metadata[KEY]``."""
METADATA_KEYS = Field(_text, (Lookup.HAS,), is_sortable=False)
"""All metadata: ``metadata__has``."""
SNAPSHOTS: Mapping[str, Field] = {
    "id": _TEXT,
    "name": _TEXT,
    "description": _TEXT,
    "state": _words("state", *SnapshotState),
    "native_state": _TEXT,
    "ready": _YES_NO,
    "state_reason": _TEXT,
    "progress": _COUNT,
    "created": _MOMENT,
    "completed": _MOMENT,
    "updated": _MOMENT,
    "volume_id": _TEXT,
    "size_bytes": _BYTES,
    "stored_bytes": _BYTES,
    "stored_kind": _words("stored_kind", *StoredKind),
    "label": Field(_text, _TEXT_LOOKUPS, is_sortable=False),
    "owner": _TEXT,
    "visibility": _words("visibility", *Visibility),
    "group_id": _TEXT,
    "encrypted": _YES_NO,
    "location": _TEXT,
    "kind": _words("kind", "local", "remote"),
    "tier": _TEXT,
    "metadata": METADATA_KEYS,
    "created_by": _MARKER,
}
VOLUMES: Mapping[str, Field] = {
    "id": _TEXT,
    "name": _TEXT,
    "description": _TEXT,
    "state": _words("state", *VolumeState),
    "native_state": _TEXT,
    "state_reason": _TEXT,
    "progress": _COUNT,
    "created": _MOMENT,
    "size_bytes": _BYTES,
    "stored_bytes": _BYTES,
    "zone": _TEXT,
    "snapshot_id": _TEXT,
    "owner": _TEXT,
    "metadata": METADATA_KEYS,
    "created_by": _MARKER,
}
_METADATA_FORM = "metadata[KEY]"


def lookups(fields: Mapping[str, Field]) -> dict[str, tuple[str, ...]]:
    """Return field -> the lookups that there are; ``metadata[KEY]`` stands for any key."""
    found = {name: tuple(map(str, field.lookups)) for name, field in fields.items()}
    return {**found, _METADATA_FORM: tuple(map(str, METADATA_OF_KEY.lookups))}


def name_of(field: str, lookup: Lookup) -> str:
    """Return the name of a filter in a query string; KEY stands for any metadata key."""
    has_key = field == "metadata" and lookup is not Lookup.HAS
    return Filter(field, "", lookup, "KEY" if has_key else None).name


def sortable(fields: Mapping[str, Field]) -> tuple[str, ...]:
    """Return the fields that lists can be sorted by."""
    return tuple(name for name, field in fields.items() if field.is_sortable)


def read_filter(fields: Mapping[str, Field], name: str, key: str | None, text: str) -> Filter:
    """Return the filter that a parameter stands for.

    Args:
        fields: SNAPSHOTS or VOLUMES.
        name: the parameter's name without brackets, ``size_bytes__gte``, say.
        key: what stands in brackets, the metadata key.
        text: its value.

    Raises:
        DriverError: ``invalid`` naming the parameter.
        KeyError: there is no such filter.
    """
    base, separator, suffix = name.partition("__")
    field = METADATA_OF_KEY if base == "metadata" and key is not None else fields[base]
    shown = name if key is None else f"{base}[{key}]{separator}{suffix}"
    lookup = _lookup(suffix if separator else Lookup.EXACT)
    if lookup not in field.lookups or (key is not None and field is not METADATA_OF_KEY):
        raise KeyError(shown)
    try:
        value = _value(field, lookup, text)
    except ValueError as exc:
        raise invalid({shown: str(exc)}) from exc
    return Filter(base, value, lookup, key)


def _lookup(word: str) -> Lookup:
    try:
        return Lookup(word)
    except ValueError as exc:
        raise KeyError(word) from exc


def _value(field: Field, lookup: Lookup, text: str) -> Any:
    if lookup is Lookup.ISNULL:
        return _flag(text)
    if lookup is not Lookup.IN:
        return field.read(text)
    texts = text.split(",")
    if len(texts) > _MOST_VALUES:
        raise ValueError(f"{len(texts)} values; at most {_MOST_VALUES} are possible")
    return tuple(dict.fromkeys(map(field.read, texts)))


def read_sort(fields: Mapping[str, Field], text: str) -> tuple[SortKey, ...]:
    """Return what ``sort=-created,name`` means.

    Raises:
        DriverError: ``invalid`` for a field that is unknown or comes twice.
    """
    keys = tuple(_sort_keys(text))
    possible = sortable(fields)
    unknown = [key.field for key in keys if key.field not in possible]
    if unknown:
        shown = ", ".join(name or "nothing" for name in unknown)
        raise invalid({"sort": f"no order by {shown}; one of {', '.join(possible)}"})
    if len({key.field for key in keys}) < len(keys):
        raise invalid({"sort": "give each field once; - turns it round"})
    return keys


def _sort_keys(text: str) -> Iterator[SortKey]:
    for part in text.split(","):
        yield SortKey(part.removeprefix("-"), part.startswith("-"))
