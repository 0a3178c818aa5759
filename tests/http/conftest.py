"""Fixtures of the tests of the HTTP API."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.http.tools import FORMATS, everything
from tests.servers import Server


@pytest.fixture(params=FORMATS)
def format_(request: pytest.FixtureRequest) -> str:
    """Each format in turn."""
    return str(request.param)


@pytest.fixture
def make_snapshot(
    server: Server, make_image: Callable[..., str]
) -> Iterator[Callable[..., dict[str, Any]]]:
    """Make a snapshot that is available; it is deleted after the test."""
    made: list[str] = []

    def make(**fields: Any) -> dict[str, Any]:
        answer = server.request(
            "POST", "/storage_snapshots", json={"volume_id": make_image(), **fields}
        )
        assert answer.status_code == 201, answer.text
        path = "/storage_snapshots/" + answer.json()["storage_snapshot"]["id"]
        made.append(path)
        return server.wait_until(path)

    yield make
    for path in made:
        server.request("DELETE", path)


@pytest.fixture(scope="session")
def kept(server: Server, make_image: Callable[..., str]) -> str:
    """The id of a snapshot that tests look at, or fail to change."""
    fields = {"volume_id": make_image(), "name": "kept", "metadata": {"tier": "gold"}}
    made = server.request("POST", "/storage_snapshots", json=fields).json()["storage_snapshot"]
    server.wait_until(f"/storage_snapshots/{made['id']}")
    return str(made["id"])


@pytest.fixture
def unharmed(server: Server) -> Callable[[], contextlib.AbstractContextManager[None]]:
    """Check that what happens inside changes nothing on the server."""

    @contextlib.contextmanager
    def check() -> Iterator[None]:
        before = everything(server)
        yield
        assert everything(server) == before

    return check
