"""A simulator of OpenStack's Keystone and Cinder, for tests and for trying by hand.

It answers as Keystone 30 and Cinder 29 do: what was recorded of them is replayed against
it by test_openstack_recorded.py. What Cinder knows and the simulator does not is answered
with status 501 and a message that says so.

    with running_openstack() as openstack:
        snapshot = openstack.region().add_snapshot(name="nightly")
        ...
        openstack.auth_url, openstack.count("POST /auth/tokens")
"""

import argparse
import contextlib
import signal
import threading
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from tests.simulators.openstack_cinder import Cinder, denied
from tests.simulators.openstack_errors import DENIED, ERRED, fault_body
from tests.simulators.openstack_faults import Cut, Delay, FalseReply, Faults, is_meant
from tests.simulators.openstack_http import BLOCK_STORAGE, IDENTITY, HttpServer, Reply, Request
from tests.simulators.openstack_keystone import PASSWORD, Identity, Project
from tests.simulators.openstack_state import Region, Settings
from tests.simulators.openstack_tokens import Keystone, keystone_fault

_MESSAGES = {401: DENIED, 413: "This request was rate-limited.", 500: ERRED}


class OpenStack(Faults):
    """The simulated cloud, what was asked of it, and what is to go wrong."""

    def __init__(self, settings: Settings, *, port: int = 0) -> None:
        super().__init__()
        self.settings = settings
        self.identity = Identity(settings)
        self.requests: list[Request] = []
        self.crashes: list[Exception] = []
        self.catalog: list[dict[str, Any]] | None = None
        """What tokens say instead of the true catalogue, such as one without Cinder."""
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._regions = {name: Region(name, settings, self._lock) for name in settings.regions}
        self._keystone = Keystone(self.identity, self._catalog)
        self._cinder = Cinder(settings, self.identity)
        self._servers = {IDENTITY: self._server(port, IDENTITY, "")}
        for name in settings.regions:
            self._servers[name] = self._server(0, BLOCK_STORAGE, name)

    @property
    def auth_url(self) -> str:
        """Keystone's URL, with /v3."""
        return f"{self._servers[IDENTITY].url}/v3"

    def volume_url(self, region: str | None = None) -> str:
        """Return the URL of a region's Cinder, without a path."""
        return self._servers[region or self.settings.regions[0]].url

    def region(self, name: str | None = None) -> Region:
        """Return a region, the first unless told; ``add_snapshot`` and others fill it."""
        return self._regions[name or self.settings.regions[0]]

    def asked(self, target: str = "* *", *, service: str | None = None) -> list[Request]:
        """Return the requests of a target, see is_meant, and of one service only if told."""
        with self._lock:
            return [
                one
                for one in self.requests
                if service in (None, one.service) and is_meant(target, one.method, one.route)
            ]

    def count(self, target: str = "* *", *, service: str | None = None) -> int:
        """Return how many requests of a target came."""
        return len(self.asked(target, service=service))

    def hold(self, *, held: bool = True) -> None:
        """Let nothing that is under way come to its end in any region, or go on."""
        for region in self._regions.values():
            region.held = held

    def settle(self) -> None:
        """Let all that is under way come to its end, also what is held."""
        for region in self._regions.values():
            region.settle()

    def reset(self) -> None:
        """Forget what was asked, ordered and filled; tokens and settings stay."""
        self.clear_faults()
        with self._lock:
            self.requests.clear()
            self.catalog = None
            for region in self._regions.values():
                region.clear()

    def go_down(self, name: str | None = None) -> None:
        """Refuse connections, of a region's Cinder, or of ``identity``."""
        self._servers[name or self.settings.regions[0]].stop()

    def come_back(self, name: str | None = None) -> None:
        """Listen again, at the same port."""
        name = name or self.settings.regions[0]
        old = self._servers[name]
        new = self._server(old.server_address[1], old.service, old.region)
        self._servers[name] = new
        new.start()

    def start(self) -> None:
        """Begin to serve in threads."""
        for server in self._servers.values():
            server.start()

    def stop(self) -> None:
        """Stop serving, let whoever is delayed go, and end all connections."""
        self._stopping.set()
        for server in self._servers.values():
            server.stop()

    def respond(self, request: Request) -> Reply:
        """Answer a request."""
        request.request_id = f"req-{uuid.uuid4()}"
        with self._lock:
            self.requests.append(request)
        delays, fault = self.take(request.method, request.route)
        self._wait(delays, "before")
        if isinstance(fault, Cut) and fault.where == "before":
            return Reply(0, {}, b"", "before")
        if isinstance(fault, FalseReply) and not fault.executed:
            reply = self._ordered(request, fault)
        else:
            reply = self._carry_out(request)
            self._wait(delays, "answer")
            if isinstance(fault, FalseReply):
                reply = self._ordered(request, fault)
        if isinstance(fault, FalseReply) and not fault.signed:
            request.status = reply.status
            return reply
        return self._signed(request, reply, fault.where if isinstance(fault, Cut) else None)

    def _signed(self, request: Request, reply: Reply, cut: Any) -> Reply:
        ids = {"X-Openstack-Request-Id": request.request_id}
        if "X-Compute-Request-Id" in reply.headers:
            ids["X-Compute-Request-Id"] = request.request_id
        if cut not in ("before", "answer"):
            request.status = reply.status
        return replace(reply, headers=reply.headers | ids, cut=cut)

    def _carry_out(self, request: Request) -> Reply:
        try:
            with self._lock:
                if request.service == IDENTITY:
                    return self._keystone.respond(request, self._servers[IDENTITY].url)
                region = self._regions[request.region]
                base, keystone = self._servers[region.name].url, self._servers[IDENTITY].url
                return self._cinder.respond(request, region, base, keystone)
        except Exception as error:  # noqa: BLE001 - a bug here must reach the test
            self.crashes.append(error)
            return Reply(500, {"Content-Type": "application/json"}, fault_body(500, ERRED))

    def _ordered(self, request: Request, fault: FalseReply) -> Reply:
        if fault.body is not None:
            return Reply(fault.status, dict(fault.headers), fault.body)
        keystone = self._servers[IDENTITY].url
        message = fault.message or _MESSAGES.get(fault.status, "")
        if request.service == IDENTITY:
            reply = keystone_fault(keystone, fault.status, message)
        elif fault.status == 401:
            reply = denied(keystone)
        else:
            body = fault_body(fault.status, message, fault.headers.get("Retry-After"))
            reply = Reply(fault.status, {"Content-Type": "application/json"}, body)
        return replace(reply, headers=reply.headers | dict(fault.headers))

    def _wait(self, delays: Iterable[Delay], where: str) -> None:
        for delay in delays:
            if delay.where == where:
                self._stopping.wait(delay.seconds)

    def _server(self, port: int, service: str, region: str) -> HttpServer:
        return HttpServer(port, self.respond, self.crashes, service=service, region=region)

    def _catalog(self, project: Project) -> list[dict[str, Any]]:
        if self.catalog is not None:
            return self.catalog
        suffix = f"/{project.id}" if self.settings.has_project_in_url else ""
        urls = {name: f"{self._servers[name].url}/v3{suffix}" for name in self.settings.regions}
        service_type = self.settings.service_type
        return [
            _service("identity", "keystone", dict.fromkeys(urls, self.auth_url)),
            _service(service_type, "cinder", urls),
        ]


_ENDPOINTS = {
    "identity": {
        "service": "02ac52b7fd3c424396fa3afa86badb4c",
        "public": "f8925f003d464b5788a458427e60cd4b",
        "internal": "796f7fe1677d4ef9b9ce22a4a040f85e",
        "admin": "342b7da8416948e3b914ad7533ca38a1",
    },
    "cinder": {
        "service": "d9f930121556429bba4fa2a02614e3ef",
        "public": "2d58885765474d5ab12cce18ba9be9af",
        "internal": "a9b9bd1c429c49ab970336c4bb25d3c8",
        "admin": "2e86b6d5edf944bf89bd5987eaadd8e6",
    },
}


def _service(kind: str, name: str, urls: dict[str, str]) -> dict[str, Any]:
    ids = _ENDPOINTS["identity" if name == "keystone" else "cinder"]
    endpoints = [
        {
            "id": ids[interface],
            "interface": interface,
            "region_id": region,
            "url": url,
            "region": region,
        }
        for region, url in urls.items()
        for interface in ("public", "internal", "admin")
    ]
    return {"endpoints": endpoints, "id": ids["service"], "type": kind, "name": name}


@contextlib.contextmanager
def running_openstack(*, port: int = 0, **settings: Any) -> Iterator[OpenStack]:
    """Run a simulator on 127.0.0.1 until the block ends.

    Args:
        port: Keystone's, 0 for a free one.
        settings: see Settings.

    Raises:
        Exception: what went wrong inside the simulator itself, at the end of the block.
    """
    openstack = OpenStack(Settings(**settings), port=port)
    openstack.start()
    try:
        yield openstack
    finally:
        openstack.stop()
    if openstack.crashes:
        raise openstack.crashes[0]


_STOP = {signal.SIGINT, signal.SIGTERM}


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulators.openstack",
        description="A simulator of OpenStack's Keystone and Cinder.",
    )
    parser.add_argument("--port", type=int, default=0, help="Keystone's; free one if not given")
    parser.add_argument("--volumes", type=int, default=3, help="volumes in each region (3)")
    parser.add_argument("--snapshots", type=int, default=0, help="snapshots in each region (0)")
    parser.add_argument("--maximum", default="3.71", help="highest microversion of Cinder (3.71)")
    parser.add_argument("--work", type=float, default=0, help="seconds that creating takes (0)")
    given = parser.parse_args()
    # Blocked before any thread begins, so that they wait for sigwait wherever they arrive.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    settings = {"maximum": given.maximum, "work_s": given.work}
    try:
        with running_openstack(port=given.port, **settings) as openstack:
            _fill(openstack, given.volumes, given.snapshots)
            _tell(openstack)
            signal.sigwait(_STOP)
    except OSError as error:
        parser.exit(1, f"cannot listen on 127.0.0.1:{given.port}: {error.strerror}\n")


def _fill(openstack: OpenStack, volumes: int, snapshots: int) -> None:
    for name in openstack.settings.regions:
        region = openstack.region(name)
        made = [region.add_volume(name=f"volume-{n}") for n in range(volumes)]
        region.add_snapshots(snapshots, made[0] if made else None)


def _tell(openstack: OpenStack) -> None:
    lines = [
        f"The simulated Cinder listens on {openstack.volume_url()}/v3",
        "",
        f"export OS_AUTH_URL={openstack.auth_url}",
        f"export OS_USERNAME=demo OS_PASSWORD={PASSWORD} OS_PROJECT_NAME=demo",
        "export OS_USER_DOMAIN_ID=default OS_PROJECT_DOMAIN_ID=default",
        f"export OS_REGION_NAME={openstack.settings.regions[0]} OS_IDENTITY_API_VERSION=3",
        "",
        "Users: demo, demo-reader, other, admin. Ctrl-C stops it.",
    ]
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
