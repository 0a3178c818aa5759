"""Acme Block Storage: a tiny invented snapshot service over HTTP, to try the driver on.

``python -m acme.service`` runs it; tests run it in a thread and order faults::

    with Service({"demo": "open-sesame"}) as service:
        disk = service.cloud.add_disk("demo")
        with service.failing("slow_down"):
            ...
"""

import argparse
import base64
import binascii
import contextlib
import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from acme.cloud import Cloud
from acme.refusals import STATUS, Refusal

Answer = tuple[HTTPStatus, object]
_OK, _MADE, _NOTHING = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
_ROUTES: Mapping[str, Callable[..., Answer]] = {
    "GET disks": lambda cloud, who, call: (_OK, cloud.list_disks(who, call.asked)),
    "GET disks/ID": lambda cloud, who, call: (_OK, cloud.get_disk(who, call.id)),
    "GET disks/ID/data": lambda cloud, who, call: (_OK, cloud.read(who, call.id)),
    "GET snapshots": lambda cloud, who, call: (_OK, cloud.list_snapshots(who, call.asked)),
    "GET snapshots/ID": lambda cloud, who, call: (_OK, cloud.get_snapshot(who, call.id)),
    "POST disks": lambda cloud, who, call: (_MADE, cloud.create_disk(who, call.body())),
    "POST snapshots": lambda cloud, who, call: (_MADE, cloud.create_snapshot(who, call.body())),
    "POST snapshots/ID/restore": lambda cloud, who, call: (
        _MADE,
        cloud.restore(who, call.id, call.body()),
    ),
    "POST snapshots/ID/rewind": lambda cloud, who, call: (_OK, cloud.rewind(who, call.id)),
    "PATCH snapshots/ID": lambda cloud, who, call: (
        _OK,
        cloud.change_snapshot(who, call.id, call.body()),
    ),
    "PUT disks/ID/data": lambda cloud, who, call: (
        _NOTHING,
        cloud.write(who, call.id, call.content),
    ),
    "DELETE disks/ID": lambda cloud, who, call: (_NOTHING, cloud.delete_disk(who, call.id)),
    "DELETE snapshots/ID": lambda cloud, who, call: (
        _NOTHING,
        cloud.delete_snapshot(who, call.id),
    ),
}
_PATH = re.compile(r"/v1/(disks|snapshots)(?:/([^/]+)(?:/(data|restore|rewind))?)?")


class Service:
    """A running Acme, at ``url``, and the faults that it is told to have.

    Args:
        keys: account -> API key.
        port: where it listens on 127.0.0.1; 0 for any free one.
        make_s: how long a disk or a snapshot is ``making``.
        quota: how many snapshots an account can have.
        rate: how many requests a second an account can send; None for any number.
    """

    def __init__(
        self,
        keys: Mapping[str, str],
        *,
        port: int = 0,
        make_s: float = 0.05,
        quota: int = 1000,
        rate: int | None = None,
    ) -> None:
        self.cloud = Cloud(keys, make_s=make_s, quota=quota, rate=rate)
        self._fault: str | None = None
        self._good_calls = 0
        self._lock = threading.Lock()
        self._fault_ended = threading.Event()
        self._server = _Server(("127.0.0.1", port), self)

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @contextlib.contextmanager
    def failing(self, fault: str, *, after: int = 0) -> Iterator[None]:
        """Let requests fail in this block.

        Args:
            after: so many go well before; not for ``gone``.
            fault: a code of ``STATUS``: the answer, and nothing is done. ``hang``: no
                answer, and nothing is done. ``cut``: it is done, and the connection ends
                in the middle of the answer. ``garbage``: it is done, and the answer is
                not JSON. ``gone``: nobody listens.
        """
        if fault == "gone":
            self.go_down()
        self._fault_ended.clear()
        self._fault, self._good_calls = fault, after
        try:
            yield
        finally:
            self._fault = None
            self._fault_ended.set()
            if fault == "gone":
                self.come_back()

    def next_fault(self) -> str | None:
        """Return what is wrong with a request, if anything is."""
        with self._lock:
            self._good_calls -= 1
            return self._fault if self._good_calls < 0 else None

    def wait_for_the_end_of_the_fault(self) -> None:
        """Keep a request waiting."""
        self._fault_ended.wait()

    def go_down(self) -> None:
        """Stop listening and end all connections; what is kept stays."""
        self._fault_ended.set()
        self._server.stop()

    def come_back(self) -> None:
        """Listen again, at the same place."""
        self._server = _Server(("127.0.0.1", self._server.server_port), self)
        self._server.start()

    def start(self) -> Self:
        """Begin to serve, in threads of this process."""
        self._server.start()
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.go_down()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], service: Service) -> None:
        self.service = service
        self.connections: set[socket.socket] = set()
        super().__init__(address, _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client may hang up
            super().handle_error(request, client_address)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        for connection in tuple(self.connections):
            with contextlib.suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server
    id = ""
    content = b""
    fault: str | None = None
    asked: Mapping[str, str] = {}

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a test's output is no place for it."""

    def body(self) -> dict[str, Any]:
        """Return the JSON object that a request brings."""
        found = json.loads(self.content)
        if not isinstance(found, dict):
            raise Refusal("bad_value")
        return found

    def _serve(self) -> None:
        self.content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.fault = fault = self.server.service.next_fault()
        if fault == "hang":
            self.server.service.wait_for_the_end_of_the_fault()
            self.close_connection = True
            return
        status, document = self._answer()
        is_raw = isinstance(document, bytes)
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        if fault == "garbage":
            status, data = _OK, b"<html>\x00\xff"
        self._send(
            status, b"" if status is _NOTHING else data, is_raw=is_raw, is_cut=fault == "cut"
        )

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815

    def _answer(self) -> Answer:
        try:
            account = self._admitted()
            function = self._route()
            return function(self.server.service.cloud, account, self)
        except Refusal as exc:
            error = {"code": exc.code, "field": exc.field}
        except (TypeError, ValueError):  # a value that is none, or of another type
            error = {"code": "bad_value", "field": None}
        return STATUS[str(error["code"])], {"error": error}

    def _admitted(self) -> str:
        """Return the account of a request: its name and its key come as HTTP Basic."""
        if self.fault is not None and self.fault in STATUS:
            raise Refusal(self.fault)
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        try:
            account, _, key = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Refusal("key_unknown") from None
        if scheme != "Basic" or not key:
            raise Refusal("key_unknown")
        self.server.service.cloud.admit(account, key)
        return account

    def _route(self) -> Callable[..., Answer]:
        url = urlsplit(self.path)
        self.asked = dict(parse_qsl(url.query, keep_blank_values=True))
        found = _PATH.fullmatch(url.path)
        kind, self.id, action = found.groups(default="") if found else ("", "", "")
        pattern = "/".join(part for part in (kind, self.id and "ID", action) if part)
        if f"{self.command} {pattern}" not in _ROUTES:
            raise Refusal("no_path")
        return _ROUTES[f"{self.command} {pattern}"]

    def _send(self, status: HTTPStatus, data: bytes, *, is_raw: bool, is_cut: bool) -> None:
        if is_cut and not data:
            self.close_connection = True  # there is no middle but that of the headers
            self.wfile.write(b"HTTP/1.1 ")
            return
        self.send_response(status)
        kind = "application/octet-stream" if is_raw else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) + is_cut))
        if status is HTTPStatus.TOO_MANY_REQUESTS:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if is_cut else data)
        self.close_connection = self.close_connection or is_cut


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m acme.service", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--port", type=int, default=3080, help="0 for any free one (3080)")
    parser.add_argument("--account", default="demo", help="name of the account (demo)")
    parser.add_argument("--key", default="open-sesame", help="its API key (open-sesame)")
    parser.add_argument("--make-s", type=float, default=0.5, help="seconds to make things (0.5)")
    parser.add_argument("--quota", type=int, default=1000, help="snapshots at most (1000)")
    parser.add_argument("--rate", type=int, help="requests a second at most (any number)")
    given = parser.parse_args()
    with Service(
        {given.account: given.key},
        port=given.port,
        make_s=given.make_s,
        quota=given.quota,
        rate=given.rate,
    ) as service:
        print(f"Acme listens on {service.url}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
