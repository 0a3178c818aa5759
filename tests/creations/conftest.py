"""Each backend in turn, with one gateway or two in front of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.creations.clouds import CLOUDS, Cloud, Replica


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cloud]:
    """Each backend in turn."""
    with CLOUDS[request.param](tmp_path) as found:
        yield found


@pytest.fixture
def replica(cloud: Cloud) -> Iterator[Replica]:
    """A gateway in front of the backend."""
    with cloud.replica() as found:
        yield found


@pytest.fixture
def other(cloud: Cloud) -> Iterator[Replica]:
    """Another gateway in front of the same backend, which knows nothing of the first."""
    with cloud.replica() as found:
        yield found
