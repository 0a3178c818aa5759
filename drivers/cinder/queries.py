"""From the gateway's filters and sort keys to Cinder's query parameters."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from drivers.cinder import wire
from drivers.cinder.wire import Row
from gateway.driver import MARKER_KEY, Order, Query, SnapshotState, SortKey, VolumeState

SORT_KEYS: Mapping[str, str] = {"created": "created_at", "id": "id", "size_bytes": "volume_size"}
"""The model's field -> Cinder's sort key. Others may be null, or sort as the database likes."""
_DEFAULT_ORDER = "created_at:desc,id:desc"
"""Cinder's own (observed on 29.0.0)."""
_ROW_FIELDS = {"volume_size": "size"}
"""Cinder's sort key -> what a row calls it, where that differs."""
DEFAULT_FILTERS = frozenset({"name", "status", "volume_id", "metadata", "availability_zone"})
"""What every user may filter snapshots by, unless the operator says else."""


_KEYS = {
    "name": "name",
    "state": "status",
    "volume_id": "volume_id",
    "metadata": "metadata",
    "created_by": "metadata",
}
"""The model's field -> Cinder's filter."""


def of_snapshots(query: Query, allowed: frozenset[str]) -> dict[str, str]:
    """Return what to ask Cinder for, which holds at least the rows that match ``query``.

    ``allowed`` are the filters that the cloud's operator lets everybody use;
    any other one is refused by Cinder (from 3.31 on).
    """
    wanted = {
        "name": query.value_of("name"),
        "status": _native(query.value_of("state"), wire.STATES),
        "volume_id": query.value_of("volume_id"),
        "metadata": _metadata(query),
    }
    return {key: value for key, value in wanted.items() if value is not None and key in allowed}


def unasked(query: Query, asked: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the conditions that are not in what is asked of Cinder."""
    return frozenset(
        f.name for f in query.filters if f.field in _KEYS and _KEYS[f.field] not in asked
    )


def of_volumes(query: Query) -> dict[str, str]:
    """Return what to ask Cinder for; everybody may filter volumes by these."""
    only_markers = tuple(f for f in query.filters if f.field == "created_by")
    wanted = {
        "name": query.value_of("name"),
        "status": _native(query.value_of("state"), wire.VOLUME_STATES),
        "metadata": _metadata(replace(query, filters=only_markers)),
    }
    return {key: value for key, value in wanted.items() if value is not None}


def _native(
    state: str | None, states: Mapping[str, SnapshotState] | Mapping[str, VolumeState]
) -> str | None:
    """Return Cinder's status for a state that has exactly one; Cinder filters by one."""
    if state is None or Counter(states.values())[state] != 1:  # type: ignore[index]
        return None
    return next(native for native, meant in states.items() if meant == state)


def _metadata(query: Query) -> str | None:
    """Return the filter as Cinder reads it, a Python literal of a dict."""
    pairs = {f.key: f.value for f in query.filters if f.field == "metadata"}
    marker = query.value_of("created_by")
    if marker is not None:
        pairs[MARKER_KEY] = marker
    return repr(pairs) if pairs else None


def order(query: Query) -> dict[str, str]:
    """Return how to ask for the order, with the id as the last key, so that it is total."""
    if not query.sort:
        return {}
    keys = [f"{SORT_KEYS[key.field]}:{'desc' if key.descending else 'asc'}" for key in query.sort]
    if all(key.field != "id" for key in query.sort):
        keys.append("id:asc")
    return {"sort": ",".join(keys)}


def place(asked: Mapping[str, Any], row: Row) -> list[Any]:
    """Return what tells the place of a row in the order that is asked for."""
    fields = [_ROW_FIELDS.get(key.field, key.field) for key in _keys(asked)]
    return [*(row.get(field) for field in fields), row["id"]]


def behind(asked: Mapping[str, Any], given: Sequence[Any]) -> Callable[[Row], bool]:
    """Return whether a row comes behind a place in the order that is asked for."""
    order = Order(_keys(asked))
    there = order.place_of(given)
    return lambda row: order.place_of(place(asked, row)) > there


def _keys(asked: Mapping[str, Any]) -> list[SortKey]:
    """Return the sort keys of a request, by Cinder's names."""
    given = [key.split(":") for key in asked.get("sort", _DEFAULT_ORDER).split(",")]
    return [SortKey(field, direction == "desc") for field, direction in given]
