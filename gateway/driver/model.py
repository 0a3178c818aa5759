"""The one model over all clouds: frozen, slotted, in the field's standard terms.

Sizes are bytes, times are aware UTC, ids are the backend's own. What a backend
does not tell is None; nothing is guessed.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from gateway.driver.marker import Marker
from gateway.driver.slots import sets_slots

T = TypeVar("T")


class SnapshotState(enum.StrEnum):
    """Where a snapshot is in its life. A state never implies readiness: see ``ready``."""

    CREATING = "creating"
    AVAILABLE = "available"
    BUSY = "busy"
    ARCHIVED = "archived"
    RECYCLED = "recycled"
    """Deleted, and can be brought back for a while."""
    DELETING = "deleting"
    ERROR = "error"
    UNKNOWN = "unknown"


class VolumeState(enum.StrEnum):
    """Where a volume is in its life."""

    CREATING = "creating"
    AVAILABLE = "available"
    IN_USE = "in-use"
    BUSY = "busy"
    DELETING = "deleting"
    ERROR = "error"
    UNKNOWN = "unknown"


class StoredKind(enum.StrEnum):
    """What ``stored_bytes`` counts."""

    FULL = "full"
    """All the data that a restore reads."""
    DELTA = "delta"
    """What this snapshot adds to the one before."""


class Visibility(enum.StrEnum):
    """Who else can see a snapshot."""

    PRIVATE = "private"
    SHARED = "shared"
    PUBLIC = "public"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Owner:
    """The account that owns a resource, and whether that is the caller's own."""

    id: str
    is_self: bool


@sets_slots
@dataclass(frozen=True, slots=True)
class StorageSnapshot:
    """The content of a volume at one moment.

    Source: the unified model in gateway/DESIGN.md; each driver's wire.py says
    which of the backend's words feeds which field.
    """

    id: str
    state: SnapshotState
    native_state: str
    ready: bool
    """A volume can be made from it now."""
    name: str | None = None
    description: str | None = None
    state_reason: str | None = None
    progress: int | None = None
    """Percent, 0 to 100."""
    created: datetime | None = None
    completed: datetime | None = None
    updated: datetime | None = None
    volume_id: str | None = None
    """None where the backend's own value means nothing (copies on EC2)."""
    volume_exists: bool | None = None
    """Whether the source volume can still be shown; None where nobody knows."""
    size_bytes: int | None = None
    """The size of the source volume."""
    stored_bytes: int | None = None
    stored_kind: StoredKind | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    owner: Owner | None = None
    visibility: Visibility = Visibility.UNKNOWN
    group_id: str | None = None
    encrypted: bool | None = None
    location: str | None = None
    """Set for snapshots kept in another location than their volume."""
    tier: str | None = None
    """The backend's word for the class of storage that it is kept in."""
    deletable: bool = field(default=True, repr=False)
    """False where the backend refuses to delete it although its state would allow it; not shown."""
    created_by: Marker | None = field(default=None, repr=False)
    """The marker that it carries; not shown."""
    native: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)
    """The backend's own record, on request only."""

    @property
    def kind(self) -> str:
        """``remote`` if it is kept in another location than its volume, else ``local``."""
        return "remote" if self.location else "local"


@sets_slots
@dataclass(frozen=True, slots=True)
class StorageVolume:
    """A disk that snapshots can be made of and restored to."""

    id: str
    state: VolumeState
    native_state: str
    name: str | None = None
    description: str | None = None
    state_reason: str | None = None
    progress: int | None = None
    created: datetime | None = None
    size_bytes: int | None = None
    stored_bytes: int | None = None
    """Storage really used, where the backend tells."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    zone: str | None = None
    snapshot_id: str | None = None
    """The snapshot it was made from."""
    owner: Owner | None = None
    created_by: Marker | None = field(default=None, repr=False)
    """The marker that it carries; not shown."""
    native: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, in the backend's order.

    ``next_cursor`` is the backend's own cursor for the page after this one and
    None on the last page. Only the cursor ends a list: a page may be short or
    empty and have a successor. ``unasked`` are the names of the filters that the
    backend was not asked to apply this time, for those who want to know.
    """

    items: tuple[T, ...]
    next_cursor: str | None = None
    unasked: frozenset[str] = frozenset()


class Unset(enum.Enum):
    """The type of UNSET, which tells "not given" from "set to nothing"."""

    UNSET = "unset"


UNSET = Unset.UNSET


@dataclass(frozen=True, slots=True)
class CreateSnapshot:
    """What a new snapshot shall be; checked against the driver's limits beforehand."""

    volume_id: str
    name: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    location: str | None = None
    in_use: Literal["allow", "refuse"] = "allow"
    marker: Marker | None = None
    """To be carried; None for drivers that have not declared SNAPSHOT_MARKER."""


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """A change of a metadata map: ``remove`` first, then ``set``.

    With ``replace`` the new map is exactly ``set``. Removing a key that is not
    there changes nothing.
    """

    set: Mapping[str, str] = field(default_factory=dict)
    remove: frozenset[str] = frozenset()
    replace: bool = False

    def applied_to(self, metadata: Mapping[str, str]) -> dict[str, str]:
        """Return what ``metadata`` is after this change."""
        kept = {} if self.replace else {k: v for k, v in metadata.items() if k not in self.remove}
        return {**kept, **self.set}


@dataclass(frozen=True, slots=True)
class UpdateSnapshot:
    """What of a snapshot shall change; UNSET fields stay as they are.

    Before it changes anything, as late as it can, a driver hands the snapshot as it has
    just read it to ``check``.
    """

    name: str | Unset | None = UNSET
    description: str | Unset | None = UNSET
    metadata: MetadataChange | None = None
    only_if: Callable[[StorageSnapshot], None] | None = None
    """Raises ``precondition_failed`` for a snapshot that somebody else has changed."""

    def check(self, snapshot: StorageSnapshot) -> None:
        """Raise what ``only_if`` does; the snapshot is as ``get_snapshot`` would return it."""
        if self.only_if is not None:
            self.only_if(snapshot)


@dataclass(frozen=True, slots=True)
class CloneSnapshot:
    """The volume that a snapshot shall be restored to; nothing is required."""

    name: str | None = None
    description: str | None = None
    size_bytes: int | None = None
    zone: str | None = None
    media: str | None = None
    affinities: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    marker: Marker | None = None
    """To be carried; None for drivers that have not declared VOLUME_MARKER."""


@dataclass(frozen=True, slots=True)
class CopySnapshot:
    """What a copy at another provider shall be.

    UNSET name and description, and metadata that is None, are as in the source.
    """

    name: str | Unset | None = UNSET
    description: str | Unset | None = UNSET
    metadata: Mapping[str, str] | None = None
    marker: Marker | None = None
    """To be carried by the copy, instead of the source's; None without SNAPSHOT_MARKER."""


@dataclass(frozen=True, slots=True)
class CreateVolume:
    """An empty volume of ``size_bytes`` bytes."""

    size_bytes: int
    name: str | None = None
    description: str | None = None
    zone: str | None = None
    marker: Marker | None = None
    """To be carried; None for drivers that have not declared VOLUME_MARKER."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who the caller is, as the caller said it. No repr or log shows any of it.

    ``username`` and ``password`` come from HTTP Basic, ``token`` from a Bearer
    token or ``X-Auth-Token``, ``session_token`` from ``X-Amz-Security-Token``.
    """

    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
