"""Servers whose cloud waits and fails when the test says so."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.servers import Server, local_config, running

PLUGINS = Path(__file__).parent / "plugins"
ENV = {"PYTHONPATH": str(PLUGINS)}
Providers = Mapping[str, Mapping[str, Any]]


def staged_config(folder: Path, providers: Providers, *, gateway: str = "", more: str = "") -> Path:
    """Write a configuration with a local provider and staged ones; return its path.

    Their ``driver`` is a class of staged_cloud, or one of another plug-in, as in ``module:Class``.
    """
    lines = [more]
    for name, given in providers.items():
        options = {"folder": str(folder), **given}
        driver = options.pop("driver", "StagedDriver")
        driver = driver if ":" in driver else f"staged_cloud:{driver}"
        lines += [f"[providers.{name}]", f'driver = "{driver}"']
        lines += [f"[providers.{name}.options]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in options.items()]
    config = local_config(folder, more="\n".join(lines))
    config.write_text(config.read_text().replace("[gateway]", f"[gateway]\n{gateway}"))
    return config


@contextlib.contextmanager
def staged_server(
    folder: Path,
    providers: Providers,
    *,
    gateway: str = "",
    more: str = "",
    arguments: tuple[str, ...] = (),
) -> Iterator[Server]:
    """Run a server with staged providers; whoever still waits at the end is let go."""
    config = staged_config(folder, providers, gateway=gateway, more=more)
    with running(config, *arguments, env=ENV) as server:
        try:
            yield server
        finally:
            go(folder)


def go(folder: Path) -> None:
    """Let all go on that wait in the cloud."""
    (folder / "go").touch()


def wait_until_entered(folder: Path, count: int = 1) -> None:
    """Wait until ``count`` calls have come to the cloud and wait there."""
    wait_for(lambda: len(list(folder.glob("entered-*"))) >= count, f"{count} calls in the cloud")


def wait_for(is_true: Callable[[], bool], what: str, limit_s: float = 30) -> None:
    """Wait until something is true."""
    end = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)
