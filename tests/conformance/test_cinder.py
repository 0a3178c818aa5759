"""The Cinder driver passes the suite on the simulator."""

from collections.abc import Iterator

import pytest

from gateway.conformance.suite import SnapshotConformance
from tests.conformance.harnesses.cinder import SimulatedCinderHarness


class TestCinder(SnapshotConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls) -> Iterator[SimulatedCinderHarness]:
        with SimulatedCinderHarness() as harness:
            yield harness
