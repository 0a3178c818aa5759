"""The EC2 driver passes the suite on the simulator."""

from collections.abc import Iterator

import pytest

from gateway.conformance.suite import SnapshotConformance
from tests.conformance.harnesses.ec2 import SimulatedEc2Harness


class TestEc2(SnapshotConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls) -> Iterator[SimulatedEc2Harness]:
        with SimulatedEc2Harness() as harness:
            yield harness
