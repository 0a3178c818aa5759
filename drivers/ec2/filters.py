"""Conditions of the core as parameters of EC2, which let through a superset.

Source: DescribeSnapshots and DescribeVolumes in botocore's model, 2016-11-15.
"""

import re
from collections.abc import Mapping
from typing import Any

from gateway.driver import Filter, Query, SnapshotState

_STATUSES = {
    SnapshotState.CREATING: "pending",
    SnapshotState.AVAILABLE: "completed",
    SnapshotState.ARCHIVED: "completed",
    SnapshotState.ERROR: "error",
}
"""State -> value of the filter ``status``, which knows these three only."""
_SNAPSHOT_FILTERS = {"id": "snapshot-id", "volume_id": "volume-id", "name": "tag:Name"}
_VOLUME_FILTERS = {"id": "volume-id", "name": "tag:Name"}
_ANY_CHARACTER = str.maketrans(dict.fromkeys("*?\\[", "?"))
"""For wildcards. EC2 takes them with a backslash before, moto does not: it has fnmatch's."""
_ACCOUNT = re.compile(r"[0-9]{12}")


def of_snapshots(query: Query) -> dict[str, Any]:
    """Return what a query asks of DescribeSnapshots; the owner is no filter there."""
    found = [_filter(condition, _SNAPSHOT_FILTERS) for condition in query.filters]
    found += [_status(f.value) for f in query.filters if f.field == "state"]
    return _parameters(found)


def of_volumes(query: Query) -> dict[str, Any]:
    """Return what a query asks of DescribeVolumes."""
    return _parameters([_filter(condition, _VOLUME_FILTERS) for condition in query.filters])


def equals(name: str, value: str) -> dict[str, Any]:
    """Return a filter that lets one value through, and those that differ from it in wildcards."""
    return {"Name": name, "Values": [value.translate(_ANY_CHARACTER)]}


def is_account(owner: str) -> bool:
    """Return whether ``owner`` has the form of an account's number."""
    return _ACCOUNT.fullmatch(owner) is not None


def _filter(condition: Filter, names: Mapping[str, str]) -> dict[str, Any] | None:
    if condition.field == "metadata":
        return equals(f"tag:{condition.key}", condition.value)
    if condition.field in names:
        return equals(names[condition.field], condition.value)
    return None


def _status(state: str) -> dict[str, Any] | None:
    status = _STATUSES.get(SnapshotState(state))
    return equals("status", status) if status else None


def _parameters(filters: list[dict[str, Any] | None]) -> dict[str, Any]:
    found = [condition for condition in filters if condition is not None]
    return {"Filters": found} if found else {}
