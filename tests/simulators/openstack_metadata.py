"""The metadata of a snapshot, as a whole and one by one."""

from typing import Any

from tests.simulators.openstack_call import Call
from tests.simulators.openstack_errors import CinderError, bad_request
from tests.simulators.openstack_schemas import METADATA, METADATA_ITEM, check
from tests.simulators.openstack_state import Snapshot

Answer = tuple[int, Any]


def show_metadata(call: Call, snapshot_id: str) -> Answer:
    """Show all items."""
    return 200, {"metadata": dict(call.snapshot(snapshot_id).metadata)}


def add_metadata(call: Call, snapshot_id: str) -> Answer:
    """Add items to those that are there."""
    check(call.body, METADATA)
    snapshot = _writable(call, snapshot_id, "update")
    return _changed(call, snapshot, snapshot.metadata | call.body["metadata"])


def replace_metadata(call: Call, snapshot_id: str) -> Answer:
    """Put items in the place of those that are there."""
    check(call.body, METADATA)
    return _changed(call, _writable(call, snapshot_id, "update"), dict(call.body["metadata"]))


def show_item(call: Call, snapshot_id: str, key: str) -> Answer:
    """Show one item."""
    snapshot = call.snapshot(snapshot_id)
    _must_have(snapshot, key)
    return 200, {"meta": {key: snapshot.metadata[key]}}


def put_item(call: Call, snapshot_id: str, key: str) -> Answer:
    """Add or change one item."""
    check(call.body, METADATA_ITEM)
    item = call.body["meta"]
    if key not in item:
        raise bad_request("Request body and URI mismatch")
    snapshot = _writable(call, snapshot_id, "update")
    _changed(call, snapshot, snapshot.metadata | item)
    return 200, {"meta": item}


def delete_item(call: Call, snapshot_id: str, key: str) -> Answer:
    """Take one item away; this alone does not count as an update."""
    snapshot = call.snapshot(snapshot_id)
    _must_have(snapshot, key)
    _writable(call, snapshot_id, "delete")
    del snapshot.metadata[key]
    return 200, None


def _writable(call: Call, snapshot_id: str, verb: str) -> Snapshot:
    snapshot = call.snapshot(snapshot_id)
    call.allow(f"volume:{verb}_snapshot_metadata")
    return snapshot


def _must_have(snapshot: Snapshot, key: str) -> None:
    if key not in snapshot.metadata:
        raise CinderError(404, f"Snapshot {snapshot.id} has no metadata with key {key}.")


def _changed(call: Call, snapshot: Snapshot, metadata: dict[str, str]) -> Answer:
    snapshot.metadata, snapshot.updated_at = metadata, call.region.now()
    return 200, {"metadata": metadata}
