"""Rows that no Cinder gives: the backend's fault, and never a bug of the gateway's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cinder import wire
from gateway.driver import DriverError, ErrorCode, Owner, StorageSnapshot, StorageVolume
from tests.unit.cinder_samples import DEMO, Row, named

SNAPSHOT: Row = named("snapshot show at 3.71").answer["snapshot"]
VOLUME: Row = named("volume show").answer["volume"]
Model = StorageSnapshot | StorageVolume
TYPES: dict[str, Any] = {
    "id": str,
    "native_state": str,
    "name": str | None,
    "description": str | None,
    "created": datetime | None,
    "updated": datetime | None,
    "progress": int | None,
    "volume_id": str | None,
    "snapshot_id": str | None,
    "zone": str | None,
    "size_bytes": int | None,
    "metadata": dict,
    "owner": Owner | None,
    "group_id": str | None,
}


def made(row: Row, *, is_volume: bool = False) -> Model | None:
    """Return the model of a row, or None where the driver calls it none of Cinder's."""
    with no_answer_or_none():
        checked = wire.check_row(row)
        return wire.volume(checked, DEMO) if is_volume else wire.snapshot(checked, DEMO)


@contextmanager
def no_answer_or_none() -> Iterator[None]:
    """Let pass that the driver calls an answer none of Cinder's, and nothing else."""
    try:
        yield
    except DriverError as error:
        if error.code is not ErrorCode.BACKEND or error.maybe_done:
            raise


def assert_well_typed(found: Model | None) -> None:
    """Check that a model holds what the model promises, so that it can be written out."""
    if found is None:
        return
    for field, kind in TYPES.items():
        assert isinstance(getattr(found, field, None), kind) or not hasattr(found, field), field
    assert all(isinstance(text, str) for pair in found.metadata.items() for text in pair)
    assert found.owner is None or isinstance(found.owner.id, str)


NOTHING: list[Any] = [None, [], "x", 5, True, {}, {"id": "s"}, {"status": "available"}]
NO_TEXTS: list[Any] = [None, 5, ["x"], {}]


@pytest.mark.parametrize(
    "row",
    [
        *NOTHING,
        *({"id": "s", "status": bad} for bad in NO_TEXTS),
        *({"id": bad, "status": "available"} for bad in NO_TEXTS),
    ],
    ids=repr,
)
def test_a_row_without_an_id_and_a_state_is_no_row(row: Any) -> None:
    for check in (wire.check_row, lambda one: wire.check_rows([SNAPSHOT, one])):
        with pytest.raises(DriverError) as caught:
            check(row)
        assert (caught.value.code, caught.value.maybe_done) == (ErrorCode.BACKEND, False)


@pytest.mark.parametrize("rows", [None, {}, "rows", 5, (SNAPSHOT,), {"snapshots": []}], ids=type)
def test_a_list_that_is_none_is_no_answer(rows: Any) -> None:
    with pytest.raises(DriverError) as caught:
        wire.check_rows(rows)
    assert caught.value.code is ErrorCode.BACKEND


def test_rows_that_are_rows_come_back_as_they_are() -> None:
    assert wire.check_rows([]) == []
    assert wire.check_rows([SNAPSHOT, VOLUME]) == [SNAPSHOT, VOLUME]
    assert wire.check_row(SNAPSHOT) is SNAPSHOT


def test_a_list_without_details_has_no_rows_of_volumes() -> None:
    with pytest.raises(DriverError):
        wire.check_rows([{"id": "v", "name": "n", "links": []}])


def test_what_is_no_answer_of_cinders_may_have_happened_if_it_was_a_change() -> None:
    assert not wire.not_cinder().maybe_done
    assert wire.not_cinder(maybe_done=True).maybe_done


WRONG: list[Any] = [5, -1, 1.5, True, "x", "", [], ["x"], {}, {"a": 1}, "9" * 5000, None]
SNAPSHOT_FIELDS = sorted(SNAPSHOT.keys() - {"id", "status"})
VOLUME_FIELDS = sorted(VOLUME.keys() - {"id", "status"})


@pytest.mark.parametrize("field", SNAPSHOT_FIELDS)
def test_no_wrong_value_in_a_snapshot_is_a_bug_of_ours(field: str) -> None:
    for value in WRONG:
        made({**SNAPSHOT, field: value})


@pytest.mark.parametrize("field", VOLUME_FIELDS)
def test_no_wrong_value_in_a_volume_is_a_bug_of_ours(field: str) -> None:
    for value in WRONG:
        made({**VOLUME, field: value}, is_volume=True)


@pytest.mark.parametrize("field", SNAPSHOT_FIELDS)
def test_no_wrong_type_gets_into_the_model_of_a_snapshot(field: str) -> None:
    for value in WRONG:
        assert_well_typed(made({**SNAPSHOT, field: value}))


@pytest.mark.parametrize("field", VOLUME_FIELDS)
def test_no_wrong_type_gets_into_the_model_of_a_volume(field: str) -> None:
    for value in WRONG:
        assert_well_typed(made({**VOLUME, field: value}, is_volume=True))


@pytest.mark.parametrize(
    "time",
    [
        "yesterday",
        "2026-13-01T00:00:00",
        "2026-11-20T18:34:09.475382+25:00",
        "9999999999",
        5,
        {1: 1},
    ],
    ids=repr,
)
def test_a_time_that_is_none_is_the_backends_fault(time: Any) -> None:
    assert made({**SNAPSHOT, "created_at": time}) is None
    assert made({**SNAPSHOT, "updated_at": time}) is None
    assert made({**VOLUME, "created_at": time}, is_volume=True) is None


@pytest.mark.parametrize("size", ["1", 1.5, [1], {"gib": 1}])
def test_a_size_that_is_no_number_is_the_backends_fault(size: Any) -> None:
    assert made({**SNAPSHOT, "size": size}) is None
    assert made({**VOLUME, "size": size}, is_volume=True) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(), below, max_size=2),
    max_leaves=3,
)


@given(st.dictionaries(st.sampled_from(sorted(SNAPSHOT)), json_values, max_size=3))
def test_no_garbage_at_all_is_a_bug_of_ours(garbage: Row) -> None:
    made({**SNAPSHOT, **garbage})
