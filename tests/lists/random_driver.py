"""A driver in memory that filters, sorts and pages as hypothesis wishes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from gateway.core import fields
from gateway.core.core import Core
from gateway.core.guard import Guard
from gateway.core.registry import Provider, Providers
from gateway.core.sessions import Sessions
from gateway.core.snapshots import Account
from gateway.driver import (
    Capability,
    Deadline,
    Driver,
    Filter,
    Lookup,
    Owner,
    Page,
    Pushdown,
    Query,
    SnapshotState,
    StorageSnapshot,
)
from tests.lists import naive
from tests.unit.fakes import ALICE, LISTS, Backend, BareDriver, snapshot

GUARD = Guard(timeout_s=30)
WORDS = st.sampled_from(["a", "A", "aa", "b", "ß", "ss", "SS", "é", "日", "💾", "", "\\", "*", "%"])
_TIMES = st.sampled_from(
    [f"2025-01-0{day}T00:00:00.{ms}Z" for day in (1, 2) for ms in ("000", "001", "250")]
)
_SIZES = st.integers(0, 3)
_STATES = st.sampled_from(["available", "error", "busy"])
_FLAGS = st.booleans()
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "name": WORDS,
    "description": WORDS,
    "state": _STATES,
    "ready": _FLAGS,
    "progress": _SIZES,
    "created": _TIMES,
    "updated": _TIMES,
    "volume_id": st.sampled_from(["v1", "v2", "V1"]),
    "size_bytes": _SIZES,
    "owner": st.sampled_from(["me", "other"]),
    "encrypted": _FLAGS,
    "location": st.sampled_from(["ZRH", "FRA"]),
    "label": st.sampled_from(["x", "y"]),
}
KEYS = ("k", "K", "it's", "a[b]")
REQUIRED = frozenset({"state", "ready"})
NO_SORT = frozenset({"label"})


@dataclass
class Behaviour:
    """How a driver behaves: what it declares, its pages, what more it lets through."""

    pushdown: dict[tuple[str, Lookup], Pushdown]
    sort_keys: frozenset[str]
    page_size: int
    seed: int
    snapshots: list[StorageSnapshot] = field(default_factory=list)
    calls: int = 0
    rows: int = 0

    def noise(self, *about: object) -> int:
        """Return a number that depends on what it is about, and on nothing else."""
        return hashlib.md5(repr((self.seed, about)).encode()).digest()[0]


class RandomDriver(BareDriver):
    """Keeps to the contract of drivers and to nothing more."""

    behaviour: Behaviour

    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        mine = self.behaviour
        assert all((f.field, f.lookup) in mine.pushdown for f in query.filters)
        assert all(key.field in mine.sort_keys for key in query.sort)
        assert 1 <= page_size <= mine.page_size
        found = [one for one in mine.snapshots if self._lets_through(one, query.filters)]
        if query.sort:
            found = in_order(found, [key.name for key in query.sort])
        start, number = map(int, cursor.split(".")) if cursor else (0, 0)
        size = page_size
        if mine.noise("short", start, number) < 60 and number < 3:
            size = mine.noise("size", start, number) % (page_size + 1)  # short, or even empty
        page = found[start : start + size]
        end = start + len(page)
        mine.calls, mine.rows = mine.calls + 1, mine.rows + len(page)
        is_last = end >= len(found) and mine.noise("late end", number) > 40
        following = None if is_last or (end >= len(found) and number > 5) else f"{end}.{number + 1}"
        return Page(tuple(page), following)

    def _lets_through(self, one: StorageSnapshot, filters: Sequence[Filter]) -> bool:
        return all(self._passes(one, condition) for condition in filters)

    def _passes(self, one: StorageSnapshot, condition: Filter) -> bool:
        mine = self.behaviour
        if naive.answer([item_of(one)], [pair_of(condition)]):
            return True
        how = mine.pushdown[condition.field, condition.lookup]
        return how is Pushdown.SUPERSET and mine.noise(one.id, condition.name) < 100


def pair_of(condition: Filter) -> tuple[str, str]:
    """Return a filter as a query string has it."""
    return condition.name, ",".join(map(_text, condition.values))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def item_of(one: StorageSnapshot) -> dict[str, Any]:
    """Return a snapshot as the naive filter reads it."""
    return {
        **{name: getattr(one, name) for name in VALUES if name not in {"owner", "label"}},
        **{name: _iso(getattr(one, name)) for name in ("created", "updated")},
        "id": one.id,
        "owner": one.owner.id if one.owner else None,
        "owner_self": bool(one.owner and one.owner.is_self),
        "label": one.labels,
        "metadata": one.metadata,
    }


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def in_order(found: Sequence[StorageSnapshot], keys: Sequence[str]) -> list[StorageSnapshot]:
    """Return snapshots in the naive order."""
    by_id = {one.id: one for one in found}
    return [by_id[item["id"]] for item in naive.in_order(map(item_of, found), keys)]


def account_of(behaviour: Behaviour) -> Account:
    """Return an account at a driver that behaves so."""
    driver: type[Driver] = type(
        "OneRandomDriver",
        (RandomDriver,),
        {
            "behaviour": behaviour,
            "pushdown": behaviour.pushdown,
            "sort_keys": behaviour.sort_keys,
            "page_size": behaviour.page_size,
            "capabilities": Capability.KEEPS_DEADLINE,
        },
    )
    provider = Provider("fake", "fake", driver, {"backend": Backend(), "shared": None})
    providers = Providers((provider,), "fake")
    return Core(providers, Sessions(providers), GUARD, LISTS).account(provider, ALICE)


@st.composite
def snapshots(draw: st.DrawFn) -> list[StorageSnapshot]:
    """Draw a few snapshots, of which many have something in common."""
    ids = draw(st.lists(st.sampled_from([f"i{n}" for n in range(40)]), unique=True, max_size=25))
    return [draw(_one(id_)) for id_ in ids]


@st.composite
def _one(draw: st.DrawFn, id_: str) -> StorageSnapshot:
    given: dict[str, Any] = {
        name: draw(values if name in REQUIRED else st.none() | values)
        for name, values in VALUES.items()
        if name != "label"
    }
    owner = given.pop("owner")
    for name in ("created", "updated"):
        given[name] = fields.SNAPSHOTS[name].read(given[name]) if given[name] else None
    return snapshot(
        id_,
        **{**given, "state": SnapshotState(given["state"])},
        owner=Owner(owner, owner == "me") if owner else None,
        labels=tuple(draw(st.sets(VALUES["label"]))),
        metadata=draw(st.dictionaries(st.sampled_from(KEYS), WORDS, max_size=2)),
    )


@st.composite
def filters(draw: st.DrawFn) -> dict[str, str]:
    """Draw filters as a query string has them."""
    found = {}
    for name in draw(st.lists(st.sampled_from([*VALUES, "metadata"]), max_size=3, unique=True)):
        key = draw(st.sampled_from(KEYS)) if name == "metadata" and draw(st.booleans()) else None
        known = fields.METADATA_OF_KEY if key else fields.SNAPSHOTS[name]
        lookup = draw(st.sampled_from(known.lookups))
        parameter = f"metadata[{key}]" if key else name
        parameter += "" if lookup is Lookup.EXACT else f"__{lookup}"
        found[parameter] = draw(_value(name, lookup, is_key=key is not None))
    return found


def _value(name: str, lookup: Lookup, *, is_key: bool) -> st.SearchStrategy[str]:
    if lookup is Lookup.ISNULL:
        return st.sampled_from(["true", "false"])
    if lookup is Lookup.HAS:
        return st.sampled_from(KEYS)
    one = (WORDS if is_key else VALUES[name]).map(_text)
    if name == "owner":
        one |= st.just("self") if lookup is not Lookup.CONTAINS else st.just("m")
    return one if lookup is not Lookup.IN else st.lists(one, min_size=1, max_size=3).map(",".join)


SORTABLE = sorted({*VALUES, "id"} - NO_SORT)


@st.composite
def sorts(draw: st.DrawFn) -> str:
    """Draw an order, mostly one."""
    names = draw(st.lists(st.sampled_from(SORTABLE), max_size=3, unique=True))
    return ",".join(draw(st.sampled_from(["", "-"])) + name for name in names)


@st.composite
def behaviours(draw: st.DrawFn) -> Behaviour:
    """Draw how a driver behaves."""
    every = [(name, lookup) for name in VALUES for lookup in fields.SNAPSHOTS[name].lookups]
    every += [("metadata", lookup) for lookup in Lookup]
    return Behaviour(
        pushdown=draw(
            st.dictionaries(st.sampled_from(every), st.sampled_from(Pushdown), max_size=40)
        ),
        sort_keys=draw(st.frozensets(st.sampled_from(SORTABLE))),
        page_size=draw(st.sampled_from([1, 2, 3, 5, 30])),
        seed=draw(st.integers(0, 1000)),
        snapshots=draw(snapshots()),
    )
