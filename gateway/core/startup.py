"""What of a plug-in runs before anybody is served: in time, and with one kind of error."""

import traceback
from collections.abc import Callable
from typing import TypeVar

from gateway.core.watchdog import watched
from gateway.driver import ConfigurationError

T = TypeVar("T")
START_S = 20.0
"""How long each step of a driver may take at the start, unless the operator says otherwise."""


def run(who: str, doing: str, function: Callable[[], T], *, limit_s: float = START_S) -> T:
    """Return ``function()``, which runs code of a plug-in.

    Args:
        who: the plug-in and where it comes from, for messages.
        doing: what is being done, as in ``importing acme.driver``.
        function: the step.
        limit_s: how long it may take; after that the process ends.

    Raises:
        ConfigurationError: the plug-in's own, or one that says what it raised instead.
    """
    late = (
        f"{who}: {doing} did not end within {limit_s:g} seconds; the package is broken, or waits "
        "for what does not come: mend it, take the driver out of the configuration, or raise "
        "gateway.start_timeout_s"
    )
    try:
        with watched(late, limit_s):
            return function()
    except (ConfigurationError, KeyboardInterrupt):
        raise
    except BaseException as exc:  # noqa: BLE001 - a broken plug-in can raise anything
        # Neither its message nor the exception itself: either may hold a secret.
        raise ConfigurationError(
            f"{who}: {doing} failed: {type(exc).__name__}; the package is broken, "
            f"see {origin(exc)}: mend it, or install a version that works"
        ) from None


def origin(exc: BaseException) -> str:
    """Return the file and line that raised."""
    if isinstance(exc, SyntaxError):
        return f"{exc.filename}:{exc.lineno}"
    last = traceback.extract_tb(exc.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"
