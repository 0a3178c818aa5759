"""The production server: gunicorn with gevent workers, set up for this application.

Why this server: it cuts the connection when a list fails in mid-stream, and it
is the fastest of those that do; the figures stand in DESIGN.md.
"""

import gc
import math
import mmap
import os
import sys
import traceback
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import AppImportError, HaltServer

from gateway.app import create_app
from gateway.core import watchdog
from gateway.driver import ConfigurationError
from gateway.http.entry_point import VERSION
from gateway.observability import Log
from gateway.settings import Settings, check_demo_stays_home, check_providers

_STUCK_S = 30
"""After so long a worker that lets nothing else run is killed, and another one takes its place."""
_NO_STATUS = -1
"""No process ends with it."""
_GC_ALLOCATIONS = 50_000
"""New objects before a collection of the young ones; Python's 700 is for small programs."""


class Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master, which takes two exit statuses of a worker for a failed start, and ends.

    Once a worker has begun to serve they can come from a driver whose code ends the process:
    that ends one worker, and not the providers that work.
    """

    def __init__(self, app: "Server") -> None:
        self._has_served = app.has_served
        super().__init__(app)

    @property
    def WORKER_BOOT_ERROR(self) -> int:  # noqa: N802 - gunicorn's name
        """The exit status of a worker that failed to start."""
        return self._unless_served(Arbiter.WORKER_BOOT_ERROR)

    @property
    def APP_LOAD_ERROR(self) -> int:  # noqa: N802 - gunicorn's name
        """The exit status of a worker whose application said what is wrong."""
        return self._unless_served(Arbiter.APP_LOAD_ERROR)

    def _unless_served(self, status: int) -> int:
        is_master = os.getpid() == self.pid
        return _NO_STATUS if is_master and self._has_served[0] else status


class Server(BaseApplication):  # type: ignore[misc]
    """A gunicorn master with workers that each build their own application."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.has_served = mmap.mmap(-1, 1)
        """Shared with the workers: not 0 once one of them has begun to serve."""
        super().__init__()

    def run(self) -> None:
        """Serve until a signal ends it."""
        try:
            Master(self).run()
        except RuntimeError as exc:
            sys.exit(f"snapgate: {exc}")

    def load_config(self) -> None:
        """Tell gunicorn what our settings mean."""
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        chosen = {
            "bind": f"{host}:{self.settings.port}",
            "workers": self.settings.workers,
            "worker_class": "gateway.worker.Worker",
            "worker_connections": self.settings.connections,
            # Above what a worker's start may take: its own end says what was wrong, gunicorn's not.
            "timeout": max(_STUCK_S, math.ceil(self.settings.start_timeout_s) + 5),
            "graceful_timeout": self.settings.graceful_timeout_s,
            "loglevel": "warning",
            "proc_name": "snapgate",
            "control_socket_disable": True,
            "post_worker_init": self._ready,
            "worker_abort": tell_where_it_is_stuck,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application; called in every worker."""
        watchdog.exit_status = Arbiter.APP_LOAD_ERROR  # another one would hang as well
        try:
            return create_app(self.settings)
        except ConfigurationError as exc:
            raise AppImportError(str(exc)) from None

    def _ready(self, worker: Any) -> None:
        """Begin to serve; the first worker prints where, one that replaces another does not."""
        spare_the_collector()
        self.has_served[0] = 1
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
    try:
        Server(settings).run()
    except (SystemExit, HaltServer) as exc:  # gunicorn raises the second if two workers fail
        status = exc.code if isinstance(exc, SystemExit) else exc.exit_status
        if status != Arbiter.APP_LOAD_ERROR:
            raise
        sys.exit(os.EX_CONFIG)  # a worker has said what is wrong


def tell_where_it_is_stuck(worker: Any) -> None:
    """Log what a worker does that has let nothing else run for so long that it must end.

    Called out of the signal with which the master ends it, which interrupts Python's code,
    and no code in C; the loop of a driver ends with it.
    """
    frames = traceback.extract_stack()
    at = [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in frames
        if frame.filename != __file__ and "gunicorn" not in frame.filename
    ]
    Log().write("worker stuck", worker=worker.pid, at=at[-6:])


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
