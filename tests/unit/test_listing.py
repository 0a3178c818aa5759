from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from gateway.core import listing
from gateway.core.listing import Source
from gateway.core.plans import Plan
from gateway.driver import (
    DriverError,
    ErrorCode,
    Filter,
    Lookup,
    Page,
    Pushdown,
    Query,
    SortKey,
    StorageSnapshot,
)
from tests.unit.fakes import snapshot

EVERYTHING = Query()
Fetch = Callable[[str | None, int], Page[StorageSnapshot]]


def at_once(function: Callable[..., Any], /, *args: Any) -> "Future[Any]":
    """Stand in for a thread: the call is made at once."""
    future: Future[Any] = Future()
    try:
        future.set_result(function(*args))
    except DriverError as exc:
        future.set_exception(exc)
    return future


def source_of(fetch: Fetch, query: Query = EVERYTHING, page_size: int = 100) -> Source[Any]:
    return Source(fetch, Plan.of(query, {}, frozenset()), page_size=page_size)


def pages_of(*pages: tuple[list[str], str | None], fail_at: str | None = None) -> Fetch:
    """Return a fetch whose first page is the first one; a cursor is the number of the next."""

    def fetch(cursor: str | None, size: int) -> Page[StorageSnapshot]:
        if cursor is not None and cursor == fail_at:
            raise DriverError(ErrorCode.UNAVAILABLE, "down")
        names, following = pages[int(cursor or 0)]
        return Page(tuple(snapshot(name) for name in names), following)

    return fetch


def rows_of(names: Sequence[str], asked: list[int] | None = None) -> Fetch:
    """Return a fetch over a list of ids in their order; a cursor is the next one's number."""

    def fetch(cursor: str | None, size: int) -> Page[StorageSnapshot]:
        start = int(cursor or 0)
        if asked is not None:
            asked.append(size)
        found = tuple(snapshot(name) for name in names[start : start + size])
        end = start + len(found)
        return Page(found, str(end) if end < len(names) else None)

    return fetch


def ids(items: Iterator[StorageSnapshot]) -> list[str]:
    return [item.id for item in items]


def test_all_pages_are_one_list_in_order() -> None:
    fetch = pages_of((["a", "b"], "1"), (["c"], "2"), (["d"], None))
    found = listing.whole(source_of(fetch), at_once)
    assert not found.is_one_page
    assert ids(found.items()) == ["a", "b", "c", "d"]


def test_one_page_is_known_as_the_whole_list() -> None:
    found = listing.whole(source_of(pages_of((["a"], None))), at_once)
    assert found.is_one_page
    assert ids(found.items()) == ["a"]


def test_an_empty_list_is_one_empty_page() -> None:
    assert list(listing.whole(source_of(pages_of(([], None))), at_once).pages()) == [()]


def test_an_empty_page_does_not_end_the_list() -> None:
    fetch = pages_of(([], "1"), ([], "2"), (["a"], "3"), ([], None))
    assert ids(listing.whole(source_of(fetch), at_once).items()) == ["a"]


def test_one_page_is_read_ahead_and_never_more() -> None:
    fetched: list[str | None] = []
    inner = pages_of((["a"], "1"), (["b"], "2"), (["c"], None))

    def fetch(cursor: str | None, size: int) -> Page[StorageSnapshot]:
        fetched.append(cursor)
        return inner(cursor, size)

    found = listing.whole(source_of(fetch), at_once)
    assert fetched == [None], "nothing is read ahead before anybody reads"
    pages = found.pages()
    next(pages)
    assert fetched == [None, "1"]
    next(pages)
    assert fetched == [None, "1", "2"]
    assert len(list(pages)) == 1
    assert fetched == [None, "1", "2"]


def test_a_reader_who_leaves_ends_what_has_not_begun() -> None:
    waiting: list[Future[Any]] = []

    def later(function: Callable[..., Any], /, *args: Any) -> "Future[Any]":
        waiting.append(Future())
        return waiting[-1]

    pages = listing.whole(source_of(pages_of((["a"], "1"), (["b"], None))), later).pages()
    next(pages)
    pages.close()  # type: ignore[attr-defined]
    assert [one.cancelled() for one in waiting] == [True]


def test_a_list_that_cannot_start_fails_at_once() -> None:
    def fetch(cursor: str | None, size: int) -> Page[StorageSnapshot]:
        raise DriverError(ErrorCode.UNAVAILABLE, "down")

    with pytest.raises(DriverError, match="down"):
        listing.whole(source_of(fetch), at_once)


def test_a_later_page_that_fails_ends_the_list_with_its_error() -> None:
    fetch = pages_of((["a"], "1"), (["b"], "2"), fail_at="2")
    pages = listing.whole(source_of(fetch), at_once).pages()
    assert [len(next(pages)), len(next(pages))] == [1, 1]
    with pytest.raises(DriverError, match="down"):
        next(pages)


def test_a_list_of_ever_more_empty_pages_is_an_error() -> None:
    """Each has another cursor, so it never goes in circles; it just has no end."""
    numbers = iter(range(10_000))
    endless = source_of(lambda cursor, size: Page((), str(next(numbers))))
    with pytest.raises(DriverError) as caught:
        list(listing.whole(endless, at_once).items())
    assert caught.value.code is ErrorCode.BACKEND
    assert "no end" in caught.value.message


def test_empty_pages_may_be_many_if_rows_come_between() -> None:
    def fetch(cursor: str | None, size: int) -> Page[StorageSnapshot]:
        at = int(cursor or 0)
        items = (snapshot(f"s{at}"),) if at % 900 == 0 else ()
        return Page(items, str(at + 1) if at < 2700 else None)

    found = ids(listing.whole(source_of(fetch), at_once).items())
    assert found == ["s0", "s900", "s1800", "s2700"]


@pytest.mark.parametrize("cursors", ["11", "121", "1232"])
def test_cursors_that_go_in_circles_are_an_error(cursors: str) -> None:
    fetch = pages_of(*((["a"], cursor) for cursor in cursors))
    with pytest.raises(DriverError, match="same cursor twice") as caught:
        ids(listing.whole(source_of(fetch), at_once).items())
    assert caught.value.code is ErrorCode.BACKEND


def test_a_page_at_a_cursor_that_stays_is_an_error() -> None:
    fetch = pages_of(([], "1"), ([], "1"))
    with pytest.raises(DriverError, match="same cursor twice"):
        listing.page(source_of(fetch), None, limit=5)


def test_filters_are_applied_again_to_every_page() -> None:
    query = Query((Filter("id", "wanted"),))
    fetch = pages_of((["x", "wanted"], "1"), (["y"], "2"), (["wanted"], None))
    found = listing.whole(source_of(fetch, query), at_once)
    assert [len(page) for page in found.pages()] == [1, 0, 1]
    assert (found.source.rows, found.source.calls, found.source.matched) == (4, 3, 2)


def test_a_page_has_its_limit_and_the_next_one_begins_behind_it() -> None:
    names = [str(n) for n in range(10)]
    asked: list[int] = []
    source = source_of(rows_of(names, asked))
    first = listing.page(source, None, limit=4)
    assert ids(first.items()) == names[:4]
    assert first.position is not None
    second = listing.page(source, first.position.cursor, limit=6)
    assert ids(second.items()) == names[4:]
    assert second.position is None
    assert asked == [4, 6], "no row is read twice and none in vain"


def test_a_page_is_filled_up_where_the_backend_gives_short_ones() -> None:
    fetch = pages_of((["a"], "1"), ([], "2"), (["b", "c"], "3"), (["d"], None))
    found = listing.page(source_of(fetch), None, limit=3)
    assert ids(found.items()) == ["a", "b", "c"]
    assert found.position is not None
    assert found.position.cursor == "3"


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("every", [1, 2, 7, 40, 2000])
def test_pages_of_a_filtered_list_hold_every_match_once(limit: int, every: int) -> None:
    names = [f"{'wanted' if n % every == 0 else 'other'}-{n}" for n in range(1500)]
    query = Query((Filter("id", "WANTED", Lookup.CONTAINS),))
    asked: list[int] = []
    found, cursor = [], None
    while True:
        page = listing.page(source_of(rows_of(names, asked), query), cursor, limit=limit)
        got = ids(page.items())
        assert len(got) <= limit
        found += got
        if page.position is None:
            break
        cursor = page.position.cursor
    assert found == [n for n in names if n.startswith("wanted")]


def test_a_rare_match_is_looked_for_in_large_pages() -> None:
    asked: list[int] = []
    names = [str(n) for n in range(5000)]
    query = Query((Filter("id", "4999"),))
    source = source_of(rows_of(names, asked), query, page_size=1000)
    found = listing.page(source, None, limit=10)
    assert ids(found.items()) == ["4999"]
    assert len(asked) < 12


BY_NAME = Query(sort=(SortKey("id", descending=True),))


def test_a_sorted_page_holds_its_limit_and_continues_by_place() -> None:
    names = ["b", "d", "a", "c", "e"]
    source = source_of(rows_of(names), BY_NAME)
    first = listing.page_sorted(source, None, at_once, limit=2)
    assert ids(first.items()) == ["e", "d"]
    assert first.position is not None
    second = listing.page_sorted(source, first.position.after, at_once, limit=2)
    assert ids(second.items()) == ["c", "b"]
    assert second.position is not None
    third = listing.page_sorted(source, second.position.after, at_once, limit=2)
    assert ids(third.items()) == ["a"]
    assert third.position is None


def test_a_whole_list_is_sorted_unless_it_is_too_long() -> None:
    source = source_of(rows_of(["b", "c", "a"]), BY_NAME, page_size=2)
    found = listing.whole_sorted(source, at_once, most=3)
    assert found.is_one_page
    assert ids(found.items()) == ["c", "b", "a"]
    with pytest.raises(DriverError, match="limit=1000") as caught:
        listing.whole_sorted(source_of(rows_of(["b", "c", "a"]), BY_NAME), at_once, most=2)
    assert set(caught.value.fields) == {"sort"}


def test_a_plan_says_who_does_what() -> None:
    filters = (Filter("id", "a"), Filter("name", "b"), Filter("state", "error"))
    table = {
        ("id", filters[0].lookup): Pushdown.EXACT,
        ("name", filters[1].lookup): Pushdown.SUPERSET,
    }
    query = Query(filters, (SortKey("created"), SortKey("name", descending=True)))
    plan = Plan.of(query, table, frozenset({"created"}))
    assert plan.sorts_here
    assert plan.explain() == {
        "backend": {"filters": ["id", "name"], "sort": []},
        "gateway": {"filters": ["name", "state"], "sort": ["created", "-name"]},
    }
    both = Plan.of(query, table, frozenset({"created", "name"}))
    assert not both.sorts_here
    assert both.explain()["backend"]["sort"] == ["created", "-name"]
    assert both.pushed == Query(filters[:2], query.sort)


def test_every_page_lets_others_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[float] = []
    monkeypatch.setattr("gateway.core.listing.time.sleep", turns.append)
    fetch = pages_of((["a"], "1"), (["b"], "2"), (["c"], None))
    assert len(list(listing.whole(source_of(fetch), at_once).pages())) == 3
    assert turns == [0, 0, 0]
