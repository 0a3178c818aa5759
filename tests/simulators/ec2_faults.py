"""Faults that a test orders for the calls to come."""

import threading
from dataclasses import dataclass
from typing import Literal

Where = Literal["before", "answer", "after_headers", "middle"]


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with some calls of an action."""

    action: str
    times: int
    after: int

    def has_begun(self) -> bool:
        """Count a call and say whether the calls before the first bad one are over."""
        self.after -= 1
        return self.after < 0


@dataclass(kw_only=True)
class Delay(Fault):
    """The call waits before it is carried out, or its answer does afterwards."""

    seconds: float
    where: Literal["before", "answer"]


@dataclass(kw_only=True)
class Cut(Fault):
    """The connection ends early."""

    where: Where


@dataclass(kw_only=True)
class FalseReply(Fault):
    """Something else is answered; the call is carried out first if ``executed``."""

    status: int
    executed: bool
    body: bytes = b""
    code: str = ""
    message: str = ""


class Faults:
    """The faults that are still to come, in the order in which they were set."""

    def __init__(self) -> None:
        self._fault_lock = threading.Lock()
        self._faults: list[Fault] = []

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
            action=action, times=times, after=after, status=status, executed=executed
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
            action=action, times=times, after=after, status=status, executed=executed
        )
        fault.body = body
        self._add(fault)

    def delay(
        self,
        action: str,
        seconds: float,
        *,
        times: int = 1,
        after: int = 0,
        where: Literal["before", "answer"] = "before",
    ) -> None:
        """Wait before an action is carried out, or after it with its answer."""
        self._add(Delay(action=action, times=times, after=after, seconds=seconds, where=where))

    def cut(self, action: str, where: Where = "before", *, times: int = 1, after: int = 0) -> None:
        """Close the connection.

        ``before``: with nothing done and nothing answered. Else the action is carried
        out, and the connection closed without an ``answer``, ``after_headers``, or in
        the ``middle`` of the body.
        """
        self._add(Cut(action=action, times=times, after=after, where=where))

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        with self._fault_lock:
            self._faults.clear()

    def take(self, action: str) -> tuple[list[Delay], Cut | FalseReply | None]:
        """Return what goes wrong with this call: every delay that is due, and one fault more."""
        with self._fault_lock:
            due = [one for one in self._faults if one.action == action and one.has_begun()]
            delays = [one for one in due if isinstance(one, Delay)]
            others = [one for one in due if isinstance(one, Cut | FalseReply)]
            for one in (*delays, *others[:1]):
                one.times -= 1
            self._faults = [one for one in self._faults if one.times > 0]
            return delays, others[0] if others else None

    def _add(self, fault: Fault) -> None:
        with self._fault_lock:
            self._faults.append(fault)
