"""The guide for authors, followed to the letter: its files are written, its commands run."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.examples.outside import Outside
from tests.guide import blocks, write_files

pytestmark = pytest.mark.timeout(300)  # an environment is made


@pytest.fixture(scope="module")
def followed(outside: Outside) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """A folder in which all has been done that the guide says, in its order.

    The environment that it makes is there already: to fill it takes a quarter of a minute.
    """
    folder = outside.folder.parent
    write_files(folder, blocks())
    script = "".join(f"# line {b.line}\n{b.text}" for b in blocks() if b.language == "sh")
    plain = {k: v for k, v in outside.environment().items() if k != "VIRTUAL_ENV"}
    plain["PATH"] = plain["PATH"].removeprefix(f"{outside.bin}:")
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=folder,
        env={**plain, "SNAPGATE": str(outside.gateway_wheel)},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    return folder, done


def test_every_command_of_the_guide_works(
    followed: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    _, done = followed
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tiny: Tiny (tiny_snapshots.driver:TinyDriver of storage-snapshots-tiny" in done.stdout
    assert "tiny-eu (default): driver tiny, " in done.stdout
    assert "can list snapshots" in done.stdout, "snapgate providers check"
    assert "it works" in done.stdout, "try_it.py"


def test_the_matrix_of_the_guide_is_green(
    followed: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    folder, done = followed
    assert (folder / "matrix.json").exists(), done.stdout + done.stderr
    (entry,) = json.loads((folder / "matrix.json").read_text())["snapshot_conformance"]
    assert entry["driver"] == "tiny_snapshots.driver:TinyDriver"
    assert entry["summary"]["failed"] == 0
    assert entry["summary"]["passed"] >= 250
    assert "| `snapshot_delete` | yes |" in (folder / "matrix.md").read_text()
