"""What Acme keeps: accounts, disks with their bytes, snapshots. HTTP is in service.py."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from acme.pages import Row, page
from acme.refusals import Refusal, merged, size, texts

MIB = 1 << 20
_SECOND = 1.0


@dataclass(kw_only=True)
class _Thing:
    id: str
    account: str
    label: str
    note: str
    size_mib: int
    reference: str
    """What its maker calls it: set once, and never changed."""
    done_at: float
    data: bytearray
    """The bytes up to the last that was written; those behind it are zero."""
    made: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: str = ""
    """Set by hand; else it follows from the time."""

    @property
    def is_done(self) -> bool:
        return time.monotonic() >= self.done_at

    def row(self) -> Row:
        return {
            "id": self.id,
            "account": self.account,
            "label": self.label,
            "note": self.note,
            "reference": self.reference,
            "size_mib": self.size_mib,
            "made": self.made.isoformat(),
        }


@dataclass(kw_only=True)
class Disk(_Thing):
    """A disk; ``origin`` is the snapshot that it was made from."""

    origin: str | None = None
    attached: bool = False

    def row(self) -> Row:
        """Return what the API shows."""
        state = "attached" if self.attached else "free" if self.is_done else "making"
        return {**super().row(), "origin": self.origin, "state": self.state or state}


@dataclass(kw_only=True)
class Snapshot(_Thing):
    """The bytes of a disk at one moment."""

    disk: str
    tags: dict[str, str] = field(default_factory=dict)
    version: int = 1

    def row(self) -> Row:
        """Return what the API shows."""
        shown = {"disk": self.disk, "tags": dict(self.tags), "version": str(self.version)}
        state = "done" if self.is_done else "making"
        return {**super().row(), **shown, "state": self.state or state}


T = TypeVar("T", Disk, Snapshot)


class Cloud:
    """All of Acme; one lock for everything, and every method takes the account first."""

    def __init__(
        self, keys: Mapping[str, str], *, make_s: float, quota: int, rate: int | None
    ) -> None:
        self.keys = dict(keys)
        self.disks: dict[str, Disk] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self._make_s, self._quota, self._rate = make_s, quota, rate
        self._lock = threading.RLock()
        self._calls: dict[str, deque[float]] = {}

    def admit(self, account: str, key: str) -> None:
        """Refuse who is not known, and who asks too often."""
        if not secrets.compare_digest(self.keys.get(account, "").encode(), key.encode()):
            raise Refusal("key_unknown")
        with self._lock:
            calls, now = self._calls.setdefault(account, deque()), time.monotonic()
            while calls and now - calls[0] > _SECOND:
                calls.popleft()
            if self._rate is not None and len(calls) >= self._rate:
                raise Refusal("slow_down")
            calls.append(now)

    def add_disk(self, account: str, size_mib: int = 1, **given: Any) -> Disk:
        """Make a disk; hooks of tests and POST /disks both do it here."""
        with self._lock:
            made = Disk(**self._new("disk", account, given), size_mib=size_mib, data=bytearray())
            self.disks[made.id] = made
            return made

    def list_disks(self, account: str, asked: Mapping[str, str]) -> Row:
        """GET /disks."""
        with self._lock:
            return page([d.row() for d in self.disks.values() if d.account == account], asked)

    def list_snapshots(self, account: str, asked: Mapping[str, str]) -> Row:
        """GET /snapshots."""
        with self._lock:
            return page([s.row() for s in self.snapshots.values() if s.account == account], asked)

    def get_disk(self, account: str, disk_id: str) -> Row:
        """GET /disks/ID."""
        with self._lock:
            return self._disk(account, disk_id).row()

    def get_snapshot(self, account: str, snapshot_id: str) -> Row:
        """GET /snapshots/ID."""
        with self._lock:
            return self._snapshot(account, snapshot_id).row()

    def create_disk(self, account: str, body: Row) -> Row:
        """POST /disks."""
        return self.add_disk(account, size(body, 1), **texts(body)).row()

    def create_snapshot(self, account: str, body: Row) -> Row:
        """POST /snapshots: the bytes are those of this moment."""
        with self._lock:
            disk = self._disk(account, str(body.get("disk")))
            if not disk.is_done:
                raise Refusal("not_done")
            if disk.attached and body.get("unless_attached"):
                raise Refusal("disk_attached")
            if sum(s.account == account for s in self.snapshots.values()) >= self._quota:
                raise Refusal("full")
            made = Snapshot(
                **self._new("snap", account, texts(body)),
                size_mib=disk.size_mib,
                data=bytearray(disk.data),
                disk=disk.id,
                tags=merged({}, body),
            )
            self.snapshots[made.id] = made
            return made.row()

    def change_snapshot(self, account: str, snapshot_id: str, body: Row) -> Row:
        """PATCH /snapshots/ID: ``tags`` are merged, and null removes one."""
        with self._lock:
            snapshot = self._snapshot(account, snapshot_id)
            if body.get("if_version") not in {None, str(snapshot.version)}:
                raise Refusal("version_changed")
            given = texts(body)
            snapshot.tags = merged({} if body.get("replace_tags") else snapshot.tags, body)
            snapshot.label = given.get("label", snapshot.label)
            snapshot.note = given.get("note", snapshot.note)
            snapshot.version += 1
            return snapshot.row()

    def restore(self, account: str, snapshot_id: str, body: Row) -> Row:
        """POST /snapshots/ID/restore: make a disk with its bytes."""
        with self._lock:
            snapshot = self._done(account, snapshot_id)
            size_mib = size(body, snapshot.size_mib)
            if size_mib < snapshot.size_mib:
                raise Refusal("bad_value", "size_mib")
            disk = self.add_disk(account, size_mib, **texts(body))
            disk.origin, disk.data = snapshot.id, bytearray(snapshot.data)
            return disk.row()

    def rewind(self, account: str, snapshot_id: str) -> Row:
        """POST /snapshots/ID/rewind: set its disk back to it."""
        with self._lock:
            snapshot = self._done(account, snapshot_id)
            disk = self.disks.get(snapshot.disk)
            if disk is None:
                raise Refusal("disk_gone")
            if disk.attached:
                raise Refusal("disk_attached")
            disk.data = bytearray(snapshot.data)
            return snapshot.row()

    def delete_snapshot(self, account: str, snapshot_id: str) -> None:
        """DELETE /snapshots/ID."""
        with self._lock:
            del self.snapshots[self._done(account, snapshot_id).id]

    def delete_disk(self, account: str, disk_id: str) -> None:
        """DELETE /disks/ID; its snapshots stay."""
        with self._lock:
            disk = self._disk(account, disk_id)
            if disk.attached or not disk.is_done:
                raise Refusal("disk_attached" if disk.attached else "not_done")
            del self.disks[disk_id]

    def read(self, account: str, disk_id: str) -> bytes:
        """GET /disks/ID/data: what has been written so far; all behind it is zero."""
        with self._lock:
            return bytes(self._disk(account, disk_id).data)

    def write(self, account: str, disk_id: str, content: bytes) -> None:
        """PUT /disks/ID/data: write to its beginning."""
        with self._lock:
            disk = self._disk(account, disk_id)
            if len(content) > disk.size_mib * MIB:
                raise Refusal("bad_value", "data")
            disk.data[: len(content)] = content

    def _new(self, kind: str, account: str, given: Mapping[str, str]) -> dict[str, Any]:
        return {
            "id": f"{kind}-{secrets.token_hex(6)}",
            "account": account,
            "label": given.get("label", ""),
            "note": given.get("note", ""),
            "reference": given.get("reference", ""),
            "done_at": time.monotonic() + self._make_s,
        }

    def _disk(self, account: str, disk_id: str) -> Disk:
        return _owned(self.disks, account, disk_id, "no_disk")

    def _snapshot(self, account: str, snapshot_id: str) -> Snapshot:
        return _owned(self.snapshots, account, snapshot_id, "no_snapshot")

    def _done(self, account: str, snapshot_id: str) -> Snapshot:
        snapshot = self._snapshot(account, snapshot_id)
        if not snapshot.is_done:
            raise Refusal("not_done")
        return snapshot


def _owned(things: Mapping[str, T], account: str, thing_id: str, code: str) -> T:
    found = things.get(thing_id)
    if found is None or found.account != account:
        raise Refusal(code)
    return found
