"""Snapshots, volumes and messages as Cinder writes them at each microversion."""

from collections.abc import Iterable
from typing import Any

from tests.simulators.openstack_call import Call
from tests.simulators.openstack_state import Message, Snapshot, Volume, time_text

_EXTENDED = "os-extended-snapshot-attributes"


def snapshot_summary(one: Snapshot) -> dict[str, Any]:
    """Return what a list without details shows."""
    return {
        "id": one.id,
        "created_at": time_text(one.created_at),
        "updated_at": time_text(one.updated_at),
        "name": one.name,
        "description": one.description,
        "volume_id": one.volume_id,
        "status": one.status,
        "size": one.size,
        "metadata": dict(one.metadata),
    }


def snapshot_changed(call: Call, one: Snapshot) -> dict[str, Any]:
    """Return what creating and updating answer with."""
    shown = snapshot_summary(one)
    if call.since(14):
        shown["group_snapshot_id"] = one.group_snapshot_id
    if call.since(41):
        shown["user_id"] = one.user_id
    if call.since(65):
        shown["consumes_quota"] = one.consumes_quota
    return shown


def snapshot_detail(call: Call, one: Snapshot) -> dict[str, Any]:
    """Return what showing one and a list with details show."""
    return snapshot_changed(call, one) | {
        f"{_EXTENDED}:project_id": one.project_id,
        f"{_EXTENDED}:progress": one.progress,
    }


def volume_summary(call: Call, one: Volume) -> dict[str, Any]:
    """Return what a list without details shows."""
    return {"id": one.id, "name": one.name, "links": _links(call, "volumes", one.id)}


def volume_changed(call: Call, one: Volume) -> dict[str, Any]:
    """Return what creating answers with."""
    admin_only = {
        "migration_status": None,
        "provider_id": None,
        "cluster_name": None,
    }
    return {
        name: value
        for name, since, value in _volume_fields(call, one)
        if call.since(since) and (call.is_admin or name not in admin_only)
    }


def volume_detail(call: Call, one: Volume) -> dict[str, Any]:
    """Return what showing one and a list with details show."""
    shown = volume_changed(call, one) | {"os-vol-tenant-attr:tenant_id": one.project_id}
    if call.is_admin:
        shown |= {
            "os-vol-mig-status-attr:migstat": None,
            "os-vol-mig-status-attr:name_id": None,
            "os-vol-host-attr:host": host_of(one),
        }
    return shown


def message_detail(call: Call, one: Message) -> dict[str, Any]:
    """Return what showing one and the list show."""
    return {
        "id": one.id,
        "event_id": one.event_id,
        "user_message": one.text,
        "message_level": one.level,
        "created_at": time_text(one.created_at),
        "guaranteed_until": time_text(one.guaranteed_until),
        "request_id": one.request_id,
        "links": _links(call, "messages", one.id),
        "resource_type": one.resource_type,
        "resource_uuid": one.resource_uuid,
    }


def host_of(volume: Volume) -> str:
    """Return the backend of a volume."""
    return f"ci@{volume.volume_type}#{volume.volume_type}"


def _volume_fields(call: Call, one: Volume) -> Iterable[tuple[str, int, Any]]:
    """Give name, first microversion and value in Cinder's order."""
    of_all = {
        "id": one.id,
        "status": one.status,
        "size": one.size,
        "availability_zone": one.availability_zone,
        "created_at": time_text(one.created_at),
        "updated_at": time_text(one.updated_at),
        "name": one.name,
        "description": one.description,
        "volume_type": one.volume_type,
        "snapshot_id": one.snapshot_id,
        "source_volid": None,
        "metadata": dict(one.metadata),
        "links": _links(call, "volumes", one.id),
        "user_id": one.user_id,
        "bootable": str(one.bootable).lower(),
        "encrypted": False,
        "replication_status": None,
        "consistencygroup_id": None,
        "multiattach": False,
        "attachments": one.attachments,
        "migration_status": None,
    }
    return [*((name, 0, value) for name, value in of_all.items()), *_later_fields(call, one)]


def _later_fields(call: Call, one: Volume) -> Iterable[tuple[str, int, Any]]:
    is_scheduled = one.updated_at is not None or one.status != "creating"
    types = call.region.settings.volume_types
    return [
        ("group_id", 13, one.group_id),
        ("provider_id", 21, None),
        ("shared_targets", 48, not is_scheduled),
        ("service_uuid", 48, _SERVICE_IDS.get(one.volume_type) if is_scheduled else None),
        ("cluster_name", 61, None),
        ("volume_type_id", 63, type_id(types, one.volume_type)),
        ("consumes_quota", 65, one.consumes_quota),
    ]


_TYPE_IDS = {
    "fake": "f68aef18-bbd1-4509-9e98-dda1b27bbd13",
    "nfs": "a4796f02-a99f-434a-97cb-9307049c386b",
    "__DEFAULT__": "30bd1cf0-9454-44a5-9cba-fd5c95cefa9e",
}

_SERVICE_IDS = {
    "fake": "fe9da54a-ffab-4310-b93f-804b891823be",
    "nfs": "186be36f-ed00-45e0-b3b6-e9f2c2f43ae7",
}


def type_id(types: tuple[str, ...], name: str) -> str:
    """Return the id of a volume type."""
    made_up = f"00000000-0000-4000-8000-{types.index(name) if name in types else 999:012}"
    return _TYPE_IDS.get(name, made_up)


def _links(call: Call, collection: str, resource_id: str) -> list[dict[str, str]]:
    bookmark = call.href(collection, is_bookmark=True)
    return [
        {"rel": "self", "href": f"{call.href(collection)}/{resource_id}"},
        {"rel": "bookmark", "href": f"{bookmark}/{resource_id}"},
    ]
