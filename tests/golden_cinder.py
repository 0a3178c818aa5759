"""Exchanges with the real Cinder 29.0.0 and Keystone 30.0.0, as they were recorded.

    for exchange in exchanges():
        print(exchange.number, exchange.name, exchange.status, exchange.answer)

The file holds one exchange a line: up to 426 one story, from 501 on a second one of a
Cinder that was empty. Left out of it: headers of the connection, dates, lengths, and
tokens, in whose place stands ``<token of demo>``. Byte for byte the answers were what
``answer_bytes`` returns.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

IDENTITY = "identity"
BLOCK_STORAGE = "block-storage"
_FILE = Path(__file__).parent / "golden" / "cinder" / "exchanges.jsonl"
_SERVICES = {15000: IDENTITY, 18776: BLOCK_STORAGE}
_LONG = ("<n, 120000 times>", "n" * 120_000)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request and its answer; do not change what is in it, all readers share it."""

    number: int
    name: str
    service: str
    """``identity`` or ``block-storage``."""
    method: str
    url: str
    path: str
    query: str
    """As it was sent: still quoted."""
    headers: Mapping[str, str]
    body: str | None
    status: int
    answer_headers: Mapping[str, str]
    answer: Any
    """The JSON of the answer, None if it has no body."""
    answer_bytes: bytes

    @property
    def user(self) -> str | None:
        """Whose token was sent: demo, demo-reader, other, admin; None without a token."""
        token = self.headers.get("X-Auth-Token", "")
        return token[len("<token of ") : -1] if token.startswith("<token of ") else None

    @property
    def microversion(self) -> str | None:
        """What was asked for, like 3.71; None without a header."""
        header = self.headers.get("OpenStack-API-Version", "")
        return header.removeprefix("volume ") if header.startswith("volume ") else None


@cache
def exchanges() -> list[Exchange]:
    """Return all exchanges in the order in which they happened."""
    with _FILE.open(encoding="utf-8") as lines:
        return [_exchange(json.loads(line)) for line in lines]


def exchange(number: int) -> Exchange:
    """Return the exchange of a number."""
    return next(one for one in exchanges() if one.number == number)


def _exchange(line: dict[str, Any]) -> Exchange:
    text = line.pop("answer_text", None)
    if "answer" in line:
        text = json.dumps(line["answer"])
    if "usual_headers" in line:
        line["answer_headers"] = _usual_headers(*line.pop("usual_headers"))
    body = line.pop("body", None)
    parts = urlsplit(line["url"])
    return Exchange(
        **line | {"answer": json.loads(text) if text else None},
        service=_SERVICES[parts.port or 0],
        path=parts.path,
        query=parts.query,
        body=body and body.replace(*_LONG),
        answer_bytes=(text or "").encode(),
    )


def _usual_headers(version: str, request_id: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-Compute-Request-Id": request_id,
        "Openstack-Api-Version": version,
        "Vary": "OpenStack-API-Version",
        "X-Openstack-Request-Id": request_id,
    }
