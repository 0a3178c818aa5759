"""A driver that can do everything, over a cloud in memory: what the kit itself is tested with."""

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from marshmallow import fields

from gateway.conformance.harness import Fault, SnapshotHarness
from gateway.driver import (
    METHODS,
    PARAMETERS,
    UNSET,
    Capability,
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    Credentials,
    Deadline,
    Driver,
    DriverError,
    DriverOptions,
    ErrorCode,
    Limits,
    Lookup,
    MetadataChange,
    Order,
    Owner,
    Page,
    Pushdown,
    Query,
    SnapshotState,
    SortKey,
    StorageSnapshot,
    StorageVolume,
    StoredKind,
    UpdateSnapshot,
    VolumeState,
    invalid,
)

GIB = 1 << 30
EVERYTHING = Capability.KEEPS_DEADLINE | Capability.CLONE_ACCEPTED | Capability.SHOWS_DELETING
EVERYTHING |= Capability.SNAPSHOT_MARKER | Capability.VOLUME_MARKER
for _flag in (*METHODS, *PARAMETERS.values()):
    EVERYTHING |= _flag
STATES = {
    "making": SnapshotState.CREATING,
    "done": SnapshotState.AVAILABLE,
}
CODES = {
    Fault.REFUSED: ErrorCode.UNAVAILABLE,
    Fault.CUT: ErrorCode.UNAVAILABLE,
    Fault.UNAUTHENTICATED: ErrorCode.UNAUTHENTICATED,
    Fault.DENIED: ErrorCode.DENIED,
    Fault.NOT_FOUND: ErrorCode.NOT_FOUND,
    Fault.CONFLICT: ErrorCode.CONFLICT,
    Fault.THROTTLED: ErrorCode.RATE_LIMITED,
    Fault.QUOTA: ErrorCode.QUOTA,
    Fault.BROKEN: ErrorCode.BACKEND,
    Fault.GARBAGE: ErrorCode.BACKEND,
}


class CloudError(Exception):
    """What the cloud's SDK raises."""

    def __init__(self, fault: Fault, *, is_change: bool = False) -> None:
        super().__init__(fault)
        self.fault = fault
        self.is_change = is_change


class CloudTimeoutError(Exception):
    """The cloud did not answer in time."""


@dataclass
class Cloud:
    """What is there, and what goes wrong."""

    snapshots: dict[str, StorageSnapshot] = field(default_factory=dict)
    volumes: dict[str, StorageVolume] = field(default_factory=dict)
    content: dict[str, bytes] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    others: dict[str, "Cloud"] = field(default_factory=dict)
    """What other accounts have, by the name of each."""
    fault: Fault | None = None
    good_calls: int = 0
    """How many calls go well before the fault."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def add_volume(self, **facts: Any) -> StorageVolume:
        """Put a volume there."""
        made = StorageVolume(
            f"vol-{next(self.numbers):03}",
            VolumeState.AVAILABLE,
            "done",
            **{"size_bytes": GIB, "created": datetime.now(UTC), **facts},
        )
        self.volumes[made.id], self.content[made.id] = made, b""
        return made

    @contextlib.contextmanager
    def called(self, deadline: Deadline, *, is_change: bool = False) -> Iterator[None]:
        """Let a call go well, or as badly as is ordered."""
        if self.fault and self.good_calls:
            self.good_calls -= 1
            yield
            return
        if self.fault is Fault.TIMEOUT:
            time.sleep(deadline.remaining_s())
            raise CloudTimeoutError
        if self.fault not in (None, Fault.CUT):
            raise CloudError(self.fault, is_change=is_change and self.fault is Fault.BROKEN)
        with self.lock:
            yield
        if self.fault is Fault.CUT:
            raise CloudError(Fault.CUT, is_change=is_change)


class MemoryOptions(DriverOptions):
    """The options of the cloud in memory."""

    size = fields.Integer(load_default=1, metadata={"help": "size of volumes in GiB"})


class MemoryDriver(Driver):
    """Everything that a driver can be, done well."""

    title = "Memory"
    capabilities = EVERYTHING
    Options = MemoryOptions
    limits = Limits(64, 128, 5, 16, 32)
    pushdown: ClassVar = {
        ("id", Lookup.EXACT): Pushdown.EXACT,
        ("volume_id", Lookup.EXACT): Pushdown.EXACT,
        ("name", Lookup.CONTAINS): Pushdown.SUPERSET,
        ("created", Lookup.GTE): Pushdown.EXACT,
        ("created_by", Lookup.EXACT): Pushdown.EXACT,
    }
    volume_pushdown: ClassVar = {("id", Lookup.EXACT): Pushdown.EXACT}
    sort_keys = frozenset({"created", "name"})
    page_size = 10

    def __init__(self, cloud: Cloud, credentials: Credentials) -> None:
        self._cloud = cloud
        self._credentials = credentials

    @classmethod
    def open(
        cls,
        options: Mapping[str, Any],
        credentials: Credentials,
        *,
        shared: Any,
        deadline: Deadline,
    ) -> Self:
        if credentials.password != PASSWORD:
            raise CloudError(Fault.UNAUTHENTICATED)
        name = credentials.username or ""
        return cls(shared if name == "demo" else shared.others[name], credentials)

    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        if isinstance(exc, CloudTimeoutError):
            return DriverError(ErrorCode.TIMEOUT, "the cloud did not answer in time")
        if isinstance(exc, CloudError):
            code = CODES[exc.fault]
            return DriverError(code, f"the cloud says: {exc.fault}", maybe_done=exc.is_change)
        return None

    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        with self._cloud.called(deadline):
            order = Order(query.sort)
            rows = sorted(filter(query.matches, self._cloud.snapshots.values()), key=order.place)
        if cursor is not None:
            name, created, last = cursor.split("\n")
            at = {"name": name or None, "created": int(created)}
            place = order.place_of([*(at[key.field] for key in query.sort), last])
            rows = [row for row in rows if order.place(row) > place]
        return Page(tuple(rows[:page_size]), _cursor(rows[:page_size], rows))

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        with self._cloud.called(deadline):
            return self._found(snapshot_id)

    def count_snapshots(self, query: Query, *, deadline: Deadline) -> int | None:
        with self._cloud.called(deadline):
            return sum(map(query.matches, self._cloud.snapshots.values()))

    def create_snapshot(self, request: CreateSnapshot, *, deadline: Deadline) -> StorageSnapshot:
        if request.location not in (None, "elsewhere"):
            raise invalid({"location": "there is only 'elsewhere'"})
        with self._cloud.called(deadline, is_change=True):
            volume = self._volume(request.volume_id)
            if request.in_use == "refuse" and volume.id in self._cloud.used:
                raise CloudError(Fault.CONFLICT)
            made = StorageSnapshot(
                f"snap-{next(self._cloud.numbers):03}",
                SnapshotState.AVAILABLE,
                "done",
                ready=True,
                name=request.name,
                description=request.description,
                created=datetime.now(UTC),
                volume_id=volume.id,
                size_bytes=volume.size_bytes,
                stored_bytes=0,
                stored_kind=StoredKind.DELTA,
                metadata=dict(request.metadata),
                owner=Owner("demo", is_self=True),
                location=request.location,
                created_by=request.marker,
                native={"id": "x"},
            )
            self._cloud.snapshots[made.id] = made
            self._cloud.content[made.id] = self._cloud.content[volume.id]
            return made

    def update_snapshot(
        self, snapshot_id: str, request: UpdateSnapshot, *, deadline: Deadline
    ) -> StorageSnapshot:
        with self._cloud.called(deadline, is_change=True):
            before = self._found(snapshot_id)
            request.check(before)
            change = request.metadata or MetadataChange()
            after = replace(
                before,
                name=before.name if request.name is UNSET else request.name,
                description=(
                    before.description if request.description is UNSET else request.description
                ),
                metadata=change.applied_to(before.metadata),
            )
            self._cloud.snapshots[snapshot_id] = after
            return after

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        with self._cloud.called(deadline, is_change=True):
            self._found(snapshot_id)
            del self._cloud.snapshots[snapshot_id]

    def clone_snapshot(
        self, snapshot_id: str, request: CloneSnapshot, *, deadline: Deadline
    ) -> StorageVolume:
        if request.size_bytes is not None and request.size_bytes < GIB:
            raise invalid({"size_bytes": "smaller than the volume was"})
        if request.zone not in (None, "zone-1"):
            raise invalid({"zone": "there is only 'zone-1'"})
        with self._cloud.called(deadline, is_change=True):
            snapshot = self._found(snapshot_id)
            made = self._cloud.add_volume(
                name=request.name,
                description=request.description,
                zone=request.zone,
                size_bytes=request.size_bytes or snapshot.size_bytes,
                snapshot_id=snapshot.id,
                created_by=request.marker,
            )
            self._cloud.content[made.id] = self._cloud.content[snapshot.id]
            return made

    def copy_snapshot(
        self, snapshot_id: str, request: CopySnapshot, *, destination: Self, deadline: Deadline
    ) -> StorageSnapshot:
        with self._cloud.called(deadline, is_change=True):
            source = self._found(snapshot_id)
            copy = replace(
                source,
                id=f"snap-{next(self._cloud.numbers):03}",
                name=source.name if request.name is UNSET else request.name,
                description=(
                    source.description if request.description is UNSET else request.description
                ),
                metadata=source.metadata if request.metadata is None else request.metadata,
                created_by=request.marker,
            )
            destination._cloud.snapshots[copy.id] = copy
            return copy

    def revert_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        with self._cloud.called(deadline, is_change=True):
            found = self._found(snapshot_id)
            self._cloud.content[found.volume_id or ""] = self._cloud.content[snapshot_id]
            return found

    def list_volumes(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageVolume]:
        with self._cloud.called(deadline):
            rows = sorted(filter(query.matches, self._cloud.volumes.values()), key=lambda v: v.id)
        rows = [row for row in rows if row.id > (cursor or "")]
        items = tuple(rows[:page_size])
        return Page(items, items[-1].id if len(rows) > len(items) else None)

    def get_volume(self, volume_id: str, *, deadline: Deadline) -> StorageVolume:
        with self._cloud.called(deadline):
            return self._volume(volume_id)

    def create_volume(self, request: CreateVolume, *, deadline: Deadline) -> StorageVolume:
        with self._cloud.called(deadline, is_change=True):
            return self._cloud.add_volume(
                size_bytes=request.size_bytes,
                name=request.name,
                description=request.description,
                created_by=request.marker,
            )

    def delete_volume(self, volume_id: str, *, deadline: Deadline) -> None:
        with self._cloud.called(deadline, is_change=True):
            self._volume(volume_id)
            del self._cloud.volumes[volume_id]

    def _found(self, snapshot_id: str) -> StorageSnapshot:
        if snapshot_id not in self._cloud.snapshots:
            raise CloudError(Fault.NOT_FOUND)
        return self._cloud.snapshots[snapshot_id]

    def _volume(self, volume_id: str) -> StorageVolume:
        if volume_id not in self._cloud.volumes:
            raise CloudError(Fault.NOT_FOUND)
        return self._cloud.volumes[volume_id]


def _cursor(items: list[StorageSnapshot], rows: list[StorageSnapshot]) -> str | None:
    if len(rows) == len(items):
        return None
    last = items[-1]
    created, _ = Order((SortKey("created"),)).values(last)
    return f"{last.name or ''}\n{created}\n{last.id}"


PASSWORD = "open-sesame-of-the-memory"


class MemoryHarness(SnapshotHarness):
    """All that a harness can do, for the driver that can do everything."""

    credentials = Credentials(username="demo", password=PASSWORD)
    backend = "a dictionary"
    wait_s = 5.0
    fault_timeout_s = 0.05
    slack_s = 1.0
    volume_size_bytes = GIB
    location = "elsewhere"
    zone = "zone-1"
    media = "fast"
    affinities = ("near",)
    driver_class: type[Driver] = MemoryDriver

    def __init__(self) -> None:
        self.cloud, self.other = Cloud(), Cloud()

    def open_driver(self) -> Driver:
        return self._open(self.credentials, self.cloud)

    def open_refused(self) -> Driver:
        return self._open(Credentials(username="demo", password="another one"), self.cloud)

    def open_other(self) -> Driver:
        self.cloud.others.setdefault("other", Cloud())
        return self._open(Credentials(username="other", password=PASSWORD), self.cloud)

    def open_destination(self) -> Driver:
        return self._open(self.credentials, self.other)

    def make_volume(self) -> str:
        return self.cloud.add_volume().id

    def write_volume(self, volume_id: str, content: bytes) -> None:
        self.cloud.content[volume_id] = content

    def read_volume(self, volume_id: str, length: int) -> bytes:
        return self.cloud.content[volume_id][:length]

    def use_volume(self, volume_id: str) -> None:
        self.cloud.used.add(volume_id)

    def set_native_state(self, snapshot_id: str, native_state: str) -> None:
        state = STATES.get(native_state, SnapshotState.UNKNOWN)
        self.cloud.snapshots[snapshot_id] = replace(
            self.cloud.snapshots[snapshot_id], state=state, native_state=native_state, ready=False
        )

    def inject(self, fault: Fault) -> AbstractContextManager[None]:
        return self.inject_after(fault, 0)

    @contextlib.contextmanager
    def inject_after(self, fault: Fault, calls: int) -> Iterator[None]:
        self.cloud.fault, self.cloud.good_calls = fault, calls
        try:
            yield
        finally:
            self.cloud.fault = None

    def _open(self, credentials: Credentials, cloud: Cloud) -> Driver:
        return self.driver_class.open({}, credentials, shared=cloud, deadline=Deadline(5))
