"""What the suite must know of a driver: how to open it, and how to reach behind it.

An author writes one class, and runs the whole suite with it::

    class AcmeHarness(SnapshotHarness):
        credentials = Credentials(username="demo", password="open sesame")

        def __init__(self):
            self.service = AcmeService()  # whatever stands behind the driver
            self.shared = AcmeDriver.share(OPTIONS)

        def open_driver(self):
            return AcmeDriver.open(
                OPTIONS, self.credentials, shared=self.shared, deadline=Deadline(10)
            )

        def make_volume(self):
            return self.service.add_volume()

        def close(self):
            self.service.stop()

Two methods are required. Each of the others has a default that works, or that skips the
cases that need it and says which method would make them run.
"""

import enum
import importlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar, NoReturn, Self, TypeVar

import pytest

from gateway.driver import (
    Capability,
    CreateSnapshot,
    Credentials,
    Deadline,
    Driver,
    DriverError,
    ErrorCode,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    VolumeState,
)

T = TypeVar("T")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 1.0


class Fault(enum.StrEnum):
    """What can go wrong between a driver and its backend."""

    TIMEOUT = "timeout"
    """The backend takes a request and does not answer before the deadline."""
    REFUSED = "refused"
    """Nobody listens: no request reaches the backend."""
    CUT = "cut"
    """The request is carried out, and the connection ends in the middle of the answer."""
    UNAUTHENTICATED = "unauthenticated"
    """The backend does not know the credentials any more (401)."""
    DENIED = "denied"
    """The account may not do this (403)."""
    NOT_FOUND = "not_found"
    """The backend says that the snapshot or the volume is not there (404)."""
    CONFLICT = "conflict"
    """The backend says that its state forbids it (409)."""
    THROTTLED = "throttled"
    """Too many requests (429, or whatever the backend says instead)."""
    QUOTA = "quota"
    """The account has as many as it may have."""
    BROKEN = "broken"
    """The backend itself fails, and changes nothing (500)."""
    GARBAGE = "garbage"
    """A good status, and a body that cannot be read."""


class SnapshotHarness(ABC):
    """Opens one driver and prepares what stands behind it; a context manager.

    Live, simulated or replayed: that is the harness's business, and the suite cannot tell.
    """

    credentials: Credentials = Credentials()
    """What ``open_driver`` opens with: the suite looks whether any of it leaks."""
    backend: str = ""
    """What stands behind the driver, for the report, e.g. ``moto 5.2``."""
    wait_s: float = 30.0
    """How long a snapshot or a volume may take to become ready, or to be gone."""
    fault_timeout_s: float = 1.0
    """The deadline of calls that ``Fault.TIMEOUT`` shall hit; long enough for a good call."""
    slack_s: float = 2.0
    """How much later than by its deadline a call may end on a busy machine."""
    volume_size_bytes: int | None = None
    """The size of what ``make_volume`` makes, if that is known."""
    location: str | None = None
    """A location that CreateSnapshot takes, for drivers with the capability LOCATION."""
    zone: str | None = None
    """A zone that volumes can be placed in, for drivers with the capability ZONE."""
    media: str | None = None
    """A media type for clones, for drivers with the capability CLONE_MEDIA."""
    affinities: tuple[str, ...] = ()
    """Affinities for clones, for drivers with the capability CLONE_AFFINITIES."""
    extra_codes: ClassVar[dict[Fault, frozenset[ErrorCode]]] = {}
    """Other codes on which a fault may land here; say why where you set it."""

    @abstractmethod
    def open_driver(self) -> Driver:
        """Return a driver, newly opened with ``credentials``; the suite closes it."""

    @abstractmethod
    def make_volume(self) -> str:
        """Return the id of a new volume, ready for snapshots."""

    def make_snapshot(self, volume_id: str, name: str) -> str:
        """Return the id of a new snapshot; only a driver that cannot create needs its own."""
        self.needs(Capability.SNAPSHOT_CREATE, "make_snapshot")
        request = CreateSnapshot(volume_id, name[: self.driver.limits.name] or None)
        return self.driver.create_snapshot(request, deadline=self.deadline()).id

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Delete a snapshot that the suite needs no more, or leave it where that cannot be."""
        if Capability.SNAPSHOT_DELETE not in self.driver.capabilities:
            return
        if self._refusal(self.driver.delete_snapshot, snapshot_id) is ErrorCode.CONFLICT:
            self.wait_ready(snapshot_id)  # what is still being made cannot go everywhere
            self._ignoring_absence(self.driver.delete_snapshot, snapshot_id)

    def drop_volume(self, volume_id: str) -> None:
        """Delete a volume that the suite needs no more, or leave it where that cannot be."""
        if Capability.VOLUME_DELETE in self.driver.capabilities:
            self._ignoring_absence(self.driver.delete_volume, volume_id)

    def wait_ready(self, snapshot_id: str) -> StorageSnapshot:
        """Return a snapshot once a volume could be made from it."""
        return self._poll(
            lambda: self.driver.get_snapshot(snapshot_id, deadline=self.deadline()),
            lambda snapshot: snapshot.ready or snapshot.state is SnapshotState.ERROR,
            f"snapshot {snapshot_id} is not ready",
        )

    def wait_volume(self, volume_id: str) -> StorageVolume | None:
        """Return a volume once it can be used; None where the driver cannot read volumes."""
        if Capability.VOLUME_READ not in self.driver.capabilities:
            return None
        busy = {VolumeState.CREATING, VolumeState.BUSY}
        return self._poll(
            lambda: self.driver.get_volume(volume_id, deadline=self.deadline()),
            lambda volume: volume.state not in busy,
            f"volume {volume_id} is not available",
        )

    def wait_gone(self, snapshot_id: str) -> None:
        """Return once a deleted snapshot is not found any more."""
        self._poll(
            lambda: self._is_gone(self.driver.get_snapshot, snapshot_id),
            bool,
            f"snapshot {snapshot_id} is still there",
        )

    def wait_volume_gone(self, volume_id: str) -> None:
        """Return once a deleted volume is not found any more."""
        self._poll(
            lambda: self._is_gone(self.driver.get_volume, volume_id),
            bool,
            f"volume {volume_id} is still there",
        )

    def missing_id(self) -> str:
        """Return a snapshot id of the backend's form that no snapshot has."""
        return "snapgate-no-such-snapshot"

    def missing_volume_id(self) -> str:
        """Return a volume id of the backend's form that no volume has."""
        return self.missing_id()

    def now(self) -> datetime:
        """Return the backend's time; a replay of the past needs its own."""
        return datetime.now(UTC)

    def open_refused(self) -> Driver:
        """Open a driver with credentials that the backend does not accept."""
        self._cannot("open_refused", "open with wrong credentials")

    def open_other(self) -> Driver:
        """Open a driver for an account that may not see what the one of ``credentials`` has."""
        self._cannot("open_other", "open another account")

    def open_destination(self) -> Driver:
        """Open a driver for another provider of the same class, to copy snapshots to."""
        self._cannot("open_destination", "open another provider")

    def write_volume(self, volume_id: str, content: bytes) -> None:
        """Write to the beginning of a volume."""
        self._cannot("write_volume", "write to volumes")

    def read_volume(self, volume_id: str, length: int) -> bytes:
        """Return the first bytes of a volume."""
        self._cannot("read_volume", "read volumes")

    def set_native_state(self, snapshot_id: str, native_state: str) -> None:
        """Let the backend show a state of its own for a snapshot, also one that is unheard of."""
        self._cannot("set_native_state", "set the state of a snapshot")

    def use_volume(self, volume_id: str) -> None:
        """Put a volume to use, as a running machine does."""
        self._cannot("use_volume", "put a volume to use")

    def inject(self, fault: Fault) -> AbstractContextManager[Any]:
        """Return a context in which all calls to the backend meet ``fault``.

        All that a driver sends in the block meets it, as often as it tries; afterwards the
        backend works as before. ``self.driver`` is open and has been used.
        """
        self._cannot("inject", f"inject the fault {fault}")

    def inject_after(self, fault: Fault, calls: int) -> AbstractContextManager[Any]:
        """Return a context in which so many calls to the backend go well, and then none."""
        self._cannot("inject_after", f"inject a fault after {calls} good calls")

    def close(self) -> None:  # noqa: B027 - nothing to let go of is possible
        """Let go of whatever stands behind the driver. The suite has closed its drivers."""

    @cached_property
    def driver(self) -> Driver:
        """The driver that the suite calls, opened when it is first asked for."""
        return self.open_driver()

    def deadline(self) -> Deadline:
        """Return the deadline of a call that should end well."""
        return Deadline(self.wait_s)

    def needs(self, capability: Capability, method: str) -> None:
        """Skip the case if the driver lacks what the default of ``method`` needs."""
        if capability not in self.driver.capabilities:
            self._cannot(method, f"do without {capability.name}, which the driver lacks")

    def __enter__(self) -> Self:
        """Return the harness itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the driver, and what is behind it."""
        try:
            if "driver" in self.__dict__:
                self.driver.close()
        finally:
            self.close()

    def _cannot(self, method: str, what: str) -> NoReturn:
        pytest.skip(f"{type(self).__name__} cannot {what}: it has no {method}() of its own")

    def _ignoring_absence(self, function: Callable[..., object], id_: str) -> None:
        if self._refusal(function, id_) is ErrorCode.CONFLICT:
            pytest.fail(f"{id_} cannot be deleted")

    def _is_gone(self, get: Callable[..., object], id_: str) -> bool:
        return self._refusal(get, id_) is ErrorCode.NOT_FOUND

    def _refusal(self, function: Callable[..., object], id_: str) -> ErrorCode | None:
        """Return whether what has this id is not there, or in the way; None if neither."""
        try:
            function(id_, deadline=self.deadline())
        except Exception as exc:
            error = exc if isinstance(exc, DriverError) else type(self.driver).classify(exc)
            if error is None or error.code not in {ErrorCode.NOT_FOUND, ErrorCode.CONFLICT}:
                raise
            return error.code
        return None

    def _poll(self, look: Callable[[], T], is_enough: Callable[[T], bool], complaint: str) -> T:
        end, pause_s = time.monotonic() + self.wait_s, _FIRST_PAUSE_S
        while not is_enough(found := look()):
            if time.monotonic() > end:
                pytest.fail(f"{complaint} after {self.wait_s:g} seconds: {found!r}")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return found


def load_harness(config: pytest.Config) -> type[SnapshotHarness]:
    """Return the harness class that the option ``--snapshot-harness`` names.

    Raises:
        UsageError: saying what is wrong with the option.
    """
    path = config.getoption("--snapshot-harness")
    module, _, name = (path or "").partition(":")
    if not (module and name):
        raise pytest.UsageError(
            "--snapshot-harness MODULE:CLASS: name the harness of the driver to test, or give "
            "your subclass of SnapshotConformance a fixture 'harness'"
        )
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as exc:
        raise pytest.UsageError(f"--snapshot-harness {path}: {exc}") from exc
    if not (isinstance(found, type) and issubclass(found, SnapshotHarness)):
        raise pytest.UsageError(f"--snapshot-harness {path}: not a subclass of SnapshotHarness")
    return found
