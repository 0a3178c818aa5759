"""Configuration: TOML < environment < arguments, checked as a whole at start-up."""

import difflib
import ipaddress
import os
import re
import secrets
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from gateway.core.registry import Providers, load_provider
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
    max_sorted_rows = _WholeNumber(load_default=20_000, validate=validate.Range(1, 10_000_000))


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
class Settings:
    """The checked configuration of the file at ``path``.

    ``host`` and ``port`` say where the server listens, ``call_timeout_s`` how
    long one call to a backend may take, ``session_ttl_s`` how long an account
    stays open, ``public_url`` the scheme and host of links where a proxy hides
    them. ``marker_key`` signs the markers of pages; ``max_sorted_rows`` is how
    many rows a list may have that is sorted here and asked for without a limit.
    """

    path: Path
    providers: Providers = field(repr=False)
    host: str
    port: int
    workers: int
    connections: int
    graceful_timeout_s: int
    public_url: str | None
    call_timeout_s: float
    session_ttl_s: float
    session_cache: int
    marker_key: bytes = field(repr=False)
    max_sorted_rows: int


def load_settings(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Settings:
    """Return the settings of a configuration file.

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
    try:
        return _build(path, checked)
    except ConfigurationError as exc:
        raise ConfigurationError(f"{path}: {exc}") from exc


def check_demo_stays_home(settings: Settings) -> None:
    """Refuse to serve a well-known account on an address that others can reach.

    Raises:
        ConfigurationError: naming the providers that accept such an account.
    """
    open_to_all = [p.name for p in settings.providers if p.demo_credentials()]
    if open_to_all and not is_loopback(settings.host):
        raise ConfigurationError(
            f"host {settings.host}: the demo account of {', '.join(open_to_all)} is known to "
            "everybody and works on loopback only; put accounts of your own into the "
            "configuration (snapgate hash-password), or listen on 127.0.0.1"
        )


def check_providers(settings: Settings) -> None:
    """Let each driver say whether its options can work on this machine.

    Raises:
        ConfigurationError: naming the file, the provider and what is wrong.
    """
    for provider in settings.providers:
        try:
            provider.driver.check(provider.options)
        except ConfigurationError as exc:
            where = f"{settings.path}: providers.{provider.name}.options"
            raise ConfigurationError(f"{where}: {exc}") from exc


def is_loopback(host: str) -> bool:
    """Return whether every address that ``host`` stands for is a loopback address."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # no such name, or none that could be
        return False
    return all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)


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


def _build(path: Path, checked: Mapping[str, Any]) -> Settings:
    configured = checked["providers"]
    gateway = dict(checked["gateway"])
    default = gateway.pop("default_provider", None)
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
    key = gateway.pop("marker_key")
    # Made up here, before the workers are: they serve each other's clients.
    gateway["marker_key"] = key.reveal().encode() if key else secrets.token_bytes(32)
    providers = tuple(
        load_provider(name, section["driver"], section["options"])
        for name, section in configured.items()
    )
    return Settings(
        path=path, providers=Providers(providers, default), **gateway, **checked["server"]
    )


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
