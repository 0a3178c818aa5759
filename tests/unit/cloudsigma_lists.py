"""What the tests of CloudSigma's lists share: rows by number, and pages of them."""

from typing import Any

from drivers.cloudsigma import lists, wire
from drivers.cloudsigma.wire import DRIVES, LOCAL, REMOTE
from gateway.driver import Query, SortKey
from tests.unit.cloudsigma_samples import Prepared, Row

BOTH = [LOCAL, REMOTE]


def uid(number: int | str) -> str:
    return f"00000000-0000-4000-8000-{number:>012}"


def row(number: int | str, **more: Any) -> Row:
    return {"uuid": uid(number), "status": "available", **more}


def short(row_id: str) -> str:
    """Return what of an id differs."""
    return row_id[-3:]


def page(ours: Prepared, kinds: Any, asked: Query, **given: Any) -> tuple[list[str], str | None]:
    """Return the ids of a page, and its cursor."""
    given = {"page_size": 9, "cursor": None, **given}
    model = wire.volume if kinds == [DRIVES] else wire.snapshot
    found: Any = lists.page(ours, kinds, model, given.pop("only", {}), asked, **given)
    return [short(one.id) for one in found.items], found.next_cursor


def query(*keys: str) -> Query:
    """Return a query sorted by fields; a minus turns one round."""
    return Query((), tuple(SortKey(key.lstrip("-"), key.startswith("-")) for key in keys))
