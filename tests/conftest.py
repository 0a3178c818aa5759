"""Fixtures that all tests share."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.core.creations import Creations
from tests.servers import Server, local_config, running

_HERE = Path(__file__).parent
_TOGETHER = (_HERE / "integration", _HERE / "examples")
"""Folders with something that takes long to make, and that all tests there share."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each file be tested by one process, and some folders as well."""
    for item in items:
        folders = (folder for folder in _TOGETHER if item.path.is_relative_to(folder))
        group = next(folders, item.path)
        item.add_marker(pytest.mark.xdist_group(str(group.relative_to(_HERE))))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Compare what the drivers did with what is told of them, where all of it is known."""
    from tests.conformance.compare import compare

    if not hasattr(session.config, "workerinput"):
        compare(session)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what became of it."""
    from tests.conformance.compare import tell
    from tests.faults import summary

    tell(terminalreporter, config)
    summary.tell(terminalreporter)


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


@pytest.fixture
def as_the_driver_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show what a driver says of a lost answer; what the core does then is in tests/creations."""
    monkeypatch.setattr(Creations, "make", lambda _self, _marker, send: (send(), False))
