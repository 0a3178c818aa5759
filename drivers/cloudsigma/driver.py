"""The CloudSigma driver: one account's drives, snapshots and remote snapshots in one location."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Self, TypeVar

import requests

from drivers.cloudsigma import errors, lists, queries, rules, wire
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
    Page,
    Query,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    invalid,
    is_uuid,
    time_left_s,
    within,
)

_JOB_S = 5
"""How long a volume waits at most for the progress of the job that makes it."""
T = TypeVar("T")


class CloudSigmaDriver(Driver):
    """One account in one location."""

    title = "CloudSigma"
    capabilities = (
        Capability.SNAPSHOT_CREATE
        | Capability.SNAPSHOT_UPDATE
        | Capability.SNAPSHOT_DELETE
        | Capability.SNAPSHOT_CLONE
        | Capability.SNAPSHOT_COUNT
        | Capability.VOLUME_READ
        | Capability.VOLUME_CREATE
        | Capability.VOLUME_DELETE
        | Capability.SNAPSHOT_MARKER
        | Capability.VOLUME_MARKER
        | Capability.LOCATION
        | Capability.CLONE_MEDIA
        | Capability.CLONE_AFFINITIES
        | Capability.CLONE_AVOID
        | Capability.CLONE_ACCEPTED
    )
    Options = CloudSigmaOptions
    limits = wire.LIMITS
    pushdown = queries.PUSHDOWN
    volume_pushdown = queries.VOLUME_PUSHDOWN
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
        if queries.cannot_match(query):
            return Page(())
        found = self._by_id(self.get_snapshot, query, deadline)
        if found is not None:
            return found
        asked = queries.filters(query)
        with within(deadline):
            found = lists.page(
                self._account,
                queries.kinds(query),
                wire.snapshot,
                asked,
                query,
                page_size=page_size,
                cursor=cursor,
            )
        return replace(found, unasked=queries.unasked(query, asked))

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        """Return one snapshot, local or remote."""
        with within(deadline):
            kind, row = self._find(snapshot_id)
        return wire.snapshot(row, kind)

    def count_snapshots(self, query: Query, *, deadline: Deadline) -> int | None:
        """Return how many snapshots there are, of one kind or of both."""
        if any(condition.field != "kind" for condition in query.filters):
            return None
        with within(deadline):
            pages = [
                self._account.page(kind, {"fields": "uuid"}, limit=1)
                for kind in queries.kinds(query)
            ]
        return sum(total for _, total in pages)

    def create_snapshot(self, request: CreateSnapshot, *, deadline: Deadline) -> StorageSnapshot:
        """Start a snapshot, a remote one if the request names a location."""
        definition: dict[str, Any] = {
            "drive": request.volume_id,
            "meta": wire.new_meta(request.description, request.metadata, request.marker),
        }
        if request.name:
            definition["name"] = request.name  # without one CloudSigma makes one up
        rules.check_id(DRIVES, request.volume_id)
        with within(deadline):
            kind = LOCAL
            if request.location:
                kind = REMOTE
                definition["location"] = self._location(request.location)
                self._check_remote(request.volume_id)
            try:
                return self._account.create(kind, definition, partial(wire.snapshot, kind=kind))
            except requests.HTTPError as exc:
                if errors.is_unknown_drive(exc):
                    raise rules.not_found(DRIVES, request.volume_id) from exc
                raise

    def update_snapshot(
        self, snapshot_id: str, request: UpdateSnapshot, *, deadline: Deadline
    ) -> StorageSnapshot:
        """Change name and meta by replacing the whole definition.

        It is read just before; what somebody else edits between this GET and the PUT is lost.
        """
        with within(deadline):
            kind, row = self._find(snapshot_id)
            request.check(wire.snapshot(row, kind))
            after = wire.changed(row, request)
            rules.check_finished(kind, row, "changed")
            return self._account.replace(
                kind, snapshot_id, after, partial(wire.snapshot, kind=kind)
            )

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        """Start the deletion of a snapshot."""
        with within(deadline):
            kind, row = self._find(snapshot_id)
            rules.check_finished(kind, row, "deleted")
            self._account.delete(kind, snapshot_id)

    def clone_snapshot(
        self, snapshot_id: str, request: CloneSnapshot, *, deadline: Deadline
    ) -> StorageVolume:
        """Start a drive with the snapshot's content."""
        given = {
            "name": request.name,
            "media": request.media,
            "affinities": list(request.affinities),
            "meta": wire.new_meta(request.description, {}, request.marker),
        }
        definition = {field: value for field, value in given.items() if value}
        rules.check_avoided(request.avoid)
        with within(deadline):
            kind, row = self._find(snapshot_id)
            rules.check_ready(kind, row, "cloned")
            return self._account.clone(
                kind,
                snapshot_id,
                definition,
                avoid=request.avoid,
                model=partial(wire.volume, progress=0),
            )

    def list_volumes(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageVolume]:
        """Return a page of drives, by id."""
        if queries.cannot_match(query):
            return Page(())
        found = self._by_id(self.get_volume, query, deadline)
        if found is not None:
            return found
        with within(deadline):
            return lists.page(
                self._account,
                [DRIVES],
                wire.volume,
                queries.filters(query),
                query,
                page_size=page_size,
                cursor=cursor,
            )

    def get_volume(self, volume_id: str, *, deadline: Deadline) -> StorageVolume:
        """Return one drive; of one that is being cloned to, how far that is."""
        rules.check_id(DRIVES, volume_id)
        with within(deadline):
            row = self._account.get(DRIVES, volume_id)
            return wire.volume(row, progress=self._progress(row))

    def create_volume(self, request: CreateVolume, *, deadline: Deadline) -> StorageVolume:
        """Start an empty drive; CloudSigma wants a name and rounds the size up to 16 KiB."""
        definition = {
            "name": request.name or "unnamed",
            "media": "disk",
            "size": request.size_bytes,
            "meta": wire.new_meta(request.description, {}, request.marker),
        }
        with within(deadline):
            return self._account.create(DRIVES, definition, wire.volume)

    def delete_volume(self, volume_id: str, *, deadline: Deadline) -> None:
        """Start the deletion of a drive, with its local snapshots; remote ones stay."""
        rules.check_id(DRIVES, volume_id)
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

    def _find(self, snapshot_id: str) -> tuple[Kind, Row]:
        """Return a snapshot and which kind it is: nothing tells that by its id."""
        rules.check_id(LOCAL, snapshot_id)
        try:
            return LOCAL, self._account.get(LOCAL, snapshot_id)
        except requests.HTTPError as exc:
            if errors.status_of(exc) != HTTPStatus.NOT_FOUND:
                raise
        try:
            return REMOTE, self._account.get(REMOTE, snapshot_id)
        except requests.HTTPError as exc:
            is_absent = errors.status_of(exc) == HTTPStatus.NOT_FOUND
            if not is_absent and not self._account.lacks_remote_snapshots(exc):
                raise
            raise rules.not_found(LOCAL, snapshot_id) from exc

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
        rows = self._account.everything(REMOTE, {"drive": volume_id}).values()
        wanted = volume_id.lower()
        snapshots = [
            wire.snapshot(row, REMOTE)
            for row in rows
            if (wire.reference(row.get("drive")) or "").lower() == wanted
        ]
        rules.check_pause(snapshots, datetime.now(UTC))

    def _progress(self, row: Row) -> int | None:
        """Return how far the clone is that a drive is made by, if its job can be asked.

        The volume is shown without it: the job has half of the time that is left.
        """
        if row["status"] != "cloning_dst":
            return None
        jobs = row.get("jobs")
        found = map(wire.reference, jobs if isinstance(jobs, list) else ())
        job_id = next((one for one in found if one and is_uuid(one)), None)
        if job_id is not None:
            with (
                suppress(requests.RequestException, DriverError),
                within(Deadline(min(_JOB_S, time_left_s() / 2))),
            ):
                return self._account.job_progress(job_id)
        return None
