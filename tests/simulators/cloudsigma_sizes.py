"""Capabilities: which sizes and kinds of drives there are, and how many snapshots."""

import copy
from typing import Any

from flask import Blueprint, Response

from tests.golden_cloudsigma import sample
from tests.simulators.cloudsigma_call import Call, current
from tests.simulators.cloudsigma_errors import invalid

capabilities = Blueprint("capabilities", __name__, url_prefix="/api/2.0/capabilities")


@capabilities.get("/")
def show() -> Response:
    """Answer with one object, no list."""
    return current().answer(capabilities_of(current()))


def capabilities_of(call: Call) -> dict[str, Any]:
    """Return what the cloud can do, as the sample says, and what the account has used."""
    settings, mine = call.settings, call.account.uuid
    found: dict[str, Any] = copy.deepcopy(sample("capabilities").answer)
    del found["snapshots"], found["remote_snapshots"]
    if settings.has_snapshots:
        found["snapshots"] = {
            "current": sum(one.owner == mine for one in call.store.snapshots.values()),
            "max": settings.snapshot_maximum,
            "max_per_drive": settings.snapshot_maximum_per_drive,
        }
    if settings.has_remote_snapshots:
        found["remote_snapshots"] = {
            "current": sum(one.owner == mine for one in call.store.remote_snapshots.values()),
            "max": settings.remote_snapshot_maximum,
            "remote_locations": list(settings.remote_locations),
        }
    return found


def storage_type_of(call: Call, value: Any) -> str:
    """Return a storage type that there is, the default one for none."""
    known = sample("capabilities").answer
    found = value or known["default_storage_type"]
    if found not in known["drives"]:
        raise invalid("storage_type", f"Value {found!r} is not one of {', '.join(known['drives'])}")
    return str(found)


def check_size(call: Call, size: int, storage_type: str) -> None:
    """Refuse a size that is out of range; drives that tests make may be of other types."""
    limits = sample("capabilities").answer["drives"].get(storage_type)
    if limits and not limits["min_size"] <= size <= limits["max_size"]:
        low, high = int(limits["min_size"]), limits["max_size"]
        raise invalid("size", f"Size must be between {low} and {high}")
