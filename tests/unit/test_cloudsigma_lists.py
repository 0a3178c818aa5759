"""Lists in a total order, of collections that are given in none."""

from datetime import UTC, datetime
from functools import cmp_to_key, partial
from random import Random
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cloudsigma import account, lists
from drivers.cloudsigma.lists import Order
from drivers.cloudsigma.wire import DRIVES, LOCAL, REMOTE
from gateway.driver import DriverError, ErrorCode, Query, SortKey
from tests.unit.cloudsigma_samples import Prepared, Row, rows

BOTH = [LOCAL, REMOTE]


def row(number: int | str, **more: Any) -> Row:
    return {"uuid": f"{number:>03}", "status": "available", **more}


def query(*keys: str) -> Query:
    """Return a query sorted by fields; a minus turns one round."""
    return Query((), tuple(SortKey(key.lstrip("-"), key.startswith("-")) for key in keys))


def walked(ours: Prepared, asked: Query, page_size: int, kinds: Any = BOTH) -> list[list[str]]:
    """Return the ids of all pages."""
    pages: list[list[str]] = []
    cursor = None
    while not pages or cursor is not None:
        found, cursor = lists.page(ours, kinds, {}, asked, page_size=page_size, cursor=cursor)
        pages.append([row["uuid"] for row in found])
        assert len(pages) < 50
    return pages


def split(*numbers: int, **more: Any) -> dict[str, list[Row]]:
    """Return both collections, the even ids in one and the odd ones in the other."""
    return {
        kind.collection: [row(n, **more) for n in numbers if n % 2 == odd]
        for odd, kind in enumerate(BOTH)
    }


@pytest.mark.parametrize(
    ("keys", "fields"),
    [
        ([], "uuid"),
        (["id"], "uuid"),
        (["name"], "name,uuid"),
        (["-created"], "timestamp,uuid"),
        (["name", "-created", "id"], "name,timestamp,uuid"),
        (["name", "-name"], "name,uuid"),
    ],
)
def test_an_order_names_the_fields_that_it_needs(keys: list[str], fields: str) -> None:
    assert Order(query(*keys).sort).fields == fields


def test_a_cursor_holds_a_place_in_the_order() -> None:
    order = Order(query("name", "-created", "id").sort)
    one = row(1, name="n", timestamp="2014-06-05 11:53:28+02:00")
    assert order.values(one) == ["n", "2014-06-05T09:53:28.000000+00:00", "001", "001"]
    assert order.values(row(2)) == ["", "", "002", "002"]
    kept = orjson.loads(orjson.dumps(order.values(one)))
    assert order.place(kept) == order.place(order.values(one))


NAMES = {"1": "b", "2": "a", "3": "b", "4": "", "5": None, "6": "B"}
NAMED = [row(number, name=name) for number, name in NAMES.items()]
TIMES = [
    row("1", timestamp="2014-06-05 09:53:28.5+00:00"),
    row("2", timestamp="2014-06-05T09:53:28+00:00"),
    row("3", timestamp="2014-06-05 11:53:28.25+02:00"),
    row("4"),
    row("5", timestamp="2014-06-05 09:53:28"),
]


@pytest.mark.parametrize(
    ("found", "keys", "order"),
    [
        (NAMED, [], "123456"),
        (NAMED, ["id"], "123456"),
        (NAMED, ["-id"], "654321"),
        (NAMED, ["name"], "456213"),
        (NAMED, ["-name"], "132645"),
        (NAMED, ["name", "-id"], "546231"),
        (NAMED, ["-name", "-id"], "312654"),
        (TIMES, ["created"], "42531"),
        (TIMES, ["-created"], "13254"),
        (TIMES, ["-created", "-id"], "13524"),
    ],
)
@pytest.mark.parametrize("page_size", [1, 2, 5, 6, 100])
def test_what_compares_equal_is_sorted_by_id(
    found: list[Row], keys: list[str], order: str, page_size: int
) -> None:
    shuffled = Random(7).sample(found, len(found))
    pages = walked(Prepared({"drives": shuffled}), query(*keys), page_size, [DRIVES])
    assert [one.strip("0") for page in pages for one in page] == list(order)
    assert max(map(len, pages)) <= page_size


def test_a_short_list_is_one_call_for_each_collection() -> None:
    ours = Prepared(split(3, 1, 2))
    assert walked(ours, query("-id"), 3) == [["003", "002", "001"]]
    asked = {"limit": "3", "offset": "0"}
    assert ours.asked == [("snapshots/detail/", asked), ("remotesnapshots/detail/", asked)]


def test_no_collections_are_no_calls() -> None:
    ours = Prepared({})
    assert lists.page(ours, [], {}, query(), page_size=9, cursor=None) == ([], None)
    assert ours.asked == []


def test_a_long_list_is_an_index_and_the_rows_of_a_page() -> None:
    ours = Prepared({"drives": [row(n, name=f"{9 - n}") for n in range(5)]})
    found, cursor = lists.page(
        ours, [DRIVES], {"tag": "t"}, query("name"), page_size=2, cursor=None
    )
    assert [one["uuid"] for one in found] == ["004", "003"]
    assert found[0]["status"] == "available"  # of the index there are only two fields
    assert cursor is not None
    assert orjson.loads(cursor) == ["6", "003"]
    short, index, page = [asked for _, asked in ours.asked]
    assert short == {"tag": "t", "limit": "2", "offset": "0"}
    assert index == {"tag": "t", "fields": "name,uuid", "limit": "0", "offset": "0"}
    assert page == {"uuid": "004,003", "limit": "0", "offset": "0"}
    ours.asked.clear()
    lists.page(ours, [DRIVES], {}, query("name"), page_size=2, cursor=cursor)
    assert [asked.get("fields") for _, asked in ours.asked] == ["name,uuid", None]


@pytest.mark.parametrize(
    ("page_size", "lengths"), [(4, [4]), (3, [3, 1]), (2, [2, 2]), (1, [1] * 4)]
)
def test_the_last_page_has_no_cursor(page_size: int, lengths: list[int]) -> None:
    pages = walked(Prepared(split(4, 2, 3, 1)), query(), page_size)
    assert [len(page) for page in pages] == lengths


def test_two_collections_that_fit_one_page_each_need_not_fit_together() -> None:
    ours = Prepared(split(1, 2, 3, 4))
    assert walked(ours, query(), 3) == [["001", "002", "003"], ["004"]]


@pytest.mark.parametrize("at_most", [1, 2, 3, 20])
def test_a_server_that_gives_less_than_asked_for_is_asked_again(at_most: int) -> None:
    ours = Prepared(split(*range(12)), at_most=at_most)
    ids = [one for page in walked(ours, query(), 5) for one in page]
    assert ids == [f"{n:03}" for n in range(12)]


def test_ids_are_asked_for_in_urls_that_are_not_too_long() -> None:
    ours = Prepared({"drives": [row(n) for n in range(250)]})
    assert len(list(ours.rows(DRIVES, [f"{n:03}" for n in range(250)]))) == 250
    assert [asked["uuid"].count(",") + 1 for _, asked in ours.asked] == [100, 100, 50]
    assert list(ours.rows(DRIVES, ["none"])) == list(ours.rows(DRIVES, [])) == []


def test_what_is_made_or_goes_between_pages_moves_nothing_else() -> None:
    collections = split(*range(0, 20, 2), *range(1, 20, 4))
    ours = Prepared(collections)
    first, cursor = lists.page(ours, BOTH, {}, query("-id"), page_size=6, cursor=None)
    local = collections["snapshots"]
    local[:] = [one for one in local if one["uuid"] not in ("018", first[-1]["uuid"], "002")]
    local += [row("015"), row("003")]
    rest, cursor = lists.page(ours, BOTH, {}, query("-id"), page_size=99, cursor=cursor)
    assert cursor is None
    ids = [one["uuid"] for one in first + rest]
    local_ones = "018 016 014 012 010 008 006 004 003 000"  # 015 came before the cursor's place
    remote_ones = "017 013 009 005 001"
    assert ids == sorted(f"{local_ones} {remote_ones}".split(), reverse=True)


class Vanishing(Prepared):
    """An account in which a row goes after the index was read."""

    def _listed(self, every: list[Any], asked: Any) -> Any:
        if "uuid" in asked:
            every = [one for one in every if one["uuid"] != "001"]
        return super()._listed(every, asked)


def test_what_goes_while_a_page_is_read_is_left_out() -> None:
    ours = Vanishing({"drives": [row(n) for n in range(5)]})
    assert walked(ours, query(), 2, [DRIVES]) == [["000"], ["002", "003"], ["004"]]


def test_a_list_that_never_stands_still_is_given_up() -> None:
    ours = Prepared({})
    numbers = iter(range(2 * account._ROUNDS))
    with (
        patch.object(ours, "page", lambda *_, **__: ([row(next(numbers))], 2)),
        pytest.raises(DriverError) as caught,
    ):
        ours.everything(DRIVES, {})
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert next(numbers, None) is None


def test_a_list_that_changes_once_is_begun_again() -> None:
    ours = Prepared({})
    rounds = [(0, 0), (0, 1), (0, 1)]  # the first is none, and two have to agree
    answers = iter([([row(n)], 2) for one in rounds for n in one])
    with patch.object(ours, "page", lambda *_, **__: next(answers)):
        assert [one["uuid"] for one in ours.everything(DRIVES, {})] == ["000", "001"]
    assert next(answers, None) is None


def test_a_list_that_ends_early_is_begun_again() -> None:
    ours = Prepared({})
    answers = iter([([row(0)], 2), ([], 2), ([row(0)], 1)])
    with patch.object(ours, "page", lambda *_, **__: next(answers)):
        assert [one["uuid"] for one in ours.everything(DRIVES, {})] == ["000"]


def test_a_list_may_hold_more_than_it_counts() -> None:
    ours = Prepared({})
    with patch.object(ours, "page", lambda *_, **__: ([row(0), row(1)], 1)):
        assert len(ours.everything(DRIVES, {})) == 2


def test_documented_snapshots_are_sorted_by_when_they_were_made() -> None:
    given = {one["uuid"]: one for name, one in rows("local") if name == "snapshot_list"}
    pages = walked(Prepared({"snapshots": list(given.values())}), query("-created"), 2, [LOCAL])
    found = [given[one]["timestamp"] for page in pages for one in page]
    assert found == sorted(found, reverse=True)
    assert len(found) == 6


DAYS = [None, *(f"2014-06-05 0{n}:00:00.5+0{n}:00" for n in range(3)), "2014-06-05T00:00:00.5"]
DAYS += ["2014-06-05 01:00:00"]
stored = st.lists(
    st.fixed_dictionaries(
        {"uuid": st.integers(0, 99).map("{:03}".format), "status": st.just("available")},
        optional={
            "name": st.none() | st.text("aBé, ", max_size=2),
            "timestamp": st.sampled_from(DAYS),
        },
    ),
    max_size=12,
    unique_by=lambda one: one["uuid"],
)
sorts = st.lists(st.sampled_from(["name", "-name", "created", "-created", "id", "-id"]), max_size=3)


def _compared(keys: list[str], one: Row, other: Row) -> int:
    """Compare two rows in the plainest way."""
    for key in (*keys, "id"):
        a, b = _plain(key.lstrip("-"), one), _plain(key.lstrip("-"), other)
        if a != b:
            return (-1 if a < b else 1) * (-1 if key.startswith("-") else 1)
    return 0


def _plain(field: str, one: Row) -> Any:
    if field == "created":
        text = one.get("timestamp")
        moment = datetime.fromisoformat(text) if text else datetime.min
        return moment.replace(tzinfo=moment.tzinfo or UTC)
    return one["uuid"] if field == "id" else one.get("name") or ""


@given(stored, sorts, st.integers(1, 5), st.integers(1, 3), st.randoms(use_true_random=False))
def test_pages_together_are_the_sorted_list(
    found: list[Row], keys: list[str], page_size: int, at_most: int, random: Any
) -> None:
    parts: dict[str, list[Row]] = {kind.collection: [] for kind in BOTH}
    for one in found:
        parts[random.choice(BOTH).collection].append(one)
    pages = walked(Prepared(parts, at_most=at_most), query(*keys), page_size)
    expected = sorted(found, key=cmp_to_key(partial(_compared, keys)))
    assert [one for page in pages for one in page] == [one["uuid"] for one in expected]
    assert all(len(page) == page_size for page in pages[:-1])
