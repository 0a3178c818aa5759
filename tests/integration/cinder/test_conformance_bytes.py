"""The suite's cases about bytes, on volumes that have some."""

from collections.abc import Iterator

import pytest

from gateway.conformance.cases.cloning import CloneCases
from gateway.conformance.cases.restoring import RevertCases
from gateway.conformance.subject import Subject
from tests.integration.cinder.harness import RealBytesHarness
from tests.integration.cinder.server.cinder import RealCinder


@pytest.fixture
def subject(cinder: RealCinder) -> Iterator[Subject]:
    with RealBytesHarness(cinder) as harness:
        found = Subject(harness)
        yield found
        found.clean_up()


def test_a_clone_has_the_bytes_of_the_snapshot(subject: Subject) -> None:
    CloneCases().test_a_clone_has_the_bytes_of_the_snapshot(subject)


def test_a_reverted_volume_has_the_bytes_of_the_snapshot(subject: Subject) -> None:
    RevertCases().test_a_reverted_volume_has_the_bytes_of_the_snapshot(subject)
