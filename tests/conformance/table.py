"""README's table of drivers, made from what the conformance suite found on each of them.

    python -m tests.conformance.table            says whether matrix.json and README are stale
    python -m tests.conformance.table REPORT     writes both anew from a report of the suite

``make check`` does the first, ``make matrix`` the second. A whole run of the tests compares
what it found with matrix.json (see conftest.py), so that the table cannot tell another story.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.conformance.suite import SnapshotConformance
from gateway.core.plugins import find, installed, load
from gateway.driver import PROMISES, Capability

MATRIX = Path(__file__).parent / "matrix.json"
README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"(<!-- drivers: [^\n]*-->\n).*?(<!-- end of drivers -->)", re.DOTALL)
_OURS = "drivers."
Document = dict[str, Any]


def condensed(report: Document) -> list[Document]:
    """Return what of a report the table needs: our drivers, without each single case."""
    return [
        {
            "driver": entry["driver"],
            "backend": entry["backend"],
            "capabilities": entry["capabilities"],
            "summary": entry["summary"],
            "skipped": _reasons(entry["cases"].values()),
        }
        for entry in report["snapshot_conformance"]
        if (entry["driver"] or "").startswith(_OURS)
    ]


def suite_digest() -> str:
    """Return a digest of the names of all cases: with another suite the matrix is stale."""
    names = sorted(name for name in dir(SnapshotConformance) if name.startswith("test_"))
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def table(entries: list[Document]) -> str:
    """Return the table in Markdown: a column for each driver, a row for each capability."""
    names = sorted(_drivers())
    rows = [["", *(f"`{name}`" for name in names)], ["---"] * (len(names) + 1)]
    of_driver = {name: [e for e in entries if e["driver"] == _drivers()[name]] for name in names}
    for flag in Capability:
        told = ("yes" if flag.word in of_driver[name][0]["capabilities"] else "" for name in names)
        rows.append([f"`{flag.word}`: {PROMISES[flag].partition(';')[0]}", *told])
    rows.append(["cases of the suite", *(_told(of_driver[name]) for name in names)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def stale() -> list[str]:
    """Return what is wrong with matrix.json or README; nothing if they are fresh."""
    matrix = json.loads(MATRIX.read_text(encoding="utf-8"))
    entries: list[Document] = matrix["entries"]
    if matrix["suite"] != suite_digest():
        return ["the suite has other cases than when matrix.json was written"]
    problems = []
    for name, path in _drivers().items():
        flags = load(find(name)).capabilities
        words = [flag.word for flag in Capability if flag in flags]
        runs = [entry for entry in entries if entry["driver"] == path]
        if not runs:
            problems.append(f"the driver {name} is not in matrix.json")
        elif any(run["capabilities"] != words for run in runs):
            problems.append(f"the driver {name} declares other capabilities than in matrix.json")
    if problems:
        return problems
    text = README.read_text(encoding="utf-8")
    return (
        [] if _with_table(text, entries) == text else ["README's table is not that of the matrix"]
    )


def write(report: Path) -> None:
    """Write matrix.json and README anew from a report of the suite."""
    entries = condensed(json.loads(report.read_text(encoding="utf-8")))
    document = {"suite": suite_digest(), "entries": entries}
    MATRIX.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    README.write_text(_with_table(text, entries), encoding="utf-8")


def _with_table(text: str, entries: list[Document]) -> str:
    found = _BLOCK.search(text)
    if not found:
        raise SystemExit(f"{README.name}: no block <!-- drivers: ... --> for the table")
    return text[: found.end(1)] + table(entries) + text[found.start(2) :]


def _drivers() -> dict[str, str]:
    """Return our drivers: entry point -> class, as reports name it."""
    every = (source for sources in installed().values() for source in sources)
    return {one.name: one.target for one in every if one.target.startswith(_OURS)}


def _reasons(cases: Iterable[Document]) -> dict[str, int]:
    found: dict[str, int] = {}
    for case in cases:
        if case["outcome"] == "skipped":
            found[case["reason"]] = found.get(case["reason"], 0) + 1
    return dict(sorted(found.items()))


def _told(runs: list[Document]) -> str:
    return "; ".join(
        f"{run['backend']}: {run['summary']['passed']} passed, {run['summary']['skipped']} skipped"
        for run in runs
    )


def main() -> None:
    """Check, or write."""
    if len(sys.argv) > 1:
        write(Path(sys.argv[1]))
        return
    problems = stale()
    if problems:
        sys.exit("README's table of drivers is stale: " + "; ".join(problems) + "; run make matrix")


if __name__ == "__main__":
    main()
