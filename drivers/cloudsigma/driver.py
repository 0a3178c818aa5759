"""The CloudSigma driver: one account's drives, snapshots and remote snapshots in one location."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import requests

from drivers.cloudsigma import errors, lists, wire
from drivers.cloudsigma.account import Account
from drivers.cloudsigma.clients import Cloud, CloudSigmaOptions
from drivers.cloudsigma.wire import DRIVES, LOCAL, REMOTE, Kind, Row
from gateway.driver import (
    Capability,
    CloneSnapshot,
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
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    invalid,
    is_uuid,
    within,
)

_PUSHED = {"id": "uuid", "volume_id": "drive", "name": "name", "label": "tag"}
"""The model's field -> CloudSigma's filter."""
T = TypeVar("T")


class CloudSigmaDriver(Driver):
    """One account in one location."""

    title = "CloudSigma"
    capabilities = (
        Capability.SNAPSHOT_CREATE
        | Capability.SNAPSHOT_UPDATE
        | Capability.SNAPSHOT_DELETE
        | Capability.SNAPSHOT_CLONE
        | Capability.VOLUME_READ
        | Capability.VOLUME_CREATE
        | Capability.VOLUME_DELETE
        | Capability.LOCATION
        | Capability.CLONE_MEDIA
        | Capability.CLONE_AFFINITIES
        | Capability.CLONE_AVOID
        | Capability.CLONE_ACCEPTED
    )
    Options = CloudSigmaOptions
    limits = wire.LIMITS
    pushdown = {  # noqa: RUF012 - read-only, as in the base class
        ("id", Lookup.EXACT): Pushdown.EXACT,
        ("name", Lookup.EXACT): Pushdown.SUPERSET,
        ("name", Lookup.CONTAINS): Pushdown.SUPERSET,
        ("volume_id", Lookup.EXACT): Pushdown.SUPERSET,
        ("label", Lookup.EXACT): Pushdown.SUPERSET,
        ("kind", Lookup.EXACT): Pushdown.EXACT,
        ("location", Lookup.EXACT): Pushdown.SUPERSET,
    }
    sort_keys = frozenset(lists.SORT_KEYS)
    page_size = 1000

    def __init__(self, account: Account) -> None:
        self._account = account

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Refuse a file of certificates that is none."""
        Cloud(options).close()

    @classmethod
    def share(cls, options: Mapping[str, Any]) -> Cloud:
        """Return the connections."""
        return Cloud(options)

    @classmethod
    def open(
        cls,
        options: Mapping[str, Any],
        credentials: Credentials,
        *,
        shared: Cloud,
        deadline: Deadline,
    ) -> Self:
        """Return the account's driver; CloudSigma checks the password with every call."""
        return cls(Account(shared, credentials))

    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        """Return what an exception of requests means."""
        return errors.classify(exc)

    def close(self) -> None:
        """Let go of the account's secrets."""
        self._account.close()

    def check_credentials(self, *, deadline: Deadline) -> None:
        """Ask for the shortest list there is."""
        with within(deadline):
            self._account.page(DRIVES, {"fields": "uuid"}, limit=1)

    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        """Return a page in the order asked for, else by id, local and remote ones together."""
        found = self._by_id(self.get_snapshot, query, deadline)
        if found is not None:
            return found
        asked = _filters(query)
        with within(deadline):
            kinds = self._kinds(query)
            rows, following = lists.page(
                self._account, kinds, asked, query, page_size=page_size, cursor=cursor
            )
        return Page(tuple([wire.snapshot(row) for row in rows]), following)

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        """Return one snapshot, local or remote."""
        with within(deadline):
            _, row = self._find(snapshot_id)
        return wire.snapshot(row)

    def create_snapshot(self, request: CreateSnapshot, *, deadline: Deadline) -> StorageSnapshot:
        """Start a snapshot, a remote one if the request names a location."""
        definition: dict[str, Any] = {
            "drive": request.volume_id,
            "meta": wire.new_meta(request.description, request.metadata),
        }
        if request.name:
            definition["name"] = request.name  # without one CloudSigma makes one up
        _check_id(DRIVES, request.volume_id)
        with within(deadline):
            kind = LOCAL
            if request.location:
                kind = REMOTE
                definition["location"] = self._location(request.location)
                self._check_remote(request.volume_id)
            try:
                row = self._account.create(kind, definition)
            except requests.HTTPError as exc:
                if errors.is_about_drive(exc):
                    raise _not_found(DRIVES, request.volume_id) from exc
                raise
        return wire.snapshot(row)

    def update_snapshot(
        self, snapshot_id: str, request: UpdateSnapshot, *, deadline: Deadline
    ) -> StorageSnapshot:
        """Change name and meta by replacing the whole definition.

        It is read just before; an edit by somebody else in between is lost.
        """
        with within(deadline):
            kind, row = self._find(snapshot_id)
            after = wire.changed(row, request)
            _check_finished(kind, row, "changed")
            return wire.snapshot(self._account.replace(kind, after))

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        """Start the deletion of a snapshot."""
        with within(deadline):
            kind, row = self._find(snapshot_id)
            _check_finished(kind, row, "deleted")
            self._account.delete(kind, snapshot_id)

    def clone_snapshot(
        self, snapshot_id: str, request: CloneSnapshot, *, deadline: Deadline
    ) -> StorageVolume:
        """Start a drive with the snapshot's content."""
        given = {
            "name": request.name,
            "media": request.media,
            "affinities": list(request.affinities),
            "meta": wire.new_meta(request.description, {}),
        }
        definition = {field: value for field, value in given.items() if value}
        with within(deadline):
            kind, row = self._find(snapshot_id)
            _check_finished(kind, row, "cloned")
            if not wire.snapshot(row).ready:
                raise _wrong_state(snapshot_id, row["status"], "cloned")
            return wire.volume(
                self._account.clone(kind, snapshot_id, definition, request.avoid), progress=0
            )

    def list_volumes(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageVolume]:
        """Return a page of drives, by id."""
        found = self._by_id(self.get_volume, query, deadline)
        if found is not None:
            return found
        with within(deadline):
            rows, following = lists.page(
                self._account, [DRIVES], _filters(query), query, page_size=page_size, cursor=cursor
            )
        return Page(tuple([wire.volume(row) for row in rows]), following)

    def get_volume(self, volume_id: str, *, deadline: Deadline) -> StorageVolume:
        """Return one drive; of one that is being cloned to, how far that is."""
        _check_id(DRIVES, volume_id)
        with within(deadline):
            row = self._account.get(DRIVES, volume_id)
            return wire.volume(row, progress=self._progress(row))

    def create_volume(self, request: CreateVolume, *, deadline: Deadline) -> StorageVolume:
        """Start an empty drive; CloudSigma wants a name and rounds the size up to 16 KiB."""
        definition = {
            "name": request.name or "unnamed",
            "media": "disk",
            "size": request.size_bytes,
            "meta": wire.new_meta(request.description, {}),
        }
        with within(deadline):
            return wire.volume(self._account.create(DRIVES, definition))

    def delete_volume(self, volume_id: str, *, deadline: Deadline) -> None:
        """Start the deletion of a drive, with its local snapshots; remote ones stay."""
        _check_id(DRIVES, volume_id)
        with within(deadline):
            self._account.delete(DRIVES, volume_id)

    @staticmethod
    def _by_id(get: Callable[..., T], query: Query, deadline: Deadline) -> Page[T] | None:
        """Return what a filter on the id finds, None where a list has to tell.

        To show what is another account's is forbidden; a list just does not hold it.
        """
        wanted = query.value_of("id")
        if wanted is None:
            return None
        try:
            return Page((get(wanted, deadline=deadline),))
        except (requests.HTTPError, DriverError) as exc:
            error = exc if isinstance(exc, DriverError) else errors.classify(exc)
            if error is not None and error.code is ErrorCode.NOT_FOUND:
                return Page(())
            if error is not None and error.code is ErrorCode.DENIED:
                return None
            raise

    def _kinds(self, query: Query) -> list[Kind]:
        """Return the collections that can hold what is asked for."""
        kind, has_location = query.value_of("kind"), query.value_of("location") is not None
        local = [] if kind == "remote" or has_location else [LOCAL]
        if (kind == "local" and not has_location) or not self._account.has_remote_snapshots():
            return local
        return [*local, REMOTE]

    def _find(self, snapshot_id: str) -> tuple[Kind, Row]:
        """Return a snapshot and which kind it is: nothing tells that by its id."""
        _check_id(LOCAL, snapshot_id)
        for kind in (LOCAL, REMOTE):
            try:
                return kind, self._account.get(kind, snapshot_id)
            except requests.HTTPError as exc:
                if errors.status_of(exc) != requests.codes.not_found:
                    raise
        raise _not_found(LOCAL, snapshot_id)

    def _location(self, location: str) -> str:
        """Return the code of a location that takes remote snapshots from here."""
        possible = self._account.remote_locations()
        if location.upper() not in possible:
            listed = ", ".join(sorted(possible)) or "nowhere"
            raise invalid({"location": f"remote snapshots go from here to: {listed}"})
        return location.upper()

    def _check_remote(self, volume_id: str) -> None:
        """Refuse a remote snapshot that comes too soon after the drive's last one.

        Raises:
            DriverError: ``conflict``, with the seconds until it can work.
        """
        rows = self._account.everything(REMOTE, {"drive": volume_id})
        snapshots = [wire.snapshot(wire.check_row(row)) for row in rows]
        wire.check_pause(snapshots, datetime.now(UTC))

    def _progress(self, row: Row) -> int | None:
        """Return how far the clone is that a drive is made by, if its job can be asked."""
        if row["status"] != "cloning_dst":
            return None
        jobs = row.get("jobs")
        for job in jobs if isinstance(jobs, list) else ():
            job_id = job.get("uuid") if isinstance(job, dict) else job
            if isinstance(job_id, str) and is_uuid(job_id):
                with suppress(requests.HTTPError, DriverError):
                    return self._account.job_progress(job_id)
        return None


def _filters(query: Query) -> dict[str, str]:
    """Return CloudSigma's filters; a comma in a value would mean "or"."""
    asked = {}
    for condition in query.filters:
        name = _PUSHED.get(condition.field)
        if name is None:
            continue
        if condition.lookup is Lookup.CONTAINS:
            name += "__contains"
        asked[name] = condition.value.replace(",", "\\,")
    return asked


def _check_id(kind: Kind, resource_id: str) -> None:
    """Raise ``not_found`` for what is no id; nothing else gets into a path."""
    if not is_uuid(resource_id):
        raise _not_found(kind, resource_id)


def _not_found(kind: Kind, resource_id: str) -> DriverError:
    return DriverError(ErrorCode.NOT_FOUND, f"no {kind.word} {resource_id!r}")


def _check_finished(kind: Kind, row: Row, verb: str) -> None:
    """Refuse what a remote snapshot takes only when it is complete."""
    if kind is REMOTE and row["status"] in wire.UNFINISHED:
        raise _wrong_state(row["uuid"], row["status"], verb)


def _wrong_state(snapshot_id: str, native_state: str, verb: str) -> DriverError:
    return DriverError(
        ErrorCode.CONFLICT,
        f"snapshot {snapshot_id!r} is {native_state}; it can be {verb} once it is available",
    )
