"""Whatever a gateway has begun that is killed: another one ends it well."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.backends import BACKENDS, CHANGES, CREATIONS
from tests.faults.killing import FAULT, Killed, check, killed_in_the_middle


@pytest.fixture(scope="module", params=BACKENDS)
def killed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Killed]:
    """Everything asked for, the gateway killed, and everything asked for again."""
    with BACKENDS[request.param]() as backend:
        yield killed_in_the_middle(backend, tmp_path_factory.mktemp(backend.name))


@pytest.mark.parametrize("operation", [*CREATIONS, *CHANGES])
def test_what_a_killed_gateway_has_begun_ends_well(
    killed: Killed, operation: str, note: Callable[[str, str, str], None]
) -> None:
    if operation in killed.answers:
        note(killed.backend.name, FAULT, operation)
    check(killed, operation)
