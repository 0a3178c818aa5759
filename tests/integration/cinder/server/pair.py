"""Keystone and Cinder, started, stopped and started again in one folder."""

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.integration.cinder.server import environment, files
from tests.integration.cinder.server.processes import (
    PARENT,
    PortTakenError,
    Service,
    left_over,
)
from tests.integration.cinder.server.processes import environment as variables

REGION = "RegionOne"
_ATTEMPTS = 5
_SEED_S = 120
_PORTS = range(20000, 30000)
"""Ports that no outgoing connection of this machine is given, so none is taken by chance."""


@dataclass(frozen=True)
class User:
    """Somebody who may ask for tokens, all in the domain ``default``."""

    name: str
    project: str
    roles: tuple[str, ...]
    password: str = files.PASSWORD


USERS = {
    user.name: user
    for user in (
        User("admin", "admin", ("admin",)),
        User("demo", "demo", ("member",)),
        User("demo-reader", "demo", ("reader",)),
        User("other", "other", ("member",)),
    )
}
_CINDER_ITSELF = User("cinder", "service", ("service", "admin"))


class Pair:
    """The two servers.

    Attributes:
        folder: where all their files are; it is theirs alone.
        keystone: Keystone's process.
        cinder: Cinder's process.
        keystone_port: Keystone's port.
        cinder_port: Cinder's port.
        max_limit: how many items one page of Cinder's lists holds at most.
    """

    def __init__(self, folder: Path, *, max_limit: int = 1000) -> None:
        self.folder = folder.resolve()
        self.keystone = Service("keystone", self.folder)
        self.cinder = Service("cinder", self.folder)
        self.keystone_port = 0
        self.cinder_port = 0
        self.max_limit = max_limit
        self._python = environment.VENV / "bin" / "python"

    @property
    def auth_url(self) -> str:
        """Where Keystone is."""
        return f"http://127.0.0.1:{self.keystone_port}/v3"

    @property
    def cinder_url(self) -> str:
        """Where Cinder is, as the catalogue has it: without a project."""
        return f"http://127.0.0.1:{self.cinder_port}/v3"

    def start(self, ports: tuple[int, int] | None = None, *, outlive: bool = False) -> None:
        """Begin anew: make the databases and start both servers.

        Args:
            ports: those of Keystone and of Cinder; free ones unless they are given.
            outlive: let the servers go on when this process ends.

        Raises:
            PortTakenError: one of the given ports is not free.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            self.keystone_port, self.cinder_port = ports or _free_ports()
            try:
                self._check_ports()
                self._begin(outlive=outlive)
            except PortTakenError:
                self.stop()
                if ports or attempt == _ATTEMPTS:
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                return

    def stop(self) -> None:
        """Stop both servers and all that they have started."""
        self.cinder.stop()
        self.keystone.stop()

    def start_keystone(self, *, outlive: bool = False) -> None:
        """Start Keystone with the databases that there are."""
        self._start(self.keystone, [str(self.keystone_port)], outlive=outlive)
        self.keystone.wait_until_ready()

    def start_cinder(self, *, outlive: bool = False) -> None:
        """Start Cinder with the databases that there are."""
        self._start(self.cinder, [], outlive=outlive)
        self.cinder.wait_until_ready()

    def stop_keystone(self) -> None:
        """Stop Keystone; what it knows is kept."""
        self.keystone.stop()

    def stop_cinder(self) -> None:
        """Stop Cinder; what it knows is kept."""
        self.cinder.stop()

    def log(self, size: int = 6000) -> str:
        """Return the ends of what the servers have logged."""
        found = []
        for name in ("keystone.log", "keystone.out", "cinder.log", "cinder.out"):
            path = self.folder / name
            text = path.read_text(errors="replace") if path.exists() else ""
            found.append(f"--- {name}\n{text[-size:]}")
        return "\n".join(found)

    def _check_ports(self) -> None:
        """Look beforehand: a second Cinder would listen on the port of another one with it."""
        ports = {self.keystone: self.keystone_port, self.cinder: self.cinder_port}
        for service, port in ports.items():
            if not _is_free(port):
                raise PortTakenError(service.name)

    def _begin(self, *, outlive: bool) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        files.write_files(
            self.folder,
            auth_url=self.auth_url,
            port=self.cinder_port,
            max_limit=self.max_limit,
            etc=environment.VENV / "etc" / "cinder",
            qemu_img=environment.find_qemu_img(),
        )
        with self._seeded("seed_cinder.py", self._config("cinder")), self._seeded_keystone():
            pass
        self._start(self.keystone, [str(self.keystone_port)], outlive=outlive)
        self._start(self.cinder, [], outlive=outlive)
        self.keystone.wait_until_ready()
        self.cinder.wait_until_ready()

    def _seeded_keystone(self) -> contextlib.AbstractContextManager[None]:
        catalogue = {"identity": self.auth_url, "block-storage": self.cinder_url}
        users = [vars(user) for user in (*USERS.values(), _CINDER_ITSELF)]
        return self._seeded(
            "seed_keystone.py",
            self._config("keystone"),
            REGION,
            json.dumps(catalogue),
            json.dumps(users),
        )

    @contextlib.contextmanager
    def _seeded(self, script: str, *arguments: str) -> Iterator[None]:
        """Run a script of ``inside`` beside the block; both have ended after it."""
        output = self.folder / f"{script}.out"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [str(self._python), str(environment.HERE / "inside" / script), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=variables(self.folder, script),
            )
        try:
            yield
            code = process.wait(_SEED_S)
        finally:
            process.kill()
            process.wait()
        assert code == 0, f"{script} failed:\n{output.read_text()[-4000:]}"

    def _start(self, service: Service, arguments: list[str], *, outlive: bool) -> None:
        path = f"{self.folder / 'bin'}:{self._python.parent}:{os.environ['PATH']}"
        more = {} if outlive else {PARENT: str(os.getpid())}
        script = environment.HERE / "inside" / f"serve_{service.name}.py"
        config = self._config(service.name)
        service.start([str(self._python), str(script), config, *arguments], PATH=path, **more)

    def _config(self, name: str) -> str:
        return str(self.folder / f"{name}.conf")


@contextlib.contextmanager
def running(pair: Pair) -> Iterator[Pair]:
    """Run a pair on free ports until the block ends; nothing of it is left over."""
    pair.start()
    try:
        yield pair
    finally:
        pair.stop()
        assert not left_over(pair.folder)


def _free_ports() -> tuple[int, int]:
    free = (port for port in random.sample(_PORTS, len(_PORTS)) if _is_free(port))
    return next(free), next(free)


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        # As servers do: connections that have ended are not in the way.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
