"""Snapshots as rows of Cinder's database."""

import contextlib
import datetime
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_BEGIN = datetime.datetime(2025, 1, 1)
_METADATA = ("created_at", "deleted", "snapshot_id", "key", "value")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for one transaction, while Cinder goes on using it."""
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as database, database:
        database.row_factory = sqlite3.Row
        yield database


def insert(database: sqlite3.Connection, pattern: str, number: int) -> list[str]:
    """Insert rows that are like the one with the id ``pattern`` and return their ids."""
    found = database.execute("SELECT * FROM snapshots WHERE id = ?", (pattern,)).fetchone()
    made = [_row(found, index) for index in range(number)]
    _insert(database, "snapshots", found.keys(), (tuple(row.values()) for row in made))
    metadata = (
        (_time(_BEGIN), 0, row["id"], "n", str(index % 10)) for index, row in enumerate(made)
    )
    _insert(database, "snapshot_metadata", _METADATA, metadata)
    return [row["id"] for row in made]


def copy_volume(database: sqlite3.Connection, pattern: str) -> str:
    """Insert the row of a volume that is like the one with the id ``pattern``; its id."""
    found = database.execute("SELECT * FROM volumes WHERE id = ?", (pattern,)).fetchone()
    row = {**dict(found), "id": str(uuid.uuid4())}
    _insert(database, "volumes", found.keys(), [tuple(row.values())])
    return str(row["id"])


def is_at_rest(database: sqlite3.Connection, project_id: str) -> bool:
    """Return whether Cinder has ended what it has begun in a project.

    To revert takes a snapshot of its own, which is the last to go, or stays if that fails.
    """
    given = {"project": project_id}
    busy = database.execute(
        "SELECT 1 FROM volumes WHERE project_id = :project AND NOT deleted"
        " AND status IN ('creating', 'deleting', 'reverting')"
        " UNION ALL SELECT 1 FROM snapshots s JOIN volumes v ON v.id = s.volume_id"
        " WHERE s.project_id = :project AND NOT s.deleted AND"
        " (s.status IN ('creating', 'deleting', 'restoring')"
        " OR s.display_name LIKE '[revert]%' AND v.status != 'error')",
        given,
    )
    return busy.fetchone() is None


def remove_project(database: sqlite3.Connection, project_id: str, *, but: str) -> None:
    """Remove all snapshots of a project, and all of its volumes but one."""
    given = (project_id, but)
    database.execute("DELETE FROM snapshots WHERE project_id = ? AND id != ?", given)
    database.execute("DELETE FROM volumes WHERE project_id = ? AND id != ?", given)


def remove(database: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Remove rows, with their metadata."""
    given = [(id_,) for id_ in ids]
    database.executemany("DELETE FROM snapshot_metadata WHERE snapshot_id = ?", given)
    database.executemany("DELETE FROM snapshots WHERE id = ?", given)


def _row(pattern: Mapping[str, Any], index: int) -> dict[str, Any]:
    created = _BEGIN + datetime.timedelta(seconds=index)
    return {
        **dict(pattern),
        "id": str(uuid.uuid4()),
        "display_name": f"bulk-{index:05}",
        "display_description": f"bulk snapshot {index}",
        "created_at": _time(created),
        "updated_at": _time(created + datetime.timedelta(seconds=1, microseconds=5)),
    }


def _time(moment: datetime.datetime) -> str:
    """Return what SQLAlchemy writes; without the fraction, paging by a marker repeats rows."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def _insert(
    database: sqlite3.Connection,
    table: str,
    columns: Iterable[str],
    values: Iterable[tuple[Any, ...]],
) -> None:
    names = list(columns)
    places = ", ".join("?" * len(names))
    database.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", values)
