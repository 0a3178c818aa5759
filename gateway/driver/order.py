"""The one order of lists: by the keys asked for, unknown values last, then by id."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import total_ordering
from typing import Any

from gateway.driver.model import Owner
from gateway.driver.query import Resource, SortKey

Place = tuple[Any, ...]
"""Where something stands in an order; places compare as the order wants it."""
Values = Sequence[str | int | None]
"""What decides a place, as JSON can carry it: a value for each key, then the id."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNKNOWN = (True,)
_CHARACTERS = 256


@total_ordering
class _Turned:
    """A text that sorts the other way round."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Turned) and self.text == other.text

    def __lt__(self, other: "_Turned") -> bool:
        return self.text > other.text

    __hash__ = None  # type: ignore[assignment]


class Order:
    """A total order.

    Text compares by the code points of its first 256 characters, so that a place fits
    into a URL, a time by its microseconds, false before true.
    What is not known comes last, in either direction; what is equal in all keys
    is in ascending order of the ids.
    """

    def __init__(self, keys: Iterable[SortKey]) -> None:
        self._keys = tuple(keys)

    def values(self, item: Resource) -> list[str | int | None]:
        """Return what decides the place of an item."""
        return [*(as_json(getattr(item, key.field)) for key in self._keys), item.id]

    def place(self, item: Resource) -> Place:
        """Return the place of an item."""
        return self.place_of(self.values(item))

    def place_of(self, values: Values) -> Place:
        """Return the place that these values decide."""
        *keyed, last = values
        return (*map(_part, self._keys, keyed), last)


def as_json(value: Any) -> str | int | None:
    """Return a model's value as it compares and as JSON can carry it."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    if isinstance(value, Owner):
        return value.id
    if value is None or isinstance(value, int):
        return value
    return str(value)[:_CHARACTERS]


def _part(key: SortKey, value: str | int | None) -> tuple[Any, ...]:
    if value is None:
        return _UNKNOWN
    if not key.descending:
        return (False, value)
    return (False, -value if isinstance(value, int) else _Turned(value))
