"""A simulator of Amazon EC2's snapshots and volumes, for tests and for trying by hand.

It speaks the query protocol of version 2016-11-15, verifies Signature Version 4
and keeps to EC2's limits. What is EC2's documented behaviour and what is from
memory is said where it is done; the parameters and filters that EC2 knows and the
simulator does not are answered with ``SimulatorLacks`` and status 501.

    with running_simulator(complete_after_s=60) as simulator:
        volume = simulator.region("eu-west-1").add_volume(size=10)
        ...
        simulator.settings.clock.advance(60)
"""

import argparse
import contextlib
import signal
import threading
import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from tests.simulators.ec2_actions import perform
from tests.simulators.ec2_auth import authenticate
from tests.simulators.ec2_call import Call
from tests.simulators.ec2_errors import Ec2Error
from tests.simulators.ec2_faults import Cut, Delay, FalseReply, Faults
from tests.simulators.ec2_http import Ec2Server, Reply
from tests.simulators.ec2_parameters import Parameters
from tests.simulators.ec2_state import Account, Cloud, Region, Settings
from tests.simulators.ec2_xml import answer, error_answer
from tests.simulators.sigv4 import SignedRequest

ACCESS_KEY = "AKIASIMULATOR0000000"
SECRET = "simulated/secret+key"
ACCOUNT_ID = "111122223333"


class Simulator(Faults):
    """The simulated cloud, what was asked of it, and what is to go wrong."""

    def __init__(self, settings: Settings, *, port: int = 0) -> None:
        super().__init__()
        self.settings = settings
        self.skew = timedelta()
        """How far the server's clock is ahead of the true one, for signatures."""
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.crashes: list[Exception] = []
        self._cloud = Cloud(settings, ACCOUNT_ID)
        self._stopping = threading.Event()
        self._server = Ec2Server(port, self)
        self.default_account = self.add_account(ACCESS_KEY, SECRET)

    @property
    def url(self) -> str:
        """The endpoint, without a trailing slash."""
        return self._server.url

    def region(self, name: str) -> Region:
        """Return a region; its ``add_volume`` and ``add_snapshot`` fill it."""
        return self._cloud.regions[name]

    def add_account(
        self,
        access_key: str,
        secret: str,
        *,
        account_id: str = ACCOUNT_ID,
        session_token: str | None = None,
        expired: bool = False,
        denied: Iterable[str] = (),
    ) -> Account:
        """Let a credential in and return its record, whose attributes may be changed."""
        account = Account(
            access_key=access_key,
            secret=secret,
            account_id=account_id,
            session_token=session_token,
            expired=expired,
            denied=set(denied),
        )
        with self._cloud.lock:
            self._cloud.accounts[access_key] = account
        return account

    def count(self, action: str) -> int:
        """Return how often an action was called."""
        with self._cloud.lock:
            return sum(name == action for name, _ in self.calls)

    def start(self) -> None:
        """Begin to serve in a thread."""
        self._server.start()

    def stop(self) -> None:
        """Stop serving, let whoever is delayed go, and end all connections."""
        self._stopping.set()
        self._server.stop()

    def respond(self, request: SignedRequest) -> Reply:
        """Answer a request."""
        request_id = str(uuid.uuid4())
        given = _form(request)
        action = given.get("Action", "")
        with self._cloud.lock:
            self.calls.append((action, given))
        delays, fault = self.take(action)
        self._wait(delays, "before")
        if isinstance(fault, Cut) and fault.where == "before":
            return Reply(0, b"", request_id, "before")
        if isinstance(fault, FalseReply) and not fault.executed:
            return _ordered(fault, request_id)
        reply = self._carry_out(request, given, request_id)
        self._wait(delays, "answer")
        if isinstance(fault, FalseReply):
            return _ordered(fault, request_id)
        where = fault.where if fault is not None else None
        return Reply(reply.status, reply.body, request_id, where)

    def _carry_out(self, request: SignedRequest, given: dict[str, str], request_id: str) -> Reply:
        try:
            with self._cloud.lock:
                account, region = authenticate(request, self._cloud, self.skew)
                action = given.get("Action", "")
                call = Call(action, Parameters(given), account, region, self._cloud)
                return Reply(200, answer(action, request_id, perform(call)), request_id)
        except Ec2Error as error:
            return Reply(error.status, error_answer(error, request_id), request_id)
        except Exception as error:  # noqa: BLE001 - a bug here must reach the test
            self.crashes.append(error)
            internal = Ec2Error("InternalError", "An internal error has occurred")
            return Reply(internal.status, error_answer(internal, request_id), request_id)

    def _wait(self, delays: Iterable[Delay], where: str) -> None:
        for delay in delays:
            if delay.where == where:
                self._stopping.wait(delay.seconds)


@contextlib.contextmanager
def running_simulator(*, port: int = 0, **settings: Any) -> Iterator[Simulator]:
    """Run a simulator on 127.0.0.1 until the block ends.

    Args:
        port: 0 for a free one.
        settings: see Settings.

    Raises:
        Exception: what went wrong inside the simulator itself, at the end of the block.
    """
    simulator = Simulator(Settings(**settings), port=port)
    simulator.start()
    try:
        yield simulator
    finally:
        simulator.stop()
    if simulator.crashes:
        raise simulator.crashes[0]


def _form(request: SignedRequest) -> dict[str, str]:
    text = "&".join(part for part in (request.query, request.body.decode("latin-1")) if part)
    return dict(parse_qsl(text, keep_blank_values=True))


def _ordered(fault: FalseReply, request_id: str) -> Reply:
    if not fault.code:
        return Reply(fault.status, fault.body, request_id)
    error = Ec2Error(fault.code, fault.message)
    return Reply(fault.status, error_answer(error, request_id), request_id)


_STOP = {signal.SIGINT, signal.SIGTERM}


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulators.ec2", description="A simulator of EC2's snapshots."
    )
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1; free one if not given")
    parser.add_argument("--volumes", type=int, default=3, help="volumes in each region (3)")
    parser.add_argument("--snapshots", type=int, default=0, help="snapshots in each region (0)")
    parser.add_argument(
        "--complete-after", type=float, default=0, help="seconds that a snapshot is pending (0)"
    )
    given = parser.parse_args()
    # Blocked before any thread begins, so that they wait for sigwait wherever they arrive.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    try:
        with running_simulator(port=given.port, complete_after_s=given.complete_after) as simulator:
            _fill(simulator, given.volumes, given.snapshots)
            _tell(simulator)
            signal.sigwait(_STOP)
    except OSError as error:
        parser.exit(1, f"cannot listen on 127.0.0.1:{given.port}: {error.strerror}\n")


def _fill(simulator: Simulator, volumes: int, snapshots: int) -> None:
    for name in simulator.settings.regions:
        region = simulator.region(name)
        ids = [region.add_volume(tags={"Name": f"volume-{n}"}).id for n in range(volumes)]
        for n in range(snapshots):
            tags = {"Name": f"snapshot-{n}"}
            fields = {"volume_id": ids[n % volumes]} if ids else {}
            region.add_snapshot(description=f"Snapshot {n}", tags=tags, **fields)


def _tell(simulator: Simulator) -> None:
    region = simulator.settings.regions[0]
    lines = [
        f"The EC2 simulator listens on {simulator.url}",
        f"access key  {ACCESS_KEY}",
        f"secret      {SECRET}",
        f"account     {ACCOUNT_ID}",
        f"regions     {', '.join(simulator.settings.regions)}",
        "",
        f"curl {simulator.url} --aws-sigv4 aws:amz:{region}:ec2 --user '{ACCESS_KEY}:{SECRET}' \\",
        "  -d 'Action=DescribeSnapshots&Version=2016-11-15&Owner.1=self'",
        "",
        "Ctrl-C stops it.",
    ]
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
