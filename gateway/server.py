"""The production server: gunicorn with gevent workers, set up for this application.

Why this server: it cuts the connection when a list fails in mid-stream, and it
is the fastest of those that do; the figures stand in DESIGN.md.
"""

import gc
import sys
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.errors import AppImportError

from gateway.app import create_app
from gateway.driver import ConfigurationError
from gateway.http.entry_point import VERSION
from gateway.settings import Settings, check_demo_stays_home, check_providers

_GC_ALLOCATIONS = 50_000
"""New objects before a collection of the young ones; Python's 700 is for small programs."""


class Server(BaseApplication):  # type: ignore[misc]
    """A gunicorn master with workers that each build their own application."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Tell gunicorn what our settings mean."""
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        chosen = {
            "bind": f"{host}:{self.settings.port}",
            "workers": self.settings.workers,
            "worker_class": "gateway.worker.Worker",
            "worker_connections": self.settings.connections,
            "graceful_timeout": self.settings.graceful_timeout_s,
            "loglevel": "warning",
            "proc_name": "snapgate",
            "control_socket_disable": True,
            "post_worker_init": self._ready,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application; called in every worker."""
        try:
            return create_app(self.settings)
        except ConfigurationError as exc:
            raise AppImportError(str(exc)) from None

    def _ready(self, worker: Any) -> None:
        """Begin to serve; the first worker prints where, one that replaces another does not."""
        spare_the_collector()
        if worker.age == 1:
            announce(self.settings, *worker.sockets[0].getsockname()[:2])


def serve(settings: Settings) -> None:
    """Serve until SIGTERM, which lets requests in progress finish, or Ctrl-C, which does not.

    Raises:
        ConfigurationError: a demo account would be reachable from elsewhere, or
            a provider's options cannot work on this machine.
    """
    check_demo_stays_home(settings)
    check_providers(settings)  # told here, once, and not by every worker
    Server(settings).run()


def spare_the_collector() -> None:
    """Let the garbage collector look at what requests leave, and seldom.

    What is loaded by now stays: some 100,000 objects that every full collection
    would walk. Pages make tens of thousands of objects, none of them in cycles.
    Figures: DESIGN.md.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_ALLOCATIONS, 10, 10)


def announce(settings: Settings, host: str, port: int) -> None:
    """Tell the person at the terminal where the server is and what to try."""
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/api"
    lines = [f"Snapgate {VERSION} listens on {url}"]
    lines += [f"  provider {p.name} (driver {p.driver_name})" for p in settings.providers]
    for provider in settings.providers:
        demo = provider.demo_credentials()
        if demo is not None:
            account = f"{demo.username}:{demo.password}"
            lines += [
                f"Demo account (loopback only): user {demo.username}, password {demo.password}",
                "Try: "
                f"curl -u {account} '{url};provider={provider.name}/storage_snapshots?format=xml'",
            ]
    print("\n".join(lines), file=sys.stdout, flush=True)
