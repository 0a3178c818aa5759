"""A gateway is killed (kill -9) between the backend's answer and its own, and another one goes on.

All requests of a driver are sent to one server, whose backend carries them out and whose answers
the proxy holds; then the server is killed, and everything is asked for again of a new one.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.faults.answers import ids_told, statuses
from tests.faults.backends import CHANGES, CREATIONS, Backend, operations_of
from tests.faults.requests import REQUESTS, Creation, creation
from tests.faults.troubles import Trouble
from tests.faults.world import ROOT, Send, World, sent_again
from tests.servers import Server, cloud_config, running

FAULT = "gateway killed"
_CALL_S = 20.0
_HELD_S = 20


@dataclass
class Killed:
    """What became of the requests of one driver.

    Attributes:
        creations: the requests that make something.
        ids: of what the others change.
        before: what there was, by creation.
        answers: to the repeats.
        shown: name and metadata of what the others have changed, after the repeats.
        unanswered: how many requests had no answer when the server was killed.
    """

    backend: Backend
    creations: dict[str, Creation]
    ids: dict[str, list[str]]
    before: dict[str, set[str]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, Any] = field(default_factory=dict)
    unanswered: int = 0

    @property
    def calls(self) -> int:
        """How many calls the backend is asked for all in all."""
        counts = [one.count for one in self.creations.values()]
        return sum(counts) + sum(map(len, self.ids.values()))

    def ask(self, send: Send, name: str) -> Any:
        """Send one of the requests, with a key of its own if it makes something."""
        if name in self.creations:
            return self.creations[name].ask(send, f"killed-{name}".replace(" ", "-"))
        return REQUESTS[name].ask(send, self.ids[name])

    def ask_again(self, send: Send) -> None:
        """Send all requests again, and see what has become of them."""
        good = (200, 201, 202, 204, 404)
        for name in (*self.creations, *self.ids):
            self.answers[name] = sent_again(lambda n=name: self.ask(send, n), good=good)
        self.shown = {
            name: [REQUESTS[name].facts(send, one) for one in ids] for name, ids in self.ids.items()
        }

    def check(self, name: str) -> None:
        """Check that one of the requests has ended well."""
        assert self.unanswered == len(self.answers), "it was killed too late"
        answer = self.answers[name]
        if name in self.ids:
            wanted = REQUESTS[name]
            assert set(statuses(answer)) <= {200, 201, 202, 204, *wanted.again}, answer.text
            assert self.shown[name] == [wanted.wanted] * wanted.count
            return
        assert answer.headers["Idempotency-Replayed"] == "true", answer.text
        mine = self.creations[name]
        alike = {other: one for other, one in self.creations.items() if _are_alike(one, mine)}
        told = [id_ for key, one in alike.items() for id_ in ids_told(self.answers[key], one.count)]
        assert sorted(mine.held().keys() - self.before[name]) == sorted(told)


def _are_alike(one: Creation, other: Creation) -> bool:
    """Return whether what two requests make is in the same list."""
    return (one.listed, one.provider) == (other.listed, other.provider)


def killed_in_the_middle(backend: Backend, folder: Path) -> Killed:
    """Ask for everything, kill the gateway, and ask another one for everything again."""
    with World(backend) as world:
        found = _prepared(world)
    given = {"main": backend.given}
    if backend.other is not None:
        given["other"] = {**backend.given, **backend.other}
    config = cloud_config(folder, backend.name, given, call_timeout_s=_CALL_S)
    _kill(world, config, found)
    with running(config, "--workers", "1") as server:
        found.ask_again(_sender(world, server))
    return found


def check(killed: Killed, operation: str) -> None:
    """Check one of the operations, unless the driver does not have it."""
    if operation not in killed.answers:
        pytest.skip(f"{killed.backend.name} does not {operation}")
    killed.check(operation)


def _prepared(world: World) -> Killed:
    """Make what is to be changed, by a gateway that is not the one that dies."""
    backend = world.backend
    wanted, changes = (operations_of(type(backend), some) for some in (CREATIONS, CHANGES))
    send = world.gateway(_CALL_S)
    found = {name: creation(name, backend, send) for name in wanted}
    ids = {name: REQUESTS[name].prepare(send, backend) for name in changes}
    before = {name: set(one.held()) for name, one in found.items()}
    return Killed(backend, found, ids, before)


def _sender(world: World, server: Server) -> Send:
    def send(
        method: str, path: str, *, key: str | None = None, provider: str = "main", **kw: Any
    ) -> Any:
        headers = {**world.headers(key), "X-Deltacloud-Provider": provider}
        return server.request(method, path, headers=headers, auth=world.auth, **kw)

    return send


def _kill(world: World, config: Path, killed: Killed) -> None:
    names = [*killed.creations, *killed.ids]
    with running(config, "--workers", "1") as server, ThreadPoolExecutor(len(names)) as pool:
        send = _sender(world, server)
        send("GET", ROOT)  # so that nobody has to log in any more

        def is_unanswered(name: str) -> bool:
            try:
                killed.ask(send, name)
            except requests.ConnectionError:
                return True
            return False

        with world.proxy.troubled(Trouble.SLOW, every=True):
            coming = [pool.submit(is_unanswered, name) for name in names]
            end = time.monotonic() + _HELD_S
            while world.proxy.held < killed.calls:
                assert time.monotonic() < end, f"{world.proxy.held} held of {killed.calls}"
                time.sleep(0.02)
            server.kill()
        killed.unanswered = sum(one.result() for one in coming)
