"""Fixtures of the tests of the HTTP API."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.http.listed import FORMATS as LIST_FORMATS
from tests.http.listed import HUNG_UP, listed_server
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


@pytest.fixture(scope="session")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two workers and clouds of many rows; their names say what they are like."""
    with listed_server(
        tmp_path_factory.mktemp("listed"),
        {
            "listed": {},
            "twin": {},
            "serving": {"driver": "ServingDriver"},
            "one-more": {},
            "plain": {"driver": "PlainDriver"},
            "few": {"rows": 5},
            "one-page": {"rows": 50},
            "empty": {"rows": 0},
            "many": {"rows": 3000},
            "big": {"rows": 2000, "padding": 20_000},
            **{
                f"slow-{what}-{format_}": {"rows": 3000, "delay_s": 0.2}
                for what in HUNG_UP
                for format_ in LIST_FORMATS
            },
            "late": {"fail_at": 110},
            "late-bug": {"fail_at": 110, "error": "bug"},
            "early": {"fail_at": 7},
            "no-volume": {"fail_volume": True},
            "odd": {"rows": 6, "odd": True},
        },
        gateway="max_sorted_rows = 1000",
        arguments=("--workers", "2"),
    ) as server:
        yield server


@pytest.fixture(params=LIST_FORMATS)
def list_format(request: pytest.FixtureRequest) -> str:
    """Each format of lists in turn."""
    return str(request.param)
