"""What ``pytest --pyargs gateway.conformance --snapshot-harness MODULE:CLASS`` runs."""

from gateway.conformance.suite import SnapshotConformance


class TestConformance(SnapshotConformance):
    """The suite with the harness that the command names."""
