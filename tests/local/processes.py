"""What tests of real servers need: their copiers, and slow and fast stores."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.local.stores import wait_for
from tests.servers import Server, local_config

FOREVER = 16 * 1024
"""Bytes a second that no copy of these tests lives to the end of."""


def config(folder: Path, name: str, **options: Any) -> Path:
    """Write a configuration of its own for a server on the store below ``folder``."""
    return local_config(folder, options=options).rename(folder / f"{name}.toml")


def put(server_folder: Path, name: str, content: bytes) -> str:
    """Put a volume into a store that no server may have made yet."""
    volumes = server_folder / "store" / "volumes"
    volumes.mkdir(parents=True, exist_ok=True)
    (volumes / name).write_bytes(content)
    return name


def start_snapshot(server: Server, volume_id: str) -> str:
    """Ask for a snapshot and return its id; its copy is under way."""
    answer = server.request("POST", "/storage_snapshots", data={"volume_id": volume_id})
    assert answer.status_code in {201, 202}, answer.text
    found = answer.json()["storage_snapshot"]
    assert found["state"] == "creating"
    return str(found["id"])


def path_of(snapshot_id: str) -> str:
    return f"/storage_snapshots/{snapshot_id}"


def copiers(server: Server) -> dict[int, int]:
    """Return the copiers of a server: process id -> its worker's process id."""
    found = {}
    for worker in server.worker_pids():
        for child in _children(worker):
            command = Path(f"/proc/{child}/cmdline")
            if command.exists() and b"copier.py" in command.read_bytes():
                found[child] = worker
    return found


def one_copier(server: Server) -> tuple[int, int]:
    """Wait for the one copier of a server; return its process id and its worker's."""
    (found,) = wait_for(lambda: list(copiers(server).items()))
    return found


def end(pid: int) -> None:
    """End one process as a crash does."""
    os.kill(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def wait_for_some_bytes(store: Path, snapshot_id: str) -> Path:
    """Wait until a copy is in its middle and return the half-written file."""
    partial = store / "snapshots" / f".snapgate-{snapshot_id}.partial"
    wait_for(lambda: partial.exists() and partial.stat().st_blocks)
    return partial


def states(store: Path) -> dict[str, str]:
    """Return the state of each disk as the database has it."""
    with closing(sqlite3.connect(store / "snapgate.db", timeout=30)) as database:
        return dict(database.execute("SELECT id, state FROM disks").fetchall())


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found
