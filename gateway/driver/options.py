"""Declared, typed, secret-aware driver options.

A driver declares its options as a marshmallow schema; each field carries its
help text in ``metadata={"help": ...}``::

    class AcmeOptions(DriverOptions):
        region = fields.String(required=True, metadata={"help": "region code, e.g. eu-1"})
        token = SecretField(metadata={"help": "service token"})

A secret never stands in the configuration itself: its value is a reference,
``env:NAME`` or ``file:PATH``, that is read at start-up.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields


class Secret:
    """A string that no log, repr or error shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class SecretField(fields.Field[Secret]):
    """An option whose value is given by reference and kept out of sight."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> Secret:
        kind, _separator, where = value.partition(":") if isinstance(value, str) else ("", "", "")
        if kind == "env" and where:
            if where not in os.environ:
                raise ValidationError(f"environment variable {where} is not set")
            return Secret(os.environ[where])
        if kind == "file" and where:
            try:
                return Secret(Path(where).read_text(encoding="utf-8").strip())
            except OSError as exc:
                raise ValidationError(f"cannot read {where}: {exc.strerror}") from exc
            except UnicodeDecodeError as exc:
                raise ValidationError(f"cannot read {where}: not UTF-8 text") from exc
        raise ValidationError("give a secret by reference: env:NAME or file:PATH")


class DriverOptions(Schema):
    """The options that a driver takes; unknown ones are refused."""

    class Meta:
        """Marshmallow's settings."""

        unknown = RAISE
