"""Cases that do not end: a driver that hangs fails them, and the suite goes on."""

import contextlib
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from functools import partial
from types import FrameType
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
_MOST = 3
"""Cases of a driver that may hang; they take long, and say the same."""
_AT_ONCE_S = 0.001
_SHOWN = 8
"""Of the calls that led to where a case hung; the last ones."""
_NAME = "a call of the suite"
_HUNG = pytest.StashKey[Counter[str]]()


@contextlib.contextmanager
def limited(item: pytest.Item, limit_s: float) -> Iterator[None]:
    """End what takes longer, and fail the case with the place where it hung.

    Whatever becomes of the interruption in the driver, or in the core that wraps what
    drivers raise: the case has failed. A signal does it, so it needs the main thread.
    """
    others_s, _ = signal.getitimer(signal.ITIMER_REAL)  # pytest-timeout's, for one
    is_ours = limit_s > 0 and not 0 < others_s < limit_s
    if not is_ours or threading.current_thread() is not threading.main_thread():
        yield
        return
    places: list[str] = []

    def interrupt(_: int, frame: FrameType | None) -> None:
        places.append("".join(f"{_stack(one)}\n" for one in (frame, *_frames())))
        pytest.fail("the case took too long")  # no ``except Exception`` of a driver holds this up

    start = time.monotonic()
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, limit_s, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if others_s:
            left_s = others_s - (time.monotonic() - start)
            signal.setitimer(signal.ITIMER_REAL, max(left_s, _AT_ONCE_S))
        if places:
            _hung(item)[_group(item)] += 1
            told = f"not over after {limit_s:g} seconds; it hung\n{places[0]}"
            raise pytest.fail.Exception(told, pytrace=False) from None


def _stack(frame: FrameType | None) -> str:
    return "".join(traceback.format_stack(frame)[-_SHOWN:])


def _frames() -> Iterator[FrameType]:
    """Yield where the calls are that run in threads."""
    frames = sys._current_frames()
    for thread in threading.enumerate():
        if thread.name == _NAME and thread.ident in frames:
            yield frames[thread.ident]


def check_worth_trying(item: pytest.Item) -> None:
    """Fail a case, before anything of it runs, if the driver hung in several others."""
    if _hung(item)[_group(item)] >= _MOST:
        pytest.fail(f"not tried: the driver hung in {_MOST} cases before", pytrace=False)


def _hung(item: pytest.Item) -> Counter[str]:
    return item.config.stash.setdefault(_HUNG, Counter())


def _group(item: pytest.Item) -> str:
    return item.nodeid.rpartition("::")[0]


class Threads(Executor):
    """A thread for each call; those in which a driver hangs do not keep the process from ending."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    def submit(self, fn: Callable[..., T], /, *args: Any, **kw: Any) -> Future[T]:
        """Begin a call."""
        coming: Future[T] = Future()
        coming.set_running_or_notify_cancel()  # from now on nobody can cancel it
        given = coming, partial(fn, *args, **kw)
        thread = threading.Thread(target=_settle, args=given, name=_NAME, daemon=True)
        self._threads.append(thread)
        thread.start()
        return coming

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for all calls."""
        for thread in self._threads if wait else ():
            thread.join()


def _settle(coming: Future[T], work: Callable[[], T]) -> None:
    try:
        coming.set_result(work())
    except BaseException as exc:  # it is raised where the result is wanted
        coming.set_exception(exc)
