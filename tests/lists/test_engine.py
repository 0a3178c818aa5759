"""The engine over any driver that keeps its contract: what a naive filter and sort would find."""

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import fields
from gateway.core.markers import Markers, Position
from gateway.core.registry import Provider
from gateway.core.snapshots import Account
from gateway.driver import DriverError, ErrorCode, Query, StorageSnapshot
from gateway.driver.order import Order
from tests.lists import naive
from tests.lists.random_driver import (
    Behaviour,
    account_of,
    behaviours,
    filters,
    in_order,
    item_of,
    snapshots,
    sorts,
)
from tests.unit.fakes import Backend, provider, snapshot

KEYED = re.compile(r"metadata\[(.+)\](__\w+)?", re.DOTALL)
KEY = b"the key of these tests"


def query_of(given_filters: Mapping[str, str], sort: str = "") -> Query:
    """Return what a query string means."""
    found = []
    for parameter, text in given_filters.items():
        keyed = KEYED.fullmatch(parameter)
        name, key = ("metadata" + (keyed[2] or ""), keyed[1]) if keyed else (parameter, None)
        found.append(fields.read_filter(fields.SNAPSHOTS, name, key, text))
    return Query(tuple(found), fields.read_sort(fields.SNAPSHOTS, sort) if sort else ())


def expected(behaviour: Behaviour, asked: Mapping[str, str], sort: str) -> list[str]:
    """Return the ids that must be found, in order if there is one."""
    pairs = [*asked.items(), *([("sort", sort)] if sort else [])]
    found = naive.answer([item_of(one) for one in behaviour.snapshots], pairs)
    ids = [item["id"] for item in found]
    return ids if sort else sorted(ids)


def walked(account: Account, query: Query, limit: int) -> list[str]:
    """Return the ids of all pages, none of which may be too long."""
    found: list[str] = []
    marker = None
    for _ in range(500):
        listing = account.list_snapshots(query, limit=limit, marker=marker)
        items = [item.id for item in listing.items()]
        assert len(items) <= limit
        found += items
        marker = listing.marker
        if marker is None:
            return found
    raise AssertionError("the list does not end")


@settings(max_examples=100, deadline=None)
@given(behaviours(), filters(), sorts())
def test_a_whole_list_is_what_the_naive_way_finds(
    behaviour: Behaviour, asked: dict[str, str], sort: str
) -> None:
    query = query_of(asked, sort)
    account = account_of(behaviour)
    listing = account.list_snapshots(query)
    found = [item.id for item in listing.items()]
    assert (found if sort else sorted(found)) == expected(behaviour, asked, sort)
    assert listing.source.matched == len(found)
    assert (listing.source.rows, listing.source.calls) == (behaviour.rows, behaviour.calls)
    assert account.count_snapshots(query, scan=True)[0] == len(found)


@settings(max_examples=100, deadline=None)
@given(behaviours(), filters(), sorts(), st.sampled_from([1, 2, 3, 7, 1000]))
def test_pages_are_what_the_naive_way_finds(
    behaviour: Behaviour, asked: dict[str, str], sort: str, limit: int
) -> None:
    found = walked(account_of(behaviour), query_of(asked, sort), limit)
    assert (found if sort else sorted(found)) == expected(behaviour, asked, sort)


@settings(max_examples=60, deadline=None)
@given(behaviours(), filters(), st.sampled_from([1, 2, 5]))
def test_an_unfiltered_part_is_never_read_twice(
    behaviour: Behaviour, asked: dict[str, str], limit: int
) -> None:
    """Without filters of the gateway's own, a walk reads each row once."""
    query = query_of(asked)
    known = {(f.field, f.lookup) for f in query.filters}
    behaviour.pushdown = {k: v for k, v in behaviour.pushdown.items() if k not in known}
    account = account_of(behaviour)
    walked(account, Query(), limit)
    assert behaviour.rows == len(behaviour.snapshots)


@pytest.mark.parametrize("limit", [1, 2, 7])
@pytest.mark.parametrize("page_size", [3, 20, 100])
def test_matches_that_come_thick_after_none_are_all_found(limit: int, page_size: int) -> None:
    """Pages grow where nothing matches, and are read again where too much does."""
    rare = [snapshot(f"{n:03}", name="x") for n in range(60)]
    many = [snapshot(f"{n:03}", name="wanted" if n % 10 else "x") for n in range(60, 120)]
    behaviour = Behaviour({}, frozenset(), page_size, seed=1, snapshots=[*rare, *many])
    found = walked(account_of(behaviour), query_of({"name__contains": "WANT"}), limit)
    assert found == [one.id for one in many if one.name == "wanted"]


@settings(max_examples=80, deadline=None)
@given(snapshots(), sorts(), filters())
def test_a_place_survives_json_and_divides_the_list(
    made: list[StorageSnapshot], sort: str, asked: dict[str, str]
) -> None:
    order = Order(query_of(asked, sort or "id").sort)
    for one in made:
        values = order.values(one)
        carried = orjson.loads(orjson.dumps(values))
        assert order.place_of(carried) == order.place(one)
        assert json.loads(json.dumps(values)) == carried
    naively = in_order(made, (sort or "id").split(","))
    assert sorted(made, key=order.place) == naively
    for number, one in enumerate(naively):
        behind = [other for other in made if order.place(other) > order.place(one)]
        assert {other.id for other in behind} == {other.id for other in naively[number + 1 :]}


POSITIONS = st.builds(
    Position,
    st.none() | st.text(max_size=50),
    st.none()
    | st.lists(st.none() | st.text(max_size=20) | st.integers(-(2**53), 2**53), max_size=4),
)
FAKE = provider(Backend())


def markers(
    query: Query, *, key: bytes = KEY, kind: str = "snapshots", of: Provider = FAKE
) -> Markers:
    return Markers(key, of, kind, query)


@settings(max_examples=100, deadline=None)
@given(POSITIONS, filters(), sorts())
def test_a_marker_leads_back_to_its_position(
    position: Position, asked: dict[str, str], sort: str
) -> None:
    query = query_of(asked, sort)
    marker = markers(query).write(position)
    assert re.fullmatch("[A-Za-z0-9_-]+", marker)
    turned = query_of(dict(reversed(asked.items())), sort)
    assert markers(turned).read(marker) == position, "the filters' order does not matter"


def refused(reader: Markers, marker: str) -> None:
    with pytest.raises(DriverError) as caught:
        reader.read(marker)
    assert caught.value.code is ErrorCode.INVALID
    assert list(caught.value.fields) == ["marker"]


@settings(max_examples=100, deadline=None)
@given(POSITIONS, filters(), sorts(), filters(), sorts())
def test_a_marker_of_another_list_is_refused(
    position: Position, asked: dict[str, str], sort: str, other: dict[str, str], turned: str
) -> None:
    query = query_of(asked, sort)
    marker = markers(query).write(position)
    if query_of(other, sort) != query and other != asked and sorted(other) != sorted(asked):
        refused(markers(query_of(other, sort)), marker)
    if turned != sort:
        refused(markers(query_of(asked, turned)), marker)
    refused(markers(query, key=b"another key of the tests"), marker)
    refused(markers(query, kind="volumes"), marker)
    refused(markers(query, of=provider(Backend(), name="second")), marker)


@settings(max_examples=100, deadline=None)
@given(POSITIONS, st.data())
def test_a_marker_that_was_changed_is_refused(position: Position, data: st.DataObject) -> None:
    reader = markers(Query())
    marker = reader.write(position)
    cut = data.draw(st.integers(0, len(marker) - 1))
    refused(reader, marker[:cut])
    letter = data.draw(st.sampled_from("Aa0_-Zz9"))
    place = data.draw(st.integers(0, len(marker) - 2))
    if marker[place] != letter:
        refused(reader, marker[:place] + letter + marker[place + 1 :])
    refused(reader, data.draw(st.text(max_size=30)))
    refused(reader, "A" * 9000)


ALIKE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"name": "a"}, {"name__in": "a"}),
    ({"name": "a"}, {"description": "a"}),
    ({"metadata[k]": "a"}, {"metadata[K]": "a"}),
    ({"metadata[k]": "a"}, {"metadata__has": "k"}),
    ({"metadata[k]__in": "a"}, {"metadata[k]__in]": "a"}),
    ({"name__in": "a,b"}, {"name__in": "b,c"}),
    ({"name": "a", "description": "b"}, {"name": "b", "description": "a"}),
    ({"size_bytes": "1"}, {"progress": "1"}),
    ({"size_bytes__gt": "1"}, {"size_bytes__gte": "1"}),
    ({"name__isnull": "true"}, {"name__isnull": "false"}),
    ({"ready": "true"}, {"encrypted": "true"}),
]


@pytest.mark.parametrize(("one", "other"), ALIKE, ids=str)
def test_markers_tell_lists_apart_that_look_alike(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    marker = markers(query_of(one)).write(Position("c"))
    assert markers(query_of(one)).read(marker) == Position("c")
    refused(markers(query_of(other)), marker)


def test_a_marker_is_bound_to_the_whole_of_long_values() -> None:
    one, other = (query_of({"description": "z" * 300 + end}) for end in "xy")
    refused(markers(other), markers(one).write(Position("c")))


@pytest.mark.parametrize("spoilt", [lambda m: m + "=", lambda m: m[:-1] + chr(ord(m[-1]) + 1)])
def test_a_marker_has_one_spelling(spoilt: Any) -> None:
    ours = markers(Query())
    refused(ours, spoilt(ours.write(Position("c"))))


def test_every_filter_value_that_is_read_can_be_bound_to_a_marker() -> None:
    for text in ("9223372036854775807", "7.5EiB", "0"):
        markers(query_of({"size_bytes__lt": text})).write(Position("c"))
