"""Configuration as it stands: TOML < environment < arguments, checked without any driver."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from gateway.core.startup import START_S
from gateway.core.validation import UNKNOWN, describe, flat_messages
from gateway.driver import ConfigurationError, Secret, SecretField

DEFAULT_CONFIG = Path("config/gateway.toml")
ENVIRONMENT = {
    "SNAPGATE_HOST": ("server", "host"),
    "SNAPGATE_PORT": ("server", "port"),
    "SNAPGATE_WORKERS": ("server", "workers"),
    "SNAPGATE_DEFAULT_PROVIDER": ("gateway", "default_provider"),
}
"""Environment variable -> (section, key) that it overrides."""
_PROVIDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
_MAX_PORT = 65535
_SHORTEST_KEY = 16
_NO_PROVIDER = "none is configured; add a section [providers.NAME] with a driver"


class _WholeNumber(fields.Integer):
    """An integer, or the digits of one from the environment; 3001.7 and true are none."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kw: Any
    ) -> int:
        if isinstance(value, bool | float):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kw)


def _check_key(key: Secret) -> None:
    if len(key.reveal()) < _SHORTEST_KEY:
        raise ValidationError(f"too short; give at least {_SHORTEST_KEY} characters")


class _Section(Schema):
    class Meta:
        unknown = RAISE


class _GatewaySection(_Section):
    default_provider = fields.String()
    call_timeout_s = fields.Float(load_default=30.0, validate=validate.Range(0.1, 600))
    session_ttl_s = fields.Float(load_default=600.0, validate=validate.Range(1, 86400))
    session_cache = _WholeNumber(load_default=1024, validate=validate.Range(1, 100_000))
    marker_key = SecretField(load_default=None, validate=_check_key)
    start_timeout_s = fields.Float(load_default=START_S, validate=validate.Range(0.1, 600))
    max_sorted_rows = _WholeNumber(load_default=20_000, validate=validate.Range(1, 10_000_000))
    max_wait_s = _WholeNumber(load_default=60, validate=validate.Range(0, 3600))
    polls_per_s = fields.Float(load_default=10.0, validate=validate.Range(0.01, 1000))


class _ServerSection(_Section):
    host = fields.String(load_default="127.0.0.1", validate=validate.Length(min=1))
    port = _WholeNumber(load_default=3001, validate=validate.Range(0, _MAX_PORT))
    workers = _WholeNumber(load_default=2, validate=validate.Range(1, 64))
    connections = _WholeNumber(load_default=1000, validate=validate.Range(1, 100_000))
    graceful_timeout_s = _WholeNumber(load_default=30, validate=validate.Range(1, 3600))
    public_url = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(
            r"https?://[^/?#\s]+\Z", error="give scheme and host only, as in https://HOST:PORT"
        ),
    )


class _ProviderSection(_Section):
    driver = fields.String(required=True)
    options = fields.Dict(keys=fields.String(), load_default=dict)


class _File(_Section):
    gateway = fields.Nested(_GatewaySection, load_default=lambda: _GatewaySection().load({}))
    server = fields.Nested(_ServerSection, load_default=lambda: _ServerSection().load({}))
    providers = fields.Dict(
        keys=fields.String(
            validate=validate.Regexp(
                _PROVIDER_NAME,
                error="a provider's name has 1 to 63 letters, digits, dots, dashes and underscores",
            )
        ),
        values=fields.Nested(_ProviderSection),
        required=True,
        validate=validate.Length(min=1, error=_NO_PROVIDER),
        error_messages={"required": _NO_PROVIDER},
    )


@dataclass(frozen=True, slots=True)
class Configuration:
    """What stands in the file at ``path``, checked as far as no driver is needed for it."""

    path: Path
    checked: Mapping[str, Any] = field(repr=False)

    @property
    def provider_names(self) -> list[str]:
        """The configured providers, the default one first."""
        default = self.checked["gateway"]["default_provider"]
        return sorted(self.checked["providers"], key=lambda name: name != default)


def read_configuration(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Configuration:
    """Return what stands in a configuration file; no driver is loaded.

    Args:
        path: the file; else ``SNAPGATE_CONFIG``; else config/gateway.toml.
        environment: ``os.environ`` unless given.
        arguments: keys of the ``[server]`` section that override all else;
            None values count as not given.

    Raises:
        ConfigurationError: naming the file, every bad key and what would be right.
    """
    environment = os.environ if environment is None else environment
    path = path or Path(environment.get("SNAPGATE_CONFIG") or DEFAULT_CONFIG)
    raw = _read(path)
    origins = _override(raw, environment, arguments or {})
    try:
        checked = _File().load(raw)
    except ValidationError as exc:
        raise ConfigurationError(f"{path}: " + "; ".join(_problems(exc, origins))) from exc
    gateway = checked["gateway"]
    try:
        gateway["default_provider"] = _default(gateway, checked["providers"])
    except ConfigurationError as exc:
        raise ConfigurationError(f"{path}: {exc}") from exc
    return Configuration(path, checked)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise ConfigurationError(
            f"{path}: no such file; name one with --config FILE or SNAPGATE_CONFIG"
        ) from exc
    except OSError as exc:
        raise ConfigurationError(f"{path}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{path}: not valid TOML: {exc}") from exc


def _override(
    raw: dict[str, Any], environment: Mapping[str, str], arguments: Mapping[str, Any]
) -> dict[tuple[str, ...], str]:
    """Put what environment and arguments say into ``raw``; return key -> where it came from."""
    given = [
        (section, key, environment[variable], variable)
        for variable, (section, key) in ENVIRONMENT.items()
        if environment.get(variable)
    ]
    given += [
        ("server", key, value, f"--{key}") for key, value in arguments.items() if value is not None
    ]
    origins: dict[tuple[str, ...], str] = {}
    for section, key, value, origin in given:
        target = raw.setdefault(section, {})
        if isinstance(target, dict):  # else the check says that the section is none
            target[key] = value
            origins[(section, key)] = origin
    return origins


def _default(gateway: Mapping[str, Any], configured: Mapping[str, Any]) -> str:
    default: str | None = gateway.get("default_provider")
    if default is None and len(configured) > 1:
        raise ConfigurationError(
            f"gateway.default_provider: missing; one of {', '.join(configured)}"
        )
    default = default or next(iter(configured))
    if default not in configured:
        raise ConfigurationError(
            f"gateway.default_provider: {default!r} is not configured; "
            f"one of {', '.join(configured)}"
        )
    return default


def _problems(exc: ValidationError, origins: Mapping[tuple[str, ...], str]) -> list[str]:
    return [
        f"{'.'.join(where)}: {_advice(where, what)}"
        + (f" (from {origins[where]})" if where in origins else "")
        for where, what in _leaves(flat_messages(exc))
    ]


def _leaves(messages: object, where: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    if not isinstance(messages, Mapping):
        return [(where, describe(messages))]
    found = []
    for key, value in messages.items():
        # Dict fields wrap the problems of a key and of its value: {"name": {"value": {...}}}.
        inner = where if key in {"key", "value", "_schema"} else (*where, str(key))
        found += _leaves(value, inner)
    return found


def _advice(where: tuple[str, ...], what: str) -> str:
    if what != UNKNOWN:
        return what
    schema: type[Schema] = {
        ("gateway",): _GatewaySection,
        ("server",): _ServerSection,
        (): _File,
    }.get(where[:-1], _ProviderSection)
    known = list(schema().fields)
    close = difflib.get_close_matches(where[-1], known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"unknown key; {hint}known keys: {', '.join(known)}"
