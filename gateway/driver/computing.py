"""A way to compute or block for long without holding up the requests of others."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def compute(function: Callable[..., T], *args: Any) -> T:
    """Return ``function(*args)``, computed in a native thread where that helps.

    The server's workers run many requests in one thread, and a request that
    waits for a socket lets others go on. One that computes or waits for a disk
    does not. So what takes more than some milliseconds of either (a password
    hash, a large document, fsync) goes through here; it must use neither
    sockets nor locks.
    """
    if "gevent" in sys.modules:
        from gevent import get_hub, monkey  # noqa: PLC0415 - only where the server has loaded it

        if monkey.is_module_patched("threading"):
            return get_hub().threadpool.apply(function, args)  # type: ignore[no-any-return]
    return function(*args)
