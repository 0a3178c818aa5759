"""Volumes: list, show, create, delete, revert; besides resource filters and messages."""

from typing import Any

from tests.simulators.openstack_call import Call, lacks
from tests.simulators.openstack_errors import CinderError, bad_request, no_route
from tests.simulators.openstack_lists import (
    Answer,
    Table,
    answer_list,
    links,
    read_page,
    refuse_filters,
)
from tests.simulators.openstack_quotas import check_quota
from tests.simulators.openstack_schemas import (
    REVERT,
    VOLUME_CREATE,
    VOLUME_CREATE_353,
    VOLUME_RESET,
    check,
)
from tests.simulators.openstack_state import Snapshot, Volume
from tests.simulators.openstack_views import (
    host_of,
    message_detail,
    type_id,
    volume_changed,
    volume_detail,
    volume_summary,
)
from tests.simulators.openstack_work import begin_revert, begin_volume, begin_volume_deletion

_LACKING = ("source_volid", "consistencygroup_id", "multiattach", "image_id", "imageRef")
_DELETABLE = ("available", "error", "error_restoring", "error_extending", "error_managing")
_UNDELETABLE = (
    "Invalid volume: Volume status must be available or error or error_restoring or "
    "error_extending or error_managing and must not be migrating, attached, belong to a group, "
    "have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer."
)


def list_volumes(call: Call) -> Answer:
    """List the project's volumes without details."""
    return answer_list(call, _TABLE, is_detail=False)


def detail_volumes(call: Call) -> Answer:
    """List the project's volumes with all fields."""
    return answer_list(call, _TABLE, is_detail=True)


def show_volume(call: Call, volume_id: str) -> Answer:
    """Show a volume."""
    volume = call.volume(volume_id)
    shown = volume_detail(call, volume)
    call.region.saw([volume])
    return 200, {"volume": shown}


def create_volume(call: Call) -> Answer:
    """Begin a volume, an empty one or of a snapshot."""
    check(call.body, VOLUME_CREATE_353 if call.since(53) else VOLUME_CREATE)
    given = call.body["volume"]
    if any(given.get(name) for name in _LACKING):
        raise lacks(f"volumes by {', '.join(name for name in _LACKING if given.get(name))}")
    names = {field: _text(given, field) for field in ("name", "description")}
    volume_type = _volume_type(call, given.get("volume_type"))
    snapshot = _source(call, given.get("snapshot_id"))
    size = _size(given.get("size"), snapshot)
    if given.get("availability_zone") not in (None, "nova"):
        raise bad_request(f"Availability zone '{given['availability_zone']}' is invalid.")
    call.allow("volume:create")
    check_quota(call, size, volumes=1)
    volume = call.region.add_volume(
        user_id=call.token.user.id,
        project_id=call.project_id,
        size=size,
        status="creating",
        metadata=dict(given.get("metadata") or {}),
        volume_type=volume_type,
        snapshot_id=snapshot.id if snapshot else None,
        group_id=given.get("group_id"),
        **names,
    )
    shown = volume_changed(call, volume)
    begin_volume(call.region, volume)
    return 202, {"volume": shown}


def delete_volume(call: Call, volume_id: str) -> Answer:
    """Begin to delete a volume, with ``cascade`` its snapshots too."""
    with_snapshots = call.parameters.boolean("cascade")
    volume = call.volume(volume_id)
    call.allow("volume:delete")
    snapshots = _snapshots_of(call, volume)
    may_go = ("available", "error", "deleting")
    kept = [one for one in snapshots if one.group_snapshot_id or one.status not in may_go]
    if volume.status not in _DELETABLE or volume.group_id or volume.attachments:
        raise bad_request(_UNDELETABLE)
    if kept if with_snapshots else snapshots:
        raise bad_request(_UNDELETABLE)
    begin_volume_deletion(call.region, volume, snapshots)
    return 202, None


def revert(call: Call, volume_id: str) -> Answer:
    """Begin to make a volume what it was at its latest snapshot.

    As in Cinder, a snapshot that is not available is seen too late: the volume stays
    reverting.
    """
    if not call.since(40):
        raise no_route()
    check(call.body, REVERT)
    given = call.body["revert"].get("snapshot_id")
    volume = call.volume(volume_id)
    snapshots = sorted(_snapshots_of(call, volume), key=lambda one: one.created_at)
    if not snapshots:
        raise bad_request(f"Volume {volume.id} doesn't have any snapshots.")
    latest = snapshots[-1]
    if given != latest.id:
        raise bad_request(
            f"Specified snapshot {given} is None or not the latest one of volume {volume.id}."
        )
    refusal = f"Can't revert volume {volume.id} to its latest snapshot {latest.id}."
    if volume.size != latest.size:
        raise bad_request(f"{refusal} The volume size must be equal to the snapshot size.")
    call.allow("volume:revert_to_snapshot")
    _revert(call, volume, latest, refusal)
    return 202, b""


def reset_volume(call: Call, volume_id: str) -> Answer:
    """Give a volume any status: for administrators."""
    check(call.body, VOLUME_RESET)
    volume = call.volume(volume_id)
    call.allow("volume_extension:volume_admin_actions:reset_status", "admin")
    status = (call.body["os-reset_status"].get("status") or "").lower()
    if status in ("deleting", "error_deletingdetaching"):
        raise bad_request(f"Cannot reset-state to {status}")
    if status == "in-use" and not volume.attachments:
        raise bad_request(
            "Cannot reset-state to in-use because volume does not have any attachments."
        )
    volume.status, volume.updated_at = status, call.region.now()
    return 202, b""


def list_resource_filters(call: Call) -> Answer:
    """Say what non-admins may filter by."""
    if not call.since(33):
        raise no_route()
    wanted = call.parameters.last("resource")
    filters = call.region.settings.resource_filters
    shown = {name: keys for name, keys in filters.items() if not wanted or name == wanted}
    listed = [{"resource": name, "filters": list(keys)} for name, keys in shown.items()]
    return 200, {"resource_filters": listed}


def list_messages(call: Call) -> Answer:
    """Tell what went wrong, the last first."""
    if not call.since(3):
        raise no_route()
    parameters = call.parameters
    page = read_page(call, parameters)
    if call.since(31):
        refuse_filters(call, "message", parameters)
    wanted = dict(parameters)
    every = [one for one in call.region.messages if one.project_id == call.project_id]
    found = [
        one
        for one in reversed(every)
        if all(str(getattr(one, name, "")) == value for name, value in wanted.items())
    ]
    shown = found[page.offset :][: page.limit]
    answer: dict[str, Any] = {"messages": [message_detail(call, one) for one in shown]}
    following = links(call, "messages", [one.id for one in shown], None)
    return 200, answer | ({"messages_links": following} if following else {})


def list_types(call: Call) -> Answer:
    """Show the volume types."""
    types = call.region.settings.volume_types
    listed: list[dict[str, Any]] = [
        {
            "id": type_id(types, name),
            "name": name,
            "is_public": True,
            "description": "Default Volume Type" if name == "__DEFAULT__" else None,
            "extra_specs": {},
            "os-volume-type-access:is_public": True,
        }
        for name in types
    ]
    return 200, {"volume_types": listed}


def _revert(call: Call, volume: Volume, latest: Snapshot, refusal: str) -> None:
    if volume.status != "available":
        raise CinderError(409, f"Invalid volume: {refusal} Volume's status must be 'available'.")
    if latest.status != "available":
        volume.status, volume.updated_at = "reverting", call.region.now()
        reason = f"{refusal} Snapshot's status must be 'available'."
        raise CinderError(409, f"Invalid snapshot: {reason}")
    begin_revert(call.region, volume, latest)


def _snapshots_of(call: Call, volume: Volume) -> list[Snapshot]:
    return [one for one in call.region.snapshots.values() if one.volume_id == volume.id]


def _text(given: dict[str, Any], field: str) -> str | None:
    text = given[field] if field in given else given.get(f"display_{field}")
    text = text.strip() if text is not None else None
    if text is not None and len(text) > 255:
        reason = f"{field} has {len(text)} characters, more than 255."
        raise bad_request(f"Invalid input received: {reason}")
    return text


def _volume_type(call: Call, given: str | None) -> str:
    settings = call.region.settings
    if given is None:
        return settings.default_volume_type
    for name in settings.volume_types:
        if given in (name, type_id(settings.volume_types, name)):
            return name
    raise CinderError(404, f"Volume type with name {given} could not be found.")


def _source(call: Call, snapshot_id: str | None) -> Snapshot | None:
    if snapshot_id is None:
        return None
    snapshot = call.snapshot(snapshot_id)
    if snapshot.status != "available":
        raise bad_request(
            "Invalid snapshot: Originating snapshot status must be one of 'available' values"
        )
    return snapshot


def _size(given: int | str | None, snapshot: Snapshot | None) -> int:
    if given is None and snapshot is None:
        raise bad_request(
            "The server could not comply with the request since it is either malformed or "
            "otherwise incorrect."
        )
    size = int(given) if given is not None else 0
    if snapshot is not None and given is not None and size < snapshot.size:
        raise bad_request(
            f"Invalid input received: Volume size '{size}'GB cannot be smaller than the snapshot "
            f"size {snapshot.size}GB. They must be >= original snapshot size."
        )
    return size or (snapshot.size if snapshot else 0)


def _refuse_times() -> bool:
    raise lacks("filters by times")


_TABLE: Table[Volume] = Table(
    resource="volume",
    policy="volume:get_all",
    rows=lambda call: call.region.volumes.values(),
    find=lambda call, volume_id: call.volume(volume_id),
    summary=volume_summary,
    detail=volume_detail,
    columns={
        "id": lambda one: one.id,
        "created_at": lambda one: one.created_at,
        "updated_at": lambda one: one.updated_at,
        "display_name": lambda one: one.name,
        "display_description": lambda one: one.description,
        "status": lambda one: one.status,
        "size": lambda one: one.size,
        "availability_zone": lambda one: one.availability_zone,
        "bootable": lambda one: one.bootable,
        "group_id": lambda one: one.group_id,
        "host": host_of,
        "migration_status": lambda _: None,
        "snapshot_id": lambda one: one.snapshot_id,
        "user_id": lambda one: one.user_id,
        "project_id": lambda one: one.project_id,
        "use_quota": lambda one: one.consumes_quota,
    },
    special={
        "bootable": lambda _, one, value: str(one.bootable).lower() == value.lower(),
        "created_at": lambda *_: _refuse_times(),
        "updated_at": lambda *_: _refuse_times(),
    },
    filters_before_331=("name", "status", "metadata", "bootable", "availability_zone", "size"),
    sorts_by_name_since=0,
)
