"""What the simulated cloud holds: accounts, and regions with snapshots and volumes."""

import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

COPIED_VOLUME = "vol-ffffffff"
"""EC2 gives every copy an arbitrary source volume id (API reference, CopySnapshot)."""


class Clock:
    """UTC time that a test may move on, or stop at a moment."""

    def __init__(self, stopped_at: datetime | None = None) -> None:
        self._stopped_at = stopped_at
        self._moved = timedelta()

    def now(self) -> datetime:
        """Return the simulated time."""
        return (self._stopped_at or datetime.now(UTC)) + self._moved

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._moved += timedelta(seconds=seconds)


@dataclass(kw_only=True)
class Settings:
    """How the simulated cloud behaves; may be changed while it runs."""

    regions: tuple[str, ...] = ("eu-west-1", "us-east-1")
    clock: Clock = field(default_factory=Clock)
    complete_after_s: float = 0.0
    """How long a new snapshot is pending; 0: until the next call."""
    available_after_s: float = 0.0
    """How long a new volume is creating; 0: until the next call."""
    hidden_reads: int = 0
    """How many describe calls do not see a new snapshot or volume."""
    late_tags: int = 0
    """How many describe calls see the tags as they were before a change."""
    snapshot_quota: int = 100_000
    """Snapshots of an account in a region."""
    pending_limit: int = 5
    """Pending snapshots of a volume."""
    create_interval_s: float = 0.0
    """The shortest time between two snapshots of a volume."""
    short_pages: bool = False
    """Pages are cut before they are filtered, so that they may be short or even empty."""
    chunked_from: int = 8192
    """Answers of so many bytes come in chunks instead of with a length (from memory)."""


@dataclass(kw_only=True)
class Account:
    """A credential, the account it belongs to, and what it may not do."""

    access_key: str
    secret: str
    account_id: str
    session_token: str | None = None
    expired: bool = False
    denied: set[str] = field(default_factory=set)


@dataclass(kw_only=True)
class Resource:
    """A snapshot or a volume: what eventual consistency shows of it."""

    id: str
    owner_id: str
    tags: dict[str, str] = field(default_factory=dict)
    hidden_reads: int = 0
    late_reads: int = 0
    earlier_tags: dict[str, str] = field(default_factory=dict)

    def is_visible_to(self, account: Account) -> bool:
        """Say whether an account may know of it."""
        return self.owner_id == account.account_id

    def is_there(self) -> bool:
        """Count a look-up of a new resource and say whether it is seen."""
        if self.hidden_reads > 0:
            self.hidden_reads -= 1
            return False
        return True

    def read(self) -> dict[str, str] | None:
        """Return the tags that this describe call sees, None if it does not see the resource."""
        if not self.is_there():
            return None
        if self.late_reads > 0:
            self.late_reads -= 1
            return self.earlier_tags
        return self.tags

    def retag(self, tags: dict[str, str], late_reads: int) -> None:
        """Change the tags; the next ``late_reads`` describe calls see the old ones."""
        if self.late_reads == 0:
            self.earlier_tags = self.tags
        self.tags, self.late_reads = tags, late_reads

    def bring_to(self, now: datetime) -> None:
        """Let what was under way until ``now`` happen."""


@dataclass(kw_only=True)
class Snapshot(Resource):
    """A snapshot. ``state`` and ``progress`` are as of the last call; tests may set them.

    A pending snapshot without ``completes_at`` stays pending.
    """

    volume_id: str
    volume_size: int
    start_time: datetime
    description: str = ""
    state: str = "completed"
    status_message: str | None = None
    progress: int = 100
    completion_time: datetime | None = None
    completes_at: datetime | None = None
    encrypted: bool = False
    kms_key_id: str | None = None
    owner_alias: str | None = None
    storage_tier: str = "standard"
    restore_expiry_time: datetime | None = None
    full_size_bytes: int | None = None
    transfer_type: str = "standard"
    public: bool = False
    shared_with: set[str] = field(default_factory=set)
    in_use_by: str | None = None

    def is_visible_to(self, account: Account) -> bool:
        """Say whether an account may know of it: its own, shared with it, or public."""
        own = super().is_visible_to(account)
        return own or self.public or account.account_id in self.shared_with

    def bring_to(self, now: datetime) -> None:
        """Advance from pending to completed."""
        if self.state != "pending" or self.completes_at is None:
            return
        if now < self.completes_at:
            passed = (now - self.start_time) / (self.completes_at - self.start_time)
            self.progress = int(100 * passed)
            return
        self.state, self.progress, self.completion_time = "completed", 100, self.completes_at
        if self.full_size_bytes is None:
            self.full_size_bytes = self.volume_size << 30


@dataclass(kw_only=True)
class Volume(Resource):
    """A volume. ``state`` is as of the last call; tests may set it."""

    size: int
    availability_zone: str
    create_time: datetime
    state: str = "available"
    ready_at: datetime | None = None
    snapshot_id: str = ""
    volume_type: str = "gp2"
    iops: int | None = None
    throughput: int | None = None
    encrypted: bool = False
    kms_key_id: str | None = None
    attached_to: str | None = None
    last_snapshot_at: datetime | None = None

    def bring_to(self, now: datetime) -> None:
        """Advance from creating to available."""
        if self.state == "creating" and self.ready_at is not None and now >= self.ready_at:
            self.state = "available"


class Region:
    """The snapshots and volumes of a region, by id."""

    def __init__(self, name: str, cloud: "Cloud") -> None:
        self.name = name
        self.zones = tuple(name + letter for letter in "abc")
        self.snapshots: dict[str, Snapshot] = {}
        self.volumes: dict[str, Volume] = {}
        self.dying: list[Snapshot] = []
        """Deleted while pending: they count against the volume's limit until their end."""
        self.client_tokens: dict[tuple[str, str], tuple[object, Volume]] = {}
        self._cloud = cloud

    def add_volume(self, **fields: Any) -> Volume:
        """Put a volume of the default account here, available and 8 GiB unless told otherwise."""
        with self._cloud.lock:
            fields.setdefault("id", new_id("vol"))
            fields.setdefault("owner_id", self._cloud.default_account_id)
            fields.setdefault("size", 8)
            fields.setdefault("availability_zone", self.zones[0])
            fields.setdefault("create_time", self._cloud.now())
            volume = Volume(**fields)
            self.volumes[volume.id] = volume
            return volume

    def add_snapshot(self, **fields: Any) -> Snapshot:
        """Put a snapshot of the default account here, completed unless told otherwise."""
        with self._cloud.lock:
            volume = self.volumes.get(fields.get("volume_id", ""))
            fields.setdefault("id", new_id("snap"))
            fields.setdefault("owner_id", self._cloud.default_account_id)
            fields.setdefault("volume_id", new_id("vol"))
            fields.setdefault("volume_size", volume.size if volume else 8)
            fields.setdefault("start_time", self._cloud.now())
            if fields.get("state", "completed") == "completed":
                fields.setdefault("completion_time", fields["start_time"])
            else:
                fields.setdefault("progress", 0)
            snapshot = Snapshot(**fields)
            self.snapshots[snapshot.id] = snapshot
            return snapshot

    def pending_of(self, volume: Volume) -> int:
        """Count the pending snapshots of a volume, the deleted ones too."""
        self.dying = [snapshot for snapshot in self.dying if snapshot.state == "pending"]
        every = (*self.snapshots.values(), *self.dying)
        return sum(one.volume_id == volume.id and one.state == "pending" for one in every)

    def bring_to(self, now: datetime) -> None:
        """Let what was under way until ``now`` happen."""
        for resource in (*self.snapshots.values(), *self.volumes.values(), *self.dying):
            resource.bring_to(now)


class Cloud:
    """The whole state behind one lock."""

    def __init__(self, settings: Settings, default_account_id: str) -> None:
        self.settings = settings
        self.default_account_id = default_account_id
        self.lock = threading.RLock()
        self.accounts: dict[str, Account] = {}
        self.regions = {name: Region(name, self) for name in settings.regions}
        self.token_secret = secrets.token_bytes(16)

    def now(self) -> datetime:
        """Return the simulated time."""
        return self.settings.clock.now()


def new_id(kind: str) -> str:
    """Return a new id as EC2 makes them: snap- or vol- and 17 hexadecimal digits."""
    return f"{kind}-0{secrets.token_hex(8)}"
