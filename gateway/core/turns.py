"""Changes of one thing, one after another: what is read for a change is so until it is made."""

import contextlib
import hashlib
import time
from collections.abc import Iterator

from gateway.core.claims import Claims
from gateway.driver import DriverError, ErrorCode

_FIRST_S, _LONGEST_S = 0.002, 0.05
"""The pauses between two tries: a kernel's lock on a range tells nobody when it is free."""


class Turns:
    """Lets one change of a thing at a time through, in all processes of this server.

    Other servers, and those who use the cloud without the gateway, are not kept out.
    """

    def __init__(self) -> None:
        self._claims = Claims()

    @contextlib.contextmanager
    def take(self, provider: str, thing: str, limit_s: float) -> Iterator[None]:
        """Wait for the turn, and keep it in this block.

        Raises:
            DriverError: ``conflict`` if it does not come in time; nothing has changed.
        """
        # A UUID is the same in upper and lower case.
        name = hashlib.blake2b(f"turn\0{provider}\0{thing.lower()}".encode()).digest()
        end, pause = time.monotonic() + limit_s, _FIRST_S
        while not self._claims.take(name):
            if time.monotonic() + pause > end:
                raise DriverError(
                    ErrorCode.CONFLICT,
                    f"another change of {thing!r} is under way; send yours again",
                    retry_after_s=1,
                )
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_S)
        try:
            yield
        finally:
            self._claims.release(name)
