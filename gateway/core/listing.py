"""Lists: complete or an error, page by page, with the same meaning on every driver.

A driver filters and sorts as far as it declares that it can. Everything is
filtered again here, and sorted here where the driver cannot.
"""

import heapq
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, Generic, Protocol, TypeVar

from gateway.core.markers import Position
from gateway.core.plans import Plan
from gateway.driver import DriverError, ErrorCode, Page, StorageSnapshot, StorageVolume, invalid
from gateway.driver.order import Order, Values

T = TypeVar("T", StorageSnapshot, StorageVolume)
_MOST_EMPTY = 1000
"""Pages in a row without a row: EC2 gives some, but no list of this world has so many."""
_SCAN_S = 10.0
"""After so long a page with few matches is given out as it is, short or empty."""


class Ahead(Protocol):
    """Starts a call that runs while the caller does something else."""

    def __call__(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Return the call's result to come."""


class Source(Generic[T]):
    """What matches in one driver's list, page by page, counted as it is read."""

    def __init__(
        self, fetch: Callable[[str | None, int], Page[T]], plan: Plan, *, page_size: int
    ) -> None:
        """Read nothing yet.

        Args:
            fetch: returns the driver's page at a cursor, of so many rows at most: a sound one.
            plan: what is asked.
            page_size: the most rows that the driver gives at once.
        """
        self.plan = plan
        self.page_size = page_size
        self.rows = 0
        """How many the driver has given."""
        self.calls = 0
        """How many pages it was asked for."""
        self.matched = 0
        self.unasked: frozenset[str] = frozenset()
        """The filters that the driver kept from its backend."""
        self._fetch: Callable[[str | None, int], Page[T]] = fetch
        self._seen: set[str] = set()
        self._empty = 0
        """How many pages in a row had no row."""

    def read(self, cursor: str | None, size: int) -> Page[T]:
        """Return the driver's page of at most ``size`` rows."""
        time.sleep(0)  # on gevent: let others have their turn, also if nothing here ever waits
        page = self._fetch(cursor, size)
        self.calls += 1
        self._empty = 0 if page.items else self._empty + 1
        if self._empty > _MOST_EMPTY and page.next_cursor is not None:
            raise _endless()
        self.rows += len(page.items)
        self.unasked |= page.unasked
        return page

    def matching(self, items: tuple[T, ...]) -> tuple[T, ...]:
        """Return what matches of some rows."""
        if not self.plan.query.filters:
            return items
        return tuple(filter(self.plan.query.matches, items))

    def follow(self, cursor: str | None) -> tuple[tuple[T, ...], str | None]:
        """Return a page of a whole list, and the cursor after it."""
        page = self.read(cursor, self.page_size)
        items, following = self.matching(page.items), page.next_cursor
        self.matched += len(items)
        if following is not None:
            if following in self._seen:
                raise _in_circles()
            self._seen.add(following)
        return items, following

    def stream(
        self, items: tuple[T, ...], cursor: str | None, ahead: Ahead
    ) -> Iterator[tuple[T, ...]]:
        """Yield a page and all that follow it, each read while the one before is worked on."""
        coming = None
        try:
            while cursor is not None:
                coming = ahead(self.follow, cursor)
                yield items
                items, cursor = coming.result()
            yield items
        finally:
            if coming is not None:
                coming.cancel()


class Listing(Generic[T]):
    """A list that has begun: what can fail before its first byte has not failed.

    Attributes:
        source: where it is read from.
        is_one_page: whether it is at hand.
        position: where the next page begins, for a list with a limit.
        marker: the same for clients, once it is written.
    """

    def __init__(
        self,
        source: Source[T],
        pages: Iterable[tuple[T, ...]],
        *,
        is_one_page: bool = True,
        position: Position | None = None,
    ) -> None:
        self.source: Source[T] = source
        self.is_one_page = is_one_page
        self.position = position
        self.marker: str | None = None
        self._pages: Iterable[tuple[T, ...]] = pages

    def pages(self) -> Iterator[tuple[T, ...]]:
        """Yield the pages, once; some may be empty.

        Raises:
            DriverError: a page that cannot be had ends the list with its error,
                never quietly.
        """
        yield from self._pages

    def items(self) -> Iterator[T]:
        """Yield the items of all pages."""
        for page in self.pages():
            yield from page


def whole(source: Source[T], ahead: Ahead) -> Listing[T]:
    """Return all of a list, in the driver's order."""
    items, cursor = source.follow(None)
    pages = source.stream(items, cursor, ahead)
    return Listing(source, pages, is_one_page=cursor is None)


def whole_sorted(source: Source[T], ahead: Ahead, *, most: int) -> Listing[T]:
    """Return all of a list, sorted here.

    Raises:
        DriverError: ``invalid`` where more than ``most`` match: they would have to
            be held in memory all at once.
    """
    found: list[T] = []
    for page in _all(source, ahead):
        found += page
        if len(found) > most:
            raise invalid(
                {
                    "sort": f"more than {most} match, which are not sorted at once; add limit=1000 "
                    "and follow the links, or narrow the list with filters"
                }
            )
    found.sort(key=Order(source.plan.query.sort).place)
    size = source.page_size
    return Listing(source, [tuple(found[i : i + size]) for i in range(0, len(found), size)])


def page(source: Source[T], cursor: str | None, *, limit: int) -> Listing[T]:
    """Return the next ``limit`` matches behind a driver's cursor, in the driver's order.

    A page of the driver's that holds too many is read again as far as it is given
    out, so that what comes next always begins at a cursor of the driver's. With
    filters that the driver does not answer, a page may be short.
    """
    found: list[T] = []
    size, end = limit, time.monotonic() + _SCAN_S
    while True:
        read = source.read(cursor, min(size, source.page_size))
        items, missing = source.matching(read.items), limit - len(found)
        if len(items) > missing:
            again = 1 + next(n for n, row in enumerate(read.items) if row is items[missing - 1])
            size = again if again < size else missing  # else somebody makes rows meanwhile
            continue
        if read.next_cursor is not None and read.next_cursor == cursor:
            raise _in_circles()
        found += items
        cursor = read.next_cursor
        if cursor is None or len(found) == limit or time.monotonic() > end:
            break
        # Twice what by now seems to hold what is missing.
        size = (limit - len(found)) * max(1, 2 * source.rows // (len(found) + 1))
    source.matched = len(found)
    return Listing(source, [tuple(found)], position=Position(cursor) if cursor else None)


def one_page(source: Source[T], cursor: str | None, *, limit: int) -> Listing[T] | None:
    """Return what ``page`` would if that needs one page of the driver, else None."""
    read = source.read(cursor, min(limit, source.page_size))
    items = source.matching(read.items)
    if source.plan.sorts_here or (read.next_cursor is not None and len(items) < limit):
        return None
    source.matched = len(items)
    position = Position(read.next_cursor) if read.next_cursor else None
    return Listing(source, [items], position=position)


def page_sorted(source: Source[T], after: Values | None, ahead: Ahead, *, limit: int) -> Listing[T]:
    """Return the next ``limit`` matches in an order that is made here.

    Reads the whole list and holds ``limit`` rows of it.
    """
    order = Order(source.plan.query.sort)
    items: Iterable[T] = (item for page in _all(source, ahead) for item in page)
    if after is not None:
        place = order.place_of(after)
        items = (item for item in items if order.place(item) > place)
    found = heapq.nsmallest(limit + 1, items, key=order.place)
    position = Position(after=order.values(found[limit - 1])) if len(found) > limit else None
    return Listing(source, [tuple(found[:limit])], position=position)


def _all(source: Source[T], ahead: Ahead) -> Iterator[tuple[T, ...]]:
    return source.stream(*source.follow(None), ahead)


def _endless() -> DriverError:
    return DriverError(
        ErrorCode.BACKEND, f"the backend's list has no end: {_MOST_EMPTY} empty pages in a row"
    )


def _in_circles() -> DriverError:
    return DriverError(ErrorCode.BACKEND, "the list goes in circles: same cursor twice")
