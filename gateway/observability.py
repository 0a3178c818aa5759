"""One structured log line a request; no secret can reach it: it holds no query and no header."""

import sys
from datetime import UTC, datetime
from functools import partial
from typing import BinaryIO

import orjson
from flask import Flask, Response, g

from gateway.http.exchange import Exchange


class Log:
    """Writes one JSON object a line, each line at once, to standard error by default."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = stream or sys.stderr.buffer

    def write(self, event: str, **facts: object) -> None:
        """Write an event with its facts."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._stream.write(orjson.dumps({"time": now, "event": event, **facts}) + b"\n")
        self._stream.flush()


def install(app: Flask, log: Log) -> None:
    """Let ``app`` write a line for every request, once its answer has been sent."""

    @app.after_request
    def measure(response: Response) -> Response:
        exchange: Exchange | None = g.get("exchange")
        if exchange is not None:
            response.call_on_close(partial(_write, log, exchange, response.status_code))
        return response


def _write(log: Log, exchange: Exchange, status: int) -> None:
    log.write(
        "request",
        request_id=exchange.request_id,
        method=exchange.request.method,
        path=exchange.request.path,
        status=status,
        provider=exchange.provider.name if exchange.provider else None,
        ms=round(exchange.age_s * 1000, 2),
        backend_ms=round(exchange.backend_s * 1000, 2),
    )
