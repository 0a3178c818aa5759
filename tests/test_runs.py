"""Runs of these tests beside each other."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    command = [sys.executable, "-m", "pytest", f"--basetemp={folder}", "--collect-only", "-q"]
    command += ["-p", "no:cacheprovider", str(Path(__file__).with_name("test_documents.py"))]
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert refused.returncode == pytest.ExitCode.USAGE_ERROR
        assert f"--basetemp={folder} is in use" in refused.stderr
    allowed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert allowed.returncode == pytest.ExitCode.OK, allowed.stdout
