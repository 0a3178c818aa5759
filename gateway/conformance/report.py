"""What each driver passed, as JSON and as Markdown, the same for the same outcome."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.conformance.gates import required_by
from gateway.conformance.harness import SnapshotHarness
from gateway.driver import Capability

_WORST = ("passed", "skipped", "failed")
_UNKNOWN: dict[str, Any] = {"backend": "", "driver": None, "title": None, "capabilities": []}
"""What is told of a driver that could not be opened."""


def facts_of(item: pytest.Item, found: pytest.TestReport) -> dict[str, Any]:
    """Return what one phase of a case tells, in a form that travels between processes."""
    harness = getattr(item, "funcargs", {}).get("harness")
    return {
        "group": item.nodeid.rpartition("::")[0],
        "case": item.name,
        "when": found.when,
        "outcome": found.outcome,
        "reason": _reason(found),
        "requires": [flag.word for flag in required_by(item)],
        "subject": _subject(harness) if isinstance(harness, SnapshotHarness) else {},
    }


def _subject(harness: SnapshotHarness) -> dict[str, Any]:
    kind = type(harness)
    facts = {"harness": f"{kind.__module__}:{kind.__qualname__}", "backend": harness.backend}
    if "driver" not in vars(harness):  # it could not be opened
        return facts
    driver = type(harness.driver)
    return {
        **facts,
        "driver": f"{driver.__module__}:{driver.__qualname__}",
        "title": driver.title or driver.__name__,
        "capabilities": [flag.word for flag in Capability if flag in driver.capabilities],
    }


@dataclass
class Entry:
    """One harness, and all cases that ran with it."""

    subject: dict[str, Any]
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def summary(self) -> dict[str, int]:
        """How many cases ended in which way."""
        found = Counter(case["outcome"] for case in self.cases.values())
        return {outcome: found[outcome] for outcome in _WORST}

    @property
    def title(self) -> str:
        """The driver and what stands behind it."""
        name, backend = self.subject["title"] or self.subject["harness"], self.subject["backend"]
        return f"{name} on {backend}" if backend else name

    def skipped(self) -> Counter[str]:
        """Return how many cases were skipped for each reason."""
        return Counter(
            case.get("reason", "no reason given")
            for case in self.cases.values()
            if case["outcome"] == "skipped"
        )

    def document(self) -> dict[str, Any]:
        """Return the entry as JSON shows it."""
        return {
            **self.subject,
            "summary": self.summary,
            "by_capability": self._by_capability(),
            "cases": {name: self.cases[name] for name in sorted(self.cases)},
        }

    def _by_capability(self) -> dict[str, dict[str, int]]:
        found: dict[str, Counter[str]] = {}
        for case in self.cases.values():
            for word in case.get("requires", ()):
                found.setdefault(word, Counter())[case["outcome"]] += 1
        return {word: {o: found[word][o] for o in _WORST} for word in sorted(found)}


class Report:
    """What the conformance suite found in one run of pytest, for each harness."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def add(self, facts: dict[str, Any]) -> None:
        """Note what ``facts_of`` told of a phase; the worst of all phases counts."""
        group = facts["group"]
        entry = self._entries.setdefault(group, Entry({"harness": group, **_UNKNOWN}))
        entry.subject.update(facts["subject"])
        before = entry.cases.get(facts["case"])
        if facts["when"] != "call" and facts["outcome"] == "passed":
            return
        if before is None or _WORST.index(facts["outcome"]) > _WORST.index(before["outcome"]):
            told = {key: facts[key] for key in ("outcome", "reason", "requires") if facts[key]}
            entry.cases[facts["case"]] = told

    def document(self) -> dict[str, Any]:
        """Return the report as JSON shows it."""
        entries = [entry.document() for entry in self._entries.values()]
        entries.sort(key=lambda entry: (entry["harness"], entry["backend"]))
        return {"snapshot_conformance": entries}

    def lines(self) -> list[str]:
        """Return a line for each harness, and one for each reason why cases were skipped."""
        lines = []
        for entry in self._entries.values():
            told = ", ".join(f"{number} {outcome}" for outcome, number in entry.summary.items())
            lines.append(f"{entry.title}: {told}")
            lines += [f"  skipped {n}: {why}" for why, n in sorted(entry.skipped().items())]
        return lines

    def markdown(self) -> str:
        """Return the report as a table: a row for each capability, a column for each harness."""
        entries = self.document()["snapshot_conformance"]
        words = [flag.word for flag in Capability]
        head = ["capability", *(_heading(entry) for entry in entries)]
        rows = [
            [f"`{word}`", *("yes" if word in e["capabilities"] else "-" for e in entries)]
            for word in words
        ]
        rows += [
            [outcome, *(str(entry["summary"][outcome]) for entry in entries)] for outcome in _WORST
        ]
        lines = [head, ["---"] * len(head), *rows]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def write(self, path: str) -> None:
        """Write the report, as Markdown if ``path`` ends in .md, else as JSON."""
        text = self.markdown() if path.endswith(".md") else json.dumps(self.document(), indent=1)
        Path(path).write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def _heading(entry: dict[str, Any]) -> str:
    title = str(entry["title"] or entry["driver"] or entry["harness"])
    return f"{title} ({entry['backend']})" if entry["backend"] else title


def _reason(found: pytest.TestReport) -> str | None:
    """Return why a case was skipped, or the last line of what failed."""
    if found.skipped and isinstance(found.longrepr, tuple):
        return found.longrepr[2].removeprefix("Skipped: ")
    if found.failed:
        crash = getattr(found.longrepr, "reprcrash", None)
        return str(getattr(crash, "message", found.longreprtext)).partition("\n")[0][:200]
    return None
