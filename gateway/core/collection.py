"""The snapshots or the volumes of one account, as lists, pages and numbers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from gateway.core import listing
from gateway.core.listing import Ahead, Listing, Source
from gateway.core.markers import Markers, Position
from gateway.core.plans import Plan
from gateway.core.registry import Provider
from gateway.driver import PushdownTable, Query, StorageSnapshot, StorageVolume, invalid

T = TypeVar("T", StorageSnapshot, StorageVolume)
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class ListSettings:
    """What the operator decides about lists.

    Attributes:
        marker_key: signs markers; all processes that serve the same clients share it.
        max_sorted_rows: the most rows that are held to be sorted at once.
    """

    marker_key: bytes
    max_sorted_rows: int


@dataclass(frozen=True, slots=True)
class AccountCollection(Generic[T]):
    """One collection of an account.

    Attributes:
        kind: ``snapshots`` or ``volumes``.
        provider: where it is.
        settings: the operator's.
        call: calls a method of the driver within a deadline.
        ahead: starts a call that runs meanwhile.
        list_page: the list call, as the class Driver has it.
        pushdown: what that filters.
        sort_keys: by what that sorts.
        count_all: the count call, if this driver has one.
    """

    kind: str
    provider: Provider
    settings: ListSettings
    call: Callable[..., Any]
    ahead: Ahead
    list_page: Callable[..., Any]
    pushdown: PushdownTable
    sort_keys: frozenset[str] = frozenset()
    count_all: Callable[..., Any] | None = None

    def begin(self, query: Query, limit: int | None, marker: str | None) -> Listing[T] | None:
        """Return the list if one page of the driver is enough for it, else None.

        Raises what ``list`` would before its first byte; never reads a second page.
        """
        source, position = self._source(query), self._position(query, limit, marker)
        if limit is None and not source.plan.sorts_here:
            found = listing.whole(source, self.ahead)
            return found if found.is_one_page else None
        page = listing.one_page(source, position.cursor, limit=limit or 1)
        return page and self._marked(page, query)

    def list(self, query: Query, limit: int | None, marker: str | None) -> Listing[T]:
        """Return everything that matches, or with a limit the page behind the marker.

        Raises:
            DriverError: ``invalid`` for a marker of another list.
        """
        source, position = self._source(query), self._position(query, limit, marker)
        if limit is None:
            return self._whole(source)
        if source.plan.sorts_here:
            found = listing.page_sorted(source, position.after, self.ahead, limit=limit)
        else:
            found = listing.page(source, position.cursor, limit=limit)
        return self._marked(found, query)

    def count(self, query: Query, *, scan: bool) -> tuple[int | None, int]:
        """Return how many match, and how many rows were read for it.

        Without ``scan`` None where only reading the list would tell.
        """
        source = self._source(query)
        if self.count_all is not None and not source.plan.residual:
            number: int | None = self.call(self.count_all, replace(source.plan.pushed, sort=()))
            if number is not None:
                return number, 0
        if not scan:
            return None, 0
        return sum(map(len, listing.whole(source, self.ahead).pages())), source.rows

    def _position(self, query: Query, limit: int | None, marker: str | None) -> Position:
        if marker is None:
            return Position()
        if limit is None:
            raise invalid({"marker": "give limit too: a list without limit has no pages"})
        return self._markers(query).read(marker)

    def _marked(self, page: Listing[T], query: Query) -> Listing[T]:
        """Return the page with the marker of the next one, if there is one."""
        page.marker = self._markers(query).write(page.position) if page.position else None
        return page

    def _markers(self, query: Query) -> Markers:
        return Markers(self.settings.marker_key, self.provider, self.kind, query)

    def _whole(self, source: Source[T]) -> Listing[T]:
        if source.plan.sorts_here:
            return listing.whole_sorted(source, self.ahead, most=self.settings.max_sorted_rows)
        return listing.whole(source, self.ahead)

    def _source(self, query: Query) -> Source[T]:
        plan = Plan.of(query, self.pushdown, self.sort_keys)

        def fetch(cursor: str | None, size: int) -> Any:
            return self.call(self.list_page, plan.pushed, page_size=size, cursor=cursor)

        return Source(fetch, plan, page_size=self.provider.driver.page_size)
