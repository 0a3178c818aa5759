"""The objects of the simulated CloudSigma, how tests fill it, and what is under way."""

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tests.simulators.cloudsigma_settings import Settings, Work
from tests.simulators.cloudsigma_state import (
    OTHER,
    OTHER_ID,
    USER,
    USER_ID,
    Account,
    Drive,
    Job,
    RemoteSnapshot,
    Resource,
    Server,
    Snapshot,
    Tag,
    UnderWay,
    default_name,
    profile_of,
)
from tests.simulators.ec2_state import Clock

_Kept = TypeVar("_Kept", bound=Resource)


class Store:
    """All objects, by uuid, and what is under way with them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        self.accounts: dict[str, Account] = {}
        self.drives: dict[str, Drive] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.remote_snapshots: dict[str, RemoteSnapshot] = {}
        self.jobs: dict[str, Job] = {}
        self.servers: dict[str, Server] = {}
        self.tags: dict[str, Tag] = {}
        self.last_remote: dict[str, datetime] = {}
        """When the last remote snapshot of each drive was made, also of what is deleted."""
        self.changes = 0
        self._held = False
        self._works: list[UnderWay] = []
        self._random = random.Random(settings.seed)
        for email, uuid in ((USER, USER_ID), (OTHER, OTHER_ID)):
            self.add_account(email, uuid)

    @property
    def clock(self) -> Clock:
        """The simulated time, which ``clock.advance(seconds)`` moves on."""
        return self.settings.clock

    def account(self, email: str = USER) -> Account:
        """Return an account; its attributes may be changed."""
        return next(one for one in self.accounts.values() if one.email == email)

    def add_account(self, email: str, uuid: str | None = None, **fields: Any) -> Account:
        """Let somebody in, with the password ``secret`` unless told otherwise."""
        uuid = uuid or self.settings.new_id()
        made = Account(email=email, uuid=uuid, profile=profile_of(email, uuid), **fields)
        with self.lock:
            self.accounts[uuid] = made
        return made

    def add_drive(self, **fields: Any) -> Drive:
        """Put a drive here, unmounted and 1 GiB unless told otherwise."""
        with self.lock:
            given = self._given(fields, status="unmounted")
            given.setdefault("name", f"drive-{len(self.drives)}")
            made = Drive(**given)
            if made.is_ephemeral and "is_snapshotable" not in fields:
                made.is_snapshotable = False
            return self.keep(self.drives, made)

    def add_snapshot(self, drive: Drive | str | None = None, **fields: Any) -> Snapshot:
        """Put a snapshot here, available, and of a new drive unless told otherwise."""
        with self.lock:
            uuid = self._drive_id(drive, fields)
            given = self._given(fields, status="available", timestamp=self.clock.now())
            given.setdefault("name", default_name(uuid, given["timestamp"]))
            return self.keep(self.snapshots, Snapshot(drive=uuid, **given))

    def add_snapshots(
        self, count: int, drive: Drive | str | None = None, **fields: Any
    ) -> list[str]:
        """Put many snapshots here, each a second younger than the one before; return uuids."""
        with self.lock:
            uuid = self._drive_id(drive, fields)
            first = self.clock.now() - timedelta(seconds=count)
            made = []
            for n in range(count):
                own = {"name": f"snapshot-{n}", "timestamp": first + timedelta(seconds=n)}
                made.append(self.add_snapshot(uuid, **own | fields).uuid)
            return made

    def add_remote_snapshot(
        self, drive: Drive | str | None = None, **fields: Any
    ) -> RemoteSnapshot:
        """Put a remote snapshot here, available, and of a new drive unless told otherwise."""
        with self.lock:
            uuid = self._drive_id(drive, fields)
            given = self._given(fields, status="available", timestamp=self.clock.now())
            given.setdefault("name", default_name(uuid, given["timestamp"]))
            given.setdefault("last_state_change", given["timestamp"])
            given.setdefault("location", self.settings.remote_locations[0])
            source = self.drives.get(uuid)
            given.setdefault("drive_meta", drive_meta(source or Drive(uuid=uuid, owner=None)))
            self.last_remote[uuid] = given["timestamp"]
            return self.keep(self.remote_snapshots, RemoteSnapshot(drive=uuid, **given))

    def add_job(self, **fields: Any) -> Job:
        """Put a job here that is over unless told otherwise."""
        with self.lock:
            now = self.clock.now()
            given = self._given(fields, status="success", created=now, last_modified=now)
            given.setdefault("progress", 100)
            return self.keep(self.jobs, Job(**given))

    def add_server(self, *drives: Drive, status: str = "stopped", **fields: Any) -> Server:
        """Put a server here, stopped unless told otherwise; its drives become mounted."""
        with self.lock:
            given = self._given(fields, status=status)
            given.setdefault("name", f"server-{len(self.servers)}")
            for drive in drives:
                drive.status = "mounted"
            uuids = [drive.uuid for drive in drives]
            return self.keep(self.servers, Server(drives=uuids, **given))

    def add_tag(self, name: str, *tagged: Resource, **fields: Any) -> Tag:
        """Put a tag here and on what has it."""
        with self.lock:
            made = self.keep(self.tags, Tag(name=name, **self._given(fields)))
            for resource in tagged:
                resource.tags.append(made.uuid)
            return made

    def keep(self, where: dict[str, _Kept], made: _Kept) -> _Kept:
        """Put an object in its place."""
        self.touch(made)
        where[made.uuid] = made
        return made

    def touch(self, changed: Resource) -> None:
        """Count that an object changes: it stands elsewhere in lists from now on."""
        self.changes += 1
        changed.place = self._random.random()

    def hold(self, *, held: bool = True) -> None:
        """Let nothing that is under way come to its end, or go on."""
        self._held = held

    def settle(self) -> None:
        """Let all that is under way come to its end, also what is held."""
        with self.lock:
            while self._works:
                self._finish(lambda _: True)

    def begin(
        self,
        work: Work,
        resource: Resource,
        end: Callable[[datetime], None],
        *,
        status: str | None = None,
        since: datetime | None = None,
    ) -> None:
        """Let something be under way, with this status meanwhile if there is one."""
        if status is not None:
            resource.status = status
        ends_at = (since or self.clock.now()) + timedelta(seconds=self.settings.work_seconds(work))
        reads = self.settings.work_reads
        self._works.append(
            UnderWay(resource=resource, status=status, ends_at=ends_at, reads=reads, end=end)
        )

    def bring_to(self, now: datetime) -> None:
        """Let what was under way until ``now`` happen, and what follows from it."""
        for uuid in [one.uuid for one in self.jobs.values() if one.has_expired(now)]:
            del self.jobs[uuid]
        while not self._held and self._finish(lambda one: one.reads <= 0 and one.ends_at <= now):
            pass

    def saw(self, shown: Iterable[Resource]) -> None:
        """Count that an answer shows these."""
        if not self._works:
            return
        uuids = {one.uuid for one in shown}
        for work in self._works:
            if work.resource.uuid in uuids:
                work.reads -= 1

    def clear(self) -> None:
        """Hold nothing but the accounts, and these as new."""
        for held in (self.drives, self.snapshots, self.remote_snapshots, self.jobs):
            held.clear()
        for other in (self.servers, self.tags, self.last_remote):
            other.clear()
        for account in self.accounts.values():
            account.profile = profile_of(account.email, account.uuid)
            account.has_funds = True
        self._works.clear()
        self._held = False

    def snapshots_of(self, drive: str) -> list[Snapshot]:
        """Return the local snapshots of a drive."""
        return [one for one in self.snapshots.values() if one.drive == drive]

    def drop_drive(self, drive: Drive) -> None:
        """Forget a drive and its local snapshots."""
        self.drives.pop(drive.uuid, None)
        self.changes += 1
        for one in self.snapshots_of(drive.uuid):
            del self.snapshots[one.uuid]
        for server in self.servers.values():
            server.drives = [uuid for uuid in server.drives if uuid != drive.uuid]

    def grouped(self) -> tuple[dict[str, list[Snapshot]], dict[str, list[Snapshot]]]:
        """Return the local and the remote snapshots of each drive, newest first."""
        both: list[dict[str, list[Snapshot]]] = []
        for held in (self.snapshots.values(), self.remote_snapshots.values()):
            groups: dict[str, list[Snapshot]] = defaultdict(list)
            for one in sorted(held, key=lambda one: one.timestamp, reverse=True):
                groups[one.drive].append(one)
            both.append(groups)
        return both[0], both[1]

    def _finish(self, is_due: Callable[[UnderWay], bool]) -> bool:
        due: list[UnderWay] = []
        rest: list[UnderWay] = []
        for work in self._works:
            (due if is_due(work) else rest).append(work)
        self._works = rest
        for work in due:
            if work.status in (None, work.resource.status):
                work.end(work.ends_at)
                self.touch(work.resource)
        return bool(due)

    def _given(self, fields: dict[str, Any], **defaults: Any) -> dict[str, Any]:
        if "uuid" not in fields:
            defaults["uuid"] = self.settings.new_id()
        return {"owner": USER_ID} | defaults | fields

    def _drive_id(self, drive: Drive | str | None, fields: dict[str, Any]) -> str:
        if isinstance(drive, str):
            return drive
        if drive is None:
            owner = {"owner": fields["owner"]} if "owner" in fields else {}
            return self.add_drive(**owner).uuid
        fields.setdefault("owner", drive.owner)
        return drive.uuid


def drive_meta(drive: Drive) -> dict[str, Any]:
    """Return what a remote snapshot remembers of its drive."""
    return {
        "media": drive.media,
        "name": drive.name,
        "size": drive.size,
        "src_uuid": drive.uuid,
        "storage_type": drive.storage_type,
    }
