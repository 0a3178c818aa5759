"""What of a query CloudSigma is asked, and how it reads that."""

import re
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cloudsigma import wire
from drivers.cloudsigma.driver import CloudSigmaDriver
from drivers.cloudsigma.queries import PUSHDOWN, filters, kinds
from drivers.cloudsigma.wire import LOCAL, REMOTE
from gateway.driver import Deadline, Filter, Lookup, Pushdown, Query
from tests.unit.cloudsigma_samples import SNAPSHOT_ID, Prepared

C, IN = Lookup.CONTAINS, Lookup.IN
OTHER_ID = "450357dc-cbe1-471d-b4cc-dbdfe5f28d84"


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
        ((Filter("name", "n"), Filter("name", "m", C)), {"name": "n", "name__contains": "m"}),
        ((Filter("volume_id", SNAPSHOT_ID),), {"drive": SNAPSHOT_ID}),
        ((Filter("label", SNAPSHOT_ID),), {"tag": SNAPSHOT_ID}),
        ((Filter("id", (SNAPSHOT_ID, OTHER_ID), IN),), {"uuid": f"{SNAPSHOT_ID},{OTHER_ID}"}),
        ((Filter("id", (SNAPSHOT_ID, "x,y"), IN),), {"uuid": SNAPSHOT_ID}),
        ((Filter("id", (SNAPSHOT_ID,) * 101, IN),), {}),
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
    assert filters(Query(conditions)) == asked


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("a,b", "a\\,b"),
        (",", "\\,"),
        (",,", "\\,\\,"),
    ],
)
def test_a_comma_does_not_mean_or(value: str, sent: str) -> None:
    assert filters(query(name=value)) == {"name": sent}
    assert alternatives(sent) == [value]


@pytest.mark.parametrize("value", ["a\\b", "a\\", "\\\\", "a\\,b"])
def test_a_backslash_whose_meaning_nobody_knows_is_not_sent(value: str) -> None:
    assert filters(query(name=value)) == {}


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("m", "m"),
        ("NIGHTLY", "G"),
        ("production-7", "produc"),
        ("backup 2026-11", "up 2026-11"),
        ("a,b.c", "b.c"),
        ("d\\e%_", "e%_"),
        ("\u00e9", None),
        ("STRASSE", "R"),
        ("ss", None),
        ("K", None),
        ("", None),
        (",", None),
        ("\0\n", None),
    ],
)
def test_a_part_of_a_name_is_asked_for_as_far_as_all_rules_agree(
    value: str, sent: str | None
) -> None:
    expected = {} if sent is None else {"name__contains": sent}
    assert filters(Query((Filter("name", value, C),))) == expected


def test_no_other_character_is_a_letter_that_is_asked_for() -> None:
    folded = {c for n in range(128, sys.maxunicode + 1) for c in chr(n).casefold()}
    for n in range(128):
        is_asked = filters(Query((Filter("name", chr(n), C),))) != {}
        expected = chr(n).isprintable() and chr(n) not in ",\\"
        assert is_asked is (expected and chr(n).casefold() not in folded), chr(n)


RULES: list[Any] = [str.casefold, str.lower, str.upper, lambda text: text.encode().lower()]
awkward = st.text(
    st.sampled_from("sSkKiIaxXgG-\\,\u00df\u1e9e\u017f\u212a\u0130\u0131\ufb01\ufb05\u00e9")
)


@given(awkward, awkward)
def test_what_matches_is_given_by_whatever_rules_cloudsigma_compares(name: str, part: str) -> None:
    wanted = Filter("name", part, C)
    sent = filters(Query((wanted,))).get("name__contains")
    found = wire.snapshot({"uuid": SNAPSHOT_ID, "status": "available", "name": name})
    if sent is not None and wanted.matches(found):
        assert all(fold(sent) in fold(name) for fold in RULES)


@pytest.mark.parametrize("value", ["", "x", "../drives", f"{SNAPSHOT_ID}x", f"{SNAPSHOT_ID},"])
@pytest.mark.parametrize("field", ["id", "volume_id", "label"])
def test_what_is_no_id_matches_nothing_and_is_not_asked_for(field: str, value: str) -> None:
    account = Prepared({})
    driver = CloudSigmaDriver(account)
    lookups: list[Filter] = [Filter(field, value)]
    if field == "id":
        lookups.append(Filter(field, (value, "y"), IN))
    for one in lookups:
        for listed in (driver.list_snapshots, driver.list_volumes):
            page: Any = listed(Query((one,)), page_size=9, cursor=None, deadline=Deadline(9))
            assert (page.items, page.next_cursor) == ((), None)
    assert account.asked == []


@given(st.text("ab, ", max_size=6))
def test_every_value_comes_back_as_the_only_alternative(value: str) -> None:
    [sent] = filters(query(name=value)).values()
    assert alternatives(sent) == [value]


@given(st.text(max_size=6))
def test_a_value_without_commas_is_sent_as_it_is(value: str) -> None:
    if not {",", "\\"} & set(value):
        assert filters(query(name=value)) == {"name": value}


def test_all_that_is_pushed_down_is_known() -> None:
    assert CloudSigmaDriver.pushdown is PUSHDOWN
    elsewhere = {("id", Lookup.EXACT), ("kind", Lookup.EXACT), ("location", Lookup.EXACT)}
    for field, lookup in PUSHDOWN.keys() - elsewhere:
        assert filters(Query((Filter(field, SNAPSHOT_ID, lookup),)))
        assert PUSHDOWN[field, lookup] is Pushdown.SUPERSET  # CloudSigma's own idea of equal


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [LOCAL, REMOTE]),
        ({"kind": "local"}, [LOCAL]),
        ({"kind": "remote"}, [REMOTE]),
        ({"location": "ZRH"}, [REMOTE]),
        ({"location": "ZRH", "kind": "local"}, []),
        ({"name": "remote"}, [LOCAL, REMOTE]),
    ],
)
def test_only_collections_are_read_that_can_hold_it(
    conditions: dict[str, str], expected: list[Any]
) -> None:
    assert kinds(query(**conditions)) == expected


@pytest.mark.parametrize("resource_id", ["", "x", "..", "../drives", f"{SNAPSHOT_ID}/", "detail"])
def test_what_is_no_id_gets_into_no_path(resource_id: str) -> None:
    account = Prepared({})
    driver = CloudSigmaDriver(account)
    for listed in (driver.list_snapshots, driver.list_volumes):
        page = listed(query(id=resource_id), page_size=9, cursor=None, deadline=Deadline(9))
        assert (page.items, page.next_cursor) == ((), None)
    assert account.asked == []
