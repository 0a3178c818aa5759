"""Endpoints that behave badly below HTTP: silent, trickling, or speaking something else."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 100000\r\n\r\n"
Behaviour = Callable[[socket.socket, threading.Event], None]


def silent(_: socket.socket, stopping: threading.Event) -> None:
    """Take the request and never answer."""
    stopping.wait()


def trickling(connection: socket.socket, stopping: threading.Event) -> None:
    """Answer with a byte now and then, so that no single read is long."""
    connection.sendall(_HEAD)
    while not stopping.wait(0.02):
        connection.sendall(b" ")


def trickling_headers(connection: socket.socket, stopping: threading.Event) -> None:
    """Let not even the status line end."""
    while not stopping.wait(0.02):
        connection.sendall(b"H")


def no_http(connection: socket.socket, _: threading.Event) -> None:
    """Greet like another service."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.0\r\n\r\n")


@contextlib.contextmanager
def endpoint(behaviour: Behaviour) -> Iterator[str]:
    """Serve every connection like this until the block ends; the value is the URL."""
    stopping = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            behaviour(connection, stopping)

    acceptor = threading.Thread(target=_accept, args=(listener, serve))
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopping.set()
        listener.shutdown(socket.SHUT_RDWR)
        acceptor.join()
        listener.close()


def _accept(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    """Serve connections, each in a thread, until the listener is shut down."""
    threads: list[threading.Thread] = []
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()
    for thread in threads:
        thread.join()


def closed_port() -> str:
    """Return the URL of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
