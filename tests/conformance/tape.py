"""What the suite and a real backend said to each other, recorded and played again.

A tape knows for each case which requests there were, and for each of them the answers in
their order; the last one stands for all that follow, so that it does not matter how often
something is polled. Whatever is random or secret (addresses, names, tokens, passwords) is
replaced on both sides before it is compared or kept.
"""

import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from tests.conformance.proxy import Answer, Request

_STANDS_FOR = {
    "x-compute-request-id": "req-recorded",
    "x-openstack-request-id": "req-recorded",
    "x-subject-token": "recorded-token",
}
_KEPT = _STANDS_FOR.keys() | {
    *("content-type", "location", "openstack-api-version", "retry-after", "www-authenticate")
}
"""Headers that mean something."""
_OUTSIDE = ""
"""The case to which belongs what is made before the first one."""
Plain = Callable[[str], str]
_MISSING = b'{"notImplemented": {"code": 501, "message": "this is not on the tape"}}'


class Tape:
    """Exchanges by case and request.

    Attributes:
        facts: what else whoever plays it must know.
        missing: requests that were played and never recorded.
    """

    def __init__(self, facts: Mapping[str, Any] | None = None) -> None:
        self.facts = dict(facts or {})
        self.missing: list[str] = []
        self._cases: dict[str, dict[str, list[Any]]] = {}
        self._case = _OUTSIDE
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return a recorded tape."""
        found = json.loads(gzip.decompress(path.read_bytes()))
        tape = cls(found["facts"])
        tape._cases = found["cases"]
        return tape

    def save(self, path: Path) -> None:
        """Write the tape, the same bytes for the same exchanges."""
        document = {"facts": self.facts, "cases": dict(sorted(self._cases.items()))}
        text = json.dumps(document, ensure_ascii=False, indent=0)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(text.encode(), mtime=0))

    def begin(self, case: str) -> None:
        """Let what follows belong to a case."""
        self._case = case

    def note(self, key: str, value: Any) -> None:
        """Keep what was answered."""
        with self._lock:
            self._cases.setdefault(self._case, {}).setdefault(key, []).append(value)

    def play(self, key: str) -> Any:
        """Return what was answered then; None if there was no such request.

        What a driver asks once and remembers may have been asked before the cases.
        """
        with self._lock:
            of_case = self._cases.get(self._case, {})
            answers = of_case.get(key) or self._cases.get(_OUTSIDE, {}).get(key)
            if not answers:
                self.missing.append(f"{self._case or 'before all cases'}: {key[:300]}")
                return None
            return answers.pop(0) if len(answers) > 1 else answers[0]


class Recorder:
    """Notes what a backend answers.

    Args:
        tape: where it is kept.
        plain: replaces what is random or secret in a text by what stands for it on the tape.
    """

    def __init__(self, tape: Tape, plain: Plain) -> None:
        self._tape = tape
        self._plain = plain

    def __call__(self, backend: str, request: Request, answer: Answer) -> None:
        """Keep an answer."""
        headers = [
            (name, _STANDS_FOR.get(name.lower()) or self._plain(value))
            for name, value in answer.headers
            if name.lower() in _KEPT
        ]
        body = self._plain(answer.body.decode())
        key = _key(self._plain(backend), request, self._plain)
        self._tape.note(key, [answer.status, headers, body])


class Player:
    """Answers as a backend has answered."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def __call__(self, backend: str, request: Request) -> Answer:
        """Return the answer to a request."""
        found = self._tape.play(_key(backend, request, lambda text: text))
        if found is None:
            return Answer(501, [("Content-Type", "application/json")], _MISSING)
        status, headers, body = found
        return Answer(status, [(name, value) for name, value in headers], body.encode())


def _key(backend: str, request: Request, plain: Plain) -> str:
    """Return what tells a request from others: JSON in any order is the same."""
    body = plain(request.body.decode())
    with contextlib.suppress(ValueError):
        body = json.dumps(json.loads(body), ensure_ascii=False, sort_keys=True)
    return f"{request.method} {backend}{plain(request.path)} {body}".strip()
