"""Stores of the local driver for benchmarks."""

import os
import sqlite3

from tests.servers import Server


def make_snapshots(server: Server, count: int) -> None:
    """Make real snapshots of a small volume."""
    (server.store / "volumes" / "disk.img").write_bytes(os.urandom(1 << 16))
    for number in range(count):
        made = server.request(
            "POST",
            "/storage_snapshots",
            data={"volume_id": "disk.img", "name": f"nightly {number}", "metadata[env]": "prod"},
        )
        server.wait_until("/storage_snapshots/" + made.json()["storage_snapshot"]["id"])


def multiply(server: Server, count: int) -> None:
    """Repeat the store's one snapshot, row and file, until there are ``count``."""
    database = sqlite3.connect(server.store / "snapgate.db", timeout=10)
    rows = database.execute("SELECT * FROM disks WHERE kind = 'snapshot'")
    columns = [column[0] for column in rows.description]
    template = dict(zip(columns, rows.fetchone(), strict=True))
    del template["seq"]
    begun = template["created_ms"]
    copies = [
        {
            **template,
            "id": f"snap-{number:016x}",
            "name": f"nightly {number}",
            "created_ms": begun + number * 7919 % 1_000_003,  # in no order
        }
        for number in range(1, count)
    ]
    names = ", ".join(template)
    values = ", ".join(f":{name}" for name in template)
    with database:
        database.executemany(f"INSERT INTO disks ({names}) VALUES ({values})", copies)
    database.close()
    for row in copies:
        (server.store / "snapshots" / row["id"]).touch()
