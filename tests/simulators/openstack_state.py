"""What the simulated OpenStack holds: settings, and regions with volumes and snapshots."""

import threading
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulators.ec2_state import Clock

DEMO_USER = "182226bc90d64ea5ab1cbf2c528d030f"
DEMO_PROJECT = "98e424d7dfc04ad6a88344f859950a94"
SNAPSHOT_STATES = (
    "error",
    "available",
    "creating",
    "deleting",
    "deleted",
    "updating",
    "error_deleting",
    "unmanaging",
    "backing-up",
    "restoring",
)
_FILTERS = {
    "volume": (
        "name status metadata bootable migration_status availability_zone group_id size "
        "created_at updated_at consumes_quota"
    ),
    "backup": "name status volume_id",
    "snapshot": "name status volume_id metadata availability_zone consumes_quota",
    "group": "name",
    "group_snapshot": "name status group_id",
    "attachment": "volume_id status instance_id attach_status",
    "message": "resource_uuid resource_type event_id request_id message_level",
    "pool": "name volume_type",
    "volume_type": "is_public extra_specs",
}


def _new_id() -> str:
    return str(uuid.uuid4())


def _resource_filters() -> dict[str, list[str]]:
    return {resource: names.split() for resource, names in _FILTERS.items()}


@dataclass(kw_only=True)
class Settings:
    """How the simulated cloud behaves; may be changed while it runs."""

    regions: tuple[str, ...] = ("RegionOne",)
    clock: Clock = field(default_factory=Clock)
    maximum: str = "3.71"
    """The highest microversion of Cinder: 3.0 for a cloud of 2016, 3.59 for one of 2019."""
    service_type: str = "block-storage"
    """In the catalogue; older clouds say ``volumev3``."""
    project_in_url: bool | None = None
    """Whether the URLs hold the project's id; None: as Cinder does, below 3.67."""
    page_maximum: int = 1000
    """Cinder's osapi_max_limit: rows of a page at most."""
    token_lifetime_s: float = 3600.0
    work_s: float = 0.0
    """How long creating, deleting and reverting take; 0: until the next request."""
    work_reads: int = 0
    """How many answers, besides, show a resource while it is worked on."""
    volume_types: tuple[str, ...] = ("fake", "nfs", "__DEFAULT__")
    default_volume_type: str = "nfs"
    resource_filters: dict[str, list[str]] = field(default_factory=_resource_filters)
    """What non-admins may filter by, as operators may change it; ``name~`` allows both."""
    new_id: Callable[[], str] = _new_id

    @property
    def has_project_in_url(self) -> bool:
        """Say whether the catalogue's URLs end in the project's id and routes need it."""
        if self.project_in_url is not None:
            return self.project_in_url
        return version_of(self.maximum) < (3, 67)


@dataclass(kw_only=True)
class Resource:
    """A snapshot or a volume. ``status`` is as of the last request; tests may set it."""

    id: str
    project_id: str
    user_id: str
    size: int
    created_at: datetime
    updated_at: datetime | None = None
    status: str = "available"
    name: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    consumes_quota: bool = True


@dataclass(kw_only=True)
class Snapshot(Resource):
    """A snapshot; ``size`` is the volume's. One that is creating by a test's hand stays so."""

    volume_id: str
    progress: str = "100%"
    group_snapshot_id: str | None = None


@dataclass(kw_only=True)
class Volume(Resource):
    """A volume; set ``status`` to in-use for one that is attached."""

    volume_type: str = "nfs"
    availability_zone: str = "nova"
    snapshot_id: str | None = None
    group_id: str | None = None
    attachments: list[dict[str, Any]] = field(default_factory=list)
    bootable: bool = False


@dataclass(kw_only=True)
class Message:
    """What Cinder tells a user about a failure."""

    id: str
    event_id: str
    text: str
    project_id: str
    resource_uuid: str
    created_at: datetime
    request_id: str
    resource_type: str = "VOLUME_SNAPSHOT"
    level: str = "ERROR"

    @property
    def guaranteed_until(self) -> datetime:
        """Return when it may be thrown away: Cinder keeps it for 30 days."""
        return self.created_at + timedelta(days=30)


@dataclass(kw_only=True)
class Work:
    """Something under way; ``end`` brings it about."""

    resource: Resource
    ends_at: datetime
    reads: int
    end: Callable[[datetime], None]


class Region:
    """The volumes and snapshots of a region, by id, and what is under way with them."""

    def __init__(self, name: str, settings: Settings, lock: threading.RLock) -> None:
        self.name = name
        self.settings = settings
        self.lock = lock
        self.volumes: dict[str, Volume] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.messages: list[Message] = []
        self.quotas: dict[str, dict[str, int]] = defaultdict(dict)
        """Limits by project and resource (snapshots, volumes, gigabytes); none unless set."""
        self.held = False
        """While True nothing that is under way comes to its end."""
        self._works: list[Work] = []
        self._outcomes: dict[str, deque[str]] = defaultdict(deque)

    def add_volume(self, **fields: Any) -> Volume:
        """Put a volume of the demo project here, available and 1 GiB unless told otherwise."""
        with self.lock:
            volume = Volume(**self._defaults() | {"size": 1} | fields)
            self.volumes[volume.id] = volume
            return volume

    def add_snapshot(self, volume: Volume | None = None, **fields: Any) -> Snapshot:
        """Put a snapshot here, available and of a new volume unless told otherwise."""
        with self.lock:
            if volume is None:
                volume = self.volumes.get(fields.get("volume_id", "")) or self.add_volume()
            of_volume = {
                "volume_id": volume.id,
                "size": volume.size,
                "project_id": volume.project_id,
                "user_id": volume.user_id,
            }
            snapshot = Snapshot(**self._defaults() | of_volume | fields)
            self.snapshots[snapshot.id] = snapshot
            return snapshot

    def add_snapshots(self, count: int, volume: Volume | None = None, **fields: Any) -> list[str]:
        """Put many snapshots here, each a second younger than the one before; return their ids."""
        with self.lock:
            volume = volume or self.add_volume()
            first = self.now() - timedelta(seconds=count)
            numbers = range(count)
            return [
                self.add_snapshot(
                    volume,
                    **{
                        "name": f"snapshot-{n}",
                        "created_at": first + timedelta(seconds=n),
                        "metadata": {"n": str(n)},
                    }
                    | fields,
                ).id
                for n in numbers
            ]

    def order(self, what: str, *outcomes: str) -> None:
        """Say how the next works end which otherwise end well.

        Args:
            what: create_snapshot, delete_snapshot, create_volume, delete_volume or revert.
            outcomes: the status after each of the next ones: error, error_deleting, or
                available for a deletion that finds the snapshot busy; "" if it ends well.
        """
        with self.lock:
            self._outcomes[what].extend(outcomes)

    def outcome(self, what: str) -> str:
        """Return the status that was ordered for this work, "" if it ends well."""
        ordered = self._outcomes[what]
        return ordered.popleft() if ordered else ""

    def begin(self, resource: Resource, end: Callable[[datetime], None]) -> None:
        """Let something be under way."""
        ends_at = self.now() + timedelta(seconds=self.settings.work_s)
        reads = self.settings.work_reads
        self._works.append(Work(resource=resource, ends_at=ends_at, reads=reads, end=end))

    def bring_to(self, now: datetime) -> None:
        """Let what was under way until ``now`` happen."""
        if not self.held:
            self._finish(lambda work: work.reads <= 0 and work.ends_at <= now)

    def clear(self) -> None:
        """Be as new."""
        for held in (self.volumes, self.snapshots, self.messages, self.quotas):
            held.clear()
        self._works.clear()
        self._outcomes.clear()
        self.held = False

    def settle(self) -> None:
        """Let everything that is under way come to its end, also what is held."""
        with self.lock:
            self._finish(lambda _: True)

    def saw(self, resources: Iterable[Resource]) -> None:
        """Count that an answer shows these."""
        if not self._works:
            return
        shown = {one.id for one in resources}
        for work in self._works:
            if work.resource.id in shown:
                work.reads -= 1

    def now(self) -> datetime:
        """Return the simulated time."""
        return self.settings.clock.now()

    def _finish(self, is_due: Callable[[Work], bool]) -> None:
        due = [work for work in self._works if is_due(work)]
        self._works = [work for work in self._works if work not in due]
        for work in due:
            work.end(self.now())

    def _defaults(self) -> dict[str, Any]:
        return {
            "id": self.settings.new_id(),
            "project_id": DEMO_PROJECT,
            "user_id": DEMO_USER,
            "created_at": self.now(),
        }


def version_of(text: str) -> tuple[int, int]:
    """Return a microversion as two numbers."""
    major, _, minor = text.partition(".")
    return int(major), int(minor)


def time_text(when: datetime | None) -> str | None:
    """Return a time as Cinder writes it: naive UTC with microseconds."""
    if when is None:
        return None
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
