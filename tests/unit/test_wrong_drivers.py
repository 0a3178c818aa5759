"""A driver that breaks its contract at run time: told as its bug, for this request only."""

import dataclasses
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from gateway.core.answers import fault_in, fault_of
from gateway.core.guard import DriverBug
from gateway.core.snapshots import Account
from gateway.driver import (
    Capability,
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    DriverError,
    ErrorCode,
    Filter,
    Lookup,
    Marker,
    Owner,
    Page,
    Query,
    UpdateSnapshot,
)
from tests.unit.fakes import ALICE, Backend, FakeDriver, SlackDriver, account, snapshot, volume

NAIVE = datetime(2026, 11, 21)
SECRET = "hunter2-c81e728d9d4c2f63"


def every(listing: Any) -> list[Any]:
    return list(listing.items())


OPERATIONS: Mapping[str, Callable[[Account], object]] = {
    "check_credentials": Account.check_credentials,
    "list_snapshots": lambda a: every(a.list_snapshots(Query())),
    "get_snapshot": lambda a: a.get_snapshot("s"),
    "count_snapshots": lambda a: a.count_snapshots(Query()),
    "create_snapshot": lambda a: a.create_snapshot(CreateSnapshot("v")),
    "update_snapshot": lambda a: a.update_snapshot("s", UpdateSnapshot()),
    "delete_snapshot": lambda a: a.delete_snapshot("s"),
    "clone_snapshot": lambda a: a.clone_snapshot("s", CloneSnapshot()),
    "copy_snapshot": lambda a: a.copy_snapshot("s", CopySnapshot(), a),
    "revert_snapshot": lambda a: a.revert_snapshot("s"),
    "list_volumes": lambda a: every(a.list_volumes(Query())),
    "get_volume": lambda a: a.get_volume("v"),
    "create_volume": lambda a: a.create_volume(CreateVolume(1)),
    "delete_volume": lambda a: a.delete_volume("v"),
}
CHANGES = {
    name for name in OPERATIONS if name.split("_")[0] not in {"check", "list", "get", "count"}
}
ANSWER_NOTHING = {"check_credentials", "delete_snapshot", "delete_volume"}


def answering(method: str, answer: object, base: type[FakeDriver] = FakeDriver) -> Account:
    members = {"__module__": __name__, method: lambda self, *a, **kw: answer}
    return account(Backend(), type("Wrong", (base,), members))


def bug_of(method: str, answer: object, base: type[FakeDriver] = FakeDriver) -> DriverBug:
    with pytest.raises(DriverBug) as caught:
        OPERATIONS[method](answering(method, answer, base))
    assert caught.value.code is ErrorCode.INTERNAL
    message = caught.value.message
    assert message.startswith("a bug in the driver 'Wrong' (class tests.unit.test_wrong_drivers:W")
    assert "not in the cloud: " in message
    return caught.value


async def coming() -> None:
    return None


@pytest.mark.parametrize("base", [FakeDriver, SlackDriver])
@pytest.mark.parametrize("method", OPERATIONS)
def test_an_answer_of_another_type_is_a_bug_of_the_driver(
    method: str, base: type[FakeDriver]
) -> None:
    wrong = [{}, "text", True, (), SECRET, object()]
    wrong += [] if method in ANSWER_NOTHING | {"count_snapshots"} else [None]
    wrong += [snapshot("s")] if "volume" in method or method == "clone_snapshot" else [volume("v")]
    for answer in wrong:
        error = bug_of(method, answer, base)
        assert f"{method} returned " in error.message
        assert SECRET not in error.message
        assert error.maybe_done is (method in CHANGES), "a change may have happened all the same"


class MarkingDriver(FakeDriver):
    """Keeps markers, as far as the flag goes."""

    capabilities = FakeDriver.capabilities | Capability.SNAPSHOT_MARKER


def test_a_bug_in_a_creation_is_told_with_the_marker_and_hidden_by_nothing() -> None:
    error = bug_of("create_snapshot", {}, MarkingDriver)
    assert error.marker is not None
    assert error.maybe_done
    assert f"created_by={error.marker}" in str(error)
    assert bug_of("create_snapshot", {}, FakeDriver).marker is None


@pytest.mark.parametrize("answer", [5, b"why", ["why"], f"refused for {ALICE.password}"])
def test_a_last_failure_that_is_wrong_or_tells_a_secret_is_a_bug(answer: object) -> None:
    with pytest.raises(DriverBug, match="last_failure returned ") as caught:
        answering("last_failure", answer).last_failure("s")
    assert str(ALICE.password) not in caught.value.message
    assert answering("last_failure", "it was in use").last_failure("s") == "it was in use"


def test_a_coroutine_that_nobody_waits_for_is_no_success() -> None:
    answer = coming()
    assert "of type coroutine, not None" in bug_of("delete_snapshot", answer).message
    answer.close()


@pytest.mark.parametrize("count", [-1, 1.0, True, "3"])
def test_a_count_is_a_number_from_0_on(count: Any) -> None:
    assert "count_snapshots returned " in bug_of("count_snapshots", count).message


PAGES: list[tuple[Any, str]] = [
    (Page([snapshot("s")]), "items are of type list, not a tuple"),  # type: ignore[arg-type]
    (Page(None), "items are None"),  # type: ignore[arg-type]
    (Page(({"id": "s"},)), "a Page with a dict in it, not a StorageSnapshot"),
    (Page((snapshot("s"), None)), "a Page with a NoneType in it"),
    (Page((snapshot("s"), volume("v"))), "a Page with a StorageVolume in it"),
    (Page((snapshot("s"),), 5), "next_cursor is of type int"),  # type: ignore[arg-type]
    (Page((snapshot("s"),), b"5"), "next_cursor is of type bytes"),  # type: ignore[arg-type]
    (Page((snapshot("s"),), ""), "next_cursor is empty text"),
    (Page((snapshot("s"),), None, ["name"]), "unasked is of type list"),  # type: ignore[arg-type]
    (Page(tuple(snapshot(f"s{n}") for n in range(4))), "4 rows where 3 were asked for"),
    (Page((snapshot("a"), snapshot(5), snapshot("c"))), "whose id is no text"),  # type: ignore[arg-type]
    (Page((snapshot(""),)), "StorageSnapshot.id is empty text, not text that is not empty"),
    (
        Page((snapshot("a"), snapshot("b", created=NAIVE), snapshot("c"))),
        "whose time created is naive, not aware UTC",
    ),
    (Page((snapshot("a"), snapshot("b", created="now"), snapshot("c"))), "cannot be looked at"),
    (Page((snapshot("a", name=5),)), "StorageSnapshot.name is of type int, not text or None"),
    (Page((snapshot("a"), snapshot("b", name=5))), "StorageSnapshot.name is of type int"),
]


@pytest.mark.parametrize(("page", "told"), PAGES)
def test_a_page_that_is_none_is_a_bug_of_the_driver(page: Any, told: str) -> None:
    assert told in bug_of("list_snapshots", page).message


def test_pages_of_volumes_are_looked_at_as_well() -> None:
    assert "a StorageSnapshot in it" in bug_of("list_volumes", Page((snapshot("s"),))).message
    assert "whose id is no text" in bug_of("list_volumes", Page((volume(None),))).message  # type: ignore[arg-type]


FIELDS: list[tuple[str, Any]] = [
    ("id", 5),
    ("id", b"snap"),
    ("state", "available"),
    ("native_state", None),
    ("ready", "yes"),
    ("ready", 1),
    ("name", b"night"),
    ("progress", "50%"),
    ("progress", 50.5),
    ("created", NAIVE),
    ("created", datetime(2026, 11, 21, tzinfo=timezone(timedelta(hours=1)))),
    ("created", "2026-11-21T00:00:00Z"),
    ("completed", 1795219200),
    ("updated", NAIVE),
    ("volume_exists", "no"),
    ("size_bytes", "10 GiB"),
    ("size_bytes", 1.5),
    ("size_bytes", True),
    ("stored_kind", "full"),
    ("metadata", None),
    ("metadata", [("k", "v")]),
    ("metadata", {"k": 1}),
    ("metadata", {1: "v"}),
    ("labels", ["l"]),
    ("labels", (5,)),
    ("owner", "me"),
    ("owner", Owner(5, is_self=True)),  # type: ignore[arg-type]
    ("owner", Owner("me", is_self=None)),  # type: ignore[arg-type]
    ("visibility", None),
    ("encrypted", "aes"),
    ("deletable", None),
    ("created_by", "a marker"),
    ("created_by", Marker("id", None)),  # type: ignore[arg-type]
    ("native", "<xml/>"),
]


@pytest.mark.parametrize(("field", "value"), FIELDS)
def test_a_field_of_a_wrong_type_is_named(field: str, value: Any) -> None:
    wrong = dataclasses.replace(snapshot("s"), **{field: value})
    error = bug_of("get_snapshot", wrong)
    assert f"get_snapshot returned a wrong field: StorageSnapshot.{field} is " in error.message


def test_each_field_of_the_model_is_looked_at() -> None:
    everything: list[Any] = [snapshot("s"), volume("v")]
    for right in everything:
        assert fault_in(right) is None
        for field in dataclasses.fields(right):
            fault = fault_in(dataclasses.replace(right, **{field.name: object()}))
            assert fault is not None
            assert fault.startswith(f"{type(right).__name__}.{field.name} is of type object, not ")


def test_a_good_answer_is_left_alone() -> None:
    full = snapshot(
        "s",
        created=datetime(2026, 11, 21, tzinfo=UTC),
        metadata={"k": "v"},
        labels=("l",),
        owner=Owner("me", is_self=True),
        native={"any": object()},
        progress=100,
    )
    assert fault_of("get_snapshot", full) is None
    assert fault_of("list_snapshots", Page((full, full), "2"), page_size=2) is None
    assert fault_of("list_snapshots", Page((), "2"), page_size=2) is None
    assert fault_of("count_snapshots", None) is None
    assert fault_of("delete_snapshot", None) is None


def test_a_row_in_the_middle_that_breaks_the_gateway_is_blamed_on_the_driver() -> None:
    rows = (snapshot("a"), snapshot("b", name=5), snapshot("c"))
    ours = answering("list_snapshots", Page(rows))
    with pytest.raises(AttributeError) as caught:
        every(ours.list_snapshots(Query((Filter("name", "x", Lookup.CONTAINS),))))
    error = ours.blame(caught.value)
    assert isinstance(error, DriverBug)
    assert "StorageSnapshot.name is of type int" in error.message
    assert error.__cause__ is caught.value


def test_a_bug_of_ours_is_not_blamed_on_a_driver_that_has_done_nothing_wrong() -> None:
    ours = answering("list_snapshots", Page((snapshot("a"), snapshot("b"))))
    every(ours.list_snapshots(Query()))
    ours.check_credentials()
    error = ours.blame(KeyError("ours"))
    assert not isinstance(error, DriverBug)
    assert "a bug in the gateway" in error.message


def raising(exc: BaseException, **members: Any) -> type[FakeDriver]:
    def get_snapshot(self: Any, snapshot_id: str, *, deadline: Any) -> Any:
        raise exc

    return type("Wrong", (FakeDriver,), {"get_snapshot": get_snapshot, **members})


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError(SECRET)

    __repr__ = __str__


@pytest.mark.parametrize(
    "exc",
    [
        SystemExit(SECRET),
        GeneratorExit(SECRET),
        StopIteration(SECRET),
        RecursionError(SECRET),
        MemoryError(SECRET),
        Unspeakable(SECRET),
        BaseException(SECRET),
        BaseExceptionGroup(SECRET, [SystemExit(SECRET)]),
    ],
    ids=lambda exc: type(exc).__name__,
)
def test_whatever_a_driver_raises_ends_its_request_only(exc: BaseException) -> None:
    with pytest.raises(DriverBug) as caught:
        account(Backend(), raising(exc)).get_snapshot("s")
    assert f"does not classify ({type(exc).__name__})" in caught.value.message
    assert caught.value.__cause__ is exc
    assert SECRET not in caught.value.message


@pytest.mark.parametrize(
    ("meaning", "told"),
    [
        (lambda exc: "not_found", "classify returned a value of type str"),
        (lambda exc: ErrorCode.NOT_FOUND, "classify returned a value of type ErrorCode"),
        (lambda exc: exc, "classify returned a value of type KeyError"),
        (lambda exc: {}[exc], "classify raised KeyError when given KeyError"),
        (lambda exc: sys.exit(SECRET), "classify raised SystemExit when given KeyError"),
        (lambda exc: DriverError("not_found", "x"), "a DriverError whose code is of type str"),  # type: ignore[arg-type]
        (lambda exc: DriverError(None, "x"), "a DriverError whose code is None"),  # type: ignore[arg-type]
    ],
)
def test_a_classify_that_makes_no_sense_is_a_bug_of_the_driver(meaning: Any, told: str) -> None:
    driver = raising(KeyError(SECRET), classify=staticmethod(meaning))
    with pytest.raises(DriverBug) as caught:
        account(Backend(), driver).get_snapshot("s")
    assert told in caught.value.message
    assert isinstance(caught.value.__cause__, KeyError)
    assert SECRET not in caught.value.message


ERRORS: list[tuple[dict[str, Any], str]] = [
    ({"code": "conflict"}, "code is of type str"),
    ({"message": None}, "message is None"),
    ({"message": b"no"}, "message is of type bytes"),
    ({"fields": {"name": 5}}, "fields is of type dict, not a map of text to text"),
    ({"backend_code": 404}, "backend_code is of type int"),
    ({"retry_after_s": "60"}, "retry_after_s is of type str"),
    ({"retry_after_s": -1}, "retry_after_s is of type int"),
    ({"retry_after_s": float("nan")}, "retry_after_s is of type float"),
    ({"retry_after_s": float("inf")}, "retry_after_s is of type float"),
]


@pytest.mark.parametrize(("wrong", "told"), ERRORS)
def test_an_error_that_cannot_be_shown_is_a_bug_of_the_driver(
    wrong: dict[str, Any], told: str
) -> None:
    error = DriverError(**{"code": ErrorCode.CONFLICT, "message": "no", **wrong})
    with pytest.raises(DriverBug) as caught:
        account(Backend(), raising(error)).get_snapshot("s")
    assert f"it raised a DriverError whose {told}" in caught.value.message


def test_an_error_whose_class_forgets_to_set_itself_up_is_a_bug_of_the_driver() -> None:
    class Hollow(DriverError):
        def __init__(self) -> None:
            Exception.__init__(self, SECRET)

    with pytest.raises(DriverBug, match="whose code is None"):
        account(Backend(), raising(Hollow())).get_snapshot("s")
