"""The driver under test as the gateway calls it, and what the suite has made with it."""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

import pytest

from gateway.conformance.harness import SnapshotHarness
from gateway.conformance.limits import Threads
from gateway.core.attempts import Attempts
from gateway.core.boundary import Boundary
from gateway.core.collection import ListSettings
from gateway.core.guard import Guard
from gateway.core.registry import Provider
from gateway.core.sessions import OpenedDriver
from gateway.core.snapshots import Account
from gateway.driver import (
    CloneSnapshot,
    CreateSnapshot,
    Credentials,
    Driver,
    DriverError,
    Filter,
    Page,
    Query,
    StorageSnapshot,
    StorageVolume,
)

T = TypeVar("T")
_LISTS = ListSettings(marker_key=secrets.token_bytes(32), max_sorted_rows=100_000)


@dataclass
class _Held:
    """Stands for the gateway's cache, which would close the driver: here the harness does."""

    driver: Driver


class _Later(Future[Any]):
    """A call that is made when its result is wanted."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        super().__init__()
        self._call = partial(function, *args)

    def result(self, timeout: float | None = None) -> Any:
        """Make the call."""
        return self._call()


class _InTurn(Guard):
    """Reads no page ahead, so that a fault meets the page that a case means.

    Calls in which a driver hangs are left behind for good.
    """

    def ahead(self, provider: Provider, function: Callable[..., T], /, *args: Any) -> Future[T]:
        """Return a call that is not made before its result is wanted."""
        return _Later(function, *args)

    def new_pool(self, threads: int) -> Executor:
        """Return threads of which none is waited for at the end of the process."""
        return Threads()


def account_of(driver: Driver, *, timeout_s: float, page_size: int | None = None) -> Account:
    """Return an account of the gateway's core over an opened driver.

    Args:
        driver: the opened driver.
        timeout_s: the deadline of each call.
        page_size: how many rows a page of a whole list has; the driver's own if None.
    """
    declared = type(driver)
    if page_size is not None:
        declared = type(declared.__name__, (declared,), {"page_size": page_size})
    provider = Provider("under-test", declared.__name__, declared, {})
    held = cast("OpenedDriver", _Held(driver))
    # Without credentials, so that what the driver says of them is seen and not withheld.
    boundary = Boundary(provider, _InTurn(timeout_s=timeout_s), Credentials())
    return Account(boundary, held, _LISTS, attempts=Attempts(), caller=b"the suite")


class Subject:
    """A driver, the gateway's core around it, and all that was made for a case.

    Attributes:
        harness: the author's.
        driver: opened once for all cases.
        kind: the driver's class.
        account: the core around the driver; raises DriverError and nothing else.
    """

    def __init__(self, harness: SnapshotHarness) -> None:
        self.harness = harness
        self.driver = harness.driver
        self.kind = type(self.driver)
        self.account = account_of(self.driver, timeout_s=harness.wait_s)
        self._snapshots: list[str] = []
        self._volumes: list[str] = []

    def volume(self) -> str:
        """Return a new volume that is deleted after the case."""
        return self.remember_volume(self.harness.make_volume())

    def snapshot(self, volume_id: str, name: str) -> StorageSnapshot:
        """Return a new snapshot that is ready, made as the harness makes them."""
        made = self.remember(self.harness.make_snapshot(volume_id, name))
        return self.harness.wait_ready(made)

    def label(self, text: str) -> str | None:
        """Return as much of a name as the driver has room for, None if it has none."""
        return text[: self.kind.limits.name] or None

    def is_named(self, item: StorageSnapshot | StorageVolume, text: str) -> bool:
        """Return whether something has the label; what takes no names may make one up."""
        return self.label(text) in (None, item.name)

    def create(self, volume_id: str, label: str | None = None, **fields: Any) -> StorageSnapshot:
        """Create a snapshot through the core; it is deleted after the case.

        Args:
            volume_id: of this volume.
            label: a name that is cut to what the driver has room for.
            fields: all others, as they are; also ``name``.
        """
        given: dict[str, Any] = {} if label is None else {"name": self.label(label)}
        made = self.account.create_snapshot(CreateSnapshot(volume_id, **given, **fields))
        self.remember(made.id)
        return made

    def ready(self, volume_id: str, label: str | None = None, **fields: Any) -> StorageSnapshot:
        """Create a snapshot through the core and return it once it is ready."""
        return self.harness.wait_ready(self.create(volume_id, label, **fields).id)

    def clone(self, snapshot_id: str, label: str | None = None, **fields: Any) -> StorageVolume:
        """Clone a snapshot and return the volume once it can be used; it is deleted afterwards."""
        given: dict[str, Any] = {} if label is None else {"name": self.label(label)}
        made = self.account.clone_snapshot(snapshot_id, CloneSnapshot(**given, **fields))
        self.remember_volume(made.id)
        return self.harness.wait_volume(made.id) or made

    def get(self, snapshot_id: str) -> StorageSnapshot:
        """Return a snapshot as it is now."""
        return self.account.get_snapshot(snapshot_id)

    def listed(self, *filters: Filter) -> dict[str, StorageSnapshot]:
        """Return the whole list as the gateway gives it, by id; nothing may come twice."""
        items = list(self.account.list_snapshots(Query(filters)).items())
        found = {item.id: item for item in items}
        assert len(found) == len(items), "a list names a snapshot twice"
        return found

    def of_volume(self, volume_id: str) -> dict[str, StorageSnapshot]:
        """Return all snapshots of a volume, by id."""
        return self.listed(Filter("volume_id", volume_id))

    def pages(
        self, query: Query, size: int, *, driver: Driver | None = None
    ) -> Iterator[Page[StorageSnapshot]]:
        """Yield the driver's own pages of at most ``size`` rows, without the core."""
        cursor = None
        while True:
            page = (driver or self.driver).list_snapshots(
                query, page_size=size, cursor=cursor, deadline=self.harness.deadline()
            )
            assert isinstance(page, Page), f"list_snapshots returned {type(page).__name__}"
            assert len(page.items) <= size, f"{len(page.items)} rows where {size} were asked for"
            yield page
            if page.next_cursor is None:
                return
            assert page.next_cursor != cursor, "a page leads to itself"
            cursor = page.next_cursor

    def walk(self, query: Query, size: int) -> list[StorageSnapshot]:
        """Return all rows of the driver's own pages."""
        return [item for page in self.pages(query, size) for item in page.items]

    def remember(self, snapshot_id: str) -> str:
        """Let a snapshot be deleted after the case."""
        self._snapshots.append(snapshot_id)
        return snapshot_id

    def remember_volume(self, volume_id: str) -> str:
        """Let a volume be deleted after the case."""
        self._volumes.append(volume_id)
        return volume_id

    def clean_up(self) -> None:
        """Delete what was made: snapshots first, since some volumes cannot go before them."""
        with contextlib.ExitStack() as stack:  # one that fails keeps no other back
            for volume_id in self._volumes:
                stack.callback(self.harness.drop_volume, volume_id)
            for snapshot_id in self._snapshots:
                stack.callback(self.harness.drop_snapshot, snapshot_id)


def refused(call: Callable[..., Any], *args: Any, **kw: Any) -> DriverError:
    """Return the DriverError that a call must end with."""
    with pytest.raises(DriverError) as caught:
        call(*args, **kw)
    return caught.value


def outcome(driver: type[Driver], call: Callable[..., T], *args: Any) -> T | DriverError:
    """Return what a call returns, or what the driver says that its exception means."""
    try:
        return call(*args)
    except DriverError as error:
        return error
    except Exception as exc:
        meaning = driver.classify(exc)
        if meaning is None:
            raise
        return meaning
