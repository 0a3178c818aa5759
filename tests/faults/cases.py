"""The cases of the matrix: a backend, an operation, a trouble, and the gateways of a case."""

from dataclasses import dataclass

import pytest

from tests.faults.backends import BACKENDS, operations_of
from tests.faults.troubles import Trouble
from tests.faults.world import Send, World


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


def cases(wanted: tuple[str, ...]) -> pytest.MarkDecorator:
    """Run a test for each backend, each of these operations that it has, and each trouble."""
    found = [
        (name, operation, trouble)
        for name, kind in BACKENDS.items()
        for operation in operations_of(kind, wanted)
        for trouble in Trouble
    ]
    return pytest.mark.parametrize(
        ("backend", "operation", "trouble"), found, indirect=["backend"], ids=str
    )
