"""The four backends, each with gateways that know nothing of each other, as replicas do."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from drivers.cinder.driver import CinderDriver
from drivers.cloudsigma.driver import CloudSigmaDriver
from drivers.ec2.driver import Ec2Driver
from drivers.local.driver import LocalDriver
from drivers.local.facts import DISKS
from gateway.app import create_app
from gateway.core.registry import Provider, Providers
from gateway.driver import Driver
from gateway.settings import Settings
from tests.cinder.simulated.tools import DEMO
from tests.local.stores import CHEAP_HASH, load_options
from tests.simulators.cloudsigma import running_cloudsigma
from tests.simulators.cloudsigma_state import PASSWORD, USER
from tests.simulators.ec2 import ACCESS_KEY, SECRET, running_simulator
from tests.simulators.openstack import running_openstack

T = TypeVar("T")
MARKER_KEYS = ("snapgate:marker", "snapgate:request")
GIB = 1 << 30


class Targets(NamedTuple):
    """What a simulator calls the requests that make something."""

    snapshot: str
    clone: str
    volume: str


NO_TARGETS = Targets("", "", "")


@dataclass
class Cloud:
    """A backend with one volume, and what it holds.

    Attributes:
        name: the driver's.
        driver, options, auth: what a gateway needs.
        volume_id: a volume to snapshot.
        snapshots: returns the backend's own record of markers by the id of the snapshot.
        volumes: the same of volumes.
        simulator: takes orders of faults; None for the local store.
        targets: what they are for.
        size: what a new volume has.
    """

    name: str
    driver: type[Driver]
    options: Mapping[str, Any]
    auth: tuple[str, str]
    volume_id: str
    snapshots: Callable[[], dict[str, dict[str, str]]]
    volumes: Callable[[], dict[str, dict[str, str]]]
    simulator: Any = None
    targets: Targets = NO_TARGETS
    size: dict[str, Any] = field(default_factory=lambda: {"capacity": 1})

    def sent(self, what: str) -> int:
        """Return how often something was asked of the backend; 1 where nobody can tell."""
        if self.simulator is None:
            return 1
        return int(self.simulator.count(getattr(self.targets, what)))

    @contextlib.contextmanager
    def replica(self, **settings: Any) -> Iterator["Replica"]:
        """Run one more gateway in front of the backend."""
        given = Provider("main", self.name, self.driver, self.options)
        providers = Providers((given,), "main")
        app = create_app(settings_of(providers, **settings))
        try:
            yield Replica(app, self)
        finally:
            app.extensions["snapgate_core"].close()


class Replica:
    """One gateway, asked over HTTP."""

    def __init__(self, app: Flask, cloud: Cloud) -> None:
        self.app = app
        self.cloud = cloud

    def send(
        self, method: str, path: str, *, key: str | None = None, accept: str = "json", **given: Any
    ) -> TestResponse:
        """Return the answer to a request; ``key`` is its Idempotency-Key."""
        headers = {"Accept": f"application/{accept}", **given.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = key
        client = self.app.test_client()
        return client.open(
            f"/api{path}", method=method, headers=headers, **{"auth": self.cloud.auth, **given}
        )

    def snapshot(
        self, key: str | None = None, *, accept: str = "json", **fields: Any
    ) -> TestResponse:
        """Ask for a snapshot of the volume."""
        body = {"volume_id": self.cloud.volume_id, **fields}
        return self.send("POST", "/storage_snapshots", key=key, accept=accept, json=body)

    def volume(
        self, key: str | None = None, *, accept: str = "json", **fields: Any
    ) -> TestResponse:
        """Ask for a volume."""
        zone = {"zone": "eu-west-1a"} if self.cloud.name == "ec2" else {}
        body = {**self.cloud.size, **zone, **fields}
        return self.send("POST", "/storage_volumes", key=key, accept=accept, json=body)

    def ready(self, snapshot_id: str) -> dict[str, Any]:
        """Return a snapshot once it is ready."""
        for _ in range(200):
            found = self.send("GET", f"/storage_snapshots/{snapshot_id}").get_json()
            if found["storage_snapshot"]["ready"]:
                return dict(found["storage_snapshot"])
            time.sleep(0.05)
        raise AssertionError(f"{snapshot_id} does not get ready")


def id_of(answer: TestResponse) -> str:
    """Return the id of the one thing that an answer shows."""
    (document,) = answer.get_json().values()
    return str(document["id"])


def at_once(count: int, call: Callable[[int], T]) -> list[T]:
    """Return what a call returns in many threads that begin together."""
    start = threading.Barrier(count)

    def run(number: int) -> T:
        start.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def settings_of(providers: Providers, **given: Any) -> Settings:
    """Return the settings of a gateway in this process."""
    usual = {
        "path": Path("none"),
        "host": "127.0.0.1",
        "port": 0,
        "workers": 1,
        "connections": 10,
        "graceful_timeout_s": 1,
        "public_url": None,
        "call_timeout_s": 8,
        "session_ttl_s": 600,
        "session_cache": 10,
        "marker_key": b"a key that all replicas share",
        "max_sorted_rows": 20_000,
    }
    return Settings(providers=providers, **{**usual, **given})


def _markers(pairs: Mapping[str, str]) -> dict[str, str]:
    return {key: pairs[key] for key in MARKER_KEYS if key in pairs}


@contextlib.contextmanager
def local(folder: Path, **_: Any) -> Iterator[Cloud]:
    """A store with one image."""
    options = load_options(folder / "store", accounts={"demo": CHEAP_HASH, "alice": CHEAP_HASH})
    store = LocalDriver.share(options)
    (folder / "store" / "volumes" / "disk.img").write_bytes(b"some bytes\n")

    def held(kind: Any) -> dict[str, dict[str, str]]:
        of_kind = sa.select(DISKS).where(DISKS.c.kind == sa.bindparam("kind"))
        rows = store.facts.rows(of_kind, {"kind": kind})
        return {
            row.id: dict(zip(MARKER_KEYS, (row.marker, row.marked_request or ""), strict=True))
            for row in rows
            if row.marker is not None
        }

    yield Cloud(
        "local",
        LocalDriver,
        options,
        ("demo", "demo"),
        "disk.img",
        lambda: held("snapshot"),
        lambda: held("volume"),
        size={"size_bytes": 4096},
    )
    store.close()


@contextlib.contextmanager
def ec2(_: Path, **settings: Any) -> Iterator[Cloud]:
    """A simulated EC2."""
    with running_simulator(**settings) as simulator:
        region = simulator.region("eu-west-1")
        volume = region.add_volume()
        options = {"region": "eu-west-1", "endpoint_url": simulator.url}
        yield Cloud(
            "ec2",
            Ec2Driver,
            Ec2Driver.Options().load(options),
            (ACCESS_KEY, SECRET),
            volume.id,
            lambda: {one.id: _markers(one.tags) for one in region.snapshots.values()},
            lambda: {
                one.id: _markers(one.tags) for one in region.volumes.values() if one is not volume
            },
            simulator,
            Targets("CreateSnapshot", "CreateVolume", "CreateVolume"),
        )


@contextlib.contextmanager
def cinder(_: Path, **settings: Any) -> Iterator[Cloud]:
    """A simulated Keystone and Cinder."""
    with running_openstack(**settings) as openstack:
        region = openstack.region()
        volume = region.add_volume(size=1)
        assert DEMO.username
        assert DEMO.password
        yield Cloud(
            "cinder",
            CinderDriver,
            CinderDriver.Options().load({"auth_url": openstack.auth_url}),
            (DEMO.username, DEMO.password),
            volume.id,
            lambda: {one.id: _markers(one.metadata) for one in region.snapshots.values()},
            lambda: {
                one.id: _markers(one.metadata)
                for one in region.volumes.values()
                if one is not volume
            },
            openstack,
            Targets("POST /snapshots", "POST /volumes", "POST /volumes"),
        )


@contextlib.contextmanager
def cloudsigma(_: Path, **settings: Any) -> Iterator[Cloud]:
    """A simulated CloudSigma."""
    with running_cloudsigma(**settings) as cloud:
        drive = cloud.add_drive(size=GIB)
        yield Cloud(
            "cloudsigma",
            CloudSigmaDriver,
            CloudSigmaDriver.Options().load({"endpoint": cloud.url}),
            (USER, PASSWORD),
            drive.uuid,
            lambda: {one.uuid: _markers(one.meta) for one in cloud.snapshots.values()},
            lambda: {
                one.uuid: _markers(one.meta) for one in cloud.drives.values() if one is not drive
            },
            cloud,
            Targets("POST /snapshots/", "POST /snapshots/*/action/", "POST /drives/"),
        )


CLOUDS: Mapping[str, Callable[..., contextlib.AbstractContextManager[Cloud]]] = {
    "local": local,
    "ec2": ec2,
    "cinder": cinder,
    "cloudsigma": cloudsigma,
}
