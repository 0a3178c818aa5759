"""Fixtures that all tests share."""

import fcntl
import itertools
import os
import pkgutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.core.creations import Creations

# What checks for many tests shall say what it has compared, too.
_PARTS = {found.name for found in pkgutil.iter_modules([str(Path(__file__).parent)])}
pytest.register_assert_rewrite(*(f"tests.{name}" for name in _PARTS - {"conftest"}))
from tests.servers import Server, local_config, running  # noqa: E402

_CINDER = "tests/integration/cinder/"
_TOGETHER = {
    f"{_CINDER}test_conformance": "the suite and the faults before Cinder",
    f"{_CINDER}test_faults": "the suite and the faults before Cinder",
    "tests/integration/": "all else before Cinder",
    "tests/examples/": "examples",
}
"""How the paths of tests begin that share what takes long to make -> what they are together.

Those before the real Cinder are two parts with a server each: together they take longer than
all other tests beside them.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a --basetemp that another run has: pytest empties it, below the tests of that run.

    What it then looks like is a snapshot whose image file is missing, once.
    """
    folder = config.option.basetemp
    if folder is None or hasattr(config, "workerinput"):
        return
    lock = os.open(f"{folder}.lock", os.O_RDWR | os.O_CREAT)
    config.add_cleanup(partial(os.close, lock))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise pytest.UsageError(f"--basetemp={folder} is in use; give each run its own") from None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let each file be tested by one process, and some together.

    The groups of pytest-xdist 3.8 would do that, but for pytest 9.2, where they have no effect.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Files(LoadScopeScheduling):  # type: ignore[misc]
        """Gives whole files away, the largest first."""

        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return next((all_ for start, all_ in _TOGETHER.items() if path.startswith(start)), path)

    return Files(config, log)


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
def note(record_property: Callable[[str, object], None]) -> Callable[[str, str, str], None]:
    """Say which driver meets which fault in which operation, for the matrix of faults."""
    from tests.faults.summary import CASE

    return lambda driver, fault, operation: record_property(CASE, f"{driver}|{fault}|{operation}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for a configuration of a test's own."""
    return tmp_path


@pytest.fixture
def as_the_driver_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show what a driver says of a lost answer; what the core does then is in tests/creations."""
    monkeypatch.setattr(Creations, "make", lambda _self, _marker, send: (send(), False))
