import dataclasses
from typing import Any, ClassVar

import pytest

import gateway.driver
from gateway.driver import (
    METHODS,
    PARAMETERS,
    PROMISES,
    UNSET,
    Capability,
    CloneSnapshot,
    ConfigurationError,
    CreateSnapshot,
    CreateVolume,
    Credentials,
    Deadline,
    Driver,
    DriverError,
    ErrorCode,
    Filter,
    Limits,
    Lookup,
    MetadataChange,
    Owner,
    Page,
    Pushdown,
    Query,
    Secret,
    SnapshotState,
    SortKey,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    VolumeState,
    check_driver_class,
    invalid,
)
from gateway.http.problems import STATUS
from tests.unit.fakes import FakeDriver

SNAPSHOT = StorageSnapshot("s", SnapshotState.AVAILABLE, "completed", ready=True, volume_id="v")
VOLUME = StorageVolume("v", VolumeState.IN_USE, "in-use", name="n", size_bytes=5)
FROZEN = [
    SNAPSHOT,
    VOLUME,
    Owner("o", is_self=True),
    Page((SNAPSHOT,)),
    CreateSnapshot("v"),
    MetadataChange(),
    UpdateSnapshot(),
    CloneSnapshot(),
    CreateVolume(1),
    Credentials(),
    Filter("id", "s"),
    Query(),
    Limits(),
]


@pytest.mark.parametrize("thing", FROZEN, ids=lambda thing: type(thing).__name__)
def test_the_model_is_frozen_and_slotted(thing: object) -> None:
    assert dataclasses.is_dataclass(thing)
    name = dataclasses.fields(thing)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(thing, name, "other")
    assert not hasattr(thing, "__dict__")


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (MetadataChange(), {"a": "1"}, {"a": "1"}),
        (MetadataChange({"b": "2"}), {"a": "1"}, {"a": "1", "b": "2"}),
        (MetadataChange({"a": "2"}), {"a": "1"}, {"a": "2"}),
        (MetadataChange({"a": ""}), {"a": "1"}, {"a": ""}),
        (MetadataChange(remove=frozenset({"a"})), {"a": "1", "b": "2"}, {"b": "2"}),
        (MetadataChange(remove=frozenset({"x"})), {"a": "1"}, {"a": "1"}),
        (MetadataChange({"a": "2"}, frozenset({"a"})), {"a": "1"}, {"a": "2"}),
        (MetadataChange({"b": "2"}, replace=True), {"a": "1"}, {"b": "2"}),
        (MetadataChange({"b": "2"}, frozenset({"a"}), replace=True), {"c": "3"}, {"b": "2"}),
        (MetadataChange(replace=True), {"a": "1"}, {}),
    ],
)
def test_a_metadata_change_removes_first_and_sets_then(
    change: MetadataChange, before: dict[str, str], after: dict[str, str]
) -> None:
    given = dict(before)
    assert change.applied_to(given) == after
    assert given == before, "the map that was given must stay as it is"


def test_an_update_tells_not_given_from_set_to_nothing() -> None:
    assert UpdateSnapshot().name is UNSET
    assert UpdateSnapshot(name=None).name is None
    assert UpdateSnapshot(name=None) != UpdateSnapshot()


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("id", "s", True),
        ("id", "S", False),
        ("id", "", False),
        ("state", "available", True),
        ("state", "AVAILABLE", False),
        ("volume_id", "v", True),
        ("name", "", False),
        ("name", "None", False),
    ],
)
def test_a_filter_is_exact_and_never_matches_nothing(
    field: str, value: str, expected: bool
) -> None:
    assert Filter(field, value).matches(SNAPSHOT) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Filter("owner", "me"), True),
        (Filter("owner", "self"), True),
        (Filter("owner", "you"), False),
        (Filter("metadata", "v", key="k"), True),
        (Filter("metadata", "w", key="k"), False),
        (Filter("metadata", "", key="absent"), False),
        (Filter("metadata", "v"), False),
    ],
)
def test_owners_and_metadata_are_filtered_by_what_they_hold(
    condition: Filter, expected: bool
) -> None:
    mine = dataclasses.replace(SNAPSHOT, owner=Owner("me", is_self=True), metadata={"k": "v"})
    assert condition.matches(mine) is expected


def test_another_owner_is_not_self_and_none_is_nobody() -> None:
    foreign = dataclasses.replace(SNAPSHOT, owner=Owner("self", is_self=False))
    assert Filter("owner", "self").matches(foreign)  # an account may have this very name
    assert not Filter("owner", "self").matches(
        dataclasses.replace(SNAPSHOT, owner=Owner("x", is_self=False))
    )
    assert not Filter("owner", "self").matches(dataclasses.replace(SNAPSHOT, owner=None))


def test_all_conditions_of_a_query_must_hold() -> None:
    assert Query().matches(SNAPSHOT)
    assert Query((Filter("state", "in-use"), Filter("name", "n"))).matches(VOLUME)
    assert not Query((Filter("state", "in-use"), Filter("name", "x"))).matches(VOLUME)


def test_a_driver_is_handed_only_the_filters_that_it_declares() -> None:
    query = Query((Filter("id", "s"), Filter("name", "n"), Filter("state", "available")))
    table = {("name", Lookup.EXACT): Pushdown.EXACT, ("state", Lookup.EXACT): Pushdown.SUPERSET}
    assert query.pushed_down(table, frozenset()) == Query(query.filters[1:])
    assert query.pushed_down({}, frozenset()) == Query()


def test_a_driver_is_handed_an_order_only_if_it_has_all_of_it() -> None:
    query = Query(sort=(SortKey("created", descending=True), SortKey("name")))
    assert query.pushed_down({}, frozenset({"created", "id"})) == Query()
    assert query.pushed_down({}, frozenset({"created", "name"})) == query


def test_a_query_tells_what_a_field_must_equal() -> None:
    query = Query((Filter("id", "s"),))
    assert (query.value_of("id"), query.value_of("name")) == ("s", None)


def test_a_deadline_counts_down_and_then_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("gateway.driver.deadline.time.monotonic", lambda: now[0])
    deadline = Deadline(2.5)
    now[0] += 1
    assert deadline.remaining_s() == 1.5
    now[0] += 1.5
    with pytest.raises(DriverError, match=r"within 2\.5 seconds") as caught:
        deadline.remaining_s()
    assert caught.value.code is ErrorCode.TIMEOUT


def test_no_repr_shows_a_credential() -> None:
    shown = repr(Credentials("alice", "hunter2", "t0ken", "sess1on"))
    assert not [word for word in ("alice", "hunter2", "t0ken", "sess1on") if word in shown]


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("hunter2")
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r}", repr({"a": [secret]})):
        assert "hunter2" not in shown
    assert secret.reveal() == "hunter2"


def test_secrets_compare_by_what_they_hide() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_the_backends_own_record_is_in_no_repr() -> None:
    assert "hunter2" not in repr(dataclasses.replace(SNAPSHOT, native={"key": "hunter2"}))
    assert "hunter2" not in repr(dataclasses.replace(VOLUME, native={"key": "hunter2"}))


def test_every_flag_has_its_promise_and_its_word() -> None:
    assert set(PROMISES) == set(Capability)
    assert all(PROMISES.values())
    assert [flag.word for flag in Capability] == [str(flag.name).lower() for flag in Capability]


def test_the_flags_of_methods_name_real_methods() -> None:
    methods = [name for names in METHODS.values() for name in names]
    assert len(methods) == len(set(methods))
    assert all(callable(getattr(Driver, name)) for name in methods)
    assert set(METHODS) | set(PARAMETERS.values()) == set(Capability) - {
        Capability.KEEPS_DEADLINE,
        Capability.CLONE_ACCEPTED,
        Capability.SHOWS_DELETING,
        Capability.SNAPSHOT_MARKER,
        Capability.VOLUME_MARKER,
    }


def test_the_parameters_that_need_a_capability_are_fields_of_requests() -> None:
    requests = (CreateSnapshot, CloneSnapshot, CreateVolume)
    known = {field.name for request in requests for field in dataclasses.fields(request)}
    assert set(PARAMETERS) <= known


def test_every_error_code_has_a_status() -> None:
    assert set(STATUS) == set(ErrorCode)
    assert {code for code in ErrorCode if code.is_retryable} == {
        ErrorCode.RATE_LIMITED,
        ErrorCode.UNAVAILABLE,
        ErrorCode.TIMEOUT,
    }


def test_an_invalid_request_names_every_field_in_its_message() -> None:
    error = invalid({"a": "too long", "b": "missing"})
    assert (error.code, str(error)) == (ErrorCode.INVALID, error.message)
    assert error.message == "bad request: a: too long; b: missing"
    assert error.fields == {"a": "too long", "b": "missing"}


def test_an_error_after_a_change_keeps_what_it_knows_and_says_once_that_it_may_be_done() -> None:
    error = DriverError(
        ErrorCode.UNAVAILABLE, "down", fields={"f": "x"}, backend_code="b", retry_after_s=7
    )
    told = error.as_maybe_done()
    assert (error.is_retryable, told.is_retryable) == (True, False)
    assert (told.code, told.fields, told.backend_code) == (error.code, error.fields, "b")
    assert (told.retry_after_s, told.maybe_done) == (7, True)
    assert told.message.startswith("down; the change may have happened")
    assert told.as_maybe_done() is told


def test_the_authors_surface_is_pinned() -> None:
    assert gateway.driver.__all__ == [
        "CONTRACT",
        "MARKER_KEY",
        "METHODS",
        "OWNER_SELF",
        "PARAMETERS",
        "PROMISES",
        "UNSET",
        "Capability",
        "CloneSnapshot",
        "ConfigurationError",
        "CopySnapshot",
        "CreateSnapshot",
        "CreateVolume",
        "Credentials",
        "Deadline",
        "Driver",
        "DriverError",
        "DriverOptions",
        "EndpointField",
        "ErrorCode",
        "Filter",
        "HttpOptions",
        "Limits",
        "Lookup",
        "Marker",
        "MetadataChange",
        "Order",
        "Owner",
        "Page",
        "Pushdown",
        "PushdownTable",
        "Query",
        "Secret",
        "SecretField",
        "SnapshotState",
        "SortKey",
        "StorageSnapshot",
        "StorageVolume",
        "StoredKind",
        "Transport",
        "UpdateSnapshot",
        "Visibility",
        "VolumeState",
        "check_ca_file",
        "check_driver_class",
        "compute",
        "count_call",
        "invalid",
        "is_uuid",
        "marker_pairs",
        "retry_after_s",
        "take_marker",
        "time_left_s",
        "was_sent",
        "within",
    ]
    assert all(hasattr(gateway.driver, name) for name in gateway.driver.__all__)


def test_what_a_class_shows_of_a_broken_contract_is_told_at_once() -> None:
    class Odd(FakeDriver):
        capabilities = "all"  # type: ignore[assignment]
        pushdown: ClassVar[Any] = {("colour", Lookup.EXACT): Pushdown.EXACT}
        sort_keys = frozenset({"shape"})

        def get_snapshot(self, snapshot_id: str) -> StorageSnapshot:  # type: ignore[override]
            raise NotImplementedError

    with pytest.raises(ConfigurationError) as caught:
        check_driver_class(Odd)
    message = str(caught.value)
    assert "capabilities is 'all'" in message
    assert "get_snapshot does not take the argument deadline" in message
    assert "'colour', which is no field" in message
    assert "'shape', which is no field" in message


def test_a_model_set_through_its_slots_is_as_a_dataclass_makes_it() -> None:
    given: dict[str, Any] = {"id": "s", "state": SnapshotState.ERROR}
    given |= {"native_state": "e", "ready": False}
    one, two = StorageSnapshot(**given), StorageSnapshot(**given)
    for field in dataclasses.fields(StorageSnapshot):
        made = field.default_factory is not dataclasses.MISSING
        default = {} if made else field.default
        assert getattr(one, field.name) == given.get(field.name, default), field.name
    assert one == two
    assert one.metadata is not two.metadata
    by_place: tuple[Any, ...] = (*given.values(), "by place")
    assert StorageSnapshot(*by_place).name == "by place"
    assert dataclasses.replace(one, name="x", native={}).name == "x"
    wrong: list[dict[str, Any]] = [{}, {"id": "s"}, {**given, "colour": "red"}]
    for facts in wrong:
        with pytest.raises(TypeError):
            StorageSnapshot(**facts)
