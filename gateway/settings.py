"""Settings: the configuration with its drivers loaded, checked as a whole at start-up."""

import ipaddress
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.configuration import Configuration, read_configuration
from gateway.core.registry import Providers, load_provider
from gateway.core.startup import START_S
from gateway.driver import ConfigurationError


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked configuration of the file at ``path``.

    ``host`` and ``port`` say where the server listens, ``call_timeout_s`` how
    long one call to a backend may take, ``start_timeout_s`` each step of a driver at
    the start, ``session_ttl_s`` how long an account stays open, ``public_url`` the
    scheme and host of links where a proxy hides them. ``marker_key`` signs the
    markers of pages; ``max_sorted_rows`` is how many rows a list may have that is
    sorted here and asked for without a limit. ``max_wait_s`` is how long a request
    may wait for the end of a change, and ``polls_per_s`` how often a worker looks,
    for all who wait at one provider.
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
    start_timeout_s: float = START_S
    max_wait_s: int = 60
    polls_per_s: float = 10.0


def load_settings(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Settings:
    """Return the settings of a configuration file; the arguments are read_configuration's.

    Raises:
        ConfigurationError: naming the file, every bad key and what would be right.
    """
    configuration = read_configuration(path, environment=environment, arguments=arguments)
    return build_settings(configuration)


def build_settings(configuration: Configuration, *, only: str | None = None) -> Settings:
    """Load the drivers and return the settings; with ``only`` those of one provider.

    Raises:
        ConfigurationError: naming the file, what is wrong and what would be right.
    """
    checked = dict(configuration.checked)
    if only is not None:
        checked["providers"] = {only: checked["providers"][only]}
        checked["gateway"] = {**checked["gateway"], "default_provider": only}
    try:
        return _build(configuration.path, checked)
    except ConfigurationError as exc:
        raise ConfigurationError(f"{configuration.path}: {exc}") from exc


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
            provider.check()
        except ConfigurationError as exc:
            raise ConfigurationError(f"{settings.path}: {exc}") from exc


def is_loopback(host: str) -> bool:
    """Return whether every address that ``host`` stands for is a loopback address."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # no such name, or none that could be
        return False
    return all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)


def _build(path: Path, checked: Mapping[str, Any]) -> Settings:
    configured = checked["providers"]
    gateway = dict(checked["gateway"])
    default = gateway.pop("default_provider")
    key = gateway.pop("marker_key")
    # Made up here, before the workers are: they serve each other's clients.
    gateway["marker_key"] = key.reveal().encode() if key else secrets.token_bytes(32)
    providers = tuple(
        load_provider(
            name,
            section["driver"],
            section["options"],
            start_timeout_s=gateway["start_timeout_s"],
        )
        for name, section in configured.items()
    )
    return Settings(
        path=path, providers=Providers(providers, default), **gateway, **checked["server"]
    )
