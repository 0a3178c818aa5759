"""The command ``snapgate``."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Configuration file.  [default: $SNAPGATE_CONFIG or config/gateway.toml]",
)


_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


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
@click.argument("name", required=False)
@_JSON
def drivers(name: str | None, as_json: bool) -> None:
    """List the drivers that are installed, or tell of the one called NAME (or module:Class).

    Of each: title, class, package and version, its capabilities and its options. Each is loaded
    in a process of its own, so that a broken one is listed with its problem beside the others.

    \b
    With --json one document:
      {"contract": [1, 0], "drivers": [{"name", "title", "class", "package", "problem",
       "contract", "capabilities": {NAME: PROMISE}, "options": [{"name", "type",
       "required", "default", "secret", "help", "choices"}], "limits", "pushdown",
       "volume_pushdown", "sort_keys"}]}

    \b
    Exit status:
      0   all can be loaded
      1   at least one cannot; its problem is told
      78  there is no driver called NAME, or a package's entry points cannot be read
    """  # noqa: D301 - click's mark for lines that stay as they are
    from gateway import reports
    from gateway.driver import CONTRACT

    with _Problems():
        found = list(reports.drivers(name))
    if as_json:
        click.echo(json.dumps({"contract": CONTRACT, "drivers": found}, indent=2))
    else:
        for facts in found:
            click.echo("\n".join(reports.driver_lines(facts)))
    sys.exit(1 if any(facts["problem"] for facts in found) else 0)


@main.group()
def providers() -> None:
    """Look at the configured providers."""


@providers.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_CONFIG
@click.option("--no-open", is_flag=True, help="Check the configuration only; call no cloud.")
@_JSON
def check(names: tuple[str, ...], config: Path | None, no_open: bool, as_json: bool) -> None:
    """Check the configuration as the server would, open each provider, and tell what works.

    All providers, or those called NAME. One line each as it comes, in a process of its own:
    opened, credentials accepted, snapshots and volumes listed and counted. Nothing is changed.

    The credentials come from the environment: SNAPGATE_<PROVIDER>_USERNAME, _PASSWORD, _TOKEN,
    _SESSION_TOKEN, where <PROVIDER> is the name in upper case with _ for all but letters and
    digits; else from the demo account, if the configuration has one. A provider without any
    is not opened, which is no failure.

    \b
    Exit status:
      0   all is well
      1   a provider failed
      78  a configuration is wrong; standard error tells, as the server would
    """  # noqa: D301 - click's mark for lines that stay as they are
    from gateway import checking, reports
    from gateway.configuration import read_configuration

    with _Problems():
        configuration = read_configuration(config)
        every = []
        for found in checking.check(configuration, names, os.environ, opens=not no_open):
            every.append(found)
            if found.status == "configuration":
                click.echo(f"snapgate: {found.problem}", err=True)
            elif not as_json:
                is_open = no_open or found.status != "unopened"
                click.echo(
                    reports.provider_line(found) if is_open else reports.no_credentials(found)
                )
    states = {found.status for found in every}
    if as_json:
        click.echo(json.dumps({"providers": [asdict(found) for found in every]}, indent=2))
    sys.exit(os.EX_CONFIG if "configuration" in states else 1 if "failed" in states else 0)


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
