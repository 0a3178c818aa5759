"""Applications to compare servers with, beside our own."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

BODY = b"<?xml version='1.0' encoding='utf-8' ?>\n" + b"x" * 3500
_HEADERS = [("Content-Type", "application/xml")]


def bare(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer with constant bytes, about as many as three snapshots have."""
    start_response("200 OK", [*_HEADERS, ("Content-Length", str(len(BODY)))])
    return [BODY]


def trouble(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Break off in mid-stream (/cut), wait as a backend does (/slow), or answer at once."""
    if environ["PATH_INFO"] == "/cut":
        start_response("200 OK", _HEADERS)
        return _half()
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.2)
    start_response("200 OK", [*_HEADERS, ("Content-Length", "2")])
    return [b"ok"]


def _half() -> Iterator[bytes]:
    yield b"<half>"
    raise RuntimeError("the second page failed")
