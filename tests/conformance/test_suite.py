"""The suite itself: how large it is, and that no case hides another."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gateway.conformance.suite import SnapshotConformance
from tests.conformance.mutants import MUTANTS


def cases_of(cls: type) -> list[str]:
    """Return the names of the cases that a class itself defines."""
    return [name for name in vars(cls) if name.startswith("test_")]


def test_no_case_hides_one_of_the_same_name() -> None:
    """They are mixed into one class, where only one of two namesakes would ever run."""
    found = Counter(name for cls in SnapshotConformance.__mro__ for name in cases_of(cls))
    assert [name for name, number in found.items() if number > 1] == []
    assert len(found) >= 80


def test_each_mutant_is_to_be_noticed_by_a_case_that_exists() -> None:
    assert len(MUTANTS) >= 15
    for name, mutant in MUTANTS.items():
        assert hasattr(SnapshotConformance, mutant.case), name


def test_the_plugin_imports_nothing_of_the_gateway() -> None:
    """Every run of pytest loads it, also those that have nothing to do with Snapgate."""
    code = (
        "import sys, pytest, gateway.conformance.plugin;"
        "print([n for n in sys.modules if n.startswith(('gateway.', 'drivers', 'flask', 'lxml'))])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['gateway.conformance', 'gateway.conformance.plugin']"


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ([], "--snapshot-harness MODULE:CLASS"),
        (["--snapshot-harness=nonsense"], "--snapshot-harness MODULE:CLASS"),
        (["--snapshot-harness=no.such.module:X"], "No module named"),
        (["--snapshot-harness=json:Nothing"], "has no attribute"),
        (["--snapshot-harness=json:JSONDecoder"], "not a subclass of SnapshotHarness"),
    ],
    ids=["none", "no class", "no module", "no such class", "another class"],
)
def test_a_wrong_harness_is_told_before_anything_runs(
    tmp_path: Path, option: list[str], says: str
) -> None:
    found = _run(tmp_path, *option)
    assert found.returncode == pytest.ExitCode.USAGE_ERROR
    assert says in found.stderr
    assert "Traceback" not in found.stderr


def test_a_report_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    found = _run(tmp_path, "--snapshot-report=no/such/folder.json")
    assert found.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no such folder" in found.stderr


HARNESS = "tests.conformance.memory:MemoryHarness"


def test_one_command_tells_all(tmp_path: Path) -> None:
    """No file of the author's own: a harness, and a report in two forms."""
    found = _run(
        tmp_path,
        f"--snapshot-harness={HARNESS}",
        "--snapshot-report=matrix.json",
        "--snapshot-report=matrix.md",
        "-k",
        "page or delet",
    )
    assert found.returncode == pytest.ExitCode.OK, found.stdout
    assert "Memory on a dictionary: " in found.stdout
    [entry] = json.loads((tmp_path / "matrix.json").read_text())["snapshot_conformance"]
    assert entry["harness"] == HARNESS
    assert entry["driver"] == "tests.conformance.memory:MemoryDriver"
    assert "snapshot_revert" in entry["capabilities"]
    assert entry["by_capability"]["snapshot_delete"]["passed"] > 10
    case = entry["cases"]["test_deleting_twice_is_not_found"]
    assert case == {"outcome": "passed", "requires": ["snapshot_delete"]}
    markdown = (tmp_path / "matrix.md").read_text()
    assert "| `snapshot_revert` | yes |" in markdown


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--pyargs", "gateway.conformance", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
