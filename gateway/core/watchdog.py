"""Ends a start that a plug-in holds up; nothing inside the process could ask it to go on."""

import _thread
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

exit_status = os.EX_CONFIG
"""How the process ends; whoever starts a process that is watched by another one may set it."""


def report(problem: str) -> None:
    """Tell what was wrong; whoever started the process may set another way."""
    # No print: what hangs may hold the lock of the stream.
    os.write(2, f"snapgate: {problem}\n".encode())


@contextmanager
def watched(problem: str, limit_s: float) -> Iterator[None]:
    """End the process with ``problem`` on standard error unless the block ends in time.

    A native thread watches, also on gevent, whose own threads would wait for the same
    import, lock or loop. Code in C that never lets go of the interpreter holds up the
    watch as well: then only whoever started the server can end it.
    """
    done = _original("allocate_lock")()
    done.acquire()
    _original("start_new_thread")(_watch, (done, problem, limit_s, _original("get_ident")()))
    try:
        yield
    finally:
        done.release()


def _watch(done: Any, problem: str, limit_s: float, thread: int) -> None:
    if done.acquire(True, limit_s):
        return
    frame = sys._current_frames().get(thread)
    where = f" (at {frame.f_code.co_filename}:{frame.f_lineno})" if frame else ""
    report(problem + where)
    os._exit(exit_status)


def _original(name: str) -> Any:
    """Return a primitive of ``_thread`` as it was before gevent replaced it."""
    if "gevent" in sys.modules:
        from gevent import monkey  # noqa: PLC0415 - only where the server has loaded it

        return monkey.get_original("_thread", name)
    return getattr(_thread, name)
