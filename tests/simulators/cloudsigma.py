"""A simulator of CloudSigma's API 2.0, as far as storage goes, for tests and by hand.

Written after CloudSigma's documentation, whose samples are replayed against it by
test_cloudsigma_samples.py. What the documentation leaves open has a setting; what
CloudSigma knows and the simulator does not is answered with status 501.

    with running_cloudsigma(work_s=5) as cloud:
        drive = cloud.add_drive(name="data")
        ...
        cloud.clock.advance(5)
        cloud.url, cloud.count("POST /snapshots/")
"""

import argparse
import contextlib
import signal
import threading
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson
from werkzeug.wrappers import Response

from tests.simulators.cloudsigma_app import CONTEXT, Context, Rates, application
from tests.simulators.cloudsigma_auth import Gate
from tests.simulators.cloudsigma_errors import JSON, ApiError, entry, error_body, form_of
from tests.simulators.cloudsigma_http import PREFIX, HttpServer, Reply, Request
from tests.simulators.cloudsigma_settings import Settings
from tests.simulators.cloudsigma_state import OTHER, PASSWORD, USER
from tests.simulators.cloudsigma_store import Store
from tests.simulators.openstack_faults import Cut, Delay, FalseReply, Faults, is_meant


class CloudSigma(Store, Faults):
    """The simulated cloud, what was asked of it, and what is to go wrong.

    Objects are in ``drives``, ``snapshots``, ``remote_snapshots``, ``jobs``, ``servers``
    and ``tags``, by uuid; ``add_drive`` and the like put more there.
    """

    def __init__(self, settings: Settings, *, port: int = 0) -> None:
        Faults.__init__(self)
        Store.__init__(self, settings)
        self.requests: list[Request] = []
        self.crashes: list[Exception] = []
        self._gate = Gate(self)
        self._rates = Rates(settings)
        self._stopping = threading.Event()
        self._server = self._listen(port)

    @property
    def url(self) -> str:
        """The endpoint, with /api/2.0/."""
        return f"http://127.0.0.1:{self._server.port}{PREFIX}/"

    def asked(self, target: str = "* *") -> list[Request]:
        """Return the requests of a target: ``GET /snapshots/*``; the path ends in a slash."""
        with self.lock:
            return [one for one in self.requests if is_meant(target, one.method, one.route)]

    def count(self, target: str = "* *") -> int:
        """Return how many requests of a target came."""
        return len(self.asked(target))

    def issue_token(self, email: str = USER) -> str:
        """Return a token of an account for ``Authorization: Bearer``."""
        return self._gate.issue_token(self.account(email))

    def revoke_tokens(self) -> None:
        """Let no token and no session in any more."""
        self._gate.revoke_tokens()

    def fail_with(
        self, target: str, status: int, *entries: dict[str, Any], times: int = 1, after: int = 0
    ) -> None:
        """Answer with an error of these entries, each with error_type and so on as wanted."""
        body = orjson.dumps(list(entries))
        given = {"times": times, "after": after, "executed": False}
        self.garble(target, body, status, content_type=JSON, **given)  # type: ignore[arg-type]

    def reset(self) -> None:
        """Forget what was asked, ordered and filled; accounts, tokens and settings stay."""
        self.clear_faults()
        with self.lock:
            self.requests.clear()
            self.clear()

    def go_down(self) -> None:
        """Refuse connections."""
        self._server.stop()

    def come_back(self) -> None:
        """Listen again, at the same port."""
        self._server = self._listen(self._server.port)
        self._server.start()

    def start(self) -> None:
        """Begin to serve in threads."""
        self._server.start()

    def stop(self) -> None:
        """Stop serving, let whoever is delayed go, and end all connections."""
        self._stopping.set()
        self._server.stop()

    def respond(self, request: Request) -> Reply:
        """Answer a request."""
        request.request_id = str(uuid.uuid4())
        with self.lock:
            self.requests.append(request)
        delays, fault = self.take(request.method, request.route)
        self._wait(delays, "before")
        if isinstance(fault, Cut) and fault.where == "before":
            return Reply(0, [], b"", "before")
        if isinstance(fault, FalseReply) and not fault.executed:
            reply = self._ordered(fault)
        else:
            reply = self._carry_out(request)
            self._wait(delays, "answer")
            if isinstance(fault, FalseReply):
                reply = self._ordered(fault)
        return self._signed(request, reply, fault)

    def _signed(self, request: Request, reply: Reply, fault: Cut | FalseReply | None) -> Reply:
        cut = fault.where if isinstance(fault, Cut) else None
        if cut not in ("before", "answer"):
            request.status = reply.status
        if isinstance(fault, FalseReply) and not fault.signed:
            return reply
        headers = [*reply.headers, ("X-REQUEST-ID", request.request_id)]
        return replace(reply, headers=headers, cut=cut)

    def _carry_out(self, request: Request) -> Reply:
        try:
            with self.lock:
                context = Context(self, self._gate, self._rates, request)
                environ = request.environ() | {CONTEXT: context}
                found = Response.from_app(application(), environ, buffered=True)
        except Exception as crash:  # noqa: BLE001 - a bug here must reach the test
            self.crashes.append(crash)
            return self._error(500)
        headers = [one for one in found.headers if one[0] != "Content-Length"]
        return Reply(found.status_code, headers, found.get_data())

    def _ordered(self, fault: FalseReply) -> Reply:
        given = list(fault.headers.items())
        if fault.body is not None:
            return Reply(fault.status, given, fault.body)
        reply = self._error(fault.status, fault.message)
        return replace(reply, headers=[*reply.headers, *given])

    def _error(self, status: int, message: str = "") -> Reply:
        asks = self._gate.refusal().headers if status == 401 else {}
        found = ApiError(status, entry(status, message), headers=asks)
        body, content_type = error_body(form_of(self.settings, status), found)
        return Reply(status, [("Content-Type", content_type), *asks.items()], body)

    def _wait(self, delays: Iterable[Delay], where: str) -> None:
        for delay in delays:
            if delay.where == where:
                self._stopping.wait(delay.seconds)

    def _listen(self, port: int) -> HttpServer:
        return HttpServer(port, self.respond, self.crashes)


@contextlib.contextmanager
def running_cloudsigma(*, port: int = 0, **settings: Any) -> Iterator[CloudSigma]:
    """Run a simulator on 127.0.0.1 until the block ends.

    Args:
        port: 0 for a free one.
        settings: see Settings.

    Raises:
        Exception: what went wrong inside the simulator itself, at the end of the block.
    """
    cloud = CloudSigma(Settings(**settings), port=port)
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.stop()
    if cloud.crashes:
        raise cloud.crashes[0]


_STOP = {signal.SIGINT, signal.SIGTERM}


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulators.cloudsigma",
        description="A simulator of CloudSigma's API 2.0: drives and snapshots.",
    )
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1; free one if not given")
    parser.add_argument("--drives", type=int, default=3, help="drives (3)")
    parser.add_argument("--snapshots", type=int, default=0, help="snapshots of the first drive (0)")
    parser.add_argument("--work", type=float, default=0, help="seconds that everything takes (0)")
    given = parser.parse_args()
    # Blocked before any thread begins, so that they wait for sigwait wherever they arrive.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    try:
        with running_cloudsigma(port=given.port, work_s=given.work) as cloud:
            made = [cloud.add_drive() for _ in range(given.drives)]
            cloud.add_snapshots(given.snapshots, made[0] if made else None)
            _tell(cloud)
            signal.sigwait(_STOP)
    except OSError as error:
        parser.exit(1, f"cannot listen on 127.0.0.1:{given.port}: {error.strerror}\n")


def _tell(cloud: CloudSigma) -> None:
    lines = [
        f"The simulated CloudSigma listens on {cloud.url}",
        "",
        f"curl -u {USER}:{PASSWORD} '{cloud.url}snapshots/detail/?limit=0'",
        "",
        f"Another account: {OTHER}, with the same password. Ctrl-C stops it.",
    ]
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
