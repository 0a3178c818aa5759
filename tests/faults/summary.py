"""The matrix, printed at the end of a run: what each driver has survived.

tests/conftest.py has the hook: with several processes, only what pytest reads at once sees
all reports.
"""

from collections import Counter

import pytest

CASE = "fault_case"
_CELL = 10
"""How wide a column is at least."""


def tell(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was survived of what was tried, by fault and driver."""
    counted = _counted(terminalreporter)
    if not counted:
        return
    drivers = sorted({driver for _, driver in counted})
    faults = list(dict.fromkeys(fault for fault, _ in sorted(counted)))
    width = max(map(len, faults)) + 2
    columns = [max(len(driver), _CELL) + 2 for driver in drivers]
    total = sum(counted.values(), Counter[bool]())
    terminalreporter.section("fault matrix: survived of tried")
    rows = {"": drivers} | {
        fault: [_cell(counted.get((fault, driver))) for driver in drivers] for fault in faults
    }
    for fault, cells in rows.items():
        shown = (f"{cell:>{column}}" for cell, column in zip(cells, columns, strict=True))
        terminalreporter.line(f"{fault:<{width}}{''.join(shown)}")
    terminalreporter.line(f"{total.total()} cases, {total[True]} survived", bold=True)


def _counted(terminalreporter: pytest.TerminalReporter) -> dict[tuple[str, str], Counter[bool]]:
    found: dict[tuple[str, str], Counter[bool]] = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, value in getattr(report, "user_properties", ()):  # a collection has none
                if name == CASE:
                    driver, fault, _ = str(value).split("|")
                    found.setdefault((fault, driver), Counter())[outcome == "passed"] += 1
    return found


def _cell(counted: Counter[bool] | None) -> str:
    return "-" if counted is None else f"{counted[True]}/{counted.total()}"
