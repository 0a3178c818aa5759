"""What each case of the matrix runs with."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.backends import BACKENDS, Backend
from tests.faults.cases import Case, case_of
from tests.faults.troubles import Trouble
from tests.faults.world import World

Note = Callable[[str, str, str], None]


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """The backend of a case."""
    with BACKENDS[request.param]() as found:
        yield found


@pytest.fixture
def case(backend: Backend, trouble: Trouble, operation: str, note: Note) -> Iterator[Case]:
    """One case of the matrix."""
    note(backend.name, trouble, operation)
    with World(backend) as world:
        yield case_of(world, trouble, operation)
