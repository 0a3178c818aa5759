"""A way to compute for long without holding up the requests of others."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def compute(function: Callable[..., T], *args: Any) -> T:
    """Return ``function(*args)``, computed in a native thread where that helps.

    The server's workers run many requests in one thread, and a request that
    waits lets others go on. One that computes does not. So what takes more than
    some milliseconds of pure computation (a password hash, a large document)
    goes through here; it must neither wait for I/O nor use locks.
    """
    if "gevent" in sys.modules:
        from gevent import get_hub, monkey  # noqa: PLC0415 - only where the server has loaded it

        if monkey.is_module_patched("threading"):
            return get_hub().threadpool.apply(function, args)  # type: ignore[no-any-return]
    return function(*args)
