"""What all accounts of one local store share, and the options that describe it."""

import contextlib
import fcntl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from marshmallow import ValidationError, fields, validate

from drivers.local.accounts import Accounts
from drivers.local.facts import Facts, Kind
from drivers.local.images import ImageFolder
from drivers.local.jobs import Jobs
from gateway.driver import DriverOptions, Secret, SecretField


def _is_hash(value: str) -> None:
    if not value.startswith(("scrypt:", "pbkdf2:")) or value.count("$") != 2:  # noqa: PLR2004
        raise ValidationError("not a password hash; make one with: snapgate hash-password")


class DatabaseField(SecretField):
    """A database URL; by reference when it holds a password."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kw: Any
    ) -> Secret:
        secret = Secret(value) if self._is_open(value) else super()._deserialize(value, attr, data)
        try:
            sa.make_url(secret.reveal())
        except sa.exc.ArgumentError as exc:
            raise ValidationError("not an SQLAlchemy database URL") from exc
        return secret

    @staticmethod
    def _is_open(value: Any) -> bool:
        try:
            return isinstance(value, str) and "://" in value and not sa.make_url(value).password
        except sa.exc.ArgumentError:
            return False


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
    """What all accounts of one store share: folders, table, copies, passwords."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        path = Path(options["path"])
        self.volumes = ImageFolder(path / "volumes")
        self.snapshots = ImageFolder(path / "snapshots")
        self.accounts = Accounts(options["accounts"])
        database = options.get("database")
        url = database.reveal() if database else f"sqlite:///{path / 'snapgate.db'}"
        with _one_process(path):
            self.facts = Facts(url)
        folders: dict[Kind, ImageFolder] = {"volume": self.volumes, "snapshot": self.snapshots}
        self.jobs = Jobs(self.facts, folders, options["copy_bytes_per_s"])

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
