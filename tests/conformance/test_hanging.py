"""The suite ends whatever hangs: the case fails and says where, and the run goes on, and ends."""

from typing import Any

import pytest

from tests.conformance.apart import HERE, run

_HUNG = "Failed: not over after 1 seconds; it hung"
_READ = "test_a_snapshot_is_the_same_twice"
_LAST = "test_an_unknown_snapshot_is_not_found"
_MAKE = "test_two_creations_at_once_make_two"
_LIST = "test_a_list_of_nothing_ends_at_once"
HANG = {
    "InLists": [_LIST],
    "InTrouble": ["test_a_call_ends_by_its_deadline[get]"],
    "InClassify": ["test_an_unknown_volume_is_refused"],
    "InLoops": [_READ],
    "InClose": [_LIST],
    "InThreads": ["test_many_can_read_at_once"],
    "Opening": [_LIST, _MAKE, "test_an_unknown_volume_is_refused"],
}
"""Cases that hang, by the driver."""
Cases = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cases]:
    """What became of the cases, by the driver's name in here, and by theirs."""
    folder = tmp_path_factory.mktemp("hanging")
    told, entries = run(folder, _nodes(), "--snapshot-timeout=1")
    assert told.count("hanging.py") > len(HANG), "it does not say where they hung"
    names = (entry["harness"].rpartition(":")[2] for entry in entries)
    return dict(zip(names, (entry["cases"] for entry in entries), strict=True))


def _nodes() -> list[str]:
    asked = {**HANG, "Watched": [_LIST], "Opening": [*HANG["Opening"], _LAST]}
    path = HERE / "hanging.py"
    return [f"{path}::Test{name}::{case}" for name, cases in asked.items() for case in cases]


@pytest.mark.parametrize("name", HANG)
def test_a_case_that_hangs_fails(found: dict[str, Cases], name: str) -> None:
    for case in HANG[name]:
        told = found[name][case]
        assert (told["outcome"], told["reason"]) == ("failed", _HUNG)


def test_a_driver_that_hangs_and_is_watched_fails(found: dict[str, Cases]) -> None:
    """Its thread is left behind, and keeps nothing from ending."""
    told = found["Watched"][_LIST]
    assert told["outcome"] == "failed"
    assert "did not finish within 0.5 seconds" in told["reason"]


def test_a_driver_that_always_hangs_is_not_tried_any_more(found: dict[str, Cases]) -> None:
    told = found["Opening"][_LAST]
    assert (told["outcome"], told["reason"]) == (
        "failed",
        "Failed: not tried: the driver hung in 3 cases before",
    )
