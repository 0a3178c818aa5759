"""A list, complete or an error: pages are fetched as they are read."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from gateway.driver import DriverError, ErrorCode, Page, Query, StorageSnapshot, StorageVolume

T = TypeVar("T", StorageSnapshot, StorageVolume)


class Listing(Generic[T]):
    """The whole list, page by page, in constant memory.

    The first page is fetched at once, so that a list that cannot start fails
    before the first byte is written.
    """

    def __init__(self, fetch: Callable[[str | None], Page[T]], query: Query) -> None:
        self._fetch: Callable[[str | None], Page[T]] = fetch
        self._query = query
        page = self._fetched(None)
        self.first: tuple[T, ...] = self._matching(page)
        self._seen: set[str] = set()
        self._advance(page.next_cursor)

    @property
    def is_one_page(self) -> bool:
        """Whether ``first`` is the whole list."""
        return self._cursor is None

    def pages(self) -> Iterator[tuple[T, ...]]:
        """Yield the pages; some may be empty.

        Raises:
            DriverError: a page that cannot be had ends the list with its error,
                never quietly.
        """
        yield self.first
        while self._cursor is not None:
            page = self._fetched(self._cursor)
            self._advance(page.next_cursor)
            yield self._matching(page)

    def items(self) -> Iterator[T]:
        """Yield the items of all pages."""
        for page in self.pages():
            yield from page

    def _fetched(self, cursor: str | None) -> Page[T]:
        page = self._fetch(cursor)
        if not isinstance(page, Page):
            raise DriverError(
                ErrorCode.INTERNAL,
                f"a bug in the driver: a list call returned {type(page).__name__}",
            )
        return page

    def _advance(self, cursor: str | None) -> None:
        if cursor is not None:
            if cursor in self._seen:
                raise DriverError(ErrorCode.BACKEND, "the list goes in circles: same cursor twice")
            self._seen.add(cursor)
        self._cursor = cursor

    def _matching(self, page: Page[T]) -> tuple[T, ...]:
        if not self._query.filters:
            return page.items
        return tuple(item for item in page.items if self._query.matches(item))
