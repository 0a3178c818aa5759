"""Bodies that are written as they are made: compressed when asked, cut when they break off."""

import time
import zlib
from collections.abc import Iterable, Iterator, Mapping

from flask import Response

from gateway.driver import DriverError
from gateway.http.errors import problem_of
from gateway.http.exchange import Answer, Exchange

_GZIP = 16 + zlib.MAX_WBITS
_LEVEL = 1
"""Lists repeat themselves: level 6 takes three times as long for a few percent less."""
_TOO_SHORT = 1400
"""Bytes that go into one packet anyway."""


class StreamCut(Exception):
    """A list broke off after its first bytes; the server must cut the connection."""


def respond(
    exchange: Exchange,
    chunks: Iterable[bytes],
    *,
    is_whole: bool,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an answer whose body is made of chunks.

    Args:
        exchange: the request.
        chunks: the body.
        is_whole: everything is at hand, so that the answer gets an ETag and a length.
        headers: more of them.
    """
    accepted = exchange.request.accept_encodings
    zips = accepted["gzip"] > 0 and accepted["gzip"] >= accepted["identity"]
    more = dict(headers or {})
    if is_whole:
        body = b"".join(chunks)
        if zips and len(body) > _TOO_SHORT:
            body = b"".join(_zipped([body]))
            more["Content-Encoding"] = "gzip"
        return exchange.respond(body, headers=more)
    body_chunks = _cut_on_error(exchange, iter(chunks))
    if zips:
        body_chunks = _zipped(body_chunks)
        more["Content-Encoding"] = "gzip"
    all_headers = [*exchange.headers(), *more.items()]
    return Answer(body_chunks, 200, [*all_headers, ("Content-Type", exchange.format.CONTENT_TYPE)])


def _zipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks compressed, each so that the client can read it at once."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for chunk in chunks:
        yield compressor.compress(chunk) + compressor.flush(zlib.Z_SYNC_FLUSH)
    yield compressor.flush()


def _cut_on_error(exchange: Exchange, chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        for chunk in chunks:
            # Something for a page without a match: so a client that has left is noticed, and
            # none waits in silence. Between two items all formats may have a space.
            yield chunk or b" "
            time.sleep(0)  # a reader who is always ready must not keep the others waiting
    except Exception as exc:  # noqa: BLE001 - whatever it is, the client must see the list cut
        problem = problem_of(exchange, exc if isinstance(exc, DriverError) else exchange.blame(exc))
        # Without the message: an SDK may have put a secret into it.
        exchange.log(
            "stream cut",
            request_id=exchange.request_id,
            error=problem.kind if isinstance(exc, DriverError) else type(exc).__name__,
        )
        cut = getattr(exchange.format, "cut", None)
        if cut is not None:
            yield cut(problem)
        raise StreamCut(f"request {exchange.request_id}: {type(exc).__name__}") from None
