"""The local driver passes the suite."""

from collections.abc import Iterator

import pytest

from gateway.conformance.suite import SnapshotConformance
from tests.conformance.harnesses.local import LocalHarness


class TestLocal(SnapshotConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls) -> Iterator[LocalHarness]:
        with LocalHarness() as harness:
            yield harness
