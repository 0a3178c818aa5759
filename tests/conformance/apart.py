"""The suite on drivers that fail it, in a run of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.conformance.suite import SnapshotConformance
from tests.conformance.memory import MemoryHarness

HERE = Path(__file__).parent


def conformance_of(harness_class: type[MemoryHarness]) -> type[SnapshotConformance]:
    """Return the suite with a harness."""

    class Found(SnapshotConformance):
        @pytest.fixture(scope="class")
        @classmethod
        def harness(cls) -> Iterator[MemoryHarness]:
            with harness_class() as harness:
                yield harness

    return Found


def run(folder: Path, nodes: list[str], *options: str) -> tuple[str, list[dict[str, Any]]]:
    """Run cases and return what pytest printed, and what the report says of each harness."""
    report = folder / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider",
         f"--snapshot-report={report}", *options, *nodes],
        cwd=HERE.parents[1],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )  # fmt: skip
    assert report.exists(), done.stdout + done.stderr
    return done.stdout, json.loads(report.read_text())["snapshot_conformance"]
