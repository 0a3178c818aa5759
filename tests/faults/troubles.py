"""What goes wrong on the way to a backend, with one request that changes something.

All other requests go through: so the look for what was made, and the repeat, meet a backend
that works again, as they do after most failures.
"""

import contextlib
import enum
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

from gateway.conformance.harness import Fault
from tests.conformance.proxy import Answer, FaultProxy, Forge, Request, forward, page

_LONGEST_S = 30
_AWAY_S = 0.15


class Trouble(enum.StrEnum):
    """What happens to the request, and to its answer."""

    REFUSED = "nobody listens"
    BEFORE = "cut before the request"
    MIDDLE = "cut in mid-request"
    AFTER = "cut after the request"
    ANSWER = "cut in mid-answer"
    THROTTLED = "throttled"
    BROKEN = "fails inside"
    GARBAGE = "answers garbage"
    SLOW = "slow to answer"
    LATE = "slow to begin"
    DIES = "dies"
    BACK = "dies, comes back"


BACK_AT_ONCE = frozenset({Trouble.AFTER, Trouble.ANSWER, Trouble.GARBAGE})
"""After these the backend can be asked what it has made."""
NOTHING_DONE = frozenset(
    {Trouble.REFUSED, Trouble.BEFORE, Trouble.MIDDLE, Trouble.THROTTLED, Trouble.BROKEN}
)
"""With these the backend carries nothing out."""


class TroubleProxy(FaultProxy):
    """Lets one request that changes something meet a trouble.

    Args:
        backends: the addresses.
        forged: what the backend answers that throttles or fails.
        changes: whether a request changes something.
    """

    def __init__(
        self, backends: Iterable[str], forged: Forge, changes: Callable[[Request], bool]
    ) -> None:
        super().__init__(backends, forged)
        self._changes = changes
        self._trouble: Trouble | None = None
        self._left = 0
        self.struck = 0
        """How many requests have met the trouble."""
        self.carried_out = 0
        """How many changes the backend was asked for."""
        self.held = 0
        """How many answers are kept back."""
        self._every = False
        self._ended = threading.Event()
        self._idle = threading.Condition()
        self._at_work = 0
        self._under_way: list[threading.Thread] = []

    @contextlib.contextmanager
    def troubled(self, trouble: Trouble, *, nth: int = 1, every: bool = False) -> Iterator[None]:
        """Let the change number ``nth`` of the block meet a trouble, or every one.

        What is held ends with the block.
        """
        self.struck, self._left, self._trouble = 0, nth, trouble
        self._ended, self.held, self._every = threading.Event(), 0, every
        if trouble is Trouble.REFUSED:
            self._stop()
        try:
            yield
        finally:
            self._trouble = None
            self._ended.set()
            with self._idle:  # what is late is carried out now, and nobody knows of it yet
                self._idle.wait_for(lambda: not self._at_work, _LONGEST_S)
            for thread in self._under_way:
                thread.join()
            if trouble in (Trouble.REFUSED, Trouble.DIES) and self._is_away:
                self._come_back()
            self._under_way.clear()

    def respond(self, backend: str, request: Request) -> tuple[Answer | None, bool]:
        """Return the answer to a request, if any, and whether the connection ends within it."""
        trouble = self._met_by(request)
        if trouble is None:
            return self._answered(backend, request), False
        with self._counted():
            return self._meet(trouble, backend, request)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._idle:
            self._at_work += 1
        try:
            yield
        finally:
            with self._idle:
                self._at_work -= 1
                self._idle.notify_all()

    def _meet(self, trouble: Trouble, backend: str, request: Request) -> tuple[Answer | None, bool]:
        self.struck += 1
        if trouble in (Trouble.THROTTLED, Trouble.BROKEN):
            fault = Fault.THROTTLED if trouble is Trouble.THROTTLED else Fault.BROKEN
            return self._forged(fault, backend, request), False
        if trouble is Trouble.BEFORE:
            return None, True
        if trouble is Trouble.MIDDLE:
            _send_half(backend, request)
            return None, True
        if trouble is Trouble.LATE:
            self._ended.wait(_LONGEST_S)
        answer = self._answered(backend, request)
        return self._after(trouble, answer)

    def _after(self, trouble: Trouble, answer: Answer) -> tuple[Answer | None, bool]:
        """Return what comes back of a request that was carried out."""
        if trouble is Trouble.GARBAGE:
            return page(), False
        if trouble is Trouble.ANSWER:
            return answer, True
        if trouble is Trouble.SLOW:
            with self._counting:
                self.held += 1
            self._ended.wait(_LONGEST_S)
        if trouble in (Trouble.DIES, Trouble.BACK):
            self._is_away = True
            thread = threading.Thread(target=self._go, args=(trouble,))
            self._under_way.append(thread)
            thread.start()
        return None, True

    def _met_by(self, request: Request) -> Trouble | None:
        if not self._changes(request):
            return None
        with self._counting:
            if self._trouble is None:
                return None
            self._left -= 1
            if self._every:
                return self._trouble
            if self._trouble in (Trouble.THROTTLED, Trouble.BROKEN):
                return self._trouble if self._left <= 0 else None
            return self._trouble if self._left == 0 else None

    def _answered(self, backend: str, request: Request) -> Answer:
        with self._counting:
            self.carried_out += self._changes(request)
        return self._with_doors(forward(backend, request))

    def _go(self, trouble: Trouble) -> None:
        """End all connections, as a backend does that dies; perhaps it is back soon."""
        self._stop()
        if trouble is Trouble.BACK:
            self._ended.wait(_AWAY_S)
            self._come_back()

    _is_away = False

    def _stop(self) -> None:
        self._is_away = True
        for door in self._doors.values():
            door.stop()

    def _come_back(self) -> None:
        self._open_again()
        self._is_away = False


def _send_half(backend: str, request: Request) -> None:
    """Let the backend have the first half of a request, and then nothing more."""
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    whole = "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body
    cut = len(whole) - len(request.body) // 2 if request.body else len(whole) // 2
    host, _, port = urlsplit(backend).netloc.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=_LONGEST_S) as connection:
        connection.sendall(whole[:cut])
