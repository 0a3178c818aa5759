"""The Cinder driver passes the suite on what a real Keystone and Cinder have answered."""

from collections.abc import Iterator

import pytest

from tests.conformance.harnesses.recorded import RecordedCinderHarness, TapedConformance


class TestRecordedCinder(TapedConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls) -> Iterator[RecordedCinderHarness]:
        with RecordedCinderHarness() as harness:
            yield harness
