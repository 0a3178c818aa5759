"""Fixtures that all tests share."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import Server, local_config, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real server with one local provider; tests make volumes of their own."""
    with running(local_config(tmp_path_factory.mktemp("server"))) as found:
        yield found


@pytest.fixture(scope="session")
def make_image(server: Server) -> Callable[..., str]:
    """Put an image into the server's volumes folder by hand and return its id."""
    numbers = itertools.count()

    def make(content: bytes = b"some bytes\n", size: int | None = None) -> str:
        name = f"image-{next(numbers)}.img"
        with (server.store / "volumes" / name).open("wb") as file:
            file.write(content)
            if size is not None:
                file.truncate(size)
        return name

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for a configuration of a test's own."""
    return tmp_path
