"""The cases of the matrix: a backend, an operation, a trouble, and the gateways of a case."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.faults.backends import BACKENDS, Backend, operations_of
from tests.faults.troubles import BACK_AT_ONCE, Trouble
from tests.faults.world import ROOT, Send, World

_PATIENCE_S = {**dict.fromkeys(BACK_AT_ONCE, 4.0), Trouble.SLOW: 0.5, Trouble.LATE: 0.5}
_USUAL_S = 0.8
"""The time of a call; a quarter of it goes to the look for what was made, if that is not found."""


@dataclass(frozen=True)
class Case:
    """A backend and its gateways.

    Attributes:
        world: the backend with what stands before it.
        trouble: what happens.
        operation: what is asked for.
        gateway: has time enough, and knows nothing of the other one.
        troubled: the one whose request meets the trouble; it does not wait long.
    """

    world: World
    trouble: Trouble
    operation: str
    gateway: Send
    troubled: Send

    @property
    def is_struck(self) -> bool:
        """Whether the trouble has met a request."""
        return bool(self.world.proxy.struck) or self.trouble is Trouble.REFUSED

    @property
    def key(self) -> str:
        """An Idempotency-Key that no other case of the backend has."""
        return f"{self.operation}-{self.trouble}".replace(" ", "-")


@contextlib.contextmanager
def opened(backend: Backend, trouble: Trouble, operation: str) -> Iterator[Case]:
    """Have one case of the matrix until the block ends."""
    world, patience_s = World(backend), _PATIENCE_S.get(trouble, _USUAL_S)
    with world.gateway() as gateway, world.gateway(call_timeout_s=patience_s) as troubled:
        troubled("GET", ROOT)  # so that the login costs no time
        yield Case(world, trouble, operation, gateway, troubled)


def cases(
    wanted: tuple[str, ...], backends: Mapping[str, type[Backend]] = BACKENDS
) -> pytest.MarkDecorator:
    """Run a test for each backend, each of these operations that it has, and each trouble."""
    found = [
        (name, operation, trouble)
        for name, kind in backends.items()
        for operation in operations_of(kind, wanted)
        for trouble in Trouble
    ]
    return pytest.mark.parametrize(
        ("backend", "operation", "trouble"), found, indirect=["backend"], ids=str
    )
