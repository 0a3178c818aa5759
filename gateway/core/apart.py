"""Runs plug-ins apart: each in its own process, so that none can stop or hold up the rest.

For commands that look at several drivers. A server loads its drivers itself.
"""

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any, Generic, TypeVar

from gateway.core import watchdog

T = TypeVar("T")
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing has come of an item.

    Attributes:
        problem: why.
        is_told: whether the watchdog has told it, so that it happened at the start.
    """

    problem: str
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class _Child(Generic[T]):
    item: T
    process: ForkProcess
    answer: Connection
    end: float


def each_apart(
    function: Callable[[T], Any], items: Iterable[T], *, limit_s: float
) -> Iterator[tuple[T, Any]]:
    """Yield each item with what comes of it, in the order in which they end.

    Args:
        function: runs in a process of its own, whose output nobody sees: a plug-in may
            print a secret. It returns what JSON can carry.
        items: a few at once are under way.
        limit_s: how long each may take.

    Yields:
        An item, and what the function returned or Lost.
    """
    waiting, running = list(items), list[_Child[T]]()
    while waiting or running:
        while waiting and len(running) < _AT_ONCE:
            running.append(_start(function, waiting.pop(0), limit_s))
        left = min(child.end for child in running) - time.monotonic()
        ready = wait([child.answer for child in running], max(0.0, left))
        over = [c for c in running if c.answer in ready or c.end <= time.monotonic()]
        running = [child for child in running if child not in over]
        for child in over:
            yield child.item, _outcome(child, limit_s, is_late=child.answer not in ready)


def _start(function: Callable[[T], Any], item: T, limit_s: float) -> _Child[T]:
    context = multiprocessing.get_context("fork")  # loaded already, and with the same sys.path
    answer, ours = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(function, item, ours), daemon=True)
    process.start()
    ours.close()
    return _Child(item, process, answer, time.monotonic() + limit_s)


def _outcome(child: _Child[T], limit_s: float, *, is_late: bool) -> Any:
    try:
        if is_late:
            return Lost(f"it did not end within {limit_s:g} seconds, and does not let Python run")
        found = json.loads(child.answer.recv_bytes())
        return Lost(found["problem"], is_told=True) if "problem" in found else found["value"]
    except EOFError:
        child.process.join()
        return Lost(f"its code ended the process (exit status {child.process.exitcode})")
    finally:
        child.process.kill()
        child.process.join()
        child.answer.close()


def _run(function: Callable[[T], Any], item: T, answer: Connection) -> None:
    """Run in the new process; it ends at once then, whatever threads a plug-in has left."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    once = threading.Lock()

    def send(what: str, value: Any) -> None:
        if once.acquire(blocking=False):
            answer.send_bytes(json.dumps({what: value}).encode())

    watchdog.report = lambda problem: send("problem", problem)
    try:
        send("value", function(item))
    finally:
        os._exit(1)  # whatever came: nobody is there who could be told, and threads may be left
