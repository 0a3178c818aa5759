"""The contract that a driver keeps. This package is all that a driver imports.

A driver is one class. Four members are required: ``open``, ``list_snapshots``,
``get_snapshot`` and ``classify``. Everything else is optional and refuses by
default; what a class overrides it declares in ``capabilities``.

The core promises to every driver: ids are printable, without a slash, 1 to 255
characters; requests are checked against ``limits`` and ``capabilities``; a
query holds only filters from ``pushdown``; ``deadline`` is never past when a
call starts. A driver promises: it raises its SDK's own exceptions, ``classify``
knows them all, and one opened driver may be used by many threads at once.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn, Self

from gateway.driver.capabilities import Capability, Limits
from gateway.driver.deadline import Deadline
from gateway.driver.errors import DriverError, ErrorCode
from gateway.driver.model import (
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    Credentials,
    Page,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
)
from gateway.driver.options import DriverOptions
from gateway.driver.query import PushdownTable, Query

CONTRACT: tuple[int, int] = (1, 0)
"""The version of this contract, (major, minor); AUTHORING.md says what may change in which."""


class Driver(ABC):
    """One account at one provider, opened with one set of credentials."""

    contract: ClassVar[tuple[int, int]] = (1, 0)
    """The version of the contract that this class was written for; not higher than needed."""
    title: ClassVar[str] = ""
    """The product's name for people; the entry point's name when empty."""
    capabilities: ClassVar[Capability] = Capability(0)
    Options: ClassVar[type[DriverOptions]] = DriverOptions
    limits: ClassVar[Limits] = Limits()
    pushdown: ClassVar[PushdownTable] = {}
    volume_pushdown: ClassVar[PushdownTable] = {}
    """The same for ``list_volumes``."""
    sort_keys: ClassVar[frozenset[str]] = frozenset()
    """The fields of StorageSnapshot by which ``list_snapshots`` sorts, in both directions."""
    page_size: ClassVar[int] = 1000
    """The most rows that one list call asks for."""
    created_tick_s: ClassVar[float] = 0.0
    """Two things that are made within so many seconds may show times of creation in any order."""

    @classmethod  # noqa: B027 - most have nothing to check
    def check(cls, options: Mapping[str, Any]) -> None:
        """Raise ConfigurationError when the options cannot work on this machine.

        Called at start-up, before the server's processes are made: it leaves
        nothing open and nothing running, and calls no cloud.
        """

    @classmethod
    def share(cls, options: Mapping[str, Any]) -> Any:
        """Return what all accounts of one provider share: a pool, an engine, a cache.

        Called once per provider and process, before the first ``open`` and
        without any network call; the result reaches every ``open``. A
        ``close`` method of the result, if it has one, is called at the end.
        """
        return None

    @classmethod
    def demo_credentials(cls, options: Mapping[str, Any]) -> Credentials | None:
        """Return well-known credentials that these options accept, if there are any.

        The server serves such a configuration on loopback addresses only.
        """
        return None

    @classmethod
    @abstractmethod
    def open(
        cls,
        options: Mapping[str, Any],
        credentials: Credentials,
        *,
        shared: Any,
        deadline: Deadline,
    ) -> Self:
        """Return a driver for this account. It is kept and used by many requests.

        Raises:
            What ``classify`` maps to ``unauthenticated`` when the backend can
            tell now that the credentials are wrong; else the first call does.
        """

    @abstractmethod
    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        """Return one page of the snapshots that the account can see.

        Args:
            query: the filters that the driver declared in ``pushdown``, and the
                order, that of ``Order``, by fields that it declared in ``sort_keys``;
                without one any order that stays the same.
            page_size: 1 to ``cls.page_size`` rows, at the most.
            cursor: the ``next_cursor`` of the page before; None for the first.
            deadline: when the answer must be there.
        """

    @abstractmethod
    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        """Return one snapshot, or raise what ``classify`` maps to ``not_found``."""

    @staticmethod
    @abstractmethod
    def classify(exc: Exception) -> DriverError | None:
        """Return what the driver's own exception ``exc`` means; None for a bug.

        A pure function without I/O: it goes by the backend's code, and by a
        status or a message only where no code exists.
        """

    def check_credentials(self, *, deadline: Deadline) -> None:
        """Raise what ``classify`` maps to ``unauthenticated`` if they do not work."""
        self.list_snapshots(Query(), page_size=1, cursor=None, deadline=deadline)

    def last_failure(self, resource_id: str, *, deadline: Deadline) -> str | None:
        """Return what the backend tells its users of the last failure with a resource.

        Asked for when a snapshot or a volume was to be deleted and is still there.
        """
        return None

    def close(self) -> None:  # noqa: B027 - nothing to release is the usual case
        """Release what this account holds. Called once no request uses it any more."""

    def count_snapshots(self, query: Query, *, deadline: Deadline) -> int | None:
        """Return how many snapshots match, without reading them.

        ``query`` holds filters only, all declared as Pushdown.EXACT. None where this
        backend cannot tell just now.
        """
        self._refuse(Capability.SNAPSHOT_COUNT)

    def create_snapshot(self, request: CreateSnapshot, *, deadline: Deadline) -> StorageSnapshot:
        """Start a snapshot of a volume and return it, often still ``creating``."""
        self._refuse(Capability.SNAPSHOT_CREATE)

    def update_snapshot(
        self, snapshot_id: str, request: UpdateSnapshot, *, deadline: Deadline
    ) -> StorageSnapshot:
        """Change what ``request`` sets, all or nothing, and return the snapshot."""
        self._refuse(Capability.SNAPSHOT_UPDATE)

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        """Delete a snapshot; an absent one is ``not_found``."""
        self._refuse(Capability.SNAPSHOT_DELETE)

    def clone_snapshot(
        self, snapshot_id: str, request: CloneSnapshot, *, deadline: Deadline
    ) -> StorageVolume:
        """Start a new volume with the snapshot's bytes and return it."""
        self._refuse(Capability.SNAPSHOT_CLONE)

    def copy_snapshot(
        self, snapshot_id: str, request: CopySnapshot, *, destination: Self, deadline: Deadline
    ) -> StorageSnapshot:
        """Start a copy at another provider, and return the copy as that shows it.

        ``destination`` is open with the same credentials and of the same class.
        """
        self._refuse(Capability.SNAPSHOT_COPY)

    def revert_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        """Start to set the snapshot's volume back to it, and return the snapshot, often busy.

        What the volume holds is lost. A snapshot that cannot be reverted to now is
        ``conflict``, and nothing has changed then.
        """
        self._refuse(Capability.SNAPSHOT_REVERT)

    def list_volumes(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageVolume]:
        """Return one page of volumes; the rules of ``list_snapshots`` hold."""
        self._refuse(Capability.VOLUME_READ)

    def get_volume(self, volume_id: str, *, deadline: Deadline) -> StorageVolume:
        """Return one volume, or raise what ``classify`` maps to ``not_found``."""
        self._refuse(Capability.VOLUME_READ)

    def create_volume(self, request: CreateVolume, *, deadline: Deadline) -> StorageVolume:
        """Make an empty volume and return it."""
        self._refuse(Capability.VOLUME_CREATE)

    def delete_volume(self, volume_id: str, *, deadline: Deadline) -> None:
        """Delete a volume; an absent one is ``not_found``."""
        self._refuse(Capability.VOLUME_DELETE)

    def _refuse(self, capability: Capability) -> NoReturn:
        raise unsupported(capability)


def unsupported(capability: Capability) -> DriverError:
    """Return the error for an operation that a driver does not declare."""
    return DriverError(ErrorCode.UNSUPPORTED, f"this driver lacks the capability {capability.word}")
