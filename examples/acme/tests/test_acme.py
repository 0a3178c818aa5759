"""Snapgate's conformance suite, on a service of its own."""

from collections.abc import Iterator

import pytest

from acme.testing import AcmeHarness
from gateway.conformance.suite import SnapshotConformance


class TestAcme(SnapshotConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls) -> Iterator[AcmeHarness]:
        with AcmeHarness() as harness:
            yield harness
