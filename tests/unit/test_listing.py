from collections.abc import Callable, Iterator

import pytest

from gateway.core.listing import Listing
from gateway.driver import DriverError, ErrorCode, Filter, Page, Query, StorageSnapshot
from tests.unit.fakes import snapshot

EVERYTHING = Query()


def pages_of(
    *pages: tuple[list[str], str | None], fail_at: str | None = None
) -> Callable[[str | None], Page[StorageSnapshot]]:
    """Return a fetch whose first page is the first one; a cursor is the number of the next."""

    def fetch(cursor: str | None) -> Page[StorageSnapshot]:
        if cursor is not None and cursor == fail_at:
            raise DriverError(ErrorCode.UNAVAILABLE, "down")
        names, following = pages[int(cursor or 0)]
        return Page(tuple(snapshot(name) for name in names), following)

    return fetch


def ids(items: Iterator[StorageSnapshot]) -> list[str]:
    return [item.id for item in items]


def test_all_pages_are_one_list_in_order() -> None:
    listing = Listing(pages_of((["a", "b"], "1"), (["c"], "2"), (["d"], None)), EVERYTHING)
    assert not listing.is_one_page
    assert ids(listing.items()) == ["a", "b", "c", "d"]


def test_one_page_is_known_as_the_whole_list() -> None:
    listing = Listing(pages_of((["a"], None)), EVERYTHING)
    assert listing.is_one_page
    assert ids(listing.items()) == ["a"]


def test_an_empty_list_is_one_empty_page() -> None:
    assert list(Listing(pages_of(([], None)), EVERYTHING).pages()) == [()]


def test_an_empty_page_does_not_end_the_list() -> None:
    listing = Listing(pages_of(([], "1"), ([], "2"), (["a"], "3"), ([], None)), EVERYTHING)
    assert ids(listing.items()) == ["a"]


def test_the_first_page_is_fetched_at_once_and_only_once() -> None:
    fetched: list[str | None] = []
    inner = pages_of((["a"], "1"), (["b"], None))

    def fetch(cursor: str | None) -> Page[StorageSnapshot]:
        fetched.append(cursor)
        return inner(cursor)

    listing = Listing(fetch, EVERYTHING)
    assert fetched == [None]
    pages = listing.pages()
    next(pages)
    assert fetched == [None], "a page is fetched when it is read, not before"
    assert len(list(pages)) == 1
    assert fetched == [None, "1"]


def test_a_list_that_cannot_start_fails_at_once() -> None:
    def fetch(cursor: str | None) -> Page[StorageSnapshot]:
        raise DriverError(ErrorCode.UNAVAILABLE, "down")

    with pytest.raises(DriverError, match="down"):
        Listing(fetch, EVERYTHING)


def test_a_later_page_that_fails_ends_the_list_with_its_error() -> None:
    pages = Listing(pages_of((["a"], "1"), (["b"], "2"), fail_at="2"), EVERYTHING).pages()
    assert [len(next(pages)), len(next(pages))] == [1, 1]
    with pytest.raises(DriverError, match="down"):
        next(pages)


@pytest.mark.parametrize("cursors", ["11", "121", "1232"])
def test_cursors_that_go_in_circles_are_an_error(cursors: str) -> None:
    listing = Listing(pages_of(*((["a"], cursor) for cursor in cursors)), EVERYTHING)
    with pytest.raises(DriverError, match="same cursor twice") as caught:
        ids(listing.items())
    assert caught.value.code is ErrorCode.BACKEND


def test_filters_are_applied_again_to_every_page() -> None:
    query = Query((Filter("id", "wanted"),))
    listing = Listing(pages_of((["x", "wanted"], "1"), (["y"], "2"), (["wanted"], None)), query)
    assert [len(page) for page in listing.pages()] == [1, 0, 1]
