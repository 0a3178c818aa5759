"""What each case of the matrix runs with."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.backends import BACKENDS, Backend
from tests.faults.cases import Case
from tests.faults.summary import CASE
from tests.faults.troubles import BACK_AT_ONCE, Trouble
from tests.faults.world import World

Note = Callable[[str, str, str], None]
_PATIENCE_S = {**dict.fromkeys(BACK_AT_ONCE, 4.0), Trouble.SLOW: 0.5, Trouble.LATE: 0.5}
_USUAL_S = 0.8
"""The time of a call; a quarter of it goes to the look for what was made, if that is not found."""


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Note:
    """Say which driver meets which fault in which operation."""
    return lambda driver, fault, operation: record_property(CASE, f"{driver}|{fault}|{operation}")


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """The backend of a case."""
    with BACKENDS[request.param]() as found:
        yield found


@pytest.fixture
def case(backend: Backend, trouble: Trouble, operation: str, note: Note) -> Iterator[Case]:
    """One case of the matrix."""
    note(backend.name, trouble, operation)
    world, patience_s = World(backend), _PATIENCE_S.get(trouble, _USUAL_S)
    with world.gateway() as gateway, world.gateway(call_timeout_s=patience_s) as troubled:
        troubled("GET", "/storage_snapshots")  # so that the login costs no time
        yield Case(world, trouble, operation, gateway, troubled)
