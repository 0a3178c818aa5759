"""The suite that every driver passes, whoever wrote it.

With a file of the author's own::

    class TestAcme(SnapshotConformance):
        @pytest.fixture(scope="class")
        @classmethod
        def harness(cls):
            with AcmeHarness() as harness:
                yield harness

or without one: ``pytest --pyargs gateway.conformance --snapshot-harness acme.testing:AcmeHarness``.
"""

import logging
from collections.abc import Iterator

import pytest

from gateway.conformance.cases.accounts import AccountCases
from gateway.conformance.cases.capabilities import CapabilityCases
from gateway.conformance.cases.cloning import CloneCases
from gateway.conformance.cases.closing import ClosingCases
from gateway.conformance.cases.conditions import ConditionCases, EndingCases
from gateway.conformance.cases.creating import CreateCases
from gateway.conformance.cases.deleting import DeleteCases
from gateway.conformance.cases.faults import FaultCases
from gateway.conformance.cases.filters import FilterCases
from gateway.conformance.cases.lists import ListCases
from gateway.conformance.cases.markers import MarkerCases
from gateway.conformance.cases.metadata import MetadataCases
from gateway.conformance.cases.reading import ReadCases
from gateway.conformance.cases.restoring import RestoreCases
from gateway.conformance.cases.secrets import SecretCases, secrets_of
from gateway.conformance.cases.texts import TextCases
from gateway.conformance.cases.threads import ThreadCases
from gateway.conformance.cases.volumes import VolumeCases
from gateway.conformance.gates import pass_gate
from gateway.conformance.harness import SnapshotHarness, load_harness
from gateway.conformance.subject import Subject
from gateway.driver import StorageSnapshot


@pytest.mark.snapshot_conformance
class SnapshotConformance(
    CapabilityCases,
    ReadCases,
    ListCases,
    FilterCases,
    CreateCases,
    TextCases,
    MetadataCases,
    MarkerCases,
    ConditionCases,
    EndingCases,
    DeleteCases,
    CloneCases,
    RestoreCases,
    VolumeCases,
    FaultCases,
    SecretCases,
    AccountCases,
    ThreadCases,
    ClosingCases,
):
    """All cases, and the fixtures that they share."""

    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls, request: pytest.FixtureRequest) -> Iterator[SnapshotHarness]:
        """The author's harness: the one of ``--snapshot-harness`` unless a subclass has its own."""
        with load_harness(request.config)() as harness:
            yield harness

    @pytest.fixture(scope="class")
    @classmethod
    def shared(cls, harness: SnapshotHarness) -> Iterator[Subject]:
        """The driver, with what all cases only read."""
        subject = Subject(harness)
        yield subject
        subject.clean_up()

    @pytest.fixture(scope="class")
    @classmethod
    def volume(cls, shared: Subject) -> str:
        """A volume that stays; cases make snapshots of it."""
        return shared.volume()

    @pytest.fixture(scope="class")
    @classmethod
    def trio(cls, shared: Subject) -> list[StorageSnapshot]:
        """Three ready snapshots of one volume, which no case changes."""
        volume_id = shared.volume()
        return [shared.snapshot(volume_id, f"trio-{n}") for n in range(3)]

    @pytest.fixture
    def subject(self, harness: SnapshotHarness) -> Iterator[Subject]:
        """The driver, with what one case makes; it is gone after the case."""
        subject = Subject(harness)
        yield subject
        subject.clean_up()

    @pytest.fixture(autouse=True)
    def _gate(self, request: pytest.FixtureRequest, harness: SnapshotHarness) -> None:
        """Skip what the driver does not declare."""
        pass_gate(request.node, type(harness.driver))

    @pytest.fixture(autouse=True)
    def _quiet(self, caplog: pytest.LogCaptureFixture, harness: SnapshotHarness) -> Iterator[None]:
        """Look whether a credential was logged, at any level and by anybody."""
        caplog.set_level(logging.DEBUG)
        yield
        for phase in ("setup", "call"):
            text = "\n".join(map(_everything, caplog.get_records(phase)))
            for secret in secrets_of(harness.credentials):
                assert secret not in text, "a credential is in the log"


def _everything(record: logging.LogRecord) -> str:
    """Return all that a record says, with its exception."""
    exc = record.exc_info[1] if record.exc_info else None
    return f"{record.getMessage()} {exc!r} {exc}"
