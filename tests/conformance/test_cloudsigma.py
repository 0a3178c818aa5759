"""The CloudSigma driver passes the suite on the simulator."""

from collections.abc import Iterator

import pytest

from gateway.conformance.suite import SnapshotConformance
from tests.conformance.harnesses.cloudsigma import CloudSigmaHarness


class TestCloudSigma(SnapshotConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls) -> Iterator[CloudSigmaHarness]:
        with CloudSigmaHarness() as harness:
            yield harness
