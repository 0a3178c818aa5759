"""What an account makes: snapshots, volumes and copies, each carrying a marker."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from gateway.core import digests
from gateway.core.attempts import Attempts
from gateway.core.boundary import Boundary
from gateway.core.checks import check_id, check_parameters, check_texts, require
from gateway.core.collection import AccountCollection, ListSettings
from gateway.core.creations import NO_TERMS, Condition, Creations, Terms, new_marker
from gateway.core.guard import DriverBug
from gateway.core.idempotency import Keyed, Made, made_before
from gateway.core.reading import Reader
from gateway.core.sessions import OpenedDriver
from gateway.driver import (
    OWNER_SELF,
    Capability,
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    Deadline,
    Driver,
    DriverError,
    ErrorCode,
    Filter,
    Lookup,
    Marker,
    Query,
    SortKey,
    StorageSnapshot,
    StorageVolume,
)

T = TypeVar("T")
Item = TypeVar("Item", StorageSnapshot, StorageVolume)
Request = TypeVar("Request", CreateSnapshot, CloneSnapshot, CopySnapshot, CreateVolume)


class Maker(Reader):
    """What one caller makes at one provider.

    ``make_snapshot`` and the like have terms and tell whether what they return was
    there before; ``create_snapshot`` and the like have none, and return something new.
    """

    __slots__ = ("_attempts", "_caller")

    def __init__(
        self,
        boundary: Boundary,
        opened: OpenedDriver,
        lists: ListSettings,
        *,
        attempts: Attempts,
        caller: bytes,
    ) -> None:
        super().__init__(boundary, opened, lists)
        self._attempts = attempts
        self._caller = caller

    def create_snapshot(self, request: CreateSnapshot) -> StorageSnapshot:
        """Start a snapshot of a volume."""
        return self.make_snapshot(request).item

    def make_snapshot(
        self, request: CreateSnapshot, terms: Terms = NO_TERMS
    ) -> Made[StorageSnapshot]:
        """Start a snapshot of a volume, unless there is one already on these terms."""
        self._check_create(request)
        return self._make(
            self._snapshots_made(),
            terms,
            digests.of_request("create_snapshot", request, **terms.given),
            request,
            partial(self._change, Driver.create_snapshot),
            instead=partial(self._recent, request, terms),
        )

    def check_create_snapshot(
        self, request: CreateSnapshot, terms: Terms = NO_TERMS
    ) -> Made[StorageSnapshot] | None:
        """Return what ``make_snapshot`` would find, None if it would make something.

        Raises what it would, as far as that shows without a change: what only the
        backend knows beforehand (quotas, its pauses) does not.
        """
        self._check_create(request)
        found = self._there_already(request, terms)
        if found is None and Capability.VOLUME_READ in self._driver.capabilities:
            self.get_volume(request.volume_id)
        return found

    def _there_already(self, request: CreateSnapshot, terms: Terms) -> Made[StorageSnapshot] | None:
        if terms.key is not None:
            require(self._driver, Capability.SNAPSHOT_MARKER)
            digest = digests.of_request("create_snapshot", request, **terms.given)
            marker = Marker(digests.of_key("snapshot", terms.key, terms.item), digest)
            found = made_before(self._snapshots_made(), marker)
            if found is not None:
                return found
        recent = self._recent(request, terms)
        return None if recent is None else Made(recent, "age")

    def clone_snapshot(self, snapshot_id: str, request: CloneSnapshot) -> StorageVolume:
        """Start a new volume with the snapshot's bytes."""
        return self.make_clone(snapshot_id, request).item

    def make_clone(
        self, snapshot_id: str, request: CloneSnapshot, terms: Terms = NO_TERMS
    ) -> Made[StorageVolume]:
        """Start a new volume with the snapshot's bytes, unless its key has made one."""
        require(self._driver, Capability.SNAPSHOT_CLONE)
        check_id("snapshot", snapshot_id)
        check_parameters(
            self._driver,
            size_bytes=request.size_bytes,
            zone=request.zone,
            media=request.media,
            affinities=request.affinities,
            avoid=request.avoid,
        )
        check_texts(self._driver.limits, name=request.name, description=request.description)
        return self._make(
            self._volumes_made(),
            terms,
            digests.of_request("clone_snapshot", request, snapshot_id=snapshot_id),
            request,
            self._of(snapshot_id, terms, Driver.clone_snapshot),
        )

    def copy_snapshot(
        self, snapshot_id: str, request: CopySnapshot, destination: "Maker"
    ) -> StorageSnapshot:
        """Start a copy at another provider of the same driver."""
        return self.make_copy(snapshot_id, request, destination).item

    def make_copy(
        self,
        snapshot_id: str,
        request: CopySnapshot,
        destination: "Maker",
        terms: Terms = NO_TERMS,
    ) -> Made[StorageSnapshot]:
        """Start a copy at another provider, unless the key has made one there."""
        require(self._driver, Capability.SNAPSHOT_COPY)
        check_id("snapshot", snapshot_id)
        check_texts(
            self._driver.limits,
            name=request.name,
            description=request.description,
            metadata=request.metadata,
        )
        asked = {"snapshot_id": snapshot_id, "source": self.provider.name}
        there = destination._opened.driver
        return destination._make(
            destination._snapshots_made(),
            terms,
            digests.of_request("copy_snapshot", request, **asked),
            request,
            self._of(snapshot_id, terms, Driver.copy_snapshot, destination=there),
        )

    def create_volume(self, request: CreateVolume) -> StorageVolume:
        """Make an empty volume."""
        return self.make_volume(request).item

    def make_volume(self, request: CreateVolume, terms: Terms = NO_TERMS) -> Made[StorageVolume]:
        """Make an empty volume, unless the key has made one."""
        require(self._driver, Capability.VOLUME_CREATE)
        check_parameters(self._driver, zone=request.zone)
        check_texts(self._driver.limits, name=request.name, description=request.description)
        return self._make(
            self._volumes_made(),
            terms,
            digests.of_request("create_volume", request),
            request,
            partial(self._change, Driver.create_volume),
        )

    def _of(
        self, snapshot_id: str, terms: Terms, function: Callable[..., Item], **more: Any
    ) -> Callable[[Request], Item]:
        """Return what makes something of a snapshot, if that is what the terms say."""

        def make(request: Request) -> Item:
            with self._only_if(snapshot_id, terms.only_if):
                return self._change(function, snapshot_id, request, **more)

        return make

    @contextlib.contextmanager
    def _only_if(self, snapshot_id: str, condition: Condition | None) -> Iterator[None]:
        """Let a change that the driver does not check itself follow a look, in one turn."""
        if condition is None:
            yield
            return
        with self._boundary.turn(snapshot_id):
            condition(self.get_snapshot(snapshot_id))
            yield

    def _make(
        self,
        creations: Creations[Item],
        terms: Terms,
        digest: str,
        request: Request,
        change: Callable[[Request], Item],
        *,
        instead: Callable[[], Item | None] = lambda: None,
    ) -> Made[Item]:
        """Return what a request makes on its terms, or what makes it needless.

        Args:
            creations: what there is of the kind.
            terms: the terms.
            digest: of what is asked for.
            request: what is asked for; it is sent with a marker.
            change: asks the driver.
            instead: returns something that makes it needless, if there is such.
        """

        def send(marker: Marker | None) -> Item:
            return change(replace(request, marker=marker))

        if terms.key is not None:
            require(self._driver, creations.capability)
            marker = Marker(digests.of_key(creations.kind, terms.key, terms.item), digest)
            keyed = Keyed(marker, self._caller, creations, partial(send, marker), instead=instead)
            return keyed.run(self._attempts)
        enough = instead()
        if enough is not None:
            return Made(enough, "age")
        if creations.capability not in self._driver.capabilities:
            return Made(send(None))
        marker = new_marker(digest)
        item, _ = creations.make(marker, partial(send, marker))
        return Made(item)

    def _recent(self, request: CreateSnapshot, terms: Terms) -> StorageSnapshot | None:
        """Return the newest ready snapshot of the volume if it is young enough for the terms."""
        if terms.unless_newer_than is None:
            return None
        since = datetime.now(UTC) - terms.unless_newer_than
        place = Filter("location", request.location or True)
        if request.location is None:
            place = replace(place, lookup=Lookup.ISNULL)
        wanted = (
            Filter("volume_id", request.volume_id),
            Filter("ready", True),
            Filter("created", since, Lookup.GTE),
            place,
        )
        query = Query(wanted, (SortKey("created", descending=True),))
        return next(self.list_snapshots(query, limit=1).items(), None)

    def _snapshots_made(self) -> Creations[StorageSnapshot]:
        can_delete = Capability.SNAPSHOT_DELETE in self._driver.capabilities
        return Creations(
            "snapshot",
            Capability.SNAPSHOT_MARKER,
            self.get_snapshot,
            partial(_carrying, self._snapshots),
            partial(self._change, Driver.delete_snapshot) if can_delete else None,
            self._boundary.timeout_s,
            self._driver.created_tick_s,
        )

    def _volumes_made(self) -> Creations[StorageVolume]:
        can_delete = Capability.VOLUME_DELETE in self._driver.capabilities
        return Creations(
            "volume",
            Capability.VOLUME_MARKER,
            self.get_volume,
            partial(_carrying, self._volumes),
            partial(self._change, Driver.delete_volume) if can_delete else None,
            self._boundary.timeout_s,
            self._driver.created_tick_s,
        )

    def _check_create(self, request: CreateSnapshot) -> None:
        require(self._driver, Capability.SNAPSHOT_CREATE)
        check_parameters(self._driver, location=request.location, in_use=request.in_use == "refuse")
        check_texts(
            self._driver.limits,
            name=request.name,
            description=request.description,
            metadata=request.metadata,
        )
        check_id("volume", request.volume_id)

    def _change(self, function: Callable[..., T], *args: Any, **kw: Any) -> T:
        """Call what changes something: after a time-out or a wrong answer it may have done so."""
        try:
            return self._call(function, *args, **kw)
        except DriverError as error:
            is_lost = error.code is ErrorCode.TIMEOUT or (
                isinstance(error, DriverBug) and error.code is ErrorCode.INTERNAL
            )
            if not is_lost or error.maybe_done:
                raise
            raise error.as_maybe_done() from error.__cause__


def _carrying(
    collection: Callable[[Deadline], AccountCollection[Item]], marker_id: str, seconds: float
) -> list[Item]:
    """Return what of the account's own carries a marker."""
    listed = collection(Deadline(seconds))
    wanted = [Filter("created_by", marker_id)]
    if ("owner", Lookup.EXACT) in listed.pushdown:  # saves EC2 a look at what is public
        wanted.append(Filter("owner", OWNER_SELF))
    found = listed.list(Query(tuple(wanted)), None, None).items()
    return [item for item in found if item.owner is None or item.owner.is_self]
