"""Snapshots as rows and files of a local store."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.lists.facts import FACTS, GIB, Fact
from tests.lists.naive import milliseconds


def new_local(path: Path, volumes: Iterable[str]) -> None:
    """Put volumes into a store."""
    for name in volumes:
        (path / "volumes" / name).write_bytes(b"some bytes\n")


def fill_local(path: Path, volumes: Sequence[str]) -> dict[str, str]:
    """Put all facts into a store and return the ids by label."""
    add_rows(path, [_row(fact, volumes) for fact in FACTS])
    return {fact.label: f"snap-{fact.hex_id}" for fact in FACTS}


def _row(fact: Fact, volumes: Sequence[str]) -> dict[str, Any]:
    created = milliseconds(fact.created.isoformat())
    is_whole = fact.state == "available"
    return {
        "id": f"snap-{fact.hex_id}",
        "state": fact.state,
        "state_reason": f"Reason {fact.number % 4}" if fact.state == "error" else None,
        "progress": 100 if is_whole else fact.number % 100,
        "name": fact.name,
        "description": fact.description,
        "metadata_json": json.dumps(fact.metadata),
        "owner": "demo" if fact.number % 20 != 7 else "other",
        "source_id": volumes[fact.volume],
        "size_bytes": fact.size_gib * GIB,
        "created_ms": created,
        "completed_ms": created + fact.number % 7 * 1000 if is_whole else None,
        "updated_ms": created + fact.number % 5 if fact.number % 6 else None,
    }


def add_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put snapshots into a store, each available one with its file."""
    names = ["kind", "revision", *rows[0]]
    places = ", ".join("?" * len(names))
    with contextlib.closing(sqlite3.connect(path / "snapgate.db", timeout=30)) as database:
        database.executemany(
            f"INSERT INTO disks ({', '.join(names)}) VALUES ({places})",
            [("snapshot", 0, *row.values()) for row in rows],
        )
        database.commit()
    for row in rows:
        if row["state"] == "available":
            size = 4096 * (int(row["id"][-2:], 16) % 3)
            (path / "snapshots" / row["id"]).write_bytes(b"x" * size)


def remove_rows(path: Path, ids: Iterable[str]) -> None:
    """Take snapshots out of a store."""
    with contextlib.closing(sqlite3.connect(path / "snapgate.db", timeout=30)) as database:
        database.executemany("DELETE FROM disks WHERE id = ?", [(one,) for one in ids])
        database.commit()
    for one in ids:
        (path / "snapshots" / one).unlink(missing_ok=True)
