"""What may be done to a resource now: its state times the driver's capabilities."""

from dataclasses import dataclass
from functools import lru_cache

from gateway.driver import (
    Capability,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    VolumeState,
)


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """One permitted operation: its relation, HTTP-like verb, and path below the resource.

    There is one object of each, so that it is its own key in a cache.
    """

    rel: str
    method: str
    path: str = ""


_CLONE = Action("clone", "post", "/clone")
_COPY = Action("copy", "post", "/copy")
_REVERT = Action("revert", "post", "/revert")
_UPDATE = Action("update", "patch")
_DELETE = Action("delete", "delete")
_NOT_DELETABLE = frozenset({"creating", "busy", "deleting", "in-use", "recycled"})


def snapshot_actions(snapshot: StorageSnapshot, capabilities: Capability) -> tuple[Action, ...]:
    """Return what may be done to a snapshot in its present state."""
    return _snapshot_actions(snapshot.state, snapshot.ready, snapshot.deletable, capabilities)


def may_delete(snapshot: StorageSnapshot, capabilities: Capability) -> bool:
    """Return whether a snapshot can be deleted in its present state."""
    return _DELETE in snapshot_actions(snapshot, capabilities)


def volume_actions(volume: StorageVolume, capabilities: Capability) -> tuple[Action, ...]:
    """Return what may be done to a volume in its present state."""
    return _volume_actions(volume.state, capabilities)


@lru_cache(maxsize=256)
def _snapshot_actions(
    state: SnapshotState, ready: bool, deletable: bool, capabilities: Capability
) -> tuple[Action, ...]:
    permitted = []
    if ready and Capability.SNAPSHOT_CLONE in capabilities:
        permitted.append(_CLONE)
    if ready and Capability.SNAPSHOT_COPY in capabilities:
        permitted.append(_COPY)
    if ready and Capability.SNAPSHOT_REVERT in capabilities:
        permitted.append(_REVERT)
    if state is not SnapshotState.DELETING and Capability.SNAPSHOT_UPDATE in capabilities:
        permitted.append(_UPDATE)
    deletable = deletable and state not in _NOT_DELETABLE
    if deletable and Capability.SNAPSHOT_DELETE in capabilities:
        permitted.append(_DELETE)
    return tuple(permitted)


@lru_cache(maxsize=256)
def _volume_actions(state: VolumeState, capabilities: Capability) -> tuple[Action, ...]:
    deletable = state not in _NOT_DELETABLE and Capability.VOLUME_DELETE in capabilities
    return (_DELETE,) if deletable else ()
