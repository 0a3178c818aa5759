"""The fault matrix before the real Keystone and Cinder.

Creations without a key meet the simulators only: what is different with them happens in the
gateway, and they would take as much time again.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.backends import CHANGES, CREATIONS, operations_of
from tests.faults.cases import Case, case_of, cases_of
from tests.faults.killing import FAULT, Killed, check, killed_in_the_middle
from tests.faults.trials import change_in_trouble, creation_in_trouble
from tests.faults.troubles import Trouble
from tests.faults.world import World
from tests.integration.cinder.faults import COLUMN, RealCinderBackend
from tests.integration.cinder.server.cinder import RealCinder

Note = Callable[[str, str, str], None]


@pytest.fixture(scope="module")
def backend(cinder: RealCinder) -> Iterator[RealCinderBackend]:
    """A project for all cases: to make one takes longer than most of them."""
    with RealCinderBackend(cinder) as found:
        yield found


@pytest.fixture(scope="module")
def world(backend: RealCinderBackend) -> Iterator[World]:
    """Gateways for all cases, for the same reason."""
    with World(backend) as found:
        yield found


@pytest.fixture
def case(
    world: World, backend: RealCinderBackend, trouble: Trouble, operation: str, note: Note
) -> Iterator[Case]:
    """One case of the matrix."""
    note(COLUMN, trouble, operation)
    yield case_of(world, trouble, operation)
    backend.forget()


@cases_of(RealCinderBackend, CREATIONS)
def test_a_creation_in_trouble_makes_one_and_tells_the_truth(case: Case) -> None:
    creation_in_trouble(case)


@cases_of(RealCinderBackend, CHANGES)
def test_a_change_in_trouble_is_made_or_told(case: Case) -> None:
    change_in_trouble(case)


@pytest.fixture(scope="module")
def killed(cinder: RealCinder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    """Everything asked for, the gateway killed, and everything asked for again."""
    with RealCinderBackend(cinder) as backend:
        yield killed_in_the_middle(backend, tmp_path_factory.mktemp("killed"))


@pytest.mark.parametrize("operation", operations_of(RealCinderBackend, (*CREATIONS, *CHANGES)))
def test_what_a_killed_gateway_has_begun_ends_well(
    killed: Killed, operation: str, note: Note
) -> None:
    note(COLUMN, FAULT, operation)
    check(killed, operation)
