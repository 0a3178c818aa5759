"""Real servers for tests: ``snapgate serve`` on a free port of 127.0.0.1."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
from werkzeug.security import generate_password_hash

DEMO = ("demo", "demo")
DEMO_HASH = generate_password_hash("demo")
_START_S = 30


class Server:
    """A running server: its URL, its log, and the requests of one account."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.lines: list[str] = []
        self.api = ""
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def store(self) -> Path:
        """The folder of the local provider."""
        return self.folder / "store"

    @property
    def base(self) -> str:
        """The server's URL without the path."""
        return self.api.removesuffix("/api")

    @property
    def log(self) -> str:
        """All that the server has written so far."""
        return "".join(self.lines)

    def worker_pids(self) -> list[int]:
        """Return the process ids of the workers."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children]

    def request(self, method: str, path: str, **kw: Any) -> requests.Response:
        """Send one request below /api as the demo account; JSON unless ``headers`` say else."""
        kw.setdefault("auth", DEMO)
        kw.setdefault("headers", {"Accept": "application/json"})
        kw.setdefault("timeout", 30)
        return requests.request(method, self.api + path, **kw)

    def wait_until(
        self, path: str, state: str = "available", limit_s: float = 30, **kw: Any
    ) -> dict[str, Any]:
        """Poll a resource until it is in ``state`` and return it."""
        end = time.monotonic() + limit_s
        while True:
            (found,) = self.request("GET", path, **kw).json().values()
            if found["state"] == state:
                return dict(found)
            assert time.monotonic() < end, f"{path} is still {found['state']}: {found}"
            time.sleep(0.02)

    def wait_until_listening(self) -> None:
        """Wait for the line that tells the URL."""
        assert self._listening.wait(_START_S), f"the server did not start:\n{self.log}"
        assert self.api, f"the server ended:\n{self.log}"

    def stop(self, limit_s: float = 30) -> int:
        """Ask the server to stop, wait for its end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(limit_s)
        self._reader.join(5)
        return code

    def kill(self) -> None:
        """End the server and all its workers at once, as a crash does (kill -9)."""
        for pid in [self.process.pid, *self.worker_pids()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"listens on (\S+)", line)
            if found:
                self.api = found[1]
                self._listening.set()
        self._listening.set()


def address_of(server: Server) -> tuple[str, int]:
    """Return where a server listens."""
    host, _, port = server.base.removeprefix("http://").rpartition(":")
    return host, int(port)


def local_config(folder: Path, *, options: Mapping[str, Any] | None = None, more: str = "") -> Path:
    """Write a configuration with one local provider below ``folder`` and return its path."""
    lines = [f"path = {json.dumps(str(folder / 'store'))}"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in (options or {}).items()]
    config = folder / "gateway.toml"
    config.write_text(
        "\n".join(
            [
                "[gateway]",
                'default_provider = "local"',
                "[providers.local]",
                'driver = "local"',
                "[providers.local.options]",
                *lines,
                "[providers.local.options.accounts]",
                f"demo = {json.dumps(DEMO_HASH)}",
                more,
            ]
        )
    )
    return config


def cloud_config(
    folder: Path,
    driver: str,
    providers: Mapping[str, Mapping[str, Any]],
    *,
    call_timeout_s: float = 30,
) -> Path:
    """Write a configuration with providers of one driver below ``folder`` and return its path.

    Args:
        folder: where the file goes.
        driver: the name of their driver.
        providers: name -> options; the first one is the default.
        call_timeout_s: how long a call may take.
    """
    lines = [
        "[gateway]",
        f"default_provider = {json.dumps(next(iter(providers)))}",
        f"call_timeout_s = {call_timeout_s}",
    ]
    for name, options in providers.items():
        lines += [f"[providers.{name}]", f'driver = "{driver}"', f"[providers.{name}.options]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in options.items()]
    config = folder / "gateway.toml"
    config.write_text("\n".join(lines) + "\n")
    return config


@contextlib.contextmanager
def running(
    config: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    python: str = sys.executable,
    program: tuple[str, ...] = ("-m", "gateway"),
) -> Iterator[Server]:
    """Run ``snapgate serve`` with a configuration file until the block ends.

    The working folder is that of the configuration unless ``cwd`` is given; another
    ``python`` is that of another environment, and ``program`` is what Python runs.
    """
    command = [python, *program, "serve", "--config", str(config), "--port", "0"]
    process = subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd or config.parent,
        env={**os.environ, **(env or {})},
    )
    server = Server(process, config.parent)
    try:
        server.wait_until_listening()
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
        server._reader.join(5)
        assert process.stdout is not None
        process.stdout.close()
