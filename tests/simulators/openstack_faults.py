"""Faults that a test orders for the requests to come."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

Where = Literal["before", "answer", "after_headers", "middle"]
BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n"
    b"</body>\r\n</html>\r\n"
)


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with some requests."""

    target: str
    times: int
    after: int

    def has_begun(self) -> bool:
        """Count a request and say whether those before the first bad one are over."""
        self.after -= 1
        return self.after < 0


@dataclass(kw_only=True)
class Delay(Fault):
    """The request waits before it is carried out, or its answer does afterwards."""

    seconds: float
    where: Literal["before", "answer"]


@dataclass(kw_only=True)
class Cut(Fault):
    """The connection ends early."""

    where: Where


@dataclass(kw_only=True)
class FalseReply(Fault):
    """Something else is answered; the request is carried out first if ``executed``.

    Without a body it is a fault as the service words it.
    """

    status: int
    executed: bool
    body: bytes | None = None
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def is_meant(target: str, method: str, route: str) -> bool:
    """Say whether a request is one of a target.

    Args:
        target: method and path, like ``POST /snapshots``, ``GET /snapshots/*``, ``* *``:
            the path without /v3 and without a project's id, and * for anything.
        method: the request's method.
        route: the request's path, shortened like that.
    """
    wanted, _, pattern = target.partition(" ")
    return wanted in ("*", method) and fnmatchcase(route, pattern)


class Faults:
    """The faults that are still to come, in the order in which they were set.

    Each is for the requests of a ``target``, see is_meant; the first ``after`` of them
    go well, the next ``times`` do not.
    """

    def __init__(self) -> None:
        self._fault_lock = threading.Lock()
        self._faults: list[Fault] = []

    def fail(
        self,
        target: str,
        status: int,
        message: str = "",
        *,
        retry_after: float | str | None = None,
        times: int = 1,
        after: int = 0,
        executed: bool = False,
    ) -> None:
        """Answer with a fault as the service words it: 401, 403, 409, 413, 429, 500, 503.

        Args:
            target: see is_meant.
            status: the HTTP status.
            message: what the fault says; unless given, what is usual.
            retry_after: the header's value.
            times: how many requests fail.
            after: how many requests from now on go well before.
            executed: whether the request has its effect before it fails.
        """
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        fault = FalseReply(
            target=target, times=times, after=after, status=status, executed=executed
        )
        fault.message, fault.headers = message, headers
        self._add(fault)

    def garble(
        self,
        target: str,
        body: bytes = b"",
        status: int = 200,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        times: int = 1,
        after: int = 0,
        executed: bool = True,
    ) -> None:
        """Carry out a request and answer with something else, an empty 200 unless told."""
        fault = FalseReply(
            target=target, times=times, after=after, status=status, executed=executed
        )
        fault.body = body
        fault.headers = {"Content-Type": content_type} | dict(headers or {})
        self._add(fault)

    def bad_gateway(
        self, target: str, *, times: int = 1, after: int = 0, executed: bool = False
    ) -> None:
        """Answer 502 with a proxy's page."""
        given = {"times": times, "after": after, "executed": executed}
        self.garble(target, BAD_GATEWAY, 502, content_type="text/html", **given)  # type: ignore[arg-type]

    def delay(
        self,
        target: str,
        seconds: float,
        *,
        times: int = 1,
        after: int = 0,
        where: Literal["before", "answer"] = "before",
    ) -> None:
        """Wait before a request is carried out, or after it with its answer."""
        self._add(Delay(target=target, times=times, after=after, seconds=seconds, where=where))

    def cut(self, target: str, where: Where = "before", *, times: int = 1, after: int = 0) -> None:
        """Close the connection.

        ``before``: with nothing done and nothing answered. Else the request is carried
        out, and the connection closed without an ``answer``, ``after_headers``, or in
        the ``middle`` of the body.
        """
        self._add(Cut(target=target, times=times, after=after, where=where))

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        with self._fault_lock:
            self._faults.clear()

    def take(self, method: str, route: str) -> tuple[list[Delay], Cut | FalseReply | None]:
        """Return what goes wrong with a request: every delay that is due, and one fault more."""
        with self._fault_lock:
            meant = [one for one in self._faults if is_meant(one.target, method, route)]
            due = [one for one in meant if one.has_begun()]
            delays = [one for one in due if isinstance(one, Delay)]
            others = [one for one in due if isinstance(one, Cut | FalseReply)]
            for one in (*delays, *others[:1]):
                one.times -= 1
            self._faults = [one for one in self._faults if one.times > 0]
            return delays, others[0] if others else None

    def _add(self, fault: Fault) -> None:
        with self._fault_lock:
            self._faults.append(fault)
