"""The pytest plugin: the options, and the report of what each driver passed.

Loaded by pytest in every run where Snapgate is installed, so it imports nothing of it
beforehand. The entry point is named like this module: a conftest may name it, too.
"""

from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gateway.conformance.report import Report

# Not the package itself, which is imported already: what is below it says what it compared.
pytest.register_assert_rewrite(
    "gateway.conformance.cases", "gateway.conformance.suite", "gateway.conformance.subject"
)
_HERE = Path(__file__).parent
_PROPERTY = "snapshot_conformance"
_REPORT = pytest.StashKey["Report"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("snapgate", "conformance of Snapgate's drivers")
    group.addoption(
        "--snapshot-harness",
        metavar="MODULE:CLASS",
        help="the harness of the driver to test with: pytest --pyargs gateway.conformance",
    )
    group.addoption(
        "--snapshot-report",
        metavar="FILE",
        action="append",
        default=[],
        help="write what each driver passed, as Markdown if FILE ends in .md, else as JSON; "
        "can be given twice",
    )
    group.addoption(
        "--snapshot-timeout",
        metavar="SECONDS",
        type=float,
        default=300.0,
        help="end each case that takes longer, and say where it hung; 0 for no end (default: 300)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    config.addinivalue_line(
        "markers", "snapshot_conformance: a case of the conformance suite for drivers"
    )
    config.addinivalue_line(
        "markers", "snapshot_requires(*capabilities): skipped where the driver lacks one of them"
    )
    config.pluginmanager.register(_Recorder(config))
    for path in config.getoption("--snapshot-report"):
        if not Path(path).absolute().parent.is_dir():  # now, and not when all cases have run
            raise pytest.UsageError(f"--snapshot-report {path}: no such folder")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a wrong ``--snapshot-harness`` once, and not in every case."""
    is_given = session.config.getoption("--snapshot-harness") is not None
    if is_given or any(item.path.parent == _HERE for item in session.items):
        from gateway.conformance.harness import load_harness

        load_harness(session.config)


def report_of(config: pytest.Config) -> "Report":
    """Return the report of this run so far."""
    from gateway.conformance.report import Report

    return config.stash.setdefault(_REPORT, Report())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Let the preparations of a case end, and make none for a driver that only hangs."""
    if _is_case(item):
        from gateway.conformance.limits import check_worth_trying

        check_worth_trying(item)
    with _limited(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let a case end."""
    with _limited(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Let it end what follows a case, such as to close the driver."""
    with _limited(item):
        return (yield)


def _is_case(item: pytest.Item) -> bool:
    return item.get_closest_marker("snapshot_conformance") is not None


def _limited(item: pytest.Item) -> AbstractContextManager[None]:
    if not _is_case(item):
        return nullcontext()
    from gateway.conformance.limits import limited

    return limited(item, item.config.getoption("--snapshot-timeout"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let what became of a case travel with its report, also out of a process of pytest-xdist."""
    found = yield
    if _is_case(item):
        from gateway.conformance.report import facts_of

        found.user_properties.append((_PROPERTY, facts_of(item, found)))
    return found


class _Recorder:
    """Notes what becomes of each case, where all reports arrive."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a case, if it is one: each phase adds its facts to those of the one before."""
        told: list[Any] = [v for name, v in report.user_properties if name == _PROPERTY]
        if told:
            report_of(self._config).add(told[-1])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report wherever it was asked for."""
    if hasattr(session.config, "workerinput"):  # one process of several: the first one reports
        return
    for path in session.config.getoption("--snapshot-report"):
        report_of(session.config).write(path)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say in one line for each driver how it did."""
    lines = report_of(config).lines() if _REPORT in config.stash else []
    if lines:
        terminalreporter.section("conformance of drivers")
    for line in lines:
        terminalreporter.line(line)
