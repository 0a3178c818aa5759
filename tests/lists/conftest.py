"""The backends, each filled once for all tests that only read."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.lists.backends import BACKENDS, Backend, local

NAMES = ("local", *BACKENDS)


@pytest.fixture(scope="session")
def every(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Backend]]:
    """All backends by name; tests leave them as they are."""
    with contextlib.ExitStack() as stack:
        found = {name: stack.enter_context(make()) for name, make in BACKENDS.items()}
        found["local"] = stack.enter_context(local(tmp_path_factory.mktemp("lists")))
        yield found


@pytest.fixture(params=NAMES)
def backend(request: pytest.FixtureRequest, every: dict[str, Backend]) -> Backend:
    """Each backend in turn."""
    return every[request.param]
