"""One environment for all tests from outside: making it takes longer than using it."""

import shutil
from collections.abc import Iterator

import pytest

from tests.examples.outside import ACME, Outside, Runs, make_outside

COMMAND = "pytest --pyargs gateway.conformance --snapshot-harness acme.testing:AcmeHarness"


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    return make_outside(tmp_path_factory.mktemp("outside"))


@pytest.fixture(scope="session")
def runs(outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """The one-line command in an empty folder, and Acme's own tests; other tests run meanwhile."""
    empty, copied = tmp_path_factory.mktemp("empty"), tmp_path_factory.mktemp("copied")
    shutil.copytree(ACME / "tests", copied / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ACME / "setup.cfg", copied)
    command = [*COMMAND.split(), "--snapshot-report", "matrix.json", "-p", "no:cacheprovider"]
    started = Runs(empty, outside.start(*command, cwd=empty), outside.start("pytest", cwd=copied))
    yield started
    started.stop()
