"""The EC2 driver: EBS snapshots and volumes of one AWS account in one region.

Also for whatever else speaks EC2's query protocol, by ``endpoint_url``.
"""

from collections.abc import Mapping
from typing import Any, Self

from botocore.exceptions import ClientError

from drivers.ec2 import errors, filters, tags, wire
from drivers.ec2.account import SNAPSHOT, VOLUME, Account, Kind, Row
from drivers.ec2.clients import Clients, Ec2Options, open_clients
from gateway.driver import (
    OWNER_SELF,
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
    ErrorCode,
    Lookup,
    Page,
    Pushdown,
    Query,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    invalid,
    within,
)

_WHEN = {
    SnapshotState.CREATING: "once it is available",
    SnapshotState.BUSY: "once it is available",
    SnapshotState.ARCHIVED: "once it is brought back from the archive tier",
    SnapshotState.RECYCLED: "once it is brought back from the recycle bin",
}


class Ec2Driver(Driver):
    """One account in one region."""

    title = "Amazon EC2 (EBS)"
    capabilities = (
        Capability.SNAPSHOT_CREATE
        | Capability.SNAPSHOT_UPDATE
        | Capability.SNAPSHOT_DELETE
        | Capability.SNAPSHOT_CLONE
        | Capability.SNAPSHOT_COPY
        | Capability.VOLUME_READ
        | Capability.VOLUME_CREATE
        | Capability.VOLUME_DELETE
        | Capability.SNAPSHOT_MARKER
        | Capability.VOLUME_MARKER
        | Capability.CLONE_SIZE
        | Capability.CLONE_MEDIA
        | Capability.ZONE
    )
    Options = Ec2Options
    limits = tags.LIMITS
    pushdown = {  # noqa: RUF012 - read-only, as in the base class
        ("id", Lookup.EXACT): Pushdown.EXACT,
        ("name", Lookup.EXACT): Pushdown.SUPERSET,
        ("volume_id", Lookup.EXACT): Pushdown.EXACT,
        ("owner", Lookup.EXACT): Pushdown.EXACT,
        ("metadata", Lookup.EXACT): Pushdown.SUPERSET,
        ("state", Lookup.EXACT): Pushdown.SUPERSET,
        ("created_by", Lookup.EXACT): Pushdown.SUPERSET,
        ("id", Lookup.IN): Pushdown.EXACT,
        ("name", Lookup.IN): Pushdown.SUPERSET,
        ("volume_id", Lookup.IN): Pushdown.EXACT,
        ("metadata", Lookup.IN): Pushdown.SUPERSET,
        ("metadata", Lookup.HAS): Pushdown.SUPERSET,
        ("state", Lookup.IN): Pushdown.SUPERSET,
    }
    volume_pushdown = {  # noqa: RUF012
        ("id", Lookup.EXACT): Pushdown.EXACT,
        ("id", Lookup.IN): Pushdown.EXACT,
        ("name", Lookup.EXACT): Pushdown.SUPERSET,
        ("name", Lookup.IN): Pushdown.SUPERSET,
        ("metadata", Lookup.EXACT): Pushdown.SUPERSET,
        ("metadata", Lookup.IN): Pushdown.SUPERSET,
        ("metadata", Lookup.HAS): Pushdown.SUPERSET,
        ("created_by", Lookup.EXACT): Pushdown.SUPERSET,
    }
    page_size = 1000
    created_tick_s = 1.0  # whether all of EC2's servers have one clock is not documented

    def __init__(self, clients: Clients, account: Account) -> None:
        self._options = clients.options
        self._clients = clients
        self._account = account

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Refuse a region or a file of certificates that does not exist."""
        open_clients(options)

    @classmethod
    def share(cls, options: Mapping[str, Any]) -> Clients:
        """Load EC2's model once for all accounts."""
        return open_clients(options)

    @classmethod
    def open(
        cls,
        options: Mapping[str, Any],
        credentials: Credentials,
        *,
        shared: Clients,
        deadline: Deadline,
    ) -> Self:
        """Return the account's driver; EC2 checks the keys with the first call."""
        again, once = shared.open(credentials)
        return cls(shared, Account(again, once, page_size=options["page_size"]))

    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        """Return what an exception of boto3 means."""
        return errors.classify(exc)

    def check_credentials(self, *, deadline: Deadline) -> None:
        """List a few of the account's own snapshots."""
        with within(deadline):
            self._account.learn_number()

    def close(self) -> None:
        """Close the account's connections."""
        self._account.close()

    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        """Return a page in EC2's order."""
        owner = query.value_of("owner")
        if owner is None and self._options["owner"] != "all":
            owner = self._options["owner"]
        if owner not in {None, OWNER_SELF} and not filters.is_account(owner):
            return Page(())  # nobody has such a number, and EC2 would call it an error
        asked = filters.of_snapshots(query)
        if owner is not None:
            asked["OwnerIds"] = [owner]
        with within(deadline):
            rows, following = self._account.page(
                SNAPSHOT, asked, page_size=page_size, cursor=cursor
            )
            if rows and owner == OWNER_SELF:
                self._account.number = rows[0].get("OwnerId")
            if rows:
                self._know_account(again=cursor is None)
            number = self._account.number
        found = tuple([wire.snapshot(row, number) for row in rows])
        return Page(found, following, filters.unasked_of_snapshots(query, asked))

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        """Return one snapshot."""
        with within(deadline):
            row = self._account.get(SNAPSHOT, snapshot_id)
            self._know_account()
        return wire.snapshot(row, self._account.number)

    def create_snapshot(self, request: CreateSnapshot, *, deadline: Deadline) -> StorageSnapshot:
        """Start a snapshot, tagged within the call."""
        new_tags = tags.for_new(request.name, request.metadata, request.marker)
        asked = {
            "VolumeId": request.volume_id,
            **_described(request.description),
            **tags.specification("snapshot", new_tags),
        }
        turn = self._clients.pace.turn(request.volume_id, self._clients.snapshot_interval_s)
        with within(deadline), turn:
            row, _ = self._account.make(
                SNAPSHOT,
                "create_snapshot",
                asked,
                source=(VOLUME, request.volume_id),
                deadline=deadline,
            )
        self._account.number = row.get("OwnerId", self._account.number)
        return wire.snapshot(row, self._account.number)

    def update_snapshot(
        self, snapshot_id: str, request: UpdateSnapshot, *, deadline: Deadline
    ) -> StorageSnapshot:
        """Change the tags that hold name, description and metadata."""
        with within(deadline):
            row = self._account.get(SNAPSHOT, snapshot_id)
            self._know_account()  # before the change, so that afterwards nothing can fail
            request.check(wire.snapshot(row, self._account.number))
            before = tags.as_map(row.get("Tags"))
            change = tags.changed(before, row.get("Description"), request)
            self._account.retag(snapshot_id, before, change)
            after = tags.as_list(change.applied_to(before))
            return wire.snapshot({**row, "Tags": after}, self._account.number)

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        """Delete a snapshot."""
        with within(deadline):
            self._account.delete(SNAPSHOT, snapshot_id)

    def clone_snapshot(
        self, snapshot_id: str, request: CloneSnapshot, *, deadline: Deadline
    ) -> StorageVolume:
        """Make a volume in the zone that is given, else the source's, else the option's."""
        with within(deadline):
            source = self._ready(snapshot_id, "cloned")
            size = request.size_bytes
            if size is not None and size < (source.size_bytes or 0):
                raise invalid({"size_bytes": f"at least {source.size_bytes}, the snapshot's size"})
            asked: dict[str, Any] = {"SnapshotId": snapshot_id}
            if size is not None:
                asked["Size"] = wire.gib(size)
            if request.media is not None:
                asked["VolumeType"] = request.media
            asked["AvailabilityZone"] = request.zone or self._zone_near(source.volume_id)
            return self._make_volume(
                asked, request, source=(SNAPSHOT, snapshot_id), deadline=deadline
            )

    def copy_snapshot(
        self, snapshot_id: str, request: CopySnapshot, *, destination: Self, deadline: Deadline
    ) -> StorageSnapshot:
        """Copy a snapshot to the region of ``destination``, where EC2 wants it asked for."""
        with within(deadline):
            source = self._ready(snapshot_id, "copied")
            own = {k: v for k, v in source.metadata.items() if not tags.is_reserved(k)}
            metadata = own if request.metadata is None else request.metadata
            name = source.name if request.name is UNSET else request.name
            new_tags = tags.for_new(name, metadata, request.marker)
            given = request.description
            description = source.description if given is UNSET else given
            asked = {
                "SourceRegion": self._options["region"],
                "SourceSnapshotId": snapshot_id,
                **_described(description),
                **tags.specification("snapshot", new_tags),
            }
            # The volume that a copy shows means nothing, and at some servers is the source's.
            known = {"Tags": tags.as_list(new_tags), "VolumeId": None, **_described(description)}
            return destination._receive_copy(asked, known, deadline)

    def list_volumes(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageVolume]:
        """Return a page of volumes in EC2's order."""
        asked = filters.of_volumes(query)
        with within(deadline):
            rows, following = self._account.page(VOLUME, asked, page_size=page_size, cursor=cursor)
        return Page(tuple(wire.volume(row) for row in rows), following)

    def get_volume(self, volume_id: str, *, deadline: Deadline) -> StorageVolume:
        """Return one volume."""
        with within(deadline):
            return wire.volume(self._account.get(VOLUME, volume_id))

    def create_volume(self, request: CreateVolume, *, deadline: Deadline) -> StorageVolume:
        """Make an empty volume of whole GiB, rounded up."""
        zone = request.zone or self._zone_near(None)
        asked = {"Size": wire.gib(request.size_bytes), "AvailabilityZone": zone}
        with within(deadline):
            return self._make_volume(asked, request, source=None, deadline=deadline)

    def delete_volume(self, volume_id: str, *, deadline: Deadline) -> None:
        """Delete a volume."""
        with within(deadline):
            self._account.delete(VOLUME, volume_id)

    def _know_account(self, *, again: bool = True) -> None:
        """Learn the account's number; unless ``again``, only if it has never been asked for."""
        if self._account.number is None and (again or not self._account.was_asked):
            self._account.learn_number()

    def _ready(self, snapshot_id: str, verb: str) -> StorageSnapshot:
        snapshot = wire.snapshot(self._account.get(SNAPSHOT, snapshot_id), self._account.number)
        if not snapshot.ready:
            raise DriverError(
                ErrorCode.CONFLICT,
                f"snapshot {snapshot_id!r} is {snapshot.state}; it can be {verb} "
                f"{_WHEN.get(snapshot.state, 'only while it is available')}",
            )
        return snapshot

    def _zone_near(self, volume_id: str | None) -> str:
        """Return the zone of a volume, if it still exists, else the option's."""
        row = self._account.find(VOLUME, volume_id) if volume_id else None
        zone: str | None = (row or {}).get("AvailabilityZone") or self._options.get("default_zone")
        if zone is None:
            raise invalid(
                {
                    "zone": "give the availability zone: there is no source volume to take it "
                    "from, and the provider has no default_zone"
                }
            )
        return zone

    def _make_volume(
        self,
        asked: Mapping[str, Any],
        request: CloneSnapshot | CreateVolume,
        *,
        source: tuple[Kind, str] | None,
        deadline: Deadline,
    ) -> StorageVolume:
        marker = request.marker
        new_tags = tags.for_new(request.name, {}, marker, description=request.description)
        once = {"ClientToken": marker.id} if marker else {}  # EC2 itself makes one of it only
        asked = {**asked, **once, **tags.specification("volume", new_tags)}
        row, _ = self._account.make(
            VOLUME, "create_volume", asked, source=source, deadline=deadline
        )
        return wire.volume(row)

    def _receive_copy(
        self, asked: Mapping[str, Any], known: Row, deadline: Deadline
    ) -> StorageSnapshot:
        """Start a copy into this region; EC2 answers with nothing but its id."""
        try:
            answer, row = self._account.make(
                SNAPSHOT, "copy_snapshot", asked, source=None, deadline=deadline
            )
        except ClientError as exc:
            error = errors.classify(exc)
            if error is None or error.code is not ErrorCode.NOT_FOUND:
                raise
            raise invalid({"destination": "EC2 does not find the snapshot from there"}) from exc
        row = row or {"SnapshotId": answer["SnapshotId"], "State": "pending"}
        self._account.number = row.get("OwnerId", self._account.number)
        return wire.snapshot({**row, **known}, self._account.number)


def _described(description: str | None) -> dict[str, str]:
    return {"Description": description} if description else {}
