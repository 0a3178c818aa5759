"""Several at one store, one step at a time: the test says who goes on where.

A step is what others can see or meet: a file opened, locked, named, removed or closed,
a statement of the database. Whoever has the turn goes on until the schedule gives it to
another one, is killed (kill -9: it does nothing more, and the kernel closes its files),
or waits for a lock.
"""

import fcntl
import functools
import itertools
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from drivers.local import creations, images, jobs
from drivers.local.facts import Facts
from drivers.local.jobs import Job, Jobs

LIMIT_S = 30
_FILES = ("open", "close", "rename", "unlink", "lstat", "listdir", "ftruncate", "stat")
_STATEMENTS = ("_execute", "_select", "unsettled")


class Killed(BaseException):
    """What ends an actor that is killed; it has no effect on anything else."""


@dataclass
class Actor:
    """One who works at the store: a thread that waits for its turn."""

    name: str
    work: Callable[[], None]
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    files: set[int] = field(default_factory=set)
    problem: BaseException | None = None
    is_killed: bool = False
    is_over: bool = False
    waits: bool = False

    def kill(self) -> None:
        """End it as kill -9 does."""
        if not self.is_over:
            self.is_killed = True
            self.waits = False
            for fd in self.files:
                os.close(fd)


@dataclass(frozen=True)
class Schedule:
    """Who has the turn: the first one named, until a step at which another one gets it.

    Attributes:
        switches: the number of a step -> who goes on there.
        kills: the number of a step -> who is killed there.
    """

    switches: Mapping[int, str] = field(default_factory=dict)
    kills: Mapping[int, str] = field(default_factory=dict)


class Stage:
    """Runs actors by a schedule, and counts and names their steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[str] = []
        self._actors: dict[int, Actor] = {}
        self._back = threading.Semaphore(0)
        for module in (images, creations, jobs):
            monkeypatch.setattr(module, "os", self._stepping(os, _FILES))
        monkeypatch.setattr(images, "fcntl", self._stepping(fcntl, ("flock",)))
        monkeypatch.setattr(
            images.Partial, "discard", self._step_before("discard", images.Partial.discard)
        )
        for name in _STATEMENTS:
            monkeypatch.setattr(Facts, name, self._step_before(name, getattr(Facts, name)))
        monkeypatch.setattr(Jobs, "start", Jobs.run)
        monkeypatch.setattr(Jobs, "_run_copier", _copy_here)

    def run(self, schedule: Schedule, **work: Callable[[], None]) -> None:
        """Let all work until each has ended; raise what one of them has met."""
        self.steps.clear()
        actors = {name: Actor(name, one) for name, one in work.items()}
        threads = [
            threading.Thread(target=self._live, args=(one,), daemon=True) for one in actors.values()
        ]
        for thread in threads:
            thread.start()
        self._play(schedule, actors)
        for thread in threads:
            thread.join(LIMIT_S)
        for actor in actors.values():
            if actor.problem is not None:
                raise actor.problem

    def _play(self, schedule: Schedule, actors: Mapping[str, Actor]) -> None:
        present = next(iter(actors.values()))
        for number in itertools.count():
            present = actors[schedule.switches.get(number, present.name)]
            if number in schedule.kills:
                actors[schedule.kills[number]].kill()
            ready = [one for one in (present, *actors.values()) if not one.is_over]
            if not ready:
                break
            present = next((one for one in ready if not one.waits), ready[0])
            present.turn.release()
            assert self._back.acquire(timeout=LIMIT_S), f"{present.name} hangs"

    def _live(self, actor: Actor) -> None:
        self._actors[threading.get_ident()] = actor
        try:
            actor.turn.acquire()
            actor.work()
        except Killed:
            pass
        except BaseException as exc:  # noqa: BLE001 - handed on to the test
            actor.problem = exc
        finally:
            actor.is_over = True
            del self._actors[threading.get_ident()]
            self._back.release()

    def step(self, what: str, *, waits: bool = False) -> Actor | None:
        """Give up the turn, and go on with the next one."""
        actor = self._actors.get(threading.get_ident())
        if actor is None:
            return None
        if not actor.is_killed:
            self.steps.append(f"{actor.name}: {what}")
            actor.waits = waits
            self._back.release()
            actor.turn.acquire()
            actor.waits = False
        if actor.is_killed:
            raise Killed
        return actor

    def _step_before(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kw: Any) -> Any:
            self.step(name)
            return function(*args, **kw)

        return call

    def _stepping(self, module: ModuleType, names: tuple[str, ...]) -> Any:
        """Return a module whose functions of these names are steps, and that syncs nothing."""
        found = SimpleNamespace(**vars(module))
        for name in names:
            setattr(found, name, functools.partial(self._do, name, getattr(module, name)))
        found.fsync = found.fdatasync = lambda _: None
        return found

    def _do(self, name: str, function: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        actor = self.step(name)
        if name == "flock" and actor is not None and not args[1] & fcntl.LOCK_NB:
            return self._lock(args[0], args[1])
        found = function(*args, **kw)
        if actor is not None and name == "open":
            actor.files.add(found)
        if actor is not None and name == "close":
            actor.files.discard(args[0])
        return found

    def _lock(self, fd: int, how: int) -> None:
        while True:
            try:
                return fcntl.flock(fd, how | fcntl.LOCK_NB)
            except BlockingIOError:
                self.step("waits", waits=True)


def _copy_here(_: Jobs, job: Job, source: int) -> dict[str, int]:
    os.pwrite(job.target.fd, os.pread(source, job.size_bytes, 0), 0)
    return {"done": 1}
