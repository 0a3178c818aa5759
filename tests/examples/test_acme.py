"""The driver from outside: built, installed, held to the suite, configured and served."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gateway.driver import Capability
from tests.examples.outside import Outside, Runs

pytestmark = pytest.mark.timeout(300)  # an environment is made
HARNESS = "acme.testing:AcmeHarness"


@pytest.fixture(scope="module")
def matrix(runs: Runs) -> dict[str, Any]:
    assert runs.command.returncode == 0, runs.command.stdout
    (entry,) = json.loads((runs.empty / "matrix.json").read_text())["snapshot_conformance"]
    return dict(entry)


def test_the_one_line_command_needs_no_file_and_leaves_but_the_report(
    matrix: dict[str, Any], runs: Runs
) -> None:
    assert [path.name for path in runs.empty.iterdir()] == ["matrix.json"]
    assert matrix["harness"] == HARNESS
    assert matrix["driver"] == "acme.driver:AcmeDriver"
    assert matrix["backend"] == "acme.service"


def test_it_passes_every_case_that_it_can_be_asked(matrix: dict[str, Any]) -> None:
    """What is skipped is what it does not declare; no method of the harness is missing."""
    assert matrix["summary"]["failed"] == 0
    assert matrix["summary"]["passed"] >= 300
    declared = set(matrix["capabilities"])
    missing = {flag.name for flag in Capability if flag.word not in declared}
    assert missing, "a driver that can do everything leaves the other half of the suite unused"
    for name, case in matrix["cases"].items():
        if case["outcome"] == "skipped":
            told = case["reason"].removeprefix("AcmeDriver does not declare ")
            assert set(told.split(", ")) <= missing, f"{name}: {case['reason']}"


def test_its_own_tests_pass(runs: Runs) -> None:
    assert runs.tests.returncode == 0, runs.tests.stdout
    found = re.search(r"=+ (\d+) passed", runs.tests.stdout)
    assert found, runs.tests.stdout
    assert int(found[1]) > 400, "the suite and the tables"


def test_the_wheel_of_the_gateway_holds_what_authors_need(outside: Outside) -> None:
    with zipfile.ZipFile(outside.gateway_wheel) as wheel:
        names = set(wheel.namelist())
    assert {
        "gateway/conformance/test_conformance.py",
        "gateway/conformance/cases/faults.py",
        "gateway/driver/AUTHORING.md",
        "gateway/DESIGN.md",
        "gateway/py.typed",
        "drivers/py.typed",
    } <= names
    assert not [name for name in names if name.startswith(("examples", "tests", "acme"))]


def test_the_wheel_of_acme_holds_the_driver_and_no_tests(outside: Outside) -> None:
    with zipfile.ZipFile(outside.acme_wheel) as wheel:
        names = wheel.namelist()
    assert {"acme/driver.py", "acme/testing.py", "acme/service.py", "acme/py.typed"} <= set(names)
    assert not [name for name in names if not name.startswith(("acme/", "storage_snapshots_acme"))]


def test_the_command_tells_all_of_it(outside: Outside, tmp_path: Path) -> None:
    done = outside.run("snapgate", "drivers", "acme", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    (found,) = json.loads(done.stdout)["drivers"]
    assert (found["name"], found["title"]) == ("acme", "Acme Block Storage")
    assert "storage-snapshots-acme" in json.dumps(found["package"])
    assert found["problem"] is None
    assert {"endpoint", "ca_file"} <= {option["name"] for option in found["options"]}


def test_it_is_listed_among_the_others(outside: Outside, tmp_path: Path) -> None:
    done = outside.run("snapgate", "drivers", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    for name in ("acme", "cinder", "cloudsigma", "ec2", "local"):
        assert re.search(rf"^{name}: ", done.stdout, re.MULTILINE), name
