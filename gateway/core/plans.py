"""Who does which part of a list: the driver's backend, or the gateway."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.driver import Filter, Pushdown, PushdownTable, Query


@dataclass(frozen=True, slots=True)
class Plan:
    """A query, and the part of it that a driver answers.

    Attributes:
        query: the whole.
        pushed: what the driver is asked; its answer holds at least what matches.
        residual: the filters that the driver does not answer exactly.
    """

    query: Query
    pushed: Query
    residual: tuple[Filter, ...]

    @classmethod
    def of(cls, query: Query, table: PushdownTable, sort_keys: frozenset[str]) -> "Plan":
        """Return the plan for a driver that declares ``table`` and ``sort_keys``."""
        residual = tuple(
            f for f in query.filters if table.get((f.field, f.lookup)) is not Pushdown.EXACT
        )
        return cls(query, query.pushed_down(table, sort_keys), residual)

    @property
    def sorts_here(self) -> bool:
        """Whether the order is made by the gateway."""
        return self.query.sort != self.pushed.sort

    def explain(self, unasked: Collection[str] = ()) -> Mapping[str, Any]:
        """Return which part runs where, by the names that the query string has.

        ``unasked`` are the filters that the driver kept from its backend.
        """
        sort = [key.name for key in self.query.sort]
        return {
            "backend": {
                "filters": [f.name for f in self.pushed.filters if f.name not in unasked],
                "sort": [] if self.sorts_here else sort,
            },
            "gateway": {
                "filters": [
                    f.name for f in self.query.filters if f in self.residual or f.name in unasked
                ],
                "sort": sort if self.sorts_here else [],
            },
        }
