"""What is known of snapshots and volumes beside their bytes: one SQL table.

Every change is one statement that names the state it expects, so several
processes share the table without transactions; SQLite serves by default, any
database that SQLAlchemy knows on request.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import sqlalchemy as sa

Kind = Literal["snapshot", "volume"]

_METADATA = sa.MetaData()
DISKS = sa.Table(
    "disks",
    _METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(255), nullable=False, unique=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("state_reason", sa.Text),
    sa.Column("progress", sa.Integer),
    sa.Column("name", sa.Text),
    sa.Column("description", sa.Text),
    sa.Column("metadata_json", sa.Text, nullable=False, default="{}"),
    sa.Column("owner", sa.String(255)),
    sa.Column("source_id", sa.String(255)),
    sa.Column("source_stamp", sa.Text),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("completed_ms", sa.BigInteger),
    sa.Column("updated_ms", sa.BigInteger),
    sa.Column("revision", sa.Integer, nullable=False, default=0),
    sa.Index("disks_by_kind", "kind", "seq"),
    sa.Index("disks_by_source", "kind", "source_id"),
    sa.Index("disks_by_state", "state"),
    sqlite_autoincrement=True,
)

_PAGE = (
    sa.select(DISKS)
    .where(DISKS.c.kind == sa.bindparam("kind"), DISKS.c.seq > sa.bindparam("after"))
    .order_by(DISKS.c.seq)
    .limit(sa.bindparam("count"))
)
_GET = sa.select(DISKS).where(
    DISKS.c.kind == sa.bindparam("kind"), DISKS.c.id == sa.bindparam("disk_id")
)
_UNSETTLED = sa.select(DISKS).where(DISKS.c.state.in_(("creating", "deleting")))


class Facts:
    """The table, opened."""

    def __init__(self, url: str) -> None:
        is_sqlite = sa.make_url(url).get_backend_name() == "sqlite"
        self._engine = sa.create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_size=64,
            max_overflow=64,
            pool_timeout=10,
            connect_args={"timeout": 10} if is_sqlite else {},
        )
        with self._engine.connect() as connection:
            if is_sqlite:  # readers and one writer at once, across processes
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.execute(sa.schema.CreateTable(DISKS, if_not_exists=True))
            for index in DISKS.indexes:
                connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def add(self, **values: Any) -> None:
        """Add a disk; ``created_ms`` is now."""
        self._execute(sa.insert(DISKS).values(created_ms=now_ms(), **values))

    def get(self, kind: Kind, disk_id: str) -> sa.Row[Any] | None:
        """Return one disk's row."""
        with self._engine.connect() as connection:
            return connection.execute(_GET, {"kind": kind, "disk_id": disk_id}).first()

    def page(
        self, kind: Kind, *, after: int, count: int, equal: Iterable[tuple[str, str]] = ()
    ) -> Sequence[sa.Row[Any]]:
        """Return up to ``count`` rows in order of creation, from behind ``after`` on.

        Args:
            kind: snapshot or volume.
            after: the ``seq`` of the last row before; 0 for the first page.
            count: the most rows to return.
            equal: (column, value) that must hold.
        """
        query = _PAGE
        for column, value in equal:
            query = query.where(DISKS.c[column] == value)
        with self._engine.connect() as connection:
            return connection.execute(
                query, {"kind": kind, "after": after, "count": count}
            ).all()

    def find(self, kind: Kind, ids: Sequence[str]) -> dict[str, sa.Row[Any]]:
        """Return the rows that exist of the ``ids`` (at most a page of them)."""
        query = sa.select(DISKS).where(DISKS.c.kind == kind, DISKS.c.id.in_(ids))
        with self._engine.connect() as connection:
            return {row.id: row for row in connection.execute(query)}

    def unfinished_ids(self, kind: Kind) -> list[str]:
        """Return the ids of disks that have no whole image: being made, or failed."""
        query = sa.select(DISKS.c.id).where(DISKS.c.kind == kind, DISKS.c.state != "available")
        with self._engine.connect() as connection:
            return list(connection.scalars(query))

    def unsettled(self) -> Sequence[sa.Row[Any]]:
        """Return the disks whose creation or deletion has begun and not ended."""
        with self._engine.connect() as connection:
            return connection.execute(_UNSETTLED).all()

    def change(self, disk_id: str, *, states: Iterable[str], **values: Any) -> bool:
        """Change a disk that is in one of ``states``; return whether it was."""
        condition = (DISKS.c.id == disk_id, DISKS.c.state.in_(tuple(states)))
        return self._execute(sa.update(DISKS).where(*condition).values(**values)) == 1

    def revise(self, disk_id: str, revision: int, **values: Any) -> bool:
        """Change a disk that nobody revised since ``revision``; return whether it was so."""
        condition = (DISKS.c.id == disk_id, DISKS.c.revision == revision)
        update = sa.update(DISKS).where(*condition)
        return self._execute(update.values(revision=revision + 1, **values)) == 1

    def remove(self, disk_id: str) -> None:
        """Forget a disk."""
        self._execute(sa.delete(DISKS).where(DISKS.c.id == disk_id))

    def _execute(self, statement: sa.Insert | sa.Update | sa.Delete) -> int:
        with self._engine.connect() as connection:
            return connection.execute(statement).rowcount


def now_ms() -> int:
    """Return the time as milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000
