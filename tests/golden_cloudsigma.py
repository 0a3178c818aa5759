"""The samples of CloudSigma's documentation: requests and what was answered to them.

    for sample in samples():
        print(sample.name, sample.method, sample.path, sample.status, sample.answer)

A line of the file is a sample. Names are the documentation's, without ``request_`` and
``response_``; those of remote snapshots begin with ``remote_``. Most were recorded by
the acceptance tests of the official client in 2014 and 2015, without the fields that
came later; those of remote snapshots and a few others were edited by hand, so that
requests and answers do not always belong together. Left out: the credentials.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "golden" / "cloudsigma" / "samples.jsonl"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A request and its answer; do not change what is in it, all readers share it."""

    name: str
    method: str
    path: str
    query: str
    """As it was sent: still quoted."""
    body: Any
    """The JSON of the request, None if it has no body."""
    status: int
    content_type: str
    answer: Any
    """The JSON of the answer, None if it has no body."""
    note: str = ""
    """What was mended to make it readable."""

    @property
    def objects(self) -> list[Any]:
        """The objects of a list, or of what else is answered with ``objects``."""
        found: list[Any] = self.answer["objects"]
        return found


@cache
def samples() -> list[Sample]:
    """Return all samples."""
    with _FILE.open(encoding="utf-8") as lines:
        return [Sample(**json.loads(line)) for line in lines]


def sample(name: str) -> Sample:
    """Return the sample of a name."""
    return next(one for one in samples() if one.name == name)
