"""What goes on behind Cinder's answers: creating, deleting and reverting, well or badly."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from tests.simulators.openstack_call import Call
from tests.simulators.openstack_state import Message, Region, Resource, Snapshot, Volume

_Resource = TypeVar("_Resource", bound=Resource)
_FAILED_CREATION = ("009_013", "create snapshot:Snapshot failed to create.")
_FAILED_DELETION = ("010_016", "delete snapshot:Snapshot failed to delete.")
_BUSY = ("010_015", "delete snapshot:Snapshot is busy.")


def begin_creation(call: Call, snapshot: Snapshot) -> None:
    """Let a snapshot become available, or what was ordered."""
    outcome = call.region.outcome("create_snapshot")

    def end(now: datetime) -> None:
        snapshot.status, snapshot.updated_at = outcome or "available", now
        if not outcome:
            snapshot.progress = "100%"
        elif outcome == "error":
            _tell(call, snapshot, _FAILED_CREATION, now)

    call.region.begin(snapshot, end)


def begin_deletion(call: Call, snapshot: Snapshot) -> None:
    """Let a snapshot go, or become what was ordered: error_deleting, or available if busy."""
    region, outcome = call.region, call.region.outcome("delete_snapshot")
    snapshot.status, snapshot.updated_at = "deleting", region.now()

    def end(now: datetime) -> None:
        if not outcome:
            region.snapshots.pop(snapshot.id, None)
            return
        snapshot.status, snapshot.updated_at = outcome, now
        text = _BUSY if outcome == "available" else _FAILED_DELETION
        _tell(call, snapshot, text, now)

    region.begin(snapshot, end)


def begin_volume(region: Region, volume: Volume) -> None:
    """Let a volume become available, or what was ordered."""
    _turn(region, volume, region.outcome("create_volume") or "available")


def begin_volume_deletion(region: Region, volume: Volume, snapshots: list[Snapshot]) -> None:
    """Let a volume go and its snapshots with it, or become what was ordered."""
    outcome = region.outcome("delete_volume")
    for one in (volume, *snapshots):
        one.status, one.updated_at = "deleting", region.now()

    def end(now: datetime) -> None:
        if outcome:
            volume.status, volume.updated_at = outcome, now
            return
        for one in snapshots:
            region.snapshots.pop(one.id, None)
        region.volumes.pop(volume.id, None)

    region.begin(volume, end)


def begin_revert(region: Region, volume: Volume, snapshot: Snapshot) -> None:
    """Let a volume become what it was; if ordered otherwise, only its status is bad."""
    outcome = region.outcome("revert")
    volume.status, volume.updated_at = "reverting", region.now()
    snapshot.status, snapshot.updated_at = "restoring", region.now()
    _turn(region, volume, outcome or "available")
    _turn(region, snapshot, "available")


def _turn(region: Region, resource: _Resource, status: str) -> None:
    region.begin(resource, _turner(resource, status))


def _turner(resource: _Resource, status: str) -> Callable[[datetime], None]:
    def end(now: datetime) -> None:
        resource.status, resource.updated_at = status, now

    return end


def _tell(call: Call, snapshot: Snapshot, what: tuple[str, str], now: datetime) -> None:
    event, text = what
    message = Message(
        id=call.region.settings.new_id(),
        event_id=f"VOLUME_VOLUME_SNAPSHOT_{event}",
        text=text,
        project_id=snapshot.project_id,
        resource_uuid=snapshot.id,
        created_at=now + timedelta(microseconds=1),
        request_id=call.request.request_id,
    )
    call.region.messages.append(message)
