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
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from gateway.driver.errors import ConfigurationError


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


class EndpointField(fields.Url):
    """The URL of an HTTP API: no user, query or fragment, and a port that can be one."""

    def __init__(self, **kw: Any) -> None:
        super().__init__(
            schemes={"http", "https"},
            require_tld=False,
            validate=[
                validate.Regexp(r"[^@?#]*\Z", error="a URL without user, query and fragment"),
                _check_port,
            ],
            **kw,
        )


def _check_port(url: str) -> None:
    try:
        urlsplit(url).port  # noqa: B018 - it raises
    except ValueError as exc:
        raise ValidationError(str(exc)) from exc


class HttpOptions(DriverOptions):
    """The options of drivers that speak HTTP, so that they are the same everywhere."""

    connect_timeout_s = fields.Float(
        load_default=5.0,
        validate=validate.Range(min=0, min_inclusive=False, max=600),
        metadata={"help": "seconds to wait for a connection"},
    )
    read_timeout_s = fields.Float(
        load_default=20.0,
        validate=validate.Range(min=0, min_inclusive=False, max=600),
        metadata={"help": "seconds to wait for data, within gateway.call_timeout_s"},
    )
    read_attempts = fields.Integer(
        load_default=3,
        strict=True,
        validate=validate.Range(1, 10),
        metadata={"help": "how often a call that changes nothing is tried, 1 to 10"},
    )


def check_ca_file(option: str, path: str | None) -> None:
    """Check the file of an option that names CA certificates; None is none given.

    Raises:
        ConfigurationError: naming the option.
    """
    try:
        ssl.create_default_context(cafile=path)
    except OSError as exc:  # SSLError is one
        raise ConfigurationError(
            f"{option} = {path!r}: not a file of CA certificates in PEM ({exc.strerror})"
        ) from exc
