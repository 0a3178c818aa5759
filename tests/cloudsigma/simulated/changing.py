"""A cloud that changes while it is listed: between two requests, and between two pages."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_http import Reply, Request
from tests.simulators.openstack_faults import is_meant


@contextmanager
def after(cloud: CloudSigma, target: str, change: Callable[[int], object]) -> Iterator[None]:
    """Change something after each answer to a target, which is counted from 1."""
    answer, count = cloud._server.answer, 0

    def answered(request: Request) -> Reply:
        nonlocal count
        reply = answer(request)
        if is_meant(target, request.method, request.route):
            count += 1
            with cloud.lock:
                change(count)
        return reply

    cloud._server.answer = answered
    try:
        yield
    finally:
        cloud._server.answer = answer


class Unrest:
    """Snapshots that come, change and go, among others that stay.

    Args:
        cloud: where.
        seed: of what happens.
        stay: how many of each kind stay.
        pass_: how many of each kind there are besides, to begin with.
    """

    def __init__(self, cloud: CloudSigma, seed: int, *, stay: int = 6, pass_: int = 4) -> None:
        self._cloud: CloudSigma = cloud
        self._random = random.Random(seed)
        cloud.settings.new_id = lambda: str(UUID(int=self._random.getrandbits(128), version=4))
        self._drive = cloud.add_drive()
        self._staying = [self._new(remote) for remote in (False, True) for _ in range(stay)]
        self._passing = [self._new(remote) for remote in (False, True) for _ in range(pass_)]

    @property
    def staying(self) -> set[str]:
        """The ids of those that are there throughout."""
        return {one.uuid for one in self._staying}

    def happen(self, *_about: object) -> None:
        """Let one to three things happen."""
        for _ in range(self._random.randint(1, 3)):
            what = self._random.choice((self._come, self._go, self._change, self._replace))
            what()

    def _new(self, remote: bool) -> Any:
        add = self._cloud.add_remote_snapshot if remote else self._cloud.add_snapshot
        made: Any = add(self._drive, name=self._random.choice("abc"))
        self._cloud.touch(made)
        return made

    def _come(self) -> None:
        self._passing.append(self._new(self._random.random() < 0.5))

    def _go(self) -> None:
        if self._passing:
            gone = self._passing.pop(self._random.randrange(len(self._passing)))
            self._cloud.snapshots.pop(gone.uuid, None)
            self._cloud.remote_snapshots.pop(gone.uuid, None)
            self._cloud.changes += 1

    def _change(self) -> None:
        changed = self._random.choice(self._staying)
        changed.meta = {"n": str(self._cloud.changes)}
        self._cloud.touch(changed)

    def _replace(self) -> None:
        self._go()
        self._come()
