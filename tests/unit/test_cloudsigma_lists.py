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

from drivers.cloudsigma import account
from drivers.cloudsigma.lists import RowOrder
from drivers.cloudsigma.wire import DRIVES, LOCAL
from gateway.driver import DriverError, ErrorCode, Query
from tests.unit.cloudsigma_lists import BOTH, page, query, row, short, uid
from tests.unit.cloudsigma_samples import Prepared, Row, rows


def walked(ours: Prepared, asked: Query, page_size: int, kinds: Any = BOTH) -> list[list[str]]:
    """Return the ids of all pages."""
    pages: list[list[str]] = []
    cursor = None
    while not pages or cursor is not None:
        found, cursor = page(ours, kinds, asked, page_size=page_size, cursor=cursor)
        pages.append(found)
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
    assert RowOrder(query(*keys).sort).fields == fields


def test_a_cursor_holds_a_place_in_the_order() -> None:
    order = RowOrder(query("name", "-created", "id").sort)
    one = row(1, name="n", timestamp="2014-06-05 11:53:28+02:00")
    assert order.values_of(one) == ["n", 1401962008000000, uid(1), uid(1)]
    assert order.values_of(row(2)) == [None, None, uid(2), uid(2)]
    kept = orjson.loads(orjson.dumps(order.values_of(one)))
    assert order.place_of(kept) == order.place_of(order.values_of(one))


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
        (NAMED, ["name"], "621345"),
        (NAMED, ["-name"], "132645"),
        (NAMED, ["name", "-id"], "623154"),
        (NAMED, ["-name", "-id"], "312654"),
        (TIMES, ["created"], "25314"),
        (TIMES, ["-created"], "13254"),
        (TIMES, ["-created", "-id"], "13524"),
    ],
)
@pytest.mark.parametrize("page_size", [1, 2, 5, 6, 100])
def test_what_compares_equal_is_sorted_by_id(
    found: list[Row], keys: list[str], order: str, page_size: int
) -> None:
    shuffled = Random(7).sample(found, len(found))
    pages = walked(Prepared({"snapshots": shuffled}), query(*keys), page_size, [LOCAL])
    assert [one.strip("0") for page in pages for one in page] == list(order)
    assert max(map(len, pages)) <= page_size


def test_a_short_list_is_one_call_for_each_collection() -> None:
    ours = Prepared(split(3, 1, 2))
    assert walked(ours, query("-id"), 3) == [["003", "002", "001"]]
    asked = {"limit": "3", "offset": "0"}
    assert ours.asked == [("snapshots/detail/", asked), ("remotesnapshots/detail/", asked)]


def test_no_collections_are_no_calls() -> None:
    ours = Prepared({})
    assert page(ours, [], query()) == ([], None)
    assert ours.asked == []


def test_a_long_list_is_an_index_and_the_rows_of_a_page() -> None:
    ours = Prepared({"drives": [row(n, name=f"{9 - n}") for n in range(5)]})
    found, cursor = page(ours, [DRIVES], query("name"), only={"tag": "t"}, page_size=2)
    assert found == ["004", "003"]
    assert cursor is not None
    assert orjson.loads(cursor) == ["6", uid(3)]
    at_once, index, rows_ = [asked for _, asked in ours.asked]
    assert at_once == {"tag": "t", "limit": "2", "offset": "0"}
    assert index == {"tag": "t", "fields": "name,uuid", "limit": "0", "offset": "0"}
    assert rows_ == {"uuid": f"{uid(4)},{uid(3)}", "limit": "0", "offset": "0"}
    ours.asked.clear()
    page(ours, [DRIVES], query("name"), page_size=2, cursor=cursor)
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
    assert len(ours.rows(DRIVES, [uid(n) for n in range(250)])) == 250
    assert [asked["uuid"].count(",") + 1 for _, asked in ours.asked] == [100, 100, 50]
    assert ours.rows(DRIVES, [uid(999)]) == ours.rows(DRIVES, []) == {}


def test_what_is_made_or_goes_between_pages_moves_nothing_else() -> None:
    collections = split(*range(0, 20, 2), *range(1, 20, 4))
    ours = Prepared(collections)
    first, cursor = page(ours, BOTH, query("-id"), page_size=6)
    local = collections["snapshots"]
    local[:] = [one for one in local if short(one["uuid"]) not in ("018", first[-1], "002")]
    local += [row("015"), row("003")]
    rest, cursor = page(ours, BOTH, query("-id"), page_size=99, cursor=cursor)
    assert cursor is None
    ids = first + rest
    local_ones = "018 016 014 012 010 008 006 004 003 000"  # 015 came before the cursor's place
    remote_ones = "017 013 009 005 001"
    assert ids == sorted(f"{local_ones} {remote_ones}".split(), reverse=True)


class Vanishing(Prepared):
    """An account in which a row goes after the index was read."""

    def exists(self, kind: Any, resource_id: str) -> bool:
        self.asked.append((resource_id, {}))
        return False

    def _listed(self, every: list[Any], asked: Any) -> Any:
        if "uuid" in asked:
            every = [one for one in every if one["uuid"] != uid(1)]
        return super()._listed(every, asked)


def test_what_goes_while_a_page_is_read_is_left_out() -> None:
    ours = Vanishing({"drives": [row(n) for n in range(5)]})
    assert walked(ours, query(), 2, [DRIVES]) == [["000"], ["002", "003"], ["004"]]


def answer(*found: Row, total: int) -> tuple[dict[str, Row], int]:
    """Return a page as an account reads it."""
    return {one["uuid"]: one for one in found}, total


def test_a_list_that_never_stands_still_is_given_up() -> None:
    ours = Prepared({})
    numbers = iter(range(2 * account._ROUNDS))
    with (
        patch.object(ours, "page", lambda *_, **__: answer(row(next(numbers)), total=2)),
        pytest.raises(DriverError) as caught,
    ):
        ours.everything(DRIVES, {})
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert next(numbers, None) is None


def test_a_list_that_changes_once_is_begun_again() -> None:
    ours = Prepared({})
    rounds = [(0, 0), (0, 1), (0, 1)]  # the first is none, and two have to agree
    answers = iter([answer(row(n), total=2) for one in rounds for n in one])
    with patch.object(ours, "page", lambda *_, **__: next(answers)):
        assert list(ours.everything(DRIVES, {})) == [uid(0), uid(1)]
    assert next(answers, None) is None


def test_a_list_that_ends_early_is_begun_again() -> None:
    ours = Prepared({})
    answers = iter([answer(row(0), total=2), answer(total=2), answer(row(0), total=1)])
    with patch.object(ours, "page", lambda *_, **__: next(answers)):
        assert list(ours.everything(DRIVES, {})) == [uid(0)]


def test_documented_snapshots_are_sorted_by_when_they_were_made() -> None:
    given = {one["uuid"]: one for name, one in rows("local") if name == "snapshot_list"}
    pages = walked(Prepared({"snapshots": list(given.values())}), query("-created"), 2, [LOCAL])
    times = {short(row_id): one["timestamp"] for row_id, one in given.items()}
    found = [times[one] for page in pages for one in page]
    assert found == sorted(found, reverse=True)
    assert len(found) == 6


DAYS = [None, *(f"2014-06-05 0{n}:00:00.5+0{n}:00" for n in range(3)), "2014-06-05T00:00:00.5"]
DAYS += ["2014-06-05 01:00:00"]
stored = st.lists(
    st.fixed_dictionaries(
        {"uuid": st.integers(0, 99).map(uid), "status": st.just("available")},
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
        if a != b and (a is None or b is None):
            return 1 if a is None else -1  # what is not known is last in both directions
        if a != b:
            return (-1 if a < b else 1) * (-1 if key.startswith("-") else 1)
    return 0


def _plain(field: str, one: Row) -> Any:
    if field == "created":
        text = one.get("timestamp")
        moment = datetime.fromisoformat(text) if text else None
        return moment and moment.replace(tzinfo=moment.tzinfo or UTC)
    return one["uuid"] if field == "id" else one.get("name") or None


@given(stored, sorts, st.integers(1, 5), st.integers(1, 3), st.randoms(use_true_random=False))
def test_pages_together_are_the_sorted_list(
    found: list[Row], keys: list[str], page_size: int, at_most: int, random: Any
) -> None:
    parts: dict[str, list[Row]] = {kind.collection: [] for kind in BOTH}
    for one in found:
        parts[random.choice(BOTH).collection].append(one)
    pages = walked(Prepared(parts, at_most=at_most), query(*keys), page_size)
    expected = sorted(found, key=cmp_to_key(partial(_compared, keys)))
    assert [one for page in pages for one in page] == [short(one["uuid"]) for one in expected]
    assert all(len(page) == page_size for page in pages[:-1])
