"""A driver that declares next to nothing passes, too: the rest is skipped, each with its flag."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Self

import pytest

from gateway.conformance.suite import SnapshotConformance
from gateway.driver import (
    Capability,
    CreateSnapshot,
    CreateVolume,
    Credentials,
    Deadline,
    Driver,
    DriverError,
    Limits,
    Page,
    Query,
    StorageSnapshot,
    StorageVolume,
    invalid,
)
from tests.conformance.memory import MemoryDriver, MemoryHarness

_MARKERS = Capability.SNAPSHOT_MARKER | Capability.VOLUME_MARKER


class ReadingDriver(Driver):
    """Reads what others have made."""

    title = "Reading memory"
    limits = MemoryDriver.limits
    page_size = 10

    def __init__(self, inner: Driver) -> None:
        self._inner = inner

    @classmethod
    def open(
        cls,
        options: Mapping[str, Any],
        credentials: Credentials,
        *,
        shared: Any,
        deadline: Deadline,
    ) -> Self:
        return cls(MemoryDriver.open(options, credentials, shared=shared, deadline=deadline))

    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        return self._inner.list_snapshots(
            query, page_size=page_size, cursor=cursor, deadline=deadline
        )

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        return self._inner.get_snapshot(snapshot_id, deadline=deadline)

    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        return MemoryDriver.classify(exc)


class ReadingHarness(MemoryHarness):
    """Others make the snapshots."""

    backend = "a dictionary that others fill"
    driver_class = ReadingDriver

    def make_snapshot(self, volume_id: str, name: str) -> str:
        driver = MemoryDriver(self.cloud, self.credentials)
        return driver.create_snapshot(CreateSnapshot(volume_id, name), deadline=Deadline(5)).id

    def drop_snapshot(self, snapshot_id: str) -> None:
        del self.cloud.snapshots[snapshot_id]


class TestReading(SnapshotConformance):
    """A driver without any capability."""

    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls) -> Iterator[ReadingHarness]:
        with ReadingHarness() as harness:
            yield harness


class UnmarkedDriver(MemoryDriver):
    """Does everything but keep markers."""

    title = "Unmarked memory"
    capabilities = MemoryDriver.capabilities & ~_MARKERS


class UnmarkedHarness(MemoryHarness):
    """The cloud in memory before it."""

    backend = "a dictionary without markers"
    driver_class = UnmarkedDriver


class TestUnmarked(SnapshotConformance):
    """A driver for a cloud that keeps nothing beside a snapshot."""

    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls) -> Iterator[UnmarkedHarness]:
        with UnmarkedHarness() as harness:
            yield harness


def test_the_least_driver_declares_nothing() -> None:
    assert ReadingDriver.capabilities == Capability(0)


class TerseDriver(MemoryDriver):
    """A cloud that takes no names, no descriptions and no metadata."""

    limits = Limits(0, 0, 0, 0, 0)

    def create_snapshot(self, request: CreateSnapshot, *, deadline: Deadline) -> StorageSnapshot:
        if len(request.name or "") > self.limits.name:
            raise invalid({"name": "too long"})
        return super().create_snapshot(request, deadline=deadline)


class CrampedDriver(TerseDriver):
    """A cloud with hardly any room, that makes no volume of less than 8 GiB."""

    limits = Limits(6, 6, 2, 2, 3)

    def create_volume(self, request: CreateVolume, *, deadline: Deadline) -> StorageVolume:
        enough = replace(request, size_bytes=max(8 << 30, request.size_bytes))
        return super().create_volume(enough, deadline=deadline)


class TerseHarness(MemoryHarness):
    """Opens a driver that has no room for texts."""

    driver_class = TerseDriver


class CrampedHarness(MemoryHarness):
    """Opens a driver that has little room."""

    driver_class = CrampedDriver


class TestTerse(SnapshotConformance):
    """A good driver of a cloud without texts."""

    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls) -> Iterator[TerseHarness]:
        with TerseHarness() as harness:
            yield harness


class TestCramped(SnapshotConformance):
    """A good driver of a cloud with little room."""

    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls) -> Iterator[CrampedHarness]:
        with CrampedHarness() as harness:
            yield harness
