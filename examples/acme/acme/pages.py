"""How Acme makes pages: filtered, sorted, and continued by an opaque cursor."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

Row = dict[str, Any]
MOST_ROWS = 100
_FILTERS = ("disk", "label")


def page(rows: list[Row], asked: Mapping[str, str]) -> Row:
    """Return a page of the rows that match, in the order asked for, and how many match.

    The cursor holds the place of the last row, so that rows which come or go meanwhile
    neither hide others nor show them twice.
    """
    found = [row for row in rows if _matches(row, asked)]
    is_descending = asked.get("sort") == "-made"
    placed = sorted((_place(row, is_descending), row) for row in found)
    if "cursor" in asked:
        last = _decoded(asked["cursor"])
        placed = [(place, row) for place, row in placed if place > last]
    limit = min(int(asked.get("limit", MOST_ROWS)), MOST_ROWS)
    if limit < 1:
        raise ValueError(limit)
    shown, is_last = placed[:limit], len(placed) <= limit
    following = None if is_last else _encoded(shown[-1][0])
    return {"items": [row for _, row in shown], "next": following, "total": len(found)}


def _matches(row: Row, asked: Mapping[str, str]) -> bool:
    if any(name in asked and asked[name] != row.get(name) for name in _FILTERS):
        return False
    if not row["reference"].startswith(asked.get("reference", "")):
        return False
    since = asked.get("since")
    return since is None or datetime.fromisoformat(row["made"]) >= datetime.fromisoformat(since)


def _place(row: Row, is_descending: bool) -> tuple[float, str]:
    """Return where a row stands: by its time, and by its id where times are equal."""
    made = datetime.fromisoformat(row["made"]).timestamp()
    return (-made if is_descending else made, row["id"])


def _encoded(place: tuple[float, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _decoded(cursor: str) -> tuple[float, str]:
    made, row_id = json.loads(base64.urlsafe_b64decode(cursor))
    return made, row_id
