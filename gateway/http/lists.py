"""Lists over HTTP: what a query string asks of a list, and the answer, written as it is read."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from flask import Response

from gateway.core.collection import MAX_LIMIT
from gateway.core.fields import Field, lookups, read_filter, read_sort
from gateway.core.listing import Listing
from gateway.driver import DriverError, Filter, Query, SortKey, invalid
from gateway.http.body import CONTROL_PARAMETERS
from gateway.http.exchange import Exchange
from gateway.http.preferences import APPLIED, preferences
from gateway.http.streaming import respond
from gateway.representations.documents import ListEnd
from gateway.representations.xml_text import ILLEGAL

T = TypeVar("T")
_OF_KEY = re.compile(r"([a-z]+)\[(.+)\](__\w+)?", re.DOTALL)
_LIMIT = re.compile("[0-9]{1,4}")
_NEEDS_SCAN = "to count what matches here the whole list must be read; ask for with_count=scan"
_LIST_PARAMETERS = ("sort", "limit", "marker", "with_count", "explain")
_VIEW_PARAMETERS = ("fields", "native")


@dataclass(frozen=True, slots=True)
class View:
    """How items are shown: which fields (None for all), the backend's own record, the volume."""

    fields: tuple[str, ...] | None = None
    native: bool = False
    expand_volume: bool = False


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What a query string asks of a list."""

    query: Query
    limit: int | None
    marker: str | None
    with_count: str
    explain: bool
    view: View


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection that can be listed.

    Attributes:
        name: its name in URLs and documents.
        begin: the account's call for a list of which one page of the driver is enough.
        list: the account's list call.
        count: the account's count call.
        write: the format's writer.
        row: what accompanies an item.
        before_page: called with each page before it is written.
    """

    name: str
    begin: Callable[..., Listing[Any] | None]
    list: Callable[..., Listing[Any]]
    count: Callable[..., tuple[int | None, int]]
    write: Callable[..., Iterable[bytes]]
    row: Callable[[Any], Any]
    before_page: Callable[[tuple[Any, ...]], None] | None = None


def read_list(
    exchange: Exchange, known: Mapping[str, Field], shown: Iterable[str], *, expandable: bool
) -> ListRequest:
    """Return what the query string asks for.

    Args:
        exchange: the request.
        known: the fields that the list can be filtered by.
        shown: the fields that an item's document has.
        expandable: whether its volume can be shown whole.

    Raises:
        DriverError: ``invalid`` naming every bad parameter.
    """
    given = _Given(exchange.pairs)
    sort: tuple[SortKey, ...] = given.take("sort", partial(read_sort, known), ())
    limit = given.take("limit", _limit, None)
    marker = given.take("marker", str, None)
    with_count = given.take("with_count", _one_of("true", "false", "scan"), "false")
    explain = given.take("explain", _one_of("true", "false"), "false")
    view = _take_view(given, shown, expandable=expandable)
    filters = [
        given.read(name, partial(_filter, known, name, expandable=expandable), text, None)
        for name, text in given.left.items()
    ]
    given.check()
    return ListRequest(
        query=Query(tuple(f for f in filters if f is not None), sort),
        limit=limit,
        marker=marker,
        with_count=with_count,
        explain=explain == "true" or "explain" in preferences(exchange.request),
        view=view,
    )


def read_view(exchange: Exchange, shown: Iterable[str], *, expandable: bool = False) -> View:
    """Return how a single resource shall be shown; no other parameter may be given."""
    known = (*_VIEW_PARAMETERS, "expand") if expandable else _VIEW_PARAMETERS
    given = _Given(exchange.parameters(*known).items())
    view = _take_view(given, shown, expandable=expandable)
    given.check()
    return view


def answer(exchange: Exchange, request: ListRequest, collection: Collection) -> Response:
    """Return the list: whole with an ETag when it is at hand, else as it is read."""
    is_head = exchange.request.method == "HEAD"
    if is_head and collection.before_page is not None:
        collection.before_page(())  # may there be any?
    listed = collection.begin if is_head else collection.list
    listing = listed(request.query, limit=request.limit, marker=request.marker)
    if listing is None or (is_head and request.with_count == "scan"):
        return respond(exchange, (), is_whole=False)  # to tell more, the list must be read
    told = _Told(exchange, request, listing, collection)
    chunks = collection.write(_pages(listing, collection, told), collection.row, told.end)
    return respond(exchange, chunks, is_whole=listing.is_one_page, headers=told.headers())


class _Told:
    """What is told of a list beside its items."""

    def __init__(
        self,
        exchange: Exchange,
        request: ListRequest,
        listing: Listing[Any],
        collection: Collection,
    ) -> None:
        self.written = 0
        self._request = request
        self._source = listing.source
        self._stopwatch = exchange.account.stopwatch
        self._count, self._missing, self._counted = _count(request, listing, collection)
        marker = listing.marker
        self._next = exchange.page_href(collection.name, marker) if marker else None

    def headers(self) -> dict[str, str]:
        """Return what stands in the headers."""
        found = {"Link": f'<{self._next}>; rel="next"'} if self._next else {}
        return found | ({APPLIED: "explain"} if self._request.explain else {})

    def end(self) -> ListEnd:
        """Return what stands behind the items."""
        request, source = self._request, self._source
        calls = max(source.calls, self._stopwatch.calls)  # not every driver counts its requests
        rows = source.rows + self._counted
        numbers = {"rows": rows, "calls": calls, "matched": source.matched}
        is_all = request.with_count != "false" and request.limit is None
        return ListEnd(
            rows=self.written,
            next_href=self._next,
            count=source.matched if is_all else self._count,
            count_missing=self._missing,
            explain={**source.plan.explain(source.unasked), **numbers} if request.explain else None,
        )


def _pages(listing: Listing[Any], collection: Collection, told: _Told) -> Iterable[tuple[Any, ...]]:
    """Return the pages; what the first one needs is had before anything is answered."""

    def prepared() -> Iterator[tuple[Any, ...]]:
        for page in listing.pages():
            if collection.before_page is not None:
                collection.before_page(page)
            told.written += len(page)
            yield page

    pages = prepared()
    if collection.before_page is None:
        return pages
    return chain((next(pages, ()),), pages)


def _count(
    request: ListRequest, listing: Listing[Any], collection: Collection
) -> tuple[int | None, str | None, int]:
    """Return how many match in all, or why that is not known, and the rows read for it."""
    if request.with_count == "false" or request.limit is None:
        return None, None, 0
    is_first_and_last = request.marker is None and listing.marker is None
    if is_first_and_last or listing.source.plan.sorts_here:
        return listing.source.matched, None, 0
    count, rows = collection.count(request.query, scan=request.with_count == "scan")
    return count, _NEEDS_SCAN if count is None else None, rows


class _Given:
    """The parameters of a query string, and what is wrong with them."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.left = dict(pairs)
        self._problems: dict[str, str] = {}

    def take(self, name: str, read: Callable[[str], T], otherwise: T) -> T:
        """Return what a parameter means; it is no longer left."""
        if name not in self.left:
            return otherwise
        return self.read(name, read, self.left.pop(name), otherwise)

    def read(self, name: str, read: Callable[[str], T], text: str, otherwise: T) -> T:
        """Return what a parameter's text means, and remember if it means nothing."""
        try:
            return read(text)
        except ValueError as exc:
            self._problems[name] = str(exc)
        except DriverError as error:
            self._problems.update(error.fields)
        return otherwise

    def check(self) -> None:
        """Raise ``invalid`` naming all that is wrong."""
        if self._problems:
            raise invalid(self._problems)


def _filter(known: Mapping[str, Field], parameter: str, text: str, *, expandable: bool) -> Filter:
    if ILLEGAL.search(text) or ILLEGAL.search(parameter):
        raise ValueError("holds a character that no text here can have")
    in_key = _OF_KEY.fullmatch(parameter)
    name, key = (in_key[1] + (in_key[3] or ""), in_key[2]) if in_key else (parameter, None)
    if "][" in (key or ""):
        raise ValueError("maps have one level: metadata[KEY]")
    try:
        return read_filter(known, name, key, text)
    except KeyError:
        raise ValueError(_valid(known, expandable=expandable)) from None


def _valid(known: Mapping[str, Field], *, expandable: bool) -> str:
    """Return what a parameter's name could have been."""
    others = (*_LIST_PARAMETERS, *_VIEW_PARAMETERS, *(["expand"] if expandable else []))
    return (
        "unknown parameter; valid: "
        + "; ".join(f"{name} ({', '.join(how)})" for name, how in lookups(known).items())
        + f", each lookup but exact as in size_bytes__gte; {', '.join(others)}, "
        + ", ".join(sorted(CONTROL_PARAMETERS))
    )


def _take_view(given: _Given, shown: Iterable[str], *, expandable: bool) -> View:
    expand = given.take("expand", _one_of("volume"), None) if expandable else None
    return View(
        fields=given.take("fields", partial(_fields, tuple(shown)), None),
        native=given.take("native", _one_of("true", "false"), "false") == "true",
        expand_volume=expand is not None,
    )


def _fields(shown: tuple[str, ...], text: str) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(text.split(",")))
    unknown = [name for name in wanted if name not in shown]
    if unknown:
        raise ValueError(f"no such field: {', '.join(unknown)}; there are: {', '.join(shown)}")
    return wanted


def _limit(text: str) -> int:
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= MAX_LIMIT:
        raise ValueError(f"give a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def _one_of(*possible: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in possible:
            raise ValueError(f"give one of: {', '.join(possible)}")
        return text

    return read
