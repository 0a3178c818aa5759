"""A driver over a dictionary, with hooks for what a test wants to see or to break."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from gateway.core.collection import ListSettings
from gateway.core.core import Core
from gateway.core.guard import Guard
from gateway.core.registry import Provider, Providers
from gateway.core.sessions import Sessions
from gateway.core.snapshots import Account
from gateway.driver import (
    METHODS,
    Capability,
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    Credentials,
    Deadline,
    Driver,
    DriverError,
    ErrorCode,
    Limits,
    Lookup,
    MetadataChange,
    Page,
    Pushdown,
    Query,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    VolumeState,
)

LISTS = ListSettings(b"a key that nobody else has", max_sorted_rows=1000)
ALICE = Credentials(username="alice", password="hunter2")
BOB = Credentials(username="bob", password="hunter3")


class SdkError(Exception):
    """What the fake's SDK raises; ``classify`` knows it."""


class BareDriver(Driver):
    """Only what every driver has."""

    capabilities = Capability.KEEPS_DEADLINE
    limits = Limits(name=10, description=20, metadata_pairs=3, metadata_key=5, metadata_value=8)

    def __init__(self, backend: "Backend", credentials: Credentials) -> None:
        self.backend = backend
        self.credentials = credentials

    @classmethod
    def share(cls, options: Mapping[str, Any]) -> Any:
        return options.get("shared")

    @classmethod
    def open(
        cls,
        options: Mapping[str, Any],
        credentials: Credentials,
        *,
        shared: Any,
        deadline: Deadline,
    ) -> Self:
        backend: Backend = options["backend"]
        with backend.lock:
            backend.opened.append(credentials)
        backend.on_open()
        return cls(backend, credentials)

    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        if isinstance(exc, SdkError):
            return DriverError(ErrorCode.CONFLICT, "the backend says no", backend_code="Nope")
        return None

    def close(self) -> None:
        self.backend.closed.append(self.credentials)

    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        self.backend.called("list_snapshots", query, page_size, cursor)
        return Page(tuple(self.backend.snapshots.values()))

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        self.backend.called("get_snapshot", snapshot_id)
        if snapshot_id not in self.backend.snapshots:
            raise DriverError(ErrorCode.NOT_FOUND, "gone")
        return self.backend.snapshots[snapshot_id]


class FakeDriver(BareDriver):
    """All operations, and none of the flags that stand for a parameter."""

    capabilities = Capability.KEEPS_DEADLINE
    for _flag in METHODS:
        capabilities |= _flag
    pushdown: ClassVar = {("volume_id", Lookup.EXACT): Pushdown.SUPERSET}
    page_size = 3

    def count_snapshots(self, query: Query, *, deadline: Deadline) -> int | None:
        self.backend.called("count_snapshots", query)
        return len(self.backend.snapshots)

    def create_snapshot(self, request: CreateSnapshot, *, deadline: Deadline) -> StorageSnapshot:
        self.backend.called("create_snapshot", request)
        return snapshot("new", volume_id=request.volume_id)

    def update_snapshot(
        self, snapshot_id: str, request: UpdateSnapshot, *, deadline: Deadline
    ) -> StorageSnapshot:
        self.backend.called("update_snapshot", snapshot_id, request)
        before = self.backend.snapshots[snapshot_id]
        change = request.metadata or MetadataChange()
        after = replace(before, metadata=change.applied_to(before.metadata))
        self.backend.snapshots[snapshot_id] = after
        return after

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        self.backend.called("delete_snapshot", snapshot_id)

    def clone_snapshot(
        self, snapshot_id: str, request: CloneSnapshot, *, deadline: Deadline
    ) -> StorageVolume:
        self.backend.called("clone_snapshot", snapshot_id, request)
        return volume("clone")

    def copy_snapshot(
        self, snapshot_id: str, request: CopySnapshot, *, destination: Self, deadline: Deadline
    ) -> StorageSnapshot:
        self.backend.called("copy_snapshot", snapshot_id, request, destination)
        return snapshot("copy")

    def revert_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        self.backend.called("revert_snapshot", snapshot_id)
        return snapshot(snapshot_id)

    def list_volumes(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageVolume]:
        self.backend.called("list_volumes", query, page_size, cursor)
        start = int(cursor or 0)
        end = start + page_size
        rows = (volume("vol-1"), volume("vol-2"))
        return Page(rows[start:end], str(end) if end < len(rows) else None)

    def get_volume(self, volume_id: str, *, deadline: Deadline) -> StorageVolume:
        self.backend.called("get_volume", volume_id)
        return volume(volume_id)

    def create_volume(self, request: CreateVolume, *, deadline: Deadline) -> StorageVolume:
        self.backend.called("create_volume", request)
        return volume("new", size_bytes=request.size_bytes)

    def delete_volume(self, volume_id: str, *, deadline: Deadline) -> None:
        self.backend.called("delete_volume", volume_id)


class SlackDriver(FakeDriver):
    """Does not promise to keep deadlines, so the core must watch it."""

    capabilities = FakeDriver.capabilities & ~Capability.KEEPS_DEADLINE


@dataclass
class Backend:
    """What the fake driver talks to, and what it was asked."""

    snapshots: dict[str, StorageSnapshot] = field(default_factory=dict)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    opened: list[Credentials] = field(default_factory=list)
    closed: list[Credentials] = field(default_factory=list)
    on_open: Callable[[], object] = lambda: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def called(self, *call: Any) -> None:
        with self.lock:
            self.calls.append(call)

    @property
    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def snapshot(snapshot_id: str, **facts: Any) -> StorageSnapshot:
    known = {"state": SnapshotState.AVAILABLE, "native_state": "available", "ready": True}
    return StorageSnapshot(snapshot_id, **{**known, **facts})


def volume(volume_id: str, **facts: Any) -> StorageVolume:
    return StorageVolume(
        volume_id, **{"state": VolumeState.AVAILABLE, "native_state": "available", **facts}
    )


def provider(
    backend: Backend, driver: type[Driver] = FakeDriver, *, name: str = "fake", shared: Any = None
) -> Provider:
    return Provider(name, driver.__name__, driver, {"backend": backend, "shared": shared})


def account(backend: Backend, driver: type[Driver] = FakeDriver) -> Account:
    configured = provider(backend, driver)
    providers = Providers((configured,), configured.name)
    core = Core(providers, Sessions(providers), Guard(timeout_s=5), LISTS)
    return core.account(configured, ALICE)
