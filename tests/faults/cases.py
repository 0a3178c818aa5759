"""The cases of the matrix: a backend, an operation, a trouble, and the gateways of a case."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.backends import BACKENDS, Backend, operations_of
from tests.faults.troubles import BACK_AT_ONCE, Trouble
from tests.faults.world import ROOT, Send, World

_LONGEST_S = 20.0
_PATIENCE_S = {**dict.fromkeys(BACK_AT_ONCE, 4.0), Trouble.SLOW: 0.5, Trouble.LATE: 0.5}
_USUAL_S = 0.8
"""The time of a call; a quarter of it goes to the look for what was made, if that is not found."""
_MORE = 4


class NotStruckError(AssertionError):
    """The trouble of a case has met no request."""


@dataclass(frozen=True)
class Case:
    """A backend and its gateways.

    Attributes:
        world: the backend with what stands before it.
        trouble: what happens.
        operation: what is asked for.
        gateway: has time enough, and knows nothing of the other one.
        troubled: the one whose request meets the trouble; it does not wait long.
        patience_s: how long it waits.
    """

    world: World
    trouble: Trouble
    operation: str
    gateway: Send
    troubled: Send
    patience_s: float

    def with_more_time(self) -> "Case":
        """Return the same case with a gateway that waits longer."""
        return _case(self.world, self.trouble, self.operation, self.patience_s * _MORE)

    def check_struck(self, answer: Any) -> None:
        """Check that the trouble has met a request.

        Raises:
            NotStruckError: it has met none.
        """
        if not self.world.proxy.struck and self.trouble is not Trouble.REFUSED:
            raise NotStruckError(f"the trouble has met nothing: {answer.text}")

    @property
    def key(self) -> str:
        """An Idempotency-Key that no other case of the backend has, and no other try."""
        asked = f"{self.operation}, {self.trouble}, {self.patience_s}"
        return f'"{asked}"'  # quoted, for it has spaces and commas


def case_of(world: World, trouble: Trouble, operation: str) -> Case:
    """Return one case of the matrix."""
    patience_s = _PATIENCE_S.get(trouble, _USUAL_S) * world.backend.patience
    return _case(world, trouble, operation, patience_s)


def _case(world: World, trouble: Trouble, operation: str, patience_s: float) -> Case:
    gateway, troubled = world.gateway(_LONGEST_S), world.gateway(patience_s)
    troubled("GET", ROOT)  # so that the login costs no time
    return Case(world, trouble, operation, gateway, troubled, patience_s)


def cases(wanted: tuple[str, ...]) -> pytest.MarkDecorator:
    """Run a test for each simulator, each of these operations that it has, and each trouble."""
    found = [(name, *one) for name, kind in BACKENDS.items() for one in _pairs(kind, wanted)]
    return pytest.mark.parametrize(
        ("backend", "operation", "trouble"), found, indirect=["backend"], ids=str
    )


def cases_of(kind: type[Backend], wanted: tuple[str, ...]) -> pytest.MarkDecorator:
    """Run a test for each of these operations that one backend has, and each trouble."""
    return pytest.mark.parametrize(("operation", "trouble"), _pairs(kind, wanted), ids=str)


def _pairs(kind: type[Backend], wanted: tuple[str, ...]) -> list[tuple[str, Trouble]]:
    return [(name, trouble) for name in operations_of(kind, wanted) for trouble in Trouble]
