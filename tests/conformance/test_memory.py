"""The suite passes a driver that is good: whatever it finds later is a fault of the driver's."""

from collections.abc import Iterator

import pytest

from gateway.conformance.suite import SnapshotConformance
from tests.conformance.memory import MemoryHarness


class TestMemory(SnapshotConformance):
    """A driver that can do everything; no case is skipped but those for what is not declared."""

    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls) -> Iterator[MemoryHarness]:
        """A cloud in memory."""
        with MemoryHarness() as harness:
            yield harness
