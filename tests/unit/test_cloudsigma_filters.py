"""What of a query CloudSigma is asked, and how it reads that."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cloudsigma.driver import CloudSigmaDriver, _filters
from drivers.cloudsigma.wire import LOCAL, REMOTE
from gateway.driver import Deadline, Filter, Lookup, Pushdown, Query
from tests.unit.cloudsigma_samples import SNAPSHOT_ID, Prepared

C = Lookup.CONTAINS
HERE: dict[str, Any] = {"capabilities/": {"remote_snapshots": {"remote_locations": ["ZRH"]}}}
NOT_HERE: dict[str, Any] = {"capabilities/": {}}


def alternatives(text: str) -> list[str]:
    """Return what a value means: commas are "or", except those after a backslash."""
    return [one.replace("\\,", ",") for one in re.split(r"(?<!\\),", text)]


def query(**conditions: str) -> Query:
    return Query(tuple(Filter(field, value) for field, value in conditions.items()))


@pytest.mark.parametrize(
    ("conditions", "asked"),
    [
        ((), {}),
        ((Filter("name", "n"),), {"name": "n"}),
        ((Filter("name", "n", C),), {"name__contains": "n"}),
        ((Filter("name", "n"), Filter("name", "m", C)), {"name": "n", "name__contains": "m"}),
        ((Filter("volume_id", "v"),), {"drive": "v"}),
        ((Filter("label", "t"),), {"tag": "t"}),
        ((Filter("id", "s"),), {"uuid": "s"}),
        ((Filter("kind", "remote"), Filter("location", "ZRH")), {}),
        ((Filter("state", "available"), Filter("metadata", "v", key="k")), {}),
        ((Filter("name", "a b&c=d%+#"),), {"name": "a b&c=d%+#"}),
        ((Filter("name", ""),), {"name": ""}),
        ((Filter("name", "日本"),), {"name": "日本"}),
    ],
)
def test_each_condition_is_asked_of_cloudsigma(
    conditions: tuple[Filter, ...], asked: dict[str, str]
) -> None:
    assert _filters(Query(conditions)) == asked


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("a,b", "a\\,b"),
        (",", "\\,"),
        (",,", "\\,\\,"),
        ("a\\b", "a\\b"),
        ("a\\", "a\\"),
        ("\\\\", "\\\\"),
        ("a\\,b", "a\\\\,b"),
    ],
)
@pytest.mark.parametrize("lookup", Lookup)
def test_a_comma_does_not_mean_or(value: str, sent: str, lookup: Lookup) -> None:
    for field in ("name", "volume_id", "label"):
        assert list(_filters(Query((Filter(field, value, lookup),))).values()) == [sent]
    assert alternatives(sent) == [value]


@given(st.text("ab,\\ ", max_size=6))
def test_every_value_comes_back_as_the_only_alternative(value: str) -> None:
    [sent] = _filters(query(name=value)).values()
    assert alternatives(sent) == [value]


@given(st.text(max_size=6))
def test_a_value_without_commas_is_sent_as_it_is(value: str) -> None:
    if "," not in value:
        assert _filters(query(name=value)) == {"name": value}


def test_all_that_is_pushed_down_is_known() -> None:
    table = CloudSigmaDriver.pushdown
    elsewhere = {("id", Lookup.EXACT), ("kind", Lookup.EXACT), ("location", Lookup.EXACT)}
    for field, lookup in table.keys() - elsewhere:
        assert _filters(Query((Filter(field, "x", lookup),)))
        assert table[field, lookup] is Pushdown.SUPERSET  # CloudSigma's own idea of equal


@pytest.mark.parametrize(
    ("conditions", "kinds"),
    [
        ({}, [LOCAL, REMOTE]),
        ({"kind": "local"}, [LOCAL]),
        ({"kind": "remote"}, [REMOTE]),
        ({"location": "ZRH"}, [REMOTE]),
        ({"location": "ZRH", "kind": "local"}, [REMOTE]),
        ({"name": "remote"}, [LOCAL, REMOTE]),
    ],
)
def test_only_collections_are_read_that_can_hold_it(
    conditions: dict[str, str], kinds: list[Any]
) -> None:
    asked = query(**conditions)
    assert CloudSigmaDriver(Prepared({}, documents=HERE))._kinds(asked) == kinds
    without = CloudSigmaDriver(Prepared({}, documents=NOT_HERE))._kinds(asked)
    assert without == [kind for kind in kinds if kind is LOCAL]


def test_local_ones_are_found_without_asking_what_the_location_can_do() -> None:
    account = Prepared({})
    CloudSigmaDriver(account)._kinds(query(kind="local"))
    assert account.asked == []


@pytest.mark.parametrize("resource_id", ["", "x", "..", "../drives", f"{SNAPSHOT_ID}/", "detail"])
def test_what_is_no_id_gets_into_no_path(resource_id: str) -> None:
    account = Prepared({})
    driver = CloudSigmaDriver(account)
    for listed in (driver.list_snapshots, driver.list_volumes):
        page = listed(query(id=resource_id), page_size=9, cursor=None, deadline=Deadline(9))
        assert (page.items, page.next_cursor) == ((), None)
    assert account.asked == []
