"""What the simulated CloudSigma holds: accounts, drives, snapshots and what goes with them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.golden_cloudsigma import sample

PASSWORD = "secret"
USER = "user@example.com"
OTHER = "other@example.com"
USER_ID = "5b4a69a3-8e78-4c45-a8ba-8b13f0895e23"
OTHER_ID = "4705fb9a-0591-4ead-9d42-b2e86493f9b4"
GIB = 1024**3
RIGHTS = ("LIST", "EDIT", "CLONE", "ATTACH", "START", "STOP", "OPEN_VNC")
"""What may be granted to another account."""


def profile_of(email: str, uuid: str) -> dict[str, Any]:
    """Return the profile of a new account."""
    found = dict(sample("profile").answer)
    return found | {"email": email, "uuid": uuid, "clone_naming": "NONE"}


@dataclass(kw_only=True, eq=False)
class Account:
    """Somebody with objects of their own."""

    email: str
    uuid: str
    password: str = PASSWORD
    profile: dict[str, Any] = field(default_factory=dict)
    has_funds: bool = True
    """Whether it can pay for new drives and snapshots; else 402."""

    @property
    def clone_naming(self) -> str:
        """What clones are called: NONE, COUNTER, DATE or TIMESTAMP."""
        return str(self.profile["clone_naming"])

    @clone_naming.setter
    def clone_naming(self, value: str) -> None:
        self.profile["clone_naming"] = value


@dataclass(kw_only=True, eq=False)
class Resource:
    """Any object. ``status`` is as of the last request; tests may set it, and then it stays."""

    uuid: str
    owner: str | None
    """The uuid of an account; None for what belongs to the library."""
    name: str = ""
    status: str = ""
    meta: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    grants: dict[str, list[str]] = field(default_factory=dict)
    """What other accounts may do with it, by their uuid; see RIGHTS."""
    place: float = 0.0
    """Where it stands in lists."""
    is_deleting: bool = False

    def rights_of(self, account: str) -> list[str]:
        """Return what an account may do with it."""
        if self.owner == account:
            return list(RIGHTS)
        return ["CLONE", "LIST"] if self.owner is None else self.grants.get(account, [])


@dataclass(kw_only=True, eq=False)
class Drive(Resource):
    """A drive, 1 GiB and unmounted unless told otherwise."""

    size: int = GIB
    media: str = "disk"
    storage_type: str = "dssd"
    affinities: list[Any] = field(default_factory=list)
    allow_multimount: bool = False
    iops: int | None = None
    licenses: list[Any] = field(default_factory=list)
    backup_scheduler: str | None = None
    jobs: list[str] = field(default_factory=list)
    is_snapshotable: bool | None = True
    used: int | None = None
    """What a first remote snapshot of it takes; None: an eighth of its size."""
    clones_under_way: int = 0
    restored_from: str | None = None
    """The snapshot that it was cloned from."""

    @property
    def is_ephemeral(self) -> bool:
        """Say whether it is a local drive, of which there are no snapshots."""
        return self.storage_type == "local_nvme"


@dataclass(kw_only=True, eq=False)
class Snapshot(Resource):
    """A snapshot; the drive's, and gone with it."""

    drive: str
    timestamp: datetime
    allocated_size: int | None = 0


@dataclass(kw_only=True, eq=False)
class RemoteSnapshot(Snapshot):
    """A snapshot that is stored in another location and outlives its drive."""

    location: str
    last_state_change: datetime
    drive_meta: dict[str, Any]


@dataclass(kw_only=True, eq=False)
class Job(Resource):
    """What is known of cloning; ``resources`` are the uuids of drives."""

    created: datetime
    last_modified: datetime
    operation: str = "drive_clone"
    progress: int = 0
    """The least that is told."""
    ends_at: datetime | None = None
    """When it will be over; None: nobody knows."""
    resources: list[str] = field(default_factory=list)
    children: list[Any] = field(default_factory=list)
    """As answers show them; only servers' cloning has some."""

    @property
    def is_over(self) -> bool:
        """Say whether it came to its end."""
        return self.status != "started"

    def progress_at(self, now: datetime) -> int:
        """Return how far it is, in percent; 100 only when it is over."""
        if self.is_over or self.ends_at is None or self.ends_at <= self.created:
            return self.progress
        part = (now - self.created) / (self.ends_at - self.created)
        return max(self.progress, min(int(part * 100), 99))

    def has_expired(self, now: datetime) -> bool:
        """Say whether it is forgotten: three days after it came to its end."""
        return self.is_over and now - self.last_modified > timedelta(days=3)


@dataclass(kw_only=True, eq=False)
class Server(Resource):
    """A server; ``status`` is running or stopped."""

    drives: list[str] = field(default_factory=list)


@dataclass(kw_only=True, eq=False)
class Tag(Resource):
    """A tag; which objects have it is written in them."""


@dataclass(kw_only=True, eq=False)
class UnderWay:
    """Something that takes its time; ``end`` brings it about."""

    resource: Resource
    status: str | None
    """The status meanwhile: once a test sets another, this never ends; None: any status."""
    ends_at: datetime
    reads: int
    end: Callable[[datetime], None]


def time_text(when: datetime) -> str:
    """Return a time as snapshots have it."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")


def job_time_text(when: datetime) -> str:
    """Return a time as jobs have it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


def default_name(drive: str, when: datetime) -> str:
    """Return the name of a snapshot that was given none."""
    return f"{drive}__{when.astimezone(UTC):%Y-%m-%d__%H_%M_%S}"
