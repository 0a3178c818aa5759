import ast
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cinder import queries, wire
from drivers.cinder.driver import CinderDriver
from gateway.driver import Filter, Lookup, Pushdown, Query, SnapshotState, SortKey, VolumeState
from tests.unit.cinder_samples import named

ALL = queries.DEFAULT_FILTERS
NONE: frozenset[str] = frozenset()
S: TypeAlias = SnapshotState
V: TypeAlias = VolumeState


def query(**conditions: str) -> Query:
    return Query(tuple(Filter(field, value) for field, value in conditions.items()))


def tagged(pairs: Mapping[str, str]) -> Query:
    return Query(tuple(Filter("metadata", value, key=key) for key, value in pairs.items()))


@pytest.mark.parametrize(
    ("conditions", "asked"),
    [
        ({}, {}),
        ({"name": "n"}, {"name": "n"}),
        ({"name": ""}, {"name": ""}),
        ({"name": "a b&c=d%"}, {"name": "a b&c=d%"}),
        ({"volume_id": "v"}, {"volume_id": "v"}),
        ({"state": S.AVAILABLE}, {"status": "available"}),
        ({"state": "creating"}, {"status": "creating"}),
        ({"id": "s"}, {}),
        ({"owner": "self"}, {}),
        (
            {"name": "n", "volume_id": "v", "state": "available"},
            {"name": "n", "volume_id": "v", "status": "available"},
        ),
    ],
)
def test_each_condition_is_asked_of_cinder(
    conditions: dict[str, str], asked: dict[str, str]
) -> None:
    assert queries.of_snapshots(query(**conditions), ALL) == asked
    assert queries.of_snapshots(query(**conditions), NONE) == {}


@pytest.mark.parametrize(
    ("allowed", "asked"),
    [
        ({"name"}, {"name"}),
        ({"status"}, {"status"}),
        ({"volume_id", "metadata"}, {"volume_id", "metadata"}),
        ({"name~", "bogus", "availability_zone"}, set()),
        (set(ALL), {"name", "status", "volume_id", "metadata"}),
    ],
)
def test_only_what_the_operator_allows_is_asked(allowed: set[str], asked: set[str]) -> None:
    wanted = query(name="n", volume_id="v", state="available").filters + tagged({"k": "w"}).filters
    assert set(queries.of_snapshots(Query(wanted), frozenset(allowed))) == asked


def test_the_defaults_are_what_a_real_cinder_allows() -> None:
    [row] = named("resource filters").answer["resource_filters"]
    assert row["resource"] == "snapshot"
    assert set(row["filters"]) >= ALL


@pytest.mark.parametrize("state", S)
def test_a_state_is_asked_for_if_it_is_one_word_of_cinders(state: S) -> None:
    words = [native for native, meant in wire.STATES.items() if meant is state]
    asked = queries.of_snapshots(query(state=state), ALL)
    assert asked == ({"status": words[0]} if len(words) == 1 else {})
    assert bool(asked) == (state in {S.AVAILABLE, S.CREATING})


@pytest.mark.parametrize("state", V)
def test_a_state_of_a_volume_is_asked_for_if_it_is_one_word_of_cinders(state: V) -> None:
    words = [native for native, meant in wire.VOLUME_STATES.items() if meant is state]
    asked = queries.of_volumes(query(state=state))
    assert asked == ({"status": words[0]} if len(words) == 1 else {})
    assert bool(asked) == (state in {V.AVAILABLE, V.IN_USE, V.DELETING})


@pytest.mark.parametrize("state", ["", "archived", "recycled", "unknown", "AVAILABLE", "bogus"])
def test_a_state_that_cinder_lacks_is_left_to_the_core(state: str) -> None:
    assert queries.of_snapshots(query(state=state), ALL) == {}
    assert queries.of_volumes(query(state=state)) == {}


def test_volumes_are_asked_for_by_name_and_state_only() -> None:
    assert queries.of_volumes(Query()) == {}
    found = queries.of_volumes(query(name="n", state="in-use", volume_id="v", owner="self", id="x"))
    assert found == {"name": "n", "status": "in-use"}
    assert queries.of_volumes(tagged({"k": "w"})) == {}
    found = queries.of_volumes(query(created_by="m"))
    assert found == {"metadata": "{'snapgate:marker': 'm'}"}


tricky = st.text(
    st.sampled_from("'\"\\{}:,\n\r\t\0é日🙂") | st.characters(exclude_categories=["Cs"])
)


@given(st.dictionaries(tricky, tricky, min_size=1))
def test_metadata_is_a_literal_that_cinder_reads_back(pairs: dict[str, str]) -> None:
    asked = queries.of_snapshots(tagged(pairs), ALL)
    assert set(asked) == {"metadata"}
    assert ast.literal_eval(asked["metadata"]) == pairs


@pytest.mark.parametrize(
    ("pairs", "literal"),
    [
        ({"n": "1"}, "{'n': '1'}"),
        ({"n": "it's"}, "{'n': \"it's\"}"),
        ({"a": "1", "b": "2"}, "{'a': '1', 'b': '2'}"),
        ({"n": ""}, "{'n': ''}"),
    ],
)
def test_metadata_looks_as_cinder_was_recorded_to_take_it(
    pairs: dict[str, str], literal: str
) -> None:
    assert queries.of_snapshots(tagged(pairs), ALL) == {"metadata": literal}
    found = named("list ?metadata={'n':'1'}").answer["snapshots"]
    assert [row["metadata"] for row in found] == [{"n": "1"}] * 2


sort_keys = st.lists(
    st.builds(SortKey, st.sampled_from(sorted(queries.SORT_KEYS)), st.booleans()),
    unique_by=lambda key: key.field,
)


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ([], {}),
        ([SortKey("created")], {"sort": "created_at:asc,id:asc"}),
        ([SortKey("created", descending=True)], {"sort": "created_at:desc,id:asc"}),
        ([SortKey("size_bytes")], {"sort": "volume_size:asc,id:asc"}),
        ([SortKey("id")], {"sort": "id:asc"}),
        ([SortKey("id", descending=True)], {"sort": "id:desc"}),
        (
            [SortKey("size_bytes", descending=True), SortKey("created")],
            {"sort": "volume_size:desc,created_at:asc,id:asc"},
        ),
        (
            [SortKey("size_bytes"), SortKey("id", descending=True), SortKey("created")],
            {"sort": "volume_size:asc,id:desc,created_at:asc"},
        ),
    ],
)
def test_the_order_is_asked_of_cinder(keys: list[SortKey], asked: dict[str, str]) -> None:
    assert queries.order(Query(sort=tuple(keys))) == asked
    assert queries.of_snapshots(Query(sort=tuple(keys)), ALL) == {}


@given(sort_keys)
def test_the_order_is_total(keys: list[SortKey]) -> None:
    asked = queries.order(Query(sort=tuple(keys)))
    words = [word.split(":") for word in asked["sort"].split(",")] if keys else []
    assert Counter(word for word, _ in words)["id"] == (1 if keys else 0)
    assert [word for word, _ in words][: len(keys)] == [queries.SORT_KEYS[k.field] for k in keys]
    assert {direction for _, direction in words} <= {"asc", "desc"}


def test_each_sort_key_is_one_that_cinder_was_recorded_to_take() -> None:
    for key in queries.SORT_KEYS.values():
        taken = [named(f"list ?sort={key}:asc").status]
        assert taken == [200]
    assert CinderDriver.sort_keys == set(queries.SORT_KEYS)


def test_each_filter_that_the_driver_declares_is_asked_for_or_answered_otherwise() -> None:
    for (field, lookup), how in CinderDriver.pushdown.items():
        assert lookup is Lookup.EXACT
        value = "available" if field == "state" else "x"
        found: Any = queries.of_snapshots(Query((Filter(field, value, key="k"),)), ALL)
        assert bool(found) == (field not in {"id", "owner"})
        assert (how is Pushdown.EXACT) == (field == "id")
