"""What all accounts of one local store share, and the options that describe it."""

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from marshmallow import ValidationError, fields, validate

from drivers.local.accounts import Accounts
from drivers.local.facts import Facts, Kind
from drivers.local.images import ImageFolder, Partial, reflink, settled_stamp
from drivers.local.jobs import Job, Jobs
from drivers.local.wire import MarkerTaken, marker_columns
from gateway.driver import DriverOptions, Marker, Secret, SecretField

_HASH = re.compile(
    r"(scrypt:(?P<n>[1-9]\d*)(:[1-9]\d*){2}|pbkdf2:sha(1|256|512)(:[1-9]\d*)?)\$[^$]+\$[0-9a-f]+"
)
"""What werkzeug.security.generate_password_hash makes."""


def _is_hash(value: str) -> None:
    found = _HASH.fullmatch(value)
    cost = int(found["n"] or 2) if found else 0
    if found is None or cost < 2 or cost & (cost - 1):  # noqa: PLR2004 - scrypt: a power of two
        raise ValidationError("not a password hash; make one with: snapgate hash-password")


_PREFIXES: Mapping[Kind, str] = {"snapshot": "snap", "volume": "vol"}


class DatabaseField(SecretField):
    """A database URL; by reference when it holds a password."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kw: Any
    ) -> Secret:
        secret = Secret(value) if self._is_open(value) else super()._deserialize(value, attr, data)
        try:
            sa.make_url(secret.reveal())
        except (sa.exc.ArgumentError, ValueError) as exc:
            raise ValidationError("not an SQLAlchemy database URL") from exc
        return secret

    @staticmethod
    def _is_open(value: Any) -> bool:
        if not isinstance(value, str) or "://" not in value:
            return False
        try:
            url = sa.make_url(value)
        except (sa.exc.ArgumentError, ValueError):
            return False
        return not (url.password or "password" in url.query)


class LocalOptions(DriverOptions):
    """The options of the local driver."""

    path = fields.String(
        required=True,
        validate=validate.Length(min=1),
        metadata={"help": "folder with volumes/ and snapshots/; made if it is missing"},
    )
    accounts = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1)),
        values=fields.String(validate=_is_hash),
        required=True,
        validate=validate.Length(min=1),
        metadata={"help": "account name -> password hash from: snapgate hash-password"},
    )
    database = DatabaseField(
        metadata={
            "help": "SQLAlchemy URL (default: SQLite in path); env:NAME or file:PATH "
            "if it holds a password"
        },
    )
    copy_bytes_per_s = fields.Integer(
        load_default=0,
        strict=True,
        validate=validate.Range(min=0),
        metadata={"help": "the most bytes that one copy moves in a second; 0: no limit"},
    )


class Store:
    """What all accounts of one store share: folders, table, copies, passwords.

    Opening one starts nothing: ``jobs.watch()`` does.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        path = Path(options["path"])
        self.volumes = ImageFolder(path / "volumes")
        self.snapshots = ImageFolder(path / "snapshots")
        self.accounts = Accounts(options["accounts"])
        database = options.get("database")
        url = (
            sa.make_url(database.reveal())
            if database
            else sa.URL.create("sqlite", database=str(path / "snapgate.db"))
        )
        with _one_process(path):
            self.facts = Facts(url)
        self._folders: dict[Kind, ImageFolder] = {
            "volume": self.volumes,
            "snapshot": self.snapshots,
        }
        self.jobs = Jobs(self.facts, self._folders, options["copy_bytes_per_s"])

    def begin(
        self,
        kind: Kind,
        *,
        size_bytes: int,
        source: int | None = None,
        marker: Marker | None = None,
        **facts: Any,
    ) -> str:
        """Record a new disk, have its image written, and return its id.

        An empty image, or a copy that shares the source's blocks, is there at
        once; another copy is made in the background. On failure nothing is left.

        Args:
            kind: snapshot or volume.
            size_bytes: the size that the image shall have.
            source: open file to copy, taken over; None for an empty image.
            marker: what it carries.
            facts: the columns that the caller knows.
        """
        with contextlib.ExitStack() as undo:
            if source is not None:
                undo.callback(os.close, source)
            target = self._folders[kind].new_partial(f"{_PREFIXES[kind]}-{secrets.token_hex(8)}")
            undo.callback(target.close)
            undo.callback(target.discard)
            undo.callback(target.folder.remove, target.image_id)
            undo.callback(self.facts.remove, target.image_id)
            is_written = _write_at_once(target, size_bytes, source)
            # What the source must still be when a copy in the background is whole.
            source_stamp = None if is_written or source is None else settled_stamp(source)
            job = Job(target, size_bytes, source, source_stamp)
            self._record(
                id=target.image_id,
                kind=kind,
                state="creating",
                progress=0,
                size_bytes=size_bytes,
                source_stamp=source_stamp,
                **marker_columns(marker),
                **facts,
            )
            if is_written:
                self.jobs.finish(target)
            undo.pop_all()
        if is_written:
            job.close()
        else:
            self.jobs.start(job)
        return target.image_id

    def _record(self, **facts: Any) -> None:
        """Add a row; of two with one marker the database takes one.

        Raises:
            MarkerTaken: this is the other one.
        """
        try:
            self.facts.add(**facts)
        except sa.exc.IntegrityError as exc:
            if facts.get("marker") is None:
                raise
            raise MarkerTaken from exc

    def close(self) -> None:
        """Stop the watch and close the database."""
        self.jobs.close()
        self.facts.close()


def _write_at_once(target: Partial, size_bytes: int, source: int | None) -> bool:
    if source is not None and not reflink(source, target.fd):
        return False
    os.ftruncate(target.fd, size_bytes)
    return True


@contextlib.contextmanager
def _one_process(path: Path) -> Iterator[None]:
    """Let one process at a time make the database's tables."""
    with (path / ".snapgate-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
