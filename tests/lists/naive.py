"""What a list must be, the simple way: filter, sort, cut.

Written from the contract and without the engine: different parameters AND; null
matches nothing but ``__isnull``; ``__contains`` ignores case; times compare at
milliseconds; in an order nulls are last in either direction, equals by ascending
id, text by code points.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cmp_to_key
from typing import Any

Item = Mapping[str, Any]
"""A snapshot as plain values; times as texts, the owner as two."""
Pairs = Iterable[tuple[str, str]]
TIMES = frozenset({"created", "completed", "updated"})
NUMBERS = frozenset({"progress", "size_bytes", "stored_bytes"})
FLAGS = frozenset({"ready", "encrypted"})
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "GB": 10**9}
_NOT_FILTERS = frozenset({"sort", "limit", "marker", "with_count", "explain", "fields"})


def item_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a snapshot as JSON shows it."""
    owner, volume = document["owner"] or {}, document["storage_volume"] or {}
    return {
        **document,
        "volume_id": volume.get("id"),
        "owner": owner.get("id"),
        "owner_self": owner.get("self", False),
        "label": document["labels"],
        "kind": "remote" if document["location"] else "local",
    }


def answer(items: Iterable[Item], pairs: Pairs) -> list[Item]:
    """Return what a query string asks for, all of it."""
    given = list(pairs)
    found = [item for item in items if all(_matches(item, *p) for p in given if _is_filter(p[0]))]
    keys = [key for name, value in given if name == "sort" for key in value.split(",")]
    return in_order(found, keys) if keys else found


def in_order(items: Iterable[Item], keys: Sequence[str]) -> list[Item]:
    """Return items in an order: ``-created`` is the newest first."""

    def compare(one: Item, other: Item) -> int:
        return _compare(one, other, keys)

    return sorted(items, key=cmp_to_key(compare))


def milliseconds(text: str) -> int:
    """Return a time as milliseconds since 1970."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def _is_filter(name: str) -> bool:
    return name not in _NOT_FILTERS


def _matches(item: Item, parameter: str, text: str) -> bool:
    field, lookup = _named(parameter)
    values = _values(item, field)
    if lookup == "isnull":
        return (len(values) == 0) == (text == "true")
    if field == "owner" and item["owner_self"] and lookup in {"exact", "in"}:
        values = [*values, "self"]
    return any(_holds(field, lookup, value, text) for value in values)


def _named(parameter: str) -> tuple[str, str]:
    """Return field and lookup; a metadata key is part of the field."""
    if parameter.startswith("metadata["):
        inner, _, lookup = parameter.rpartition("]")
        return f"{inner}]", lookup.removeprefix("__") or "exact"
    field, _, lookup = parameter.partition("__")
    return field, lookup or "exact"


def _values(item: Item, field: str) -> list[Any]:
    """Return the values that a filter on a field compares; none for null."""
    if field == "metadata":
        return list(item["metadata"])
    if field == "label":
        return list(item["label"])
    if field.startswith("metadata["):
        key = field.removeprefix("metadata[").removesuffix("]")
        return [item["metadata"][key]] if key in item["metadata"] else []
    return [] if item[field] is None else [_comparable(field, item[field])]


def _comparable(field: str, value: Any) -> Any:
    return milliseconds(value) if field in TIMES else value


def _holds(field: str, lookup: str, value: Any, text: str) -> bool:
    if lookup == "in":
        return any(value == _wanted(field, part) for part in text.split(","))
    if lookup == "contains":
        return text.casefold() in value.casefold()
    wanted = _wanted(field, text)
    return bool(
        {
            "exact": value == wanted,
            "has": value == wanted,
            "gte": lookup == "gte" and value >= wanted,
            "gt": lookup == "gt" and value > wanted,
            "lte": lookup == "lte" and value <= wanted,
            "lt": lookup == "lt" and value < wanted,
        }[lookup]
    )


def _wanted(field: str, text: str) -> Any:
    if field in TIMES:
        return milliseconds(text)
    if field in FLAGS:
        return text == "true"
    if field in NUMBERS:
        digits = text.rstrip("BGKMTPEi ")
        return (
            int(float(digits) * _UNITS[text[len(digits) :].strip() or "B"])
            if (digits != text)
            else int(text)
        )
    return text


def _compare(one: Item, other: Item, keys: Iterable[str]) -> int:
    for key in keys:
        field, turned = key.removeprefix("-"), key.startswith("-")
        mine, its = _sorted_by(one, field), _sorted_by(other, field)
        if mine == its:
            continue
        if mine is None or its is None:
            return 1 if mine is None else -1
        return (1 if mine > its else -1) * (-1 if turned else 1)
    return int(one["id"] > other["id"]) - int(one["id"] < other["id"])


def _sorted_by(item: Item, field: str) -> Any:
    value = item[field]
    if value is None:
        return None
    if isinstance(value, str) and field not in TIMES:
        return [ord(character) for character in value]
    return _comparable(field, value)
