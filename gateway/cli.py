"""The command ``snapgate``."""

import os
import sys
from pathlib import Path
from typing import Any

import click

_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Configuration file.  [default: $SNAPGATE_CONFIG or config/gateway.toml]",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="snapgate", prog_name="snapgate")
def main() -> None:
    """One REST API, XML or JSON, for block-storage snapshots on any cloud."""


@main.command()
@_CONFIG
@click.option("--host", help="Address to listen on.  [default: from the configuration]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on, 0 for a free one.  [default: from the configuration]",
)
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes.")
def serve(config: Path | None, **arguments: Any) -> None:
    """Serve the API until SIGTERM (requests in progress are finished) or Ctrl-C (at once).

    SNAPGATE_HOST, SNAPGATE_PORT and SNAPGATE_WORKERS override the configuration;
    the options here override both.
    """
    # Before anything that opens sockets or makes locks is imported: the workers run on gevent.
    from gevent import monkey

    monkey.patch_all()
    from gateway import server

    with _Problems():
        server.serve(_load(config, arguments))


@main.command()
def drivers() -> None:
    """List the drivers that are installed."""
    import importlib.metadata

    from gateway.core.registry import ENTRY_POINT_GROUP

    for entry_point in sorted(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)):
        package = entry_point.dist.name if entry_point.dist else "unknown"
        click.echo(f"{entry_point.name}\t{entry_point.value}\t(package {package})")


@main.group()
def providers() -> None:
    """Look at the configured providers."""


@providers.command()
@_CONFIG
def check(config: Path | None) -> None:
    """Check the configuration as the server would, and list its providers."""
    from gateway.settings import check_demo_stays_home, check_providers

    with _Problems():
        settings = _load(config, {})
        check_demo_stays_home(settings)
        check_providers(settings)
    for provider in settings.providers:
        default = " (default)" if provider is settings.providers.default else ""
        click.echo(f"{provider.name}{default}: driver {provider.driver_name}, ok")


@main.command()
def hash_password() -> None:
    """Read a password and print its salted hash for the accounts of the local driver."""
    from werkzeug.security import generate_password_hash

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise click.UsageError("the password is empty")
    click.echo(generate_password_hash(password))


class _Problems:
    """Turns a configuration problem into a line on standard error and exit code EX_CONFIG."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, exc: BaseException | None, _: object) -> None:
        from gateway.driver import ConfigurationError

        if isinstance(exc, ConfigurationError):
            click.echo(f"snapgate: {exc}", err=True)
            sys.exit(os.EX_CONFIG)


def _load(config: Path | None, arguments: dict[str, Any]) -> Any:
    from gateway.settings import load_settings

    return load_settings(config, arguments=arguments)
