"""What a list is asked for, and what of it a driver can answer itself."""

import enum
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.driver.model import StorageSnapshot, StorageVolume

Resource = StorageSnapshot | StorageVolume
Scalar = str | int | bool | datetime


class Lookup(enum.StrEnum):
    """How a filter compares."""

    EXACT = "exact"
    IN = "in"
    """It is one of several values."""
    CONTAINS = "contains"
    """The value is a part of it, in upper or lower case."""
    GTE = "gte"
    GT = "gt"
    LTE = "lte"
    LT = "lt"
    ISNULL = "isnull"
    """It is not known (the value is True), or it is (False)."""
    HAS = "has"
    """Among the metadata there is a key of this name."""


class Pushdown(enum.Enum):
    """How well a backend answers a filter. The core re-applies every filter anyway."""

    EXACT = "exact"
    """The backend's answer holds what matches and nothing else."""
    SUPERSET = "superset"
    """It holds all that matches, and perhaps more."""


DERIVED_FIELDS = frozenset({"kind", "label"})
"""What else can be filtered by than the model's fields: a snapshot's kind, one of its labels."""

PushdownTable = Mapping[tuple[str, Lookup], Pushdown]
"""(model field, lookup) -> how well the driver can push that filter down."""


OWNER_SELF = "self"
"""The value of a filter on ``owner`` that stands for the caller's own account."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on one field of the model, named as in the model.

    Attributes:
        field: the field; ``label`` stands for each of ``labels``.
        value: of the field's own type: text, int (bytes, percent), bool, or an
            aware datetime; a tuple of such for IN, a bool for ISNULL.
        lookup: how it compares.
        key: the metadata key, for the field ``metadata`` (not for HAS, whose value
            is the key).

    The value of ``owner`` is an account's id or OWNER_SELF, that of ``created_by`` a
    marker's id.
    """

    field: str
    value: Scalar | tuple[Scalar, ...]
    lookup: Lookup = Lookup.EXACT
    key: str | None = None

    @property
    def name(self) -> str:
        """The name of this filter in a query string."""
        field = self.field if self.key is None else f"{self.field}[{self.key}]"
        return field if self.lookup is Lookup.EXACT else f"{field}__{self.lookup}"

    @property
    def values(self) -> tuple[Scalar, ...]:
        """The values that it compares with: one, but for IN."""
        return self.value if isinstance(self.value, tuple) else (self.value,)

    def matches(self, item: Resource) -> bool:
        """Return whether ``item`` meets the condition; null meets none but ISNULL."""
        found = _READERS.get(self.field, _plain)(self, item)
        if self.lookup is Lookup.ISNULL:
            return (not found) is self.value
        test, wanted = _TESTS[self.lookup], self.value
        return any(test(value, wanted) for value in found)


def _plain(condition: Filter, item: Resource) -> tuple[Any, ...]:
    """Return the value of a field, none if it is null."""
    value = getattr(item, condition.field)
    if value is None:
        return ()
    return (_shown(value) if isinstance(value, datetime) else value,)


def _shown(moment: datetime) -> datetime:
    """Return a time as precise as it is shown, so that what is shown can be asked for."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _owner(condition: Filter, item: Resource) -> tuple[str, ...]:
    owner = item.owner
    if owner is None:
        return ()
    stands_for_self = owner.is_self and condition.lookup is not Lookup.CONTAINS
    return (owner.id, OWNER_SELF) if stands_for_self else (owner.id,)


def _metadata(condition: Filter, item: Resource) -> Iterable[str]:
    if condition.lookup is Lookup.HAS:
        return item.metadata.keys()
    value = item.metadata.get(condition.key or "")
    return () if value is None else (value,)


_READERS: Mapping[str, Callable[[Filter, Resource], Iterable[Any]]] = {
    "created_by": lambda _, item: (item.created_by.id,) if item.created_by else (),
    "label": lambda _, item: getattr(item, "labels", ()),
    "metadata": _metadata,
    "owner": _owner,
}
"""Field -> what of an item a filter on it compares, where that is not the field's value."""
_TESTS: Mapping[Lookup, Callable[[Any, Any], bool]] = {
    Lookup.EXACT: operator.eq,
    Lookup.HAS: operator.eq,
    Lookup.IN: lambda value, wanted: value in wanted,
    Lookup.CONTAINS: lambda value, wanted: wanted.casefold() in value.casefold(),
    Lookup.GTE: operator.ge,
    Lookup.GT: operator.gt,
    Lookup.LTE: operator.le,
    Lookup.LT: operator.lt,
}


@dataclass(frozen=True, slots=True)
class SortKey:
    """One field of the model that a list is sorted by."""

    field: str
    descending: bool = False

    @property
    def name(self) -> str:
        """The name of this key in a query string."""
        return f"-{self.field}" if self.descending else self.field


@dataclass(frozen=True, slots=True)
class Query:
    """A list request: conditions that all must hold, and the order.

    A driver is handed only the filters that its ``pushdown`` table names, and
    an order only if all its keys are in its ``sort_keys``; the order is that of
    ``Order``.
    """

    filters: tuple[Filter, ...] = ()
    sort: tuple[SortKey, ...] = ()

    def matches(self, item: Resource) -> bool:
        """Return whether ``item`` meets every condition."""
        return all(condition.matches(item) for condition in self.filters)

    def pushed_down(self, table: PushdownTable, sort_keys: frozenset[str]) -> "Query":
        """Return the part of this query that a driver answers.

        ``table`` and ``sort_keys`` are what the driver declares.
        """
        can_sort = all(key.field in sort_keys for key in self.sort)
        return replace(
            self,
            filters=tuple(f for f in self.filters if (f.field, f.lookup) in table),
            sort=self.sort if can_sort else (),
        )

    def value_of(self, field: str) -> str | None:
        """Return the text that ``field`` must equal, or None when nothing like that is asked."""
        return next(
            (
                f.value
                for f in self.filters
                if f.field == field and f.lookup is Lookup.EXACT and isinstance(f.value, str)
            ),
            None,
        )

    def values_of(self, field: str) -> tuple[str, ...]:
        """Return the texts of which ``field`` must be one; none when nothing like that is asked.

        Where several conditions ask for that, it is those of the first.
        """
        for condition in self.filters:
            if condition.field == field and condition.lookup in {Lookup.EXACT, Lookup.IN}:
                return tuple(map(str, condition.values))
        return ()
