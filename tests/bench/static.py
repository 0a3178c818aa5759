"""A static HTTP server for benchmarks: it checks nothing, so that the client is measured."""

import asyncio
import json
import sys
import time
from collections.abc import Callable

PAGE = 1000
"""Rows of a page."""

Answer = Callable[[str, str], tuple[str, bytes]]
"""From a request's first line and body to (more headers, each with CRLF; the body)."""


class Server:
    """Serves what ``answer`` returns.

    ``GET /asked`` gives the times (monotonic, in seconds) of the pages that
    ``answer`` has told of by ``asked`` since, and forgets them.
    """

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.port = 0

    def note(self) -> None:
        """Remember that a page was asked for now."""
        self.asked.append(time.monotonic())

    def run(self, answer: Answer) -> None:
        """Print the port and serve until the input ends."""
        asyncio.run(self._run(answer))

    async def _run(self, answer: Answer) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(reader, writer, answer)

        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        print(self.port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer
    ) -> None:
        """Answer one connection until it ends."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                _, found, rest = head.lower().partition("content-length: ")
                body = await reader.readexactly(int(rest.split("\r\n")[0]) if found else 0)
                line = head.partition("\r\n")[0]
                is_log = line.startswith("GET /asked ")
                more, content = ("", self._log()) if is_log else answer(line, body.decode())
                head = f"HTTP/1.1 200 OK\r\n{more}Content-Length: {len(content)}\r\n\r\n"
                writer.write(head.encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _log(self) -> bytes:
        asked, self.asked = self.asked, []
        return json.dumps(asked).encode()
