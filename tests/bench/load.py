"""A small load generator: keep-alive clients in one thread over epoll.

Not wrk, because ``make bench`` needs nothing but Python; wrk gives the same
figures within the noise of the machine (observed 2026-11-20).
"""

import contextlib
import select
import socket
import statistics
import time
from dataclasses import dataclass, field

_LENGTH = b"content-length: "


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
        self.started = time.perf_counter()
        self.socket.send(self.request)

    def receive(self) -> bool:
        """Return whether the answer is whole."""
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            raise ConnectionError("the server closed a keep-alive connection")
        self.received += chunk
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self.received[: end + 2].lower()
        start = head.index(_LENGTH) + len(_LENGTH)
        length = int(head[start : head.index(b"\r", start)])
        return len(self.received) == end + 4 + length


def run(
    address: tuple[str, int], path: str, *, headers: str = "", clients: int, seconds: float
) -> Result:
    """Let ``clients`` ask for ``path`` again and again, each on its own connection."""
    request = f"GET {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n{headers}\r\n".encode()
    latencies: list[float] = []
    failures = 0
    with select.epoll() as poll, contextlib.ExitStack() as stack:
        begun = now = time.perf_counter()
        by_fd = {}
        for _ in range(clients):
            client = _Client(address, request)
            stack.callback(client.socket.close)
            by_fd[client.socket.fileno()] = client
            poll.register(client.socket, select.EPOLLIN)
        while now - begun < seconds:
            for fd, _ in poll.poll(1):
                client = by_fd[fd]
                if client.receive():
                    now = time.perf_counter()
                    latencies.append(now - client.started)
                    failures += not client.received.startswith(b"HTTP/1.1 200 ")
                    client.send()
    return Result(now - begun, sorted(latencies), failures)


def median(values: list[float]) -> float:
    return statistics.median(values)
