"""Conditions of the core as parameters of EC2, which let through a superset.

Source: DescribeSnapshots and DescribeVolumes in botocore's model, 2016-11-15.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.driver import MARKER_KEY, Filter, Lookup, Query, SnapshotState

_STATUSES = {
    SnapshotState.CREATING: "pending",
    SnapshotState.AVAILABLE: "completed",
    SnapshotState.ARCHIVED: "completed",
    SnapshotState.ERROR: "error",
}
"""State -> value of the filter ``status``, which knows these three only."""
_MOST_VALUES = 200
"""In one request (user guide of EC2, "Filtering considerations")."""
_BOTH = {"name": "tag:Name", "created_by": f"tag:{MARKER_KEY}"}
_SNAPSHOT_FILTERS = {"id": "snapshot-id", "volume_id": "volume-id", **_BOTH}
_VOLUME_FILTERS = {"id": "volume-id", **_BOTH}
_ANY_CHARACTER = str.maketrans(dict.fromkeys("*?\\[", "?"))
"""For wildcards. EC2 takes them with a backslash before, moto does not: it has fnmatch's."""
_ACCOUNT = re.compile(r"[0-9]{12}")


def of_snapshots(query: Query) -> dict[str, Any]:
    """Return what a query asks of DescribeSnapshots; the owner is no filter there."""
    return _parameters([_snapshot_filter(condition) for condition in query.filters])


def unasked_of_snapshots(query: Query, asked: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the conditions that are not in what is ``asked`` of EC2."""
    sent = asked.get("Filters", [])
    return frozenset(
        f.name for f in query.filters if f.field != "owner" and _snapshot_filter(f) not in sent
    )


def of_volumes(query: Query) -> dict[str, Any]:
    """Return what a query asks of DescribeVolumes."""
    return _parameters([_filter(condition, _VOLUME_FILTERS) for condition in query.filters])


def equals(name: str, *values: str) -> dict[str, Any]:
    """Return a filter that lets some values through, and what differs from them in wildcards."""
    return {"Name": name, "Values": [value.translate(_ANY_CHARACTER) for value in values]}


def is_account(owner: str) -> bool:
    """Return whether ``owner`` has the form of an account's number."""
    return _ACCOUNT.fullmatch(owner) is not None


def _snapshot_filter(condition: Filter) -> dict[str, Any] | None:
    if condition.field == "state":
        return _status(condition.values)
    return _filter(condition, _SNAPSHOT_FILTERS)


def _filter(condition: Filter, names: Mapping[str, str]) -> dict[str, Any] | None:
    values = tuple(map(str, condition.values))
    if condition.lookup is Lookup.HAS:
        return equals("tag-key", *values)
    name = f"tag:{condition.key}" if condition.field == "metadata" else names.get(condition.field)
    return equals(name, *values) if name is not None else None


def _status(states: Iterable[Any]) -> dict[str, Any] | None:
    """Return a filter for states that all have a status; for others there is none."""
    statuses = [_STATUSES.get(SnapshotState(state)) for state in states]
    known = [status for status in statuses if status is not None]
    return equals("status", *dict.fromkeys(known)) if len(known) == len(statuses) else None


def _parameters(filters: list[dict[str, Any] | None]) -> dict[str, Any]:
    """Return as many of the filters as EC2 takes; the core has them all."""
    found: list[dict[str, Any]] = []
    for condition in filters:
        given = [*found, *([condition] if condition else [])]
        if sum(len(one["Values"]) for one in given) <= _MOST_VALUES:
            found = given
    return {"Filters": found} if found else {}
