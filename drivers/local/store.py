"""What all accounts of one local store share, and the options that describe it."""

import contextlib
import fcntl
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from marshmallow import ValidationError, fields, validate

from drivers.local.accounts import Accounts
from drivers.local.creations import Creations
from drivers.local.deletions import Deletions
from drivers.local.facts import Facts, Kind
from drivers.local.images import ImageFolder
from drivers.local.jobs import Jobs
from gateway.driver import DriverOptions, Secret, SecretField

_HASH = re.compile(
    r"(scrypt:(?P<n>[1-9]\d*)(:[1-9]\d*){2}|pbkdf2:sha(1|256|512)(:[1-9]\d*)?)\$[^$]+\$[0-9a-f]+"
)
"""What werkzeug.security.generate_password_hash makes."""


def _is_hash(value: str) -> None:
    found = _HASH.fullmatch(value)
    cost = int(found["n"] or 2) if found else 0
    if found is None or cost < 2 or cost & (cost - 1):  # noqa: PLR2004 - scrypt: a power of two
        raise ValidationError("not a password hash; make one with: snapgate hash-password")


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
        folders: Mapping[Kind, ImageFolder] = {"volume": self.volumes, "snapshot": self.snapshots}
        self.deletions = Deletions(self.facts, folders)
        self.jobs = Jobs(self.facts, folders, self.deletions, options["copy_bytes_per_s"])
        self.creations = Creations(self.facts, folders, self.jobs)

    def close(self) -> None:
        """Stop the watch and close the database."""
        self.jobs.close()
        self.facts.close()


@contextlib.contextmanager
def _one_process(path: Path) -> Iterator[None]:
    """Let one process at a time make the database's tables."""
    with (path / ".snapgate-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
