"""Answers that no CloudSigma gives: the backend's fault, and never a bug of the gateway's."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from drivers.cloudsigma import errors, wire
from drivers.cloudsigma.driver import CloudSigmaDriver
from drivers.cloudsigma.wire import DRIVES, LOCAL, REMOTE
from gateway.driver import (
    Deadline,
    DriverError,
    ErrorCode,
    Owner,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    within,
)
from tests.golden_cloudsigma import sample
from tests.unit.cloudsigma_samples import SNAPSHOT_ID, Prepared, Row

SNAPSHOT: Row = sample("remote_snapshot_get").answer
VOLUME: Row = sample("remote_snapshots_in_drive_def").answer
Model = StorageSnapshot | StorageVolume
TYPES: dict[str, Any] = {
    "id": str,
    "native_state": str,
    "name": str | None,
    "description": str | None,
    "created": datetime | None,
    "updated": datetime | None,
    "volume_id": str | None,
    "size_bytes": int | None,
    "stored_bytes": int | None,
    "metadata": dict,
    "labels": tuple,
    "owner": Owner | None,
    "location": str | None,
}


def tried(work: Callable[[], Any]) -> Any:
    """Return what is made, or None where the driver calls an answer none of CloudSigma's."""
    try:
        return work()
    except DriverError as error:
        known = (ErrorCode.BACKEND, False, errors.NOT_CLOUDSIGMA)
        if (error.code, error.maybe_done, error.message) != known:
            raise
        return None


def made(row: Any, *, is_volume: bool = False) -> Model | None:
    """Return the model of a row as an answer holds it."""
    make = wire.volume if is_volume else wire.snapshot
    found: Model | None = tried(lambda: make(wire.check_row(row)))
    return found


def assert_well_typed(found: Model | None) -> None:
    """Check that a model holds what the model promises, so that it can be written out."""
    if found is None:
        return
    for field, kind in TYPES.items():
        assert isinstance(getattr(found, field, None), kind) or not hasattr(found, field), field
    assert all(isinstance(text, str) for pair in found.metadata.items() for text in pair)
    assert all(isinstance(label, str) for label in getattr(found, "labels", ()))
    assert found.owner is None or isinstance(found.owner.id, str)


NO_IDS = ["", "s", "../drives/x", f"{SNAPSHOT_ID}/", f"{SNAPSHOT_ID}\n", SNAPSHOT_ID[:-1]]
NO_IDS += [SNAPSHOT_ID.replace("-", ""), f"{{{SNAPSHOT_ID}}}", SNAPSHOT_ID.replace("6", "\u0666")]
NO_TEXTS: list[Any] = [None, 5, True, ["x"], {}, {"uuid": "s"}]


@pytest.mark.parametrize(
    "row",
    [
        *(None, [], "x", 5, True, {}, {"uuid": "s"}, {"status": "available"}, ["uuid", "status"]),
        *({"uuid": SNAPSHOT_ID, "status": bad} for bad in NO_TEXTS),
        *({"uuid": bad, "status": "available"} for bad in NO_IDS),
        *({"uuid": bad, "status": "available"} for bad in NO_TEXTS),
    ],
    ids=repr,
)
def test_a_row_without_an_id_and_a_state_is_no_row(row: Any) -> None:
    with pytest.raises(DriverError) as caught:
        wire.check_row(row)
    assert (caught.value.code, caught.value.maybe_done) == (ErrorCode.BACKEND, False)


def test_a_row_that_is_one_comes_back_as_it_is() -> None:
    assert wire.check_row(SNAPSHOT) is SNAPSHOT
    assert wire.check_row(VOLUME) is VOLUME


def test_what_is_no_answer_of_cloudsigmas_may_have_happened_if_it_was_a_change() -> None:
    assert not errors.not_cloudsigma().maybe_done
    assert errors.not_cloudsigma(maybe_done=True).maybe_done


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("name", [5, True, ["x"], {"a": 1}, [], {}]),
        ("location", [5, True, ["ZRH"], {"code": "ZRH"}, [], {}, 0]),
        ("meta", [5, True, "x", ["x"], [], "", 0]),
        ("tags", [5, True, "x", {"uuid": "t"}, {}, "", 0]),
        ("grantees", [5, True, "x", {"user": "u"}, {}, "", 0]),
    ],
)
def test_a_wrong_type_that_would_mislead_is_the_backends_fault(field: str, bad: list[Any]) -> None:
    for value in bad:
        assert made({**SNAPSHOT, field: value}) is None, value
        assert made({**VOLUME, field: value}, is_volume=True) is None, value
    assert made({**SNAPSHOT, field: None}) is not None


WRONG: list[Any] = [
    *(5, -1, 1.5, True, "x", "", "9" * 5000, [], ["x"], [[]], [None], {}, {"a": 1}, None),
    *({"uuid": 5}, {"uuid": ["x"]}, [{"uuid": {}}], {"size": "x"}, {"size": [1]}),
]
ALL_FIELDS = [
    *((SNAPSHOT, field) for field in sorted(SNAPSHOT.keys() - {"uuid", "status"})),
    *((VOLUME, field) for field in sorted(VOLUME.keys() - {"uuid", "status"})),
]


@pytest.mark.parametrize(("row", "field"), ALL_FIELDS, ids=[field for _, field in ALL_FIELDS])
def test_no_wrong_value_is_a_bug_of_ours_or_gets_into_the_model(row: Row, field: str) -> None:
    for value in WRONG:
        assert_well_typed(made({**row, field: value}, is_volume=row is VOLUME))


@pytest.mark.parametrize("field", sorted(SNAPSHOT.keys() - {"uuid", "status"}))
def test_no_wrong_value_stops_a_change(field: str) -> None:
    request = UpdateSnapshot(name="x", description="d")
    for value in WRONG:
        row = {**SNAPSHOT, field: value}
        tried(lambda row=row: wire.changed(wire.check_row(row), request))  # type: ignore[misc]


@pytest.mark.parametrize(
    "time",
    [
        "yesterday",
        "2014-13-01 00:00:00",
        "2014-06-05 09:53:28+25:00",
        "2014-06-05 25:00:00+00:00",
        "0000-01-01 00:00:00",
        "٢٠١٤-06-05 09:53:28",
        "1401961985",
        " ",
    ],
)
def test_a_time_that_is_none_is_the_backends_fault(time: str) -> None:
    assert made({**SNAPSHOT, "timestamp": time}) is None
    assert made({**SNAPSHOT, "last_state_change": time}) is None


@pytest.mark.parametrize("time", ["0001-01-01 00:00:00+14:00", "9999-12-31 23:59:59.999999-00:01"])
def test_a_time_that_utc_has_not_is_the_backends_fault(time: str) -> None:
    assert made({**SNAPSHOT, "timestamp": time}) is None


@pytest.mark.parametrize("time", [5, True, [], {}, 1401961985.5])
def test_a_time_that_is_no_text_is_unknown(time: Any) -> None:
    found = made({**SNAPSHOT, "timestamp": time})
    assert isinstance(found, StorageSnapshot)
    assert found.created is None


@pytest.mark.parametrize("size", ["1", [1], {"bytes": 1}])
def test_a_size_that_is_no_number_is_unknown(size: Any) -> None:
    found = made({**SNAPSHOT, "allocated_size": size, "drive_meta": {"size": size}})
    assert isinstance(found, StorageSnapshot)
    assert (found.stored_bytes, found.stored_kind, found.size_bytes) == (None, None, None)


@pytest.mark.parametrize("size", [b"1e300", b"99999999999999999999999999"])
def test_a_size_that_no_disk_has_can_still_be_written(size: bytes) -> None:
    for row, field in ((SNAPSHOT, "allocated_size"), (VOLUME, "size")):
        found = made({**row, field: orjson.loads(size)}, is_volume=row is VOLUME)
        if found is not None:
            orjson.dumps([found.size_bytes, found.stored_bytes])


def driver(documents: dict[str, Any]) -> tuple[CloudSigmaDriver, Prepared]:
    account = Prepared({}, documents=documents)
    return CloudSigmaDriver(account), account


PROGRESS: list[Any] = [
    None,
    5,
    "x",
    [],
    {},
    {"progress": None},
    {"progress": "x"},
    {"progress": []},
]


@pytest.mark.parametrize("data", PROGRESS, ids=repr)
def test_a_job_that_does_not_say_how_far_it_is_has_no_progress(data: Any) -> None:
    _, account = driver({f"jobs/{SNAPSHOT_ID}/": {"data": data}})
    assert account.job_progress(SNAPSHOT_ID) is None


@pytest.mark.parametrize(("told", "percent"), [(0, 0), (42, 42), (100, 100), (-5, 0), (150, 100)])
def test_a_progress_is_a_percentage(told: int, percent: int) -> None:
    _, account = driver({f"jobs/{SNAPSHOT_ID}/": {"data": {"progress": told}}})
    assert account.job_progress(SNAPSHOT_ID) == percent


JOBS: list[Any] = [None, [], [None], [5], ["../x"], [{"uuid": None}], [{}], {}, 5, True, "x"]


@pytest.mark.parametrize("jobs", JOBS, ids=repr)
def test_jobs_that_are_none_are_no_bug_of_ours(jobs: Any) -> None:
    row = {**VOLUME, "status": "cloning_dst", "jobs": jobs}
    cloning, _ = driver({f"drives/{VOLUME['uuid']}/": row})
    found = tried(lambda: cloning.get_volume(VOLUME["uuid"], deadline=Deadline(9)))
    assert found is None or found.progress is None


def capabilities(remote: Any) -> Prepared:
    return driver({"capabilities/": {"remote_snapshots": remote}})[1]


@pytest.mark.parametrize("remote", [None, 5, "x", [], {}, {"remote_locations": None}], ids=repr)
def test_capabilities_without_locations_have_none(remote: Any) -> None:
    assert capabilities(remote).remote_locations() == frozenset()


def test_the_locations_are_those_of_the_moment() -> None:
    account = capabilities({"remote_locations": ["zrh", "TBC", 5, {"id": "FRA"}]})
    assert account.remote_locations() == account.remote_locations() == {"ZRH", "TBC"}
    assert account.asked == [("capabilities/", {})] * 2


def nested(depth: int) -> Row:
    """Return a snapshot whose meta is so deep."""
    return {**SNAPSHOT, "meta": {"k": orjson.loads("[" * depth + "]" * depth)}}


def below(frames: int, work: Callable[[], Any]) -> Any:
    """Work with so much less of the stack."""
    return below(frames - 1, work) if frames else work()


@pytest.mark.parametrize("depth", [100, 900, 990])
def test_meta_that_is_too_deep_to_be_spelled_is_the_backends_fault(depth: int) -> None:
    for frames in (0, 300):
        assert_well_typed(below(frames, lambda: made(nested(depth))))


@pytest.mark.parametrize("depth", [10, 990])
def test_meta_that_is_too_deep_to_be_sent_back_is_the_backends_fault(depth: int) -> None:
    account = Prepared({})

    def work() -> None:
        with within(Deadline(9)):
            account.replace(LOCAL, SNAPSHOT_ID, nested(depth), wire.snapshot)

    with pytest.raises((DriverError, requests.ConnectionError)) as caught:
        below(400, work)
    exc = caught.value
    assert isinstance(exc, DriverError) is (depth > 10)
    if isinstance(exc, DriverError):
        assert (exc.code, exc.maybe_done) == (ErrorCode.BACKEND, False)


@pytest.mark.parametrize("answered", ["x", "f" * 8 + SNAPSHOT_ID[8:], None])
def test_an_object_that_is_another_is_the_backends_fault(answered: Any) -> None:
    _, account = driver({f"snapshots/{SNAPSHOT_ID}/": {**SNAPSHOT, "uuid": answered}})
    with pytest.raises(DriverError) as caught:
        account.get(LOCAL, SNAPSHOT_ID)
    assert (caught.value.code, caught.value.maybe_done) == (ErrorCode.BACKEND, False)


def test_an_id_is_the_same_in_upper_case() -> None:
    row = {**SNAPSHOT, "uuid": SNAPSHOT_ID.upper()}
    _, account = driver({f"snapshots/{SNAPSHOT_ID}/": row})
    assert account.get(LOCAL, SNAPSHOT_ID) is row


@pytest.mark.parametrize("locations", [5, True, 1.5], ids=repr)
def test_locations_that_are_no_list_are_no_bug_of_ours(locations: Any) -> None:
    tried(capabilities({"remote_locations": locations}).remote_locations)


NO_ROWS: list[Any] = [None, 5, "x", [], {}, {"uuid": 5}]
LISTS: list[Any] = [
    *({}, {"objects": []}, {"meta": {"total_count": 0}}, {"objects": [], "meta": {}}),
    *({"objects": [], "meta": []}, {"objects": {}, "meta": {"total_count": 0}}),
    *({"objects": None, "meta": {"total_count": 0}}, {"objects": [], "meta": {"total_count": "0"}}),
    *({"objects": [x], "meta": {"total_count": 1}} for x in NO_ROWS),
]


@pytest.mark.parametrize("document", LISTS, ids=repr)
@pytest.mark.parametrize("kind", [LOCAL, REMOTE, DRIVES])
def test_a_list_that_is_none_is_the_backends_fault(document: Any, kind: wire.Kind) -> None:
    _, account = driver({f"{kind.collection}/detail/": document})
    with pytest.raises(DriverError) as caught:
        account.everything(kind, {})
    assert (caught.value.code, caught.value.maybe_done) == (ErrorCode.BACKEND, False)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(-1e18, 1e18),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(), below, max_size=2),
    max_leaves=3,
)


@given(st.dictionaries(st.sampled_from(sorted(SNAPSHOT)), json_values, max_size=3))
def test_no_garbage_at_all_is_a_bug_of_ours(garbage: Row) -> None:
    assert_well_typed(made({**SNAPSHOT, **garbage}))
    assert_well_typed(made({**VOLUME, **garbage}, is_volume=True))
