"""A small load generator: keep-alive clients in one thread over epoll.

Not wrk, because ``make bench`` needs nothing but Python; wrk gives the same
figures within the noise of the machine (observed 2026-11-20).
"""

import contextlib
import selectors
import socket
import statistics
import time
from dataclasses import dataclass, field

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass
class Result:
    """What one run of the load showed; latencies in seconds, sorted."""

    seconds: float
    latencies: list[float] = field(repr=False)
    failures: int = 0

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def quantile_ms(self, share: float) -> float:
        return self.latencies[int(len(self.latencies) * share)] * 1000 if self.latencies else 0.0


class _Client:
    def __init__(self, address: tuple[str, int], request: bytes) -> None:
        self.request = request
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send()

    def send(self) -> None:
        self.received = b""
        self.missing: int | None = None
        self.started = time.perf_counter()
        self.socket.sendall(self.request)

    def receive(self) -> int | None:
        """Return the status once the answer is whole."""
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            raise ConnectionError("the server closed a keep-alive connection")
        self.received += chunk
        if self.missing is None and _HEAD_END in self.received:
            head, _, body = self.received.partition(_HEAD_END)
            lines = head.lower().split(b"\r\n")
            lengths = [line[len(_LENGTH) :] for line in lines if line.startswith(_LENGTH)]
            self.missing = int(lengths[0]) - len(body)
        elif self.missing is not None:
            self.missing -= len(chunk)
        return int(self.received[9:12]) if self.missing == 0 else None


def run(
    address: tuple[str, int], path: str, *, headers: str = "", clients: int, seconds: float
) -> Result:
    """Let ``clients`` ask for ``path`` again and again, each on its own connection."""
    request = f"GET {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n{headers}\r\n".encode()
    latencies: list[float] = []
    failures = 0
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        begun = time.perf_counter()
        for _ in range(clients):
            client = _Client(address, request)
            stack.callback(client.socket.close)
            selector.register(client.socket, selectors.EVENT_READ, client)
        while (now := time.perf_counter()) - begun < seconds:
            for key, _ in selector.select(timeout=1):
                client = key.data
                status = client.receive()
                if status is not None:
                    now = time.perf_counter()
                    latencies.append(now - client.started)
                    failures += status != 200
                    client.send()
    return Result(now - begun, sorted(latencies), failures)


def median(values: list[float]) -> float:
    return statistics.median(values)
