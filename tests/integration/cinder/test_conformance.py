"""The Cinder driver passes the suite on the real Keystone and Cinder."""

import os
from collections.abc import Iterator

import pytest

from tests.conformance.harnesses.recorded import TapedConformance
from tests.integration.cinder.harness import RealCinderHarness
from tests.integration.cinder.server.cinder import RealCinder


class TestRealCinder(TapedConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls, cinder: RealCinder) -> Iterator[RealCinderHarness]:
        records = os.environ.get("SNAPGATE_UPDATE_GOLDEN") == "1"
        with RealCinderHarness(cinder, records=records) as harness:
            yield harness
