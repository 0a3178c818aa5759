"""What a driver class shows of itself that cannot work, told before it is used."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
from marshmallow import Schema

from gateway.driver import (
    CONTRACT,
    Capability,
    ConfigurationError,
    Driver,
    Limits,
    Lookup,
    Pushdown,
    check_driver_class,
)
from gateway.driver import shape as shape_module
from tests.unit.fakes import BareDriver, FakeDriver

OPEN_TO_ALL = ("volume_id", Lookup.EXACT)


def problem(driver: type[Driver]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check_driver_class(driver)
    message = str(caught.value)
    assert message.startswith(f"driver class {driver.__module__}:{driver.__qualname__}: ")
    return message


def with_members(**members: Any) -> type[Driver]:
    return type("Changed", (FakeDriver,), members)


def test_a_driver_that_says_nothing_was_written_for_the_first_contract() -> None:
    assert BareDriver.contract == (1, 0)


@pytest.mark.parametrize("ours", [(1, 0), (1, 3)])
@pytest.mark.parametrize("theirs", [(1, 0), (1, 3)])
def test_a_driver_works_with_its_own_contract_and_later_minor_ones(
    monkeypatch: pytest.MonkeyPatch, ours: tuple[int, int], theirs: tuple[int, int]
) -> None:
    monkeypatch.setattr(shape_module, "CONTRACT", ours)
    driver = with_members(contract=theirs)
    if theirs <= ours:
        check_driver_class(driver)
    else:
        told = "it needs version 1.3 of the driver contract and this gateway has 1.0"
        assert f"{told}; upgrade snapgate" in problem(driver)


@pytest.mark.parametrize(
    ("theirs", "advice"),
    [
        ((1, 1), "1.1 of the driver contract and this gateway has 1.0; upgrade snapgate"),
        ((2, 0), "2.0 of the driver contract and this gateway has 1.0; upgrade snapgate"),
        ((0, 9), "0.9 of the driver contract and this gateway has 1.0; upgrade the driver's"),
    ],
)
def test_another_contract_is_refused_with_what_to_upgrade(
    theirs: tuple[int, int], advice: str
) -> None:
    assert CONTRACT == (1, 0)
    assert advice in problem(with_members(contract=theirs))


def test_a_class_of_another_contract_is_not_measured_by_ours() -> None:
    assert "sort_keys" not in problem(with_members(contract=(2, 0), sort_keys="all"))


@pytest.mark.parametrize("wrong", ["1.0", 1, None, (1,), (1, 0, 0), [1, 0], (1.0, 0), (True, 0)])
def test_a_contract_that_is_no_pair_of_numbers_is_refused(wrong: Any) -> None:
    assert "give (major, minor), such as (1, 0)" in problem(with_members(contract=wrong))


ATTRIBUTES: list[tuple[str, Any, str]] = [
    ("title", None, "title is of type NoneType; give text"),
    ("title", b"Acme", "title is of type bytes"),
    ("capabilities", {"snapshot_create"}, "give flags of Capability"),
    ("capabilities", 1, "capabilities is 1; give flags"),
    ("Options", None, "Options is no subclass of DriverOptions"),
    ("Options", Schema, "Options is no subclass of DriverOptions"),
    ("Options", {"region": str}, "Options is no subclass of DriverOptions"),
    ("created_tick_s", -1, "created_tick_s is -1; give a number of seconds from 0 on"),
    ("created_tick_s", "1", "created_tick_s is '1'; give a number of seconds from 0 on"),
    ("page_size", 0, "page_size is 0; give a whole number from 1 on"),
    ("page_size", -1, "page_size is -1"),
    ("page_size", 10.5, "page_size is 10.5"),
    ("page_size", "100", "page_size is '100'"),
    ("page_size", True, "page_size is True"),
    ("page_size", None, "page_size is None"),
    ("limits", {"name": 3}, "limits is of type dict; give a gateway.driver.Limits"),
    ("limits", Limits, "limits is of type type"),
    ("limits", Limits(name=None), "limits.name is None; give a whole number"),  # type: ignore[arg-type]
    ("limits", Limits(metadata_pairs=-1), "limits.metadata_pairs is -1"),
    ("limits", Limits(reserved_prefix=None), "limits.reserved_prefix is None; give text"),  # type: ignore[arg-type]
    ("limits", Limits(metadata_key_pattern="["), "metadata_key_pattern is no regular expression"),
    ("limits", Limits(metadata_key_pattern=5), "metadata_key_pattern is 5; give text"),  # type: ignore[arg-type]
    ("pushdown", [OPEN_TO_ALL], "pushdown is of type list; give a map"),
    ("pushdown", {"volume_id": Pushdown.EXACT}, "pushdown maps 'volume_id' to"),
    ("pushdown", {OPEN_TO_ALL: "exact"}, "to 'exact'; give (field, Lookup) and a Pushdown"),
    ("pushdown", {OPEN_TO_ALL: True}, "to True; give (field, Lookup) and a Pushdown"),
    ("pushdown", {("volume_id", "exact"): Pushdown.EXACT}, "pushdown maps ('volume_id', 'exact')"),
    ("pushdown", {("volume_id",): Pushdown.EXACT}, "pushdown maps ('volume_id',)"),
    ("pushdown", {(1, Lookup.EXACT): Pushdown.EXACT}, "pushdown maps (1, "),
    ("pushdown", {("colour", Lookup.EXACT): Pushdown.EXACT}, "pushdown names 'colour', which is"),
    ("volume_pushdown", None, "volume_pushdown is of type NoneType; give a map"),
    ("volume_pushdown", {("tier", Lookup.EXACT): Pushdown.EXACT}, "no field of StorageVolume"),
    ("sort_keys", {"name"}, "sort_keys is of type set; give a frozenset"),
    ("sort_keys", ("name",), "sort_keys is of type tuple; give a frozenset"),
    ("sort_keys", None, "sort_keys is of type NoneType"),
    ("sort_keys", frozenset({"shape"}), "sort_keys names 'shape', which is no field"),
    ("sort_keys", frozenset({5, "name"}), "sort_keys names 5, which is no field"),
]


@pytest.mark.parametrize(("name", "value", "told"), ATTRIBUTES)
def test_an_attribute_of_a_wrong_type_is_told_with_what_to_give(
    name: str, value: Any, told: str
) -> None:
    assert told in problem(with_members(**{name: value}))


def test_a_marker_of_volumes_that_nothing_can_find_is_told() -> None:
    class Blind(BareDriver):
        capabilities = BareDriver.capabilities | Capability.VOLUME_MARKER

    told = "VOLUME_MARKER is declared but VOLUME_READ, which finds it, is not"
    assert told in problem(Blind)


def test_all_that_is_wrong_is_told_at_once() -> None:
    members = {name: value for name, value, _ in ATTRIBUTES}  # the last one of each name
    message = problem(with_members(**members))
    assert all(name in message for name in members)


def nothing(*_: Any, **__: Any) -> None:
    return None


CALLS: list[tuple[str, Any, str]] = [
    ("get_snapshot", lambda self, snapshot_id: None, "does not take the argument deadline"),
    ("get_snapshot", lambda self, *, deadline: None, "does not take the call get_snapshot("),
    ("get_snapshot", lambda self, a, b, *, deadline: None, "missing a required argument: 'b'"),
    ("get_snapshot", lambda self, i, deadline, /: None, "does not take the argument deadline"),
    ("get_snapshot", lambda self, i, *, deadline, more: None, "missing a required argument"),
    ("list_snapshots", lambda self, q, *, size, cursor, deadline: None, "argument page_size"),
    ("list_volumes", lambda self, q, *, page_size, deadline: None, "argument cursor"),
    ("create_snapshot", lambda self, *, deadline: None, "create_snapshot does not take the call"),
    (
        "update_snapshot",
        lambda self, i, *, deadline: None,
        "update_snapshot does not take the call",
    ),
    ("copy_snapshot", lambda self, i, r, *, deadline: None, "argument destination"),
    ("check_credentials", lambda self: None, "check_credentials does not take the argument"),
    ("close", lambda self, now: None, "close does not take the call close(self)"),
    ("close", lambda: None, "close does not take the call close(self)"),
    ("open", classmethod(lambda cls, o, c, *, deadline: None), "argument shared"),
    ("open", classmethod(lambda cls, o, *, shared, deadline: None), "open does not take the call"),
    ("open", nothing, "open is called on the class; make it a classmethod"),
    ("share", nothing, "share is called on the class; make it a classmethod"),
    ("share", classmethod(lambda cls: None), "share does not take the call share(options)"),
    ("check", nothing, "check is called on the class; make it a classmethod"),
    ("check", classmethod(lambda cls, a, b: None), "check does not take the call check(options)"),
    ("demo_credentials", nothing, "demo_credentials is called on the class"),
    ("classify", lambda self, exc: None, "classify is called on the class; make it a staticmethod"),
    ("classify", staticmethod(lambda: None), "classify does not take the call classify(exc)"),
    ("get_snapshot", classmethod(nothing), "make it an ordinary method"),
    ("delete_snapshot", staticmethod(nothing), "make it an ordinary method"),
    ("list_snapshots", property(nothing), "make it an ordinary method"),
    ("close", "done", "close is of type str; make it a method"),
]


@pytest.mark.parametrize(("name", "method", "told"), CALLS)
def test_a_method_that_cannot_take_the_cores_call_is_told(
    name: str, method: Any, told: str
) -> None:
    message = problem(with_members(**{name: method}))
    assert told in message
    assert f"{name} " in message


async def coming(*_: Any, **__: Any) -> None:
    return None


async def coming_in_parts(*_: Any, **__: Any) -> Any:
    yield None


@pytest.mark.parametrize("method", [coming, coming_in_parts])
@pytest.mark.parametrize("name", ["delete_snapshot", "check_credentials", "list_snapshots"])
def test_an_async_method_which_nobody_would_wait_for_is_refused(name: str, method: Any) -> None:
    assert f"{name} is async" in problem(with_members(**{name: method}))


def test_other_ways_to_write_a_method_are_fine() -> None:
    def traced(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*args: Any, **kw: Any) -> Any:
            return method(*args, **kw)

        return call

    check_driver_class(
        with_members(
            get_snapshot=traced(FakeDriver.get_snapshot),
            delete_snapshot=lambda self, snapshot_id, deadline=None, **more: None,
            create_snapshot=nothing,
            open=staticmethod(nothing),
            classify=classmethod(lambda cls, exc: None),
            close=functools.partialmethod(nothing),
            capabilities=FakeDriver.capabilities | Capability.LOCATION,
        )
    )
