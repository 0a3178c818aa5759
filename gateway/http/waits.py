"""``Prefer: wait=N``: answers that come when a change has ended, or after N seconds."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from gateway.core.endings import Ending
from gateway.core.idempotency import Made
from gateway.core.registry import Provider
from gateway.core.waiting import Patience, Wait, Waited
from gateway.driver import DriverError, StorageSnapshot, StorageVolume
from gateway.http.errors import log_if_bug
from gateway.http.exchange import Exchange
from gateway.http.hangup import nobody_waits
from gateway.http.preferences import APPLIED, wait_s

T = TypeVar("T", StorageSnapshot, StorageVolume)
ASK_AGAIN_S = 5
"""What a client is told to let pass before it looks for itself."""


def wait_of(exchange: Exchange, provider: Provider | None = None) -> Wait | None:
    """Return the wait that the client would like; None for none.

    Its seconds count from the moment when the request came (RFC 7240, 4.3), so the call that
    begins the change is in them. ``provider`` is the one that is looked at, if not that of the
    request.
    """
    core = exchange.core
    seconds = wait_s(exchange.request, core.max_wait_s)
    if seconds is None:
        return None
    exchange.tell(APPLIED, f"wait={seconds}")
    left_s = max(seconds - exchange.age_s, 0)
    patience = Patience(left_s, partial(nobody_waits, exchange.request.environ))
    return Wait(patience, core.polls, (provider or exchange.target).name)


def made(
    exchange: Exchange,
    made_: Made[T],
    href: str,
    ending: Callable[[T], Ending[T]],
    provider: Provider | None = None,
) -> tuple[Made[T], bool | None]:
    """Return what was made as it is when the wait ends, and whether it is finished then.

    None where the client does not wait. Of what has ended badly the answer tells where
    it is, beside the error.
    """
    if made_.found == "age":  # it is ready, and old enough for that
        return made_, None
    wait = wait_of(exchange, provider)
    if wait is None:
        return made_, None
    try:
        waited = ending(made_.item).after(wait)
    except DriverError:
        exchange.tell("Location", href)
        raise
    if not waited.is_over:
        tell_unfinished(exchange, waited)
    return replace(made_, item=waited.item or made_.item), waited.is_over


def tell_unfinished(exchange: Exchange, waited: Waited[Any]) -> None:
    """Let an answer of 202 say when to ask again, and the log why the last look failed."""
    exchange.tell("Retry-After", str(ASK_AGAIN_S))
    log_unseen(exchange, waited.error)


def log_unseen(exchange: Exchange, error: DriverError | None) -> None:
    """Log why the last look of a wait saw nothing, if it did not."""
    if error is not None and not log_if_bug(exchange, error):
        exchange.log(
            "a look failed that was waited with",
            request_id=exchange.request_id,
            error=error.code.value,
        )
