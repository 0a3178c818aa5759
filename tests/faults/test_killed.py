"""A gateway is killed (kill -9) between the backend's answer and its own, and another one goes on.

All requests of a driver are sent to one server, whose backend carries them out and whose answers
the proxy holds; then the server is killed, and everything is asked for again of a new one.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.faults.backends import BACKENDS, CHANGES, CREATIONS, Backend, operations_of
from tests.faults.requests import REQUESTS, Creation, creation, facts, made
from tests.faults.troubles import Trouble
from tests.faults.world import ROOT, Send, World, document, sent_again
from tests.servers import Server, cloud_config, running

FAULT = "gateway killed"
_HELD_S = 20
_ALIKE = {"create": "create", "copy": "copy", "clone": "volume", "volume": "volume"}
"""Creation -> the one whose list its result is in as well."""


@dataclass
class Killed:
    """What became of the requests of one driver.

    Attributes:
        creations: the requests that make something.
        ids: of the snapshots that the others change.
        before: what there was, by creation.
        answers: to the repeats.
        shown: name and metadata of the changed snapshots, after the repeats.
        unanswered: how many requests had no answer when the server was killed.
    """

    backend: Backend
    creations: dict[str, Creation]
    ids: dict[str, str]
    before: dict[str, set[str]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, Any] = field(default_factory=dict)
    unanswered: int = 0

    def ask(self, send: Send, name: str) -> Any:
        """Send one of the requests, with a key of its own if it makes something."""
        if name in self.creations:
            return self.creations[name].ask(send, f"key-{name}")
        return REQUESTS[name].ask(send, self.ids[name])


def _prepared(world: World) -> Killed:
    """Make what is to be changed, by a gateway that is not the one that dies."""
    kind = type(world.backend)
    with world.gateway() as send:
        wanted = operations_of(kind, CREATIONS)
        found = {name: creation(name, world.backend, send) for name in wanted}
        ids = {
            name: made(send, world.backend.make_volume())["id"]
            for name in operations_of(kind, CHANGES)
        }
    killed = Killed(world.backend, found, ids)
    killed.before = {name: set(one.held()) for name, one in found.items()}
    return killed


def _sender(world: World, server: Server) -> Send:
    def send(
        method: str, path: str, *, key: str | None = None, provider: str = "main", **kw: Any
    ) -> Any:
        headers = {**world.headers(key), "X-Deltacloud-Provider": provider}
        return server.request(method, path, headers=headers, auth=world.auth, **kw)

    return send


def _kill_in_the_middle(world: World, config: Path, killed: Killed) -> None:
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
            while world.proxy.held < len(names):
                assert time.monotonic() < end, f"{world.proxy.held} answers held of {len(names)}"
                time.sleep(0.02)
            server.kill()
        killed.unanswered = sum(one.result() for one in coming)


@pytest.fixture(scope="module", params=BACKENDS)
def killed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Killed]:
    """Everything asked for, the gateway killed, and everything asked for again."""
    with BACKENDS[request.param]() as backend:
        world = World(backend)
        found = _prepared(world)
        given = {"main": backend.given}
        if backend.other is not None:
            given["other"] = {**backend.given, **backend.other}
        folder = tmp_path_factory.mktemp(backend.name)
        config = cloud_config(folder, backend.name, given, call_timeout_s=20)
        _kill_in_the_middle(world, config, found)
        with running(config, "--workers", "1") as server:
            send = _sender(world, server)
            for name in (*found.creations, *found.ids):
                good = (200, 201, 202, 204, 404)
                found.answers[name] = sent_again(lambda n=name: found.ask(send, n), good=good)
            found.shown = {name: facts(send, id_) for name, id_ in found.ids.items()}
        yield found


@pytest.mark.parametrize("operation", [*CREATIONS, *CHANGES])
def test_what_a_killed_gateway_has_begun_ends_well(
    killed: Killed, operation: str, note: Callable[[str, str, str], None]
) -> None:
    if operation not in killed.answers:
        pytest.skip(f"{killed.backend.name} does not {operation}")
    note(killed.backend.name, FAULT, operation)
    assert killed.unanswered == len(killed.answers), "it was killed too late"
    answer = killed.answers[operation]
    if operation in killed.ids:
        wanted = REQUESTS[operation]
        assert answer.status_code in (200, 201, 202, 204, *wanted.again), answer.text
        assert killed.shown[operation] == wanted.wanted
        return
    assert answer.headers["Idempotency-Replayed"] == "true", answer.text
    alike = [name for name in killed.creations if _ALIKE[name] == _ALIKE[operation]]
    told = {document(killed.answers[name])["id"] for name in alike}
    assert len(told) == len(alike)
    assert set(killed.creations[operation].held()) - killed.before[operation] == told
