"""Complete lists in a total order, of collections that CloudSigma gives in none.

A short list is read in one call for each collection. A long one is read as an
index, ids and what they are sorted by, which CloudSigma gives at once and so at one
moment, and then in pages of whole objects by their ids. The cursor is the last
place in the order, so that nothing comes twice and nothing that stays is left out;
only one that is renamed meanwhile moves, in a long list that is sorted by name.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import orjson

from drivers.cloudsigma import wire
from drivers.cloudsigma.account import Account
from drivers.cloudsigma.errors import not_cloudsigma
from drivers.cloudsigma.wire import Kind, Row
from gateway.driver import (
    DriverError,
    ErrorCode,
    Order,
    Page,
    Query,
    SortKey,
    StorageSnapshot,
    StorageVolume,
)
from gateway.driver.order import as_json

T = TypeVar("T", StorageSnapshot, StorageVolume)
Model = Callable[[Row, Kind], T]
"""Makes the model of a row, as its collection wants it."""
SORT_KEYS: Mapping[str, str] = {"created": "timestamp", "id": "uuid", "name": "name"}
"""The model's field -> CloudSigma's."""
Entry = tuple[tuple[Any, ...], Kind, Row]
"""Its place, its collection, and what is known of it."""
_FEW = 10
"""More missing rows than these are looked for in the index first, which is one call."""


class RowOrder(Order):
    """The order of a list, of rows as CloudSigma gives them: the sort keys, then the id."""

    def __init__(self, keys: tuple[SortKey, ...]) -> None:
        super().__init__(keys)
        self.keys = keys

    @property
    def fields(self) -> str:
        """The fields that an object's place depends on, as CloudSigma names them."""
        return ",".join(dict.fromkeys((*(SORT_KEYS[key.field] for key in self.keys), "uuid")))

    def row_place(self, row: Row) -> tuple[Any, ...]:
        """Return the place of a row."""
        if not self.keys:  # as below, in a fifth of the time: a long index is read for each page
            return (row["uuid"],)
        return self.place_of(self.values_of(row))

    def values_of(self, row: Row) -> list[str | int | None]:
        """Return what tells an object's place, as a cursor keeps it."""
        return [*(_value(key.field, row) for key in self.keys), row["uuid"]]


def page(
    account: Account,
    kinds: Sequence[Kind],
    model: Model[T],
    asked: Mapping[str, str],
    query: Query,
    *,
    page_size: int,
    cursor: str | None,
) -> Page[T]:
    """Return a page of the collections together.

    Args:
        account: whose objects.
        kinds: which collections.
        model: makes the models.
        asked: CloudSigma's filters.
        query: the order.
        page_size: rows at most.
        cursor: that of the page before; None for the first.

    Raises:
        DriverError: ``backend`` where CloudSigma's answers contradict each other.
    """
    if cursor is None:
        found = _short(account, kinds, model, asked, page_size)
        if found is not None:
            key = Order(query.sort).place if query.sort else attrgetter("id")
            return Page(tuple(sorted(found, key=key)))
    order = RowOrder(query.sort)
    index = _index(account, kinds, asked, order, cursor)
    chosen = index[:page_size]
    items = tuple(_whole(account, kinds, model, chosen))
    if len(index) <= page_size:
        return Page(items)
    return Page(items, orjson.dumps(order.values_of(chosen[-1][2])).decode())


def _short(
    account: Account,
    kinds: Iterable[Kind],
    model: Model[T],
    asked: Mapping[str, str],
    page_size: int,
) -> list[T] | None:
    """Return everything if it fits one page, else None."""
    found: dict[str, tuple[Row, Kind]] = {}
    read = 0
    for kind in kinds:
        rows, total = account.page(kind, asked, limit=page_size)
        read += total
        if total > len(rows) or read > page_size:
            return None
        found |= {row_id: (row, kind) for row_id, row in rows.items()}
    if len(found) != read:
        raise not_cloudsigma()  # one object in two collections
    return [model(row, kind) for row, kind in found.values()]


def _index(
    account: Account,
    kinds: Iterable[Kind],
    asked: Mapping[str, str],
    order: RowOrder,
    cursor: str | None,
) -> list[Entry]:
    """Return the places of all objects after a cursor, in order."""
    wanted = {**asked, "fields": order.fields}
    found: list[Entry] = []
    read: list[dict[str, Row]] = []
    for kind in kinds:
        rows = account.everything(kind, wanted)
        if not all(rows.keys().isdisjoint(others.keys()) for others in read):
            raise not_cloudsigma()  # one object in two collections
        read.append(rows)
        found += [(order.row_place(row), kind, row) for row in rows.values()]
    if cursor is not None:
        given = order.place_of(orjson.loads(cursor))
        found = [entry for entry in found if entry[0] > given]
    found.sort(key=lambda entry: entry[0])
    return found


def _whole(
    account: Account, kinds: Iterable[Kind], model: Model[T], chosen: Sequence[Entry]
) -> list[T]:
    """Return the models of these entries, in order, without those that are gone."""
    found: dict[str, T] = {}
    for kind in kinds:
        ids = [row["uuid"].lower() for _, of, row in chosen if of is kind]
        rows = account.rows(kind, ids)
        _check_gone(account, kind, [one for one in ids if one not in rows])
        found |= {row_id: model(row, kind) for row_id, row in rows.items()}
    ordered = (row["uuid"].lower() for _, _, row in chosen)
    return [found[row_id] for row_id in ordered if row_id in found]


def _check_gone(account: Account, kind: Kind, missing: Sequence[str]) -> None:
    """Make sure that what the index held and the rows lack has been deleted meanwhile.

    A call for each tells most surely. Many missing ones are a filter that does not
    work, which the first call shows, or were deleted together, which the index shows
    in one call.

    Raises:
        DriverError: ``backend`` if one is still there: the list would lack it.
    """
    if len(missing) > _FEW:
        listed = account.everything(kind, {"fields": "uuid"})
        missing = [one for one in missing if one in listed]
    if any(account.exists(kind, one) for one in missing):
        raise DriverError(
            ErrorCode.BACKEND,
            "CloudSigma leaves out objects that exist when it is asked for them by their ids; "
            "the list would not be complete",
        )


def _value(field: str, row: Row) -> str | int | None:
    value = row.get(SORT_KEYS[field])
    if field == "created":
        return as_json(wire.utc(value))
    return value if isinstance(value, str) and value else None
