"""Lists of disks as SQL: conditions, order, and where a page begins.

Statements are made once for each shape of a list; the values are parameters.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from drivers.local.facts import DISKS, Disk, Kind
from gateway.driver import Filter, Lookup, Pushdown, Query, SortKey

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTS = {
    "id": "id",
    "name": "name",
    "description": "description",
    "volume_id": "source_id",
    "created_by": "marker",
}
_TIMES = {"created": "created_ms", "completed": "completed_ms", "updated": "updated_ms"}
_NUMBERS = {"size_bytes": "size_bytes", "progress": "progress"}
_COLUMNS = {**_TEXTS, **_TIMES, **_NUMBERS}
"""The model's field -> column."""
_ONE = (Lookup.EXACT, Lookup.IN, Lookup.ISNULL)
_RANGES = (Lookup.GTE, Lookup.GT, Lookup.LTE, Lookup.LT)
PUSHDOWN = {
    **{(field, lookup): Pushdown.EXACT for field in _COLUMNS for lookup in _ONE},
    **{(field, lookup): Pushdown.EXACT for field in (*_TIMES, *_NUMBERS) for lookup in _RANGES},
}
SORT_KEYS = frozenset({"created", "id", "name", "size_bytes"})
_NULLABLE = frozenset({"name"})
"""Of the columns that lists are sorted by."""


_COMPARE: Mapping[Lookup, Callable[[Any, Any], sa.ColumnElement[bool]]] = {
    Lookup.EXACT: operator.eq,
    Lookup.IN: operator.eq,
    Lookup.GTE: operator.ge,
    Lookup.GT: operator.gt,
    Lookup.LTE: operator.le,
    Lookup.LT: operator.lt,
}
"""How a column compares with a value, of several with any."""


class _Condition(NamedTuple):
    """The shape of a condition: a column, how it compares, and with how many values."""

    column: str
    lookup: Lookup
    values: int


class _Shape(NamedTuple):
    """What decides a statement.

    ``after`` says of each value of the place where the page begins whether it is
    null; None for the first page. ``collation`` is the database's own that sorts by
    code points, where its usual one does not.
    """

    conditions: tuple[_Condition, ...]
    order: tuple[tuple[str, bool], ...]
    after: tuple[bool, ...] | None
    collation: str | None


def page(
    kind: Kind, query: Query, *, count: int, cursor: str | None, collation: str | None = None
) -> tuple[sa.Select[Any], Mapping[str, Any]]:
    """Return the statement for a page, and its parameters.

    Args:
        kind: snapshot or volume.
        query: filters of PUSHDOWN and an order of SORT_KEYS, else that of creation.
        count: the most rows.
        cursor: what ``cursor_after`` said of the last row of the page before.
        collation: sorts text by code points; None where the database does by itself.
    """
    order = _order(query.sort)
    place = None if cursor is None else orjson.loads(cursor)
    shape = _Shape(
        tuple(_Condition(_COLUMNS[f.field], f.lookup, len(f.values)) for f in query.filters),
        order,
        None if place is None else tuple(value is None for value in place),
        collation,
    )
    values: dict[str, Any] = {"kind": kind, "count": count}
    for number, condition in enumerate(query.filters):
        for place_, value in enumerate(condition.values):
            values[f"c{number}_{place_}"] = _value(condition, value)
    for number, value in enumerate(place or ()):
        values |= {} if value is None else {f"a{number}": value}
    return _statement(shape), values


def count(kind: Kind, query: Query) -> sa.Select[Any]:
    """Return the statement that counts what matches; its parameters are in it."""
    statement, values = page(kind, Query(query.filters), count=0, cursor=None)
    found = statement.limit(None).order_by(None).params(values).subquery()
    return sa.select(sa.func.count()).select_from(found)


def cursor_after(row: Disk, query: Query) -> str:
    """Return the cursor behind a row."""
    return orjson.dumps([getattr(row, column) for column, _ in _order(query.sort)]).decode()


def _order(sort: Sequence[SortKey]) -> tuple[tuple[str, bool], ...]:
    """Return columns and whether they descend; the last one makes the order total."""
    if not sort:
        return (("seq", False),)
    keys = tuple((_COLUMNS[key.field], key.descending) for key in sort)
    return keys if any(column == "id" for column, _ in keys) else (*keys, ("id", False))


def _value(condition: Filter, value: Any) -> Any:
    """Return a value as the column has it: a time as milliseconds, with fractions if it has any."""
    if isinstance(value, datetime):
        us = (value - _EPOCH) // timedelta(microseconds=1)
        return us / 1000 if us % 1000 else us // 1000
    return value


@lru_cache(maxsize=256)
def _statement(shape: _Shape) -> sa.Select[Any]:
    conditions = [
        _condition(condition, [f"c{number}_{place}" for place in range(condition.values)])
        for number, condition in enumerate(shape.conditions)
    ]
    if shape.after is not None:
        conditions.append(_behind(shape, shape.after))
    statement = sa.select(DISKS).where(DISKS.c.kind == sa.bindparam("kind"), *conditions)
    for column, descending in shape.order:
        key = _sorted(column, shape.collation)
        if column in _NULLABLE:
            statement = statement.order_by(key.is_(None))
        statement = statement.order_by(key.desc() if descending else key)
    return statement.limit(sa.bindparam("count"))


def _condition(condition: _Condition, names: Sequence[str]) -> sa.ColumnElement[bool]:
    column: sa.ColumnElement[Any] = DISKS.c[condition.column]
    values: list[sa.BindParameter[Any]] = [sa.bindparam(name) for name in names]
    if condition.lookup is Lookup.ISNULL:
        return column.is_(None) == values[0]
    compare = _COMPARE[condition.lookup]
    return sa.or_(*(compare(column, value) for value in values))


def _behind(shape: _Shape, nulls: Sequence[bool]) -> sa.ColumnElement[bool]:
    """Return the condition for rows behind a place: by the first key, else by the next ones."""
    found: sa.ColumnElement[bool] = sa.false()
    for number, (column, descending) in reversed(list(enumerate(shape.order))):
        key = _sorted(column, shape.collation)
        value: sa.BindParameter[Any] = sa.bindparam(f"a{number}")
        if nulls[number]:  # nothing is behind what is not known, in this key
            found = sa.and_(key.is_(None), found)
            continue
        behind = key < value if descending else key > value
        if column in _NULLABLE:
            behind = sa.or_(behind, key.is_(None))
        found = sa.or_(behind, sa.and_(key == value, found))
        if number == 0 and column not in _NULLABLE:
            # Says nothing new, and lets the database begin at the right place of an index.
            found = sa.and_(key <= value if descending else key >= value, found)
    return found


def _sorted(column: str, collation: str | None) -> sa.ColumnElement[Any]:
    """Return a column as it is sorted: text by code points, whatever the database's language."""
    found = DISKS.c[column]
    return sa.collate(found, collation) if collation and column in {"id", "name"} else found
