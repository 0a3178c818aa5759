"""What a list is asked for, and what of it a driver can answer itself."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.driver.model import StorageSnapshot, StorageVolume


class Lookup(enum.StrEnum):
    """How a filter compares; grows with the list engine."""

    EXACT = "exact"
    CONTAINS = "contains"
    """The value is a part of it, in upper or lower case."""


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

    ``key`` is the metadata key, for the field ``metadata``. The value of
    ``owner`` is an account's id or OWNER_SELF.
    """

    field: str
    value: str
    lookup: Lookup = Lookup.EXACT
    key: str | None = None

    def matches(self, item: StorageSnapshot | StorageVolume) -> bool:
        """Return whether ``item`` meets the condition; a null value never does."""
        if self.field == "metadata":
            return self.key is not None and item.metadata.get(self.key) == self.value
        if self.field == "owner":
            owner = item.owner
            return owner is not None and (
                owner.id == self.value or (self.value == OWNER_SELF and owner.is_self)
            )
        if self.field == "label":
            return self.value in getattr(item, "labels", ())
        actual = getattr(item, self.field)
        if actual is None:
            return False
        if self.lookup is Lookup.CONTAINS:
            return self.value.casefold() in str(actual).casefold()
        return str(actual) == self.value


@dataclass(frozen=True, slots=True)
class SortKey:
    """One field of the model that a list is sorted by."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A list request: conditions that all must hold, and the order.

    A driver is handed only the filters that its ``pushdown`` table names, and
    only sort keys from its ``sort_keys``; what compares equal is sorted by id.
    """

    filters: tuple[Filter, ...] = ()
    sort: tuple[SortKey, ...] = ()

    def matches(self, item: StorageSnapshot | StorageVolume) -> bool:
        """Return whether ``item`` meets every condition."""
        return all(condition.matches(item) for condition in self.filters)

    def pushed_down(self, table: PushdownTable) -> "Query":
        """Return the part of this query that a driver with this ``table`` answers."""
        return replace(self, filters=tuple(f for f in self.filters if (f.field, f.lookup) in table))

    def value_of(self, field: str) -> str | None:
        """Return what ``field`` must equal, or None when nothing is asked of it."""
        return next((f.value for f in self.filters if f.field == field), None)
