"""Faults that a test orders for the calls to come."""

from dataclasses import dataclass

from tests.simulators import web
from tests.simulators.web import Cut, Delay, Fault, Where

__all__ = ["Cut", "Delay", "FalseReply", "Faults", "Where"]


@dataclass(kw_only=True)
class FalseReply(Fault):
    """Something else is answered; the call is carried out first if ``executed``."""

    status: int
    executed: bool
    body: bytes = b""
    code: str = ""
    message: str = ""


class Faults(web.Faults):
    """The faults that are still to come; a target is an action's name."""

    def fail(
        self,
        action: str,
        code: str,
        status: int,
        message: str = "",
        *,
        times: int = 1,
        after: int = 0,
        executed: bool = False,
    ) -> None:
        """Answer an action with an error; it is carried out all the same if ``executed``.

        Args:
            action: the action's name.
            code: EC2's error code.
            status: the HTTP status.
            message: the error's message.
            times: how many calls fail.
            after: how many calls from now on go well before.
            executed: whether the action has its effect before it fails.
        """
        fault = FalseReply(
            target=action, times=times, after=after, status=status, executed=executed
        )
        fault.code, fault.message = code, message
        self._add(fault)

    def garble(
        self,
        action: str,
        body: bytes = b"<Garbled",
        status: int = 200,
        *,
        times: int = 1,
        after: int = 0,
        executed: bool = True,
    ) -> None:
        """Carry out an action and answer with something else."""
        fault = FalseReply(
            target=action, times=times, after=after, status=status, executed=executed
        )
        fault.body = body
        self._add(fault)

    def take(self, action: str) -> tuple[list[Delay], Cut | FalseReply | None]:
        """Return what goes wrong with this call: every delay that is due, and one fault more."""
        return self._take(lambda target: target == action)
