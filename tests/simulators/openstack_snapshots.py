"""Snapshots: list, show, create, update, delete, and the actions on their status."""

from typing import Any

from tests.simulators.openstack_call import TRUE, Call, lacks
from tests.simulators.openstack_errors import bad_request
from tests.simulators.openstack_lists import Answer, Table, answer_list
from tests.simulators.openstack_quotas import check_quota
from tests.simulators.openstack_schemas import (
    FORCE_DELETE,
    SNAPSHOT_CREATE,
    SNAPSHOT_RESET,
    SNAPSHOT_STATUS,
    SNAPSHOT_UPDATE,
    check,
)
from tests.simulators.openstack_state import Snapshot, Volume
from tests.simulators.openstack_views import (
    snapshot_changed,
    snapshot_detail,
    snapshot_summary,
)
from tests.simulators.openstack_work import begin_creation, begin_deletion

_FORCE_IS_OVER = (
    "Since microversion 3.66 the 'force' flag is invalid for this request.  For backward "
    "compatability, however, when the 'force' flag is passed with a value evaluating to True, "
    "it is silently ignored."
)


def list_snapshots(call: Call) -> Answer:
    """List the project's snapshots without details."""
    return answer_list(call, _TABLE, is_detail=False)


def detail_snapshots(call: Call) -> Answer:
    """List the project's snapshots with all fields."""
    return answer_list(call, _TABLE, is_detail=True)


def show_snapshot(call: Call, snapshot_id: str) -> Answer:
    """Show a snapshot."""
    snapshot = call.snapshot(snapshot_id)
    shown = snapshot_detail(call, snapshot)
    call.region.saw([snapshot])
    return 200, {"snapshot": shown}


def create_snapshot(call: Call) -> Answer:
    """Begin a snapshot of a volume."""
    check(call.body, SNAPSHOT_CREATE)
    given = call.body["snapshot"]
    volume = call.volume(given["volume_id"])
    is_forced = _force(call, given)
    name = given["name"] if "name" in given else given.get("display_name")
    call.allow("volume:create_snapshot")
    _check_volume(volume, is_forced=is_forced or call.since(66))
    check_quota(call, volume.size, snapshots=1)
    snapshot = call.region.add_snapshot(
        volume,
        user_id=call.token.user.id,
        project_id=call.project_id,
        name=_stripped(name),
        description=_stripped(given.get("description")),
        metadata=dict(given.get("metadata") or {}),
        status="creating",
        progress="0%",
    )
    shown = snapshot_changed(call, snapshot)
    begin_creation(call, snapshot)
    return 202, {"snapshot": shown}


def update_snapshot(call: Call, snapshot_id: str) -> Answer:
    """Rename a snapshot, whatever its status; the answer still has the old time of update."""
    check(call.body, SNAPSHOT_UPDATE)
    given = call.body["snapshot"]
    snapshot = call.snapshot(snapshot_id)
    call.allow("volume:update_snapshot")
    for field in ("name", "description"):
        if f"display_{field}" in given or field in given:
            value = given[field] if field in given else given[f"display_{field}"]
            setattr(snapshot, field, _stripped(value))
    shown = snapshot_changed(call, snapshot)
    snapshot.updated_at = call.region.now()
    return 200, {"snapshot": shown}


def delete_snapshot(call: Call, snapshot_id: str) -> Answer:
    """Begin to delete a snapshot."""
    snapshot = call.snapshot(snapshot_id)
    call.allow("volume:delete_snapshot")
    if snapshot.status not in ("available", "error") or snapshot.group_snapshot_id:
        raise bad_request(
            "Invalid snapshot: Snapshot status must be available or error and must not be "
            "part of a group."
        )
    begin_deletion(call, snapshot)
    return 202, None


def reset_status(call: Call, snapshot_id: str) -> Answer:
    """Give a snapshot any status: for administrators."""
    check(call.body, SNAPSHOT_RESET)
    snapshot = call.snapshot(snapshot_id)
    call.allow("volume_extension:snapshot_admin_actions:reset_status", "admin")
    snapshot.status = call.body["os-reset_status"]["status"].lower()
    snapshot.updated_at = call.region.now()
    return 202, b""


def force_delete(call: Call, snapshot_id: str) -> Answer:
    """Begin to delete a snapshot whatever its status: for administrators."""
    check(call.body, FORCE_DELETE)
    snapshot = call.snapshot(snapshot_id)
    call.allow("volume_extension:snapshot_admin_actions:force_delete", "admin")
    if snapshot.group_snapshot_id:
        raise bad_request("Invalid snapshot: Snapshot  must not be part of a group.")
    begin_deletion(call, snapshot)
    return 202, b""


_NEXT = {
    "creating": ("creating", "available", "error"),
    "deleting": ("deleting", "error_deleting"),
}


def update_status(call: Call, snapshot_id: str) -> Answer:
    """Say how far a snapshot is, as Nova does."""
    check(call.body, SNAPSHOT_STATUS)
    given = call.body["os-update_snapshot_status"]
    snapshot = call.snapshot(snapshot_id)
    call.allow("snapshot_extension:snapshot_actions:update_snapshot_status")
    if snapshot.status not in _NEXT:
        raise bad_request(
            f"Snapshot status {snapshot.status} not allowed for update_snapshot_status"
        )
    if given["status"] not in _NEXT[snapshot.status]:
        raise bad_request(
            f"Provided snapshot status {given['status']} not allowed for snapshot with "
            f"status {snapshot.status}."
        )
    snapshot.status = given["status"]
    snapshot.progress = given.get("progress") or snapshot.progress
    snapshot.updated_at = call.region.now()
    return 202, None


def _force(call: Call, given: dict[str, Any]) -> bool:
    if "force" not in given:
        return False
    is_forced = str(given["force"]).lower() in TRUE
    if call.since(66) and not is_forced:
        raise bad_request(_FORCE_IS_OVER)
    return is_forced


def _check_volume(volume: Volume, *, is_forced: bool) -> None:
    if volume.status == "maintenance":
        reason = "The snapshot cannot be created when the volume is in maintenance mode."
        raise bad_request(f"Invalid volume: {reason}")
    if volume.status == "error":
        reason = "The snapshot cannot be created when the volume is in error status."
        raise bad_request(f"Invalid volume: {reason}")
    allowed = ("available", "in-use") if is_forced else ("available",)
    if volume.status not in allowed:
        raise bad_request(
            f"Invalid volume: Volume {volume.id} status must be {', '.join(allowed)}, "
            f"but current status is: {volume.status}."
        )


def _stripped(text: str | None) -> str | None:
    return text.strip() if text is not None else None


def _zone(call: Call, one: Snapshot, value: str) -> bool:
    volume = call.region.volumes.get(one.volume_id)
    return not value or (volume is not None and volume.availability_zone == value)


def _refuse_hosts() -> bool:
    raise lacks("filters by hosts")


_TABLE: Table[Snapshot] = Table(
    resource="snapshot",
    policy="volume:get_all_snapshots",
    rows=lambda call: call.region.snapshots.values(),
    find=lambda call, snapshot_id: call.snapshot(snapshot_id),
    summary=lambda _, one: snapshot_summary(one),
    detail=snapshot_detail,
    columns={
        "id": lambda one: one.id,
        "created_at": lambda one: one.created_at,
        "updated_at": lambda one: one.updated_at,
        "deleted_at": lambda _: None,
        "display_name": lambda one: one.name,
        "display_description": lambda one: one.description,
        "status": lambda one: one.status,
        "progress": lambda one: one.progress,
        "volume_id": lambda one: one.volume_id,
        "volume_size": lambda one: one.size,
        "user_id": lambda one: one.user_id,
        "project_id": lambda one: one.project_id,
        "group_snapshot_id": lambda one: one.group_snapshot_id,
        "use_quota": lambda one: one.consumes_quota,
        "cgsnapshot_id": lambda _: None,
        "encryption_key_id": lambda _: None,
        "volume_type_id": lambda _: None,
    },
    special={
        "availability_zone": _zone,
        "host": lambda *_: _refuse_hosts(),
        "cluster_name": lambda *_: _refuse_hosts(),
    },
    filters_before_331=("status", "volume_id", "name", "metadata"),
    sorts_by_name_since=30,
)
