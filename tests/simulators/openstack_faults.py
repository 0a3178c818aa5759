"""Faults that a test orders for the requests to come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.simulators import web
from tests.simulators.web import Cut, Delay, Fault, Where

__all__ = ["BAD_GATEWAY", "Cut", "Delay", "FalseReply", "Faults", "Where", "is_meant"]
BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n"
    b"</body>\r\n</html>\r\n"
)


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
    signed: bool = True
    """Whether it has the service's request id; a proxy's page has none."""


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


class Faults(web.Faults):
    """The faults that are still to come; for targets see is_meant."""

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
        signed: bool = True,
    ) -> None:
        """Carry out a request and answer with something else, an empty 200 unless told.

        With ``signed`` the answer has the service's request id all the same.
        """
        fault = FalseReply(
            target=target, times=times, after=after, status=status, executed=executed
        )
        fault.body, fault.signed = body, signed
        fault.headers = {"Content-Type": content_type} | dict(headers or {})
        self._add(fault)

    def bad_gateway(
        self, target: str, *, times: int = 1, after: int = 0, executed: bool = False
    ) -> None:
        """Answer 502 with a proxy's page."""
        given = {"times": times, "after": after, "executed": executed, "signed": False}
        self.garble(target, BAD_GATEWAY, 502, content_type="text/html", **given)  # type: ignore[arg-type]

    def take(self, method: str, route: str) -> tuple[list[Delay], Cut | FalseReply | None]:
        """Return what goes wrong with a request: every delay that is due, and one fault more."""
        return self._take(lambda target: is_meant(target, method, route))
