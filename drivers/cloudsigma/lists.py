"""Complete lists in a total order, of collections that CloudSigma gives in none.

A short list is read in one call for each collection. A long one is read as an
index, ids and what they are sorted by, which CloudSigma gives at once and so at one
moment, and then in pages of whole objects by their ids. The cursor is the last
place in the order, so that nothing comes twice and nothing that stays is left out;
only one that is renamed meanwhile moves, in a long list that is sorted by name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import total_ordering
from operator import itemgetter
from typing import Any

import orjson

from drivers.cloudsigma import wire
from drivers.cloudsigma.account import Account
from drivers.cloudsigma.wire import Kind, Row
from gateway.driver import Query, SortKey

SORT_KEYS: Mapping[str, str] = {"created": "timestamp", "id": "uuid", "name": "name"}
"""The model's field -> CloudSigma's."""
Entry = tuple[tuple[Any, ...], Kind, Row]
"""Its place, its collection, and what is known of it."""


@total_ordering
@dataclass(frozen=True)
class _Descending:
    """A value that sorts the other way round."""

    value: str

    def __lt__(self, other: "_Descending") -> bool:
        return self.value > other.value


@dataclass(frozen=True)
class Order:
    """The order of a list: the sort keys, then the id."""

    keys: tuple[SortKey, ...]

    @property
    def fields(self) -> str:
        """The fields that an object's place depends on, as CloudSigma names them."""
        return ",".join(dict.fromkeys((*(SORT_KEYS[key.field] for key in self.keys), "uuid")))

    def sorted(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows in this order."""
        if not self.keys:
            return sorted(rows, key=itemgetter("uuid"))
        return sorted(rows, key=lambda row: self.place(self.values(row)))

    def values(self, row: Row) -> list[str]:
        """Return what tells an object's place, as a cursor keeps it."""
        return [*(_value(key.field, row) for key in self.keys), row["uuid"]]

    def place(self, values: Sequence[str]) -> tuple[Any, ...]:
        """Return what compares as the order wants it."""
        *keyed, last = values
        turned = (
            _Descending(value) if key.descending else value
            for key, value in zip(self.keys, keyed, strict=True)
        )
        return (*turned, last)


def page(
    account: Account,
    kinds: Sequence[Kind],
    asked: Mapping[str, str],
    query: Query,
    *,
    page_size: int,
    cursor: str | None,
) -> tuple[list[Row], str | None]:
    """Return a page of the collections together, and the cursor after it.

    Args:
        account: whose objects.
        kinds: which collections.
        asked: CloudSigma's filters.
        query: the order.
        page_size: rows at most.
        cursor: what this returned for the page before; None for the first.
    """
    order = Order(query.sort)
    if cursor is None:
        rows = _short(account, kinds, asked, page_size)
        if rows is not None:
            return order.sorted(rows), None
    index = _index(account, kinds, asked, order)
    if cursor is not None:
        given = order.place(orjson.loads(cursor))
        index = [entry for entry in index if entry[0] > given]
    chosen = index[:page_size]
    rows = _rows(account, kinds, chosen)
    if len(index) <= page_size:
        return rows, None
    return rows, orjson.dumps(order.values(chosen[-1][2])).decode()


def _short(
    account: Account, kinds: Iterable[Kind], asked: Mapping[str, str], page_size: int
) -> list[Row] | None:
    """Return all rows if they fit one page, else None."""
    found: list[Row] = []
    for kind in kinds:
        rows, total = account.page(kind, asked, limit=page_size)
        if total > len(rows) or len(found) + total > page_size:
            return None
        found += map(wire.check_row, rows)
    return found


def _index(
    account: Account, kinds: Iterable[Kind], asked: Mapping[str, str], order: Order
) -> list[Entry]:
    """Return the places of all objects, in order."""
    wanted = {**asked, "fields": order.fields}
    found = [
        (order.place(order.values(row)), kind, row)
        for kind in kinds
        for row in account.everything(kind, wanted)
    ]
    found.sort(key=lambda entry: entry[0])
    return found


def _rows(account: Account, kinds: Iterable[Kind], chosen: Sequence[Entry]) -> list[Row]:
    """Return the whole objects of these entries, in order, without those that are gone."""
    places = {row["uuid"]: number for number, (_, _, row) in enumerate(chosen)}
    found: list[Row] = []
    for kind in kinds:
        found += account.rows(kind, [row["uuid"] for _, of, row in chosen if of is kind])
    return sorted(found, key=lambda row: places[row["uuid"]])


def _value(field: str, row: Row) -> str:
    value = row.get(SORT_KEYS[field])
    if field == "created":
        moment = wire.utc(value)
        return moment.isoformat(timespec="microseconds") if moment else ""
    return value if isinstance(value, str) else ""
