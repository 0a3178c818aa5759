"""What the shape of a driver class shows before anything of it is called.

Each check returns sentences about the class, so that an author reads at once all that
is wrong. A check that needs a sound attribute is made only where it is sound.
"""

import inspect
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from gateway.driver.base import CONTRACT, Driver
from gateway.driver.capabilities import METHODS, Capability, Limits
from gateway.driver.errors import ConfigurationError
from gateway.driver.model import StorageSnapshot, StorageVolume
from gateway.driver.options import DriverOptions
from gateway.driver.query import DERIVED_FIELDS, Lookup, Pushdown

_PAGE = ("query",), ("page_size", "cursor", "deadline")
_BY_ID = ("id",), ("deadline",)
_BY_ID_AND_REQUEST = ("id", "request"), ("deadline",)
_REQUEST = ("request",), ("deadline",)
_OPTIONS: tuple[tuple[str, ...], tuple[str, ...]] = ("options",), ()
_OF_THE_CLASS = {
    "check": _OPTIONS,
    "share": _OPTIONS,
    "demo_credentials": _OPTIONS,
    "open": (("options", "credentials"), ("shared", "deadline")),
    "classify": (("exc",), ()),
}
"""Method -> what the core passes to it by position and by name."""
_OF_THE_OBJECT: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "check_credentials": ((), ("deadline",)),
    "close": ((), ()),
    "list_snapshots": _PAGE,
    "get_snapshot": _BY_ID,
    "last_failure": _BY_ID,
    "count_snapshots": (("query",), ("deadline",)),
    "create_snapshot": _REQUEST,
    "update_snapshot": _BY_ID_AND_REQUEST,
    "delete_snapshot": _BY_ID,
    "clone_snapshot": _BY_ID_AND_REQUEST,
    "copy_snapshot": (("id", "request"), ("destination", "deadline")),
    "revert_snapshot": _BY_ID,
    "list_volumes": _PAGE,
    "get_volume": _BY_ID,
    "create_volume": _REQUEST,
    "delete_volume": _BY_ID,
}
_FOUND_BY = {Capability.VOLUME_MARKER: Capability.VOLUME_READ}
"""Marker -> what shows it, where that is not required anyway."""


def check_driver_class(cls: type[Driver]) -> None:
    """Check that a class keeps the contract as far as its shape shows.

    Raises:
        ConfigurationError: the contract that the class was written for is not ours; else
            naming each member that is missing, of a wrong type or not to be called as
            the core calls it, and each capability that is declared without its method or
            the other way round.
    """
    problems = [*_contract(cls.contract)] or [
        *(f"{name} is not implemented" for name in sorted(cls.__abstractmethods__)),
        *_attributes(cls),
        *_capabilities(cls),
        *_calls(cls),
    ]
    if problems:
        where = f"{cls.__module__}:{cls.__qualname__}"
        raise ConfigurationError(f"driver class {where}: " + "; ".join(problems))


def _contract(wanted: object) -> Iterator[str]:
    if not (isinstance(wanted, tuple) and [type(part) for part in wanted] == [int, int]):
        yield f"contract is {wanted!r}; give (major, minor), such as {CONTRACT}"
        return
    major, minor = wanted
    needs = (
        f"it needs version {major}.{minor} of the driver contract and this gateway has {{}}.{{}}"
    )
    if (major, minor) > CONTRACT:
        yield needs.format(*CONTRACT) + "; upgrade snapgate"
    elif major < CONTRACT[0]:
        yield needs.format(*CONTRACT) + "; upgrade the driver's package"


def _attributes(cls: type[Driver]) -> Iterator[str]:
    if not isinstance(cls.title, str):
        yield f"title is of type {_type(cls.title)}; give text"
    if not isinstance(cls.capabilities, Capability):
        yield f"capabilities is {cls.capabilities!r}; give flags of Capability"
    if not (isinstance(cls.Options, type) and issubclass(cls.Options, DriverOptions)):
        yield "Options is no subclass of DriverOptions; derive it from gateway.driver.DriverOptions"
    if type(cls.page_size) is not int or cls.page_size < 1:
        yield f"page_size is {cls.page_size!r}; give a whole number from 1 on"
    tick = cls.created_tick_s
    if type(tick) not in {int, float} or not 0 <= tick < math.inf:
        yield f"created_tick_s is {tick!r}; give a number of seconds from 0 on"
    yield from _limits(cls.limits)
    snapshot_fields = StorageSnapshot.__dataclass_fields__.keys() | DERIVED_FIELDS
    yield from _table("pushdown", cls.pushdown, snapshot_fields, "StorageSnapshot")
    volume_fields = StorageVolume.__dataclass_fields__
    yield from _table("volume_pushdown", cls.volume_pushdown, volume_fields, "StorageVolume")
    yield from _sort_keys(cls.sort_keys)


def _limits(limits: object) -> Iterator[str]:
    if not isinstance(limits, Limits):
        yield f"limits is of type {_type(limits)}; give a gateway.driver.Limits"
        return
    for name in Limits.__dataclass_fields__:
        given, default = getattr(limits, name), getattr(Limits(), name)
        if type(given) is not type(default) or (isinstance(given, int) and given < 0):
            wanted = "text" if isinstance(default, str) else "a whole number from 0 on"
            yield f"limits.{name} is {given!r}; give {wanted}"
    try:
        re.compile(limits.metadata_key_pattern)
    except (re.error, TypeError, OverflowError, RecursionError):
        yield "limits.metadata_key_pattern is no regular expression of Python's"


def _table(name: str, table: object, known: Collection[str], model: str) -> Iterator[str]:
    if not isinstance(table, Mapping):
        yield f"{name} is of type {_type(table)}; give a map of (field, Lookup) to Pushdown"
        return
    for key, how in table.items():
        is_pair = isinstance(key, tuple) and [type(part) for part in key] == [str, Lookup]
        if not is_pair or not isinstance(how, Pushdown):
            yield f"{name} maps {key!r} to {how!r}; give (field, Lookup) and a Pushdown"
        elif key[0] not in known:
            yield f"{name} names {key[0]!r}, which is no field of {model}"


def _sort_keys(keys: object) -> Iterator[str]:
    if not isinstance(keys, frozenset):
        yield f"sort_keys is of type {_type(keys)}; give a frozenset of field names"
        return
    for field in sorted(keys, key=repr):
        if field not in StorageSnapshot.__dataclass_fields__:
            yield f"sort_keys names {field!r}, which is no field of StorageSnapshot"


def _capabilities(cls: type[Driver]) -> Iterator[str]:
    if not isinstance(cls.capabilities, Capability):
        return
    for capability, methods in METHODS.items():
        declared = capability in cls.capabilities
        for method in methods:
            overridden = getattr(cls, method) is not getattr(Driver, method)
            if declared and not overridden:
                yield f"{capability.name} is declared but {method} is not overridden"
            if overridden and not declared:
                yield f"{method} is overridden but {capability.name} is not declared"
    for capability, reader in _FOUND_BY.items():
        if capability in cls.capabilities and reader not in cls.capabilities:
            yield f"{capability.name} is declared but {reader.name}, which finds it, is not"


def _calls(cls: type[Driver]) -> Iterator[str]:
    """Compare the methods with how the core calls them."""
    for name, (placed, named) in _OF_THE_CLASS.items():
        if not isinstance(inspect.getattr_static(cls, name), classmethod | staticmethod):
            kind = "staticmethod" if name == "classify" else "classmethod"
            yield f"{name} is called on the class; make it a {kind}"
        else:
            yield from _call(getattr(cls, name), name, placed, named)
    for name, (placed, named) in _OF_THE_OBJECT.items():
        if isinstance(inspect.getattr_static(cls, name), classmethod | staticmethod | property):
            yield f"{name} is called on an opened driver; make it an ordinary method"
        else:
            yield from _call(getattr(cls, name), name, ("self", *placed), named)


def _call(method: Any, name: str, placed: Iterable[str], named: Iterable[str]) -> Iterator[str]:
    if not callable(method):
        yield f"{name} is of type {_type(method)}; make it a method"
        return
    if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
        yield f"{name} is async; the core waits for no coroutine: make it an ordinary method"
        return
    try:
        signature = inspect.signature(method)
    except ValueError:
        return  # written in C, without a signature: nothing shows before the first call
    missing = [one for one in named if not _takes(signature, one)]
    yield from (f"{name} does not take the argument {one}" for one in missing)
    try:
        signature.bind(*placed, **dict.fromkeys(named))
    except TypeError as exc:
        if not missing:
            called = ", ".join([*placed, *(f"{one}=..." for one in named)])
            yield f"{name} does not take the call {name}({called}): {exc}"


def _takes(signature: inspect.Signature, name: str) -> bool:
    kinds = {p.kind for p in signature.parameters.values()}
    if inspect.Parameter.VAR_KEYWORD in kinds:
        return True
    found = signature.parameters.get(name)
    return found is not None and found.kind in {found.KEYWORD_ONLY, found.POSITIONAL_OR_KEYWORD}


def _type(value: object) -> str:
    return type(value).__name__
