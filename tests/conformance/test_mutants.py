"""The suite notices: a good driver that is broken in one way fails the case that looks there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.mutants import MUTANTS

_HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What became of the case of each mutant, by the mutant's name."""
    report = tmp_path_factory.mktemp("mutants") / "report.json"
    nodes = [f"{_HERE / 'mutants.py'}::Test{name}::{one.case}" for name, one in MUTANTS.items()]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider",
         f"--snapshot-report={report}", *nodes],
        cwd=_HERE.parents[1],
        check=False,
        capture_output=True,
        timeout=100,
    )  # fmt: skip
    entries = json.loads(report.read_text())["snapshot_conformance"]
    return {
        entry["driver"].rpartition(":")[2]: {case["outcome"] for case in entry["cases"].values()}
        for entry in entries
    }


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_driver_is_noticed(outcomes: dict[str, set[str]], name: str) -> None:
    assert "failed" in outcomes[name]
