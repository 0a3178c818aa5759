"""The suite notices: a good driver that is broken in one way fails the case that looks there."""

import pytest

from tests.conformance.apart import HERE, run
from tests.conformance.mutants import MUTANTS


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What became of the case of each mutant, by the mutant's name."""
    nodes = [f"{HERE / 'mutants.py'}::Test{name}::{one.case}" for name, one in MUTANTS.items()]
    _, entries = run(tmp_path_factory.mktemp("mutants"), nodes)
    return {
        entry["driver"].rpartition(":")[2]: {case["outcome"] for case in entry["cases"].values()}
        for entry in entries
    }


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_driver_is_noticed(outcomes: dict[str, set[str]], name: str) -> None:
    assert "failed" in outcomes[name]
