"""What a run found must be what the table of drivers tells; tests/conftest.py has the hooks.

They are there since, with several processes, only what pytest reads at once sees all reports.
"""

import json
from typing import Any

import pytest

from gateway.conformance.plugin import report_of
from tests.conformance.table import MATRIX, condensed

_DIFFERENCES = pytest.StashKey[list[str]]()


def compare(session: pytest.Session) -> None:
    """Fail a run in which a driver did otherwise than matrix.json says.

    A run that writes a report is what a new matrix.json is made of.
    """
    if session.config.getoption("--snapshot-report"):
        return
    found = condensed(report_of(session.config).document())
    known = json.loads(MATRIX.read_text(encoding="utf-8"))["entries"] if MATRIX.exists() else []
    differences = [
        _name(entry) for entry in found if _is_whole(entry, known) and entry not in known
    ]
    session.config.stash[_DIFFERENCES] = differences
    if differences and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def tell(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what to do about it."""
    for name in config.stash.get(_DIFFERENCES, []):
        terminalreporter.line(
            f"{name}: other results than in matrix.json; run make matrix", red=True
        )


def _name(entry: dict[str, Any]) -> str:
    return f"{entry['driver']} on {entry['backend']}"


def _is_whole(entry: dict[str, Any], known: list[dict[str, Any]]) -> bool:
    """Say whether all cases ran: those of ``-k`` prove nothing about the table."""
    wanted = [sum(one["summary"].values()) for one in known]
    return not wanted or sum(entry["summary"].values()) >= max(wanted)
