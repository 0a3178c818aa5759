"""Every backend behind a gateway in this process, filled with the same facts."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

from flask.testing import FlaskClient

from drivers.cinder.driver import CinderDriver
from drivers.cloudsigma.driver import CloudSigmaDriver
from drivers.ec2.driver import Ec2Driver
from drivers.local.driver import LocalDriver
from drivers.local.jobs import Jobs
from gateway.app import create_app
from gateway.core.registry import Provider, Providers
from gateway.driver import Driver
from gateway.settings import Settings
from tests.cinder.simulated.tools import DEMO
from tests.lists.facts import FACTS, GIB, LABEL, VOLUMES, Fact, volume_uuid
from tests.lists.filling import fill_local, new_local
from tests.local.stores import load_options
from tests.simulators.cloudsigma import CloudSigma, running_cloudsigma
from tests.simulators.cloudsigma_state import PASSWORD, USER
from tests.simulators.ec2 import ACCESS_KEY, SECRET, Simulator, running_simulator
from tests.simulators.openstack import OpenStack, running_openstack

LIST = "/api/storage_snapshots"
KEY = b"a key that all gateways of these tests share"
Params = Mapping[str, str]


class Answers:
    """Asks one account's list of snapshots, over HTTP.

    Args:
        send: sends a GET of a path and query string; returns status and document.
        head: sends a HEAD and returns the status.
    """

    def __init__(
        self, send: Callable[[str], tuple[int, Any]], head: Callable[[str], int] | None = None
    ) -> None:
        self._send = send
        self.head = head

    def ask(self, params: Params, status: int = 200) -> dict[str, Any]:
        """Return the document of a list."""
        return self.follow(f"{LIST}?{urlencode(dict(params))}", status)

    def follow(self, link: str, status: int = 200) -> dict[str, Any]:
        """Return the document behind a link."""
        path = link[link.index("/api") :]
        found, document = self._send(path)
        assert found == status, f"{path}: {found} {str(document)[:2000]}"
        return dict(document)

    def whole(self, params: Params) -> list[dict[str, Any]]:
        """Return all items of a list without a limit."""
        return list(self.ask(params)["storage_snapshots"])

    def pages(self, params: Params, limit: int) -> Iterator[list[dict[str, Any]]]:
        """Yield the pages of a list by following the links."""
        document = self.ask({**params, "limit": str(limit)})
        while True:
            yield document["storage_snapshots"]
            if "next" not in document:
                return
            document = self.follow(document["next"])

    def walk(self, params: Params, limit: int) -> list[dict[str, Any]]:
        """Return all items of all pages, of which none may be too long."""
        found = []
        for page in self.pages(params, limit):
            assert len(page) <= limit
            found += page
        return found


@dataclass
class Backend:
    """A backend that holds the facts.

    Attributes:
        name: the driver's.
        answers: how it is asked.
        ids: the native id of each fact's snapshot, by label.
        volumes: the native ids of the volumes.
        lacks: fields of the shared facts that it cannot hold, with the reason.
        stateless: the same, but with a new gateway for each request.
        cloud: the simulator, or the local store.
    """

    name: str
    answers: Answers
    ids: dict[str, str] = field(default_factory=dict)
    volumes: list[str] = field(default_factory=list)
    lacks: Mapping[str, str] = field(default_factory=dict)
    stateless: Answers | None = None
    cloud: Any = None

    def native(self, text: str) -> str:
        """Return a text of the table with this backend's ids: ``<s001>`` or ``<v1>``."""
        for label, id_ in self.ids.items() if "<s" in text else ():
            text = text.replace(f"<{label}>", id_)
        for number, id_ in enumerate(self.volumes) if "<v" in text else ():
            text = text.replace(f"<v{number}>", id_)
        return text

    def params(self, table: Params) -> dict[str, str]:
        """Return a query of the table for this backend."""
        return {name: self.native(value) for name, value in table.items()}


def labels(items: list[dict[str, Any]]) -> list[str]:
    """Return which facts the items of a list are."""
    return [item["metadata"][LABEL] for item in items]


@contextlib.contextmanager
def gateway(
    driver: type[Driver], options: Mapping[str, Any], auth: tuple[str, str], shared: Any = None
) -> Iterator[Answers]:
    """Serve one provider in this process, to one account."""
    providers = Providers((Provider("main", driver.__name__, driver, options),), "main")
    settings = Settings(
        path=Path("none"),
        providers=providers,
        host="127.0.0.1",
        port=0,
        workers=1,
        connections=10,
        graceful_timeout_s=1,
        public_url=None,
        call_timeout_s=30,
        session_ttl_s=600,
        session_cache=10,
        marker_key=KEY,
        max_sorted_rows=20_000,
    )
    if shared is None:
        app = create_app(settings)
    else:
        with patch.object(driver, "share", lambda _: shared):
            app = create_app(settings)
    client: FlaskClient = app.test_client()

    def send(path: str) -> tuple[int, Any]:
        response = client.get(path, auth=auth, headers={"Accept": "application/json"})
        return response.status_code, response.get_json()

    def head(path: str) -> int:
        return client.head(path, auth=auth, headers={"Accept": "application/json"}).status_code

    try:
        yield Answers(send, head)
    finally:
        core = app.extensions["snapgate_core"]
        core.guard.close() if shared is not None else core.close()


def forgetful(
    driver: type[Driver], options: Mapping[str, Any], auth: tuple[str, str], shared: Any
) -> Answers:
    """Ask a new gateway each time, as when many processes serve one client."""

    def send(path: str) -> tuple[int, Any]:
        with gateway(driver, options, auth, shared) as fresh:
            return fresh._send(path)

    return Answers(send)


NO_SIZE = {"size_bytes": "CloudSigma tells it of remote snapshots only"}
_EC2_STATES = {"available": "completed", "error": "error", "creating": "pending"}
_CLOUDSIGMA_STATES = {"available": "available", "error": "unavailable", "creating": "creating"}


@contextlib.contextmanager
def local(folder: Path, *, filled: bool = True) -> Iterator[Backend]:
    """A local store; its watch is off, so that what is creating stays so."""
    options = load_options(folder / "store")
    with patch.object(Jobs, "watch", lambda _: None):
        store = LocalDriver.share(options)
    made = (LocalDriver, options, ("demo", "demo"))
    with gateway(*made, store) as answers:
        found = Backend("local", answers, stateless=forgetful(*made, store), cloud=store)
        found.volumes = [f"vol-{n}.img" for n in range(VOLUMES)]
        new_local(folder / "store", found.volumes)
        if filled:
            found.ids = fill_local(folder / "store", found.volumes)
        yield found
    store.close()


@contextlib.contextmanager
def ec2(*, filled: bool = True, **settings: Any) -> Iterator[Backend]:
    """A simulated EC2."""
    with running_simulator(**settings) as simulator:
        options = Ec2Driver.Options().load({"region": "eu-west-1", "endpoint_url": simulator.url})
        made = (Ec2Driver, options, (ACCESS_KEY, SECRET))
        shared = Ec2Driver.share(options)
        with gateway(*made, shared) as answers:
            found = Backend("ec2", answers, stateless=forgetful(*made, shared), cloud=simulator)
            if filled:
                _fill_ec2(found, simulator)
            yield found


def _fill_ec2(found: Backend, simulator: Simulator) -> None:
    region = simulator.region("eu-west-1")
    found.volumes = [region.add_volume(id=f"vol-{n:017x}").id for n in range(VOLUMES)]
    for fact in FACTS:
        found.ids[fact.label] = region.add_snapshot(
            id=f"snap-0{fact.hex_id}",
            volume_id=found.volumes[fact.volume],
            volume_size=fact.size_gib,
            start_time=fact.created,
            description=fact.description or "",
            state=_EC2_STATES[fact.state],
            tags={**fact.metadata, **({"Name": fact.name} if fact.name is not None else {})},
            **_ec2_extras(fact),
        ).id


def _ec2_extras(fact: Fact) -> dict[str, Any]:
    """Return what EC2 has and others have not."""
    extras: dict[str, Any] = {"encrypted": fact.number % 3 == 0}
    if fact.state == "error":
        extras["status_message"] = f"Reason {fact.number % 4}"
    if fact.number % 4 == 0:
        extras["full_size_bytes"] = fact.number % 16 * GIB
    if fact.number % 20 == 7 and fact.state != "creating":
        extras |= {"owner_id": "999988887777", "public": True}
    return extras


@contextlib.contextmanager
def cinder(*, filled: bool = True, **settings: Any) -> Iterator[Backend]:
    """A simulated Keystone and Cinder."""
    with running_openstack(**settings) as openstack:
        options = CinderDriver.Options().load({"auth_url": openstack.auth_url})
        assert DEMO.username
        assert DEMO.password
        made = (CinderDriver, options, (DEMO.username, DEMO.password))
        shared = CinderDriver.share(options)
        with gateway(*made, shared) as answers:
            found = Backend("cinder", answers, stateless=forgetful(*made, shared), cloud=openstack)
            if filled:
                _fill_cinder(found, openstack)
            yield found
        shared.close()


def _fill_cinder(found: Backend, openstack: OpenStack) -> None:
    region = openstack.region()
    made = [region.add_volume(id=volume_uuid(n), size=1 + n) for n in range(VOLUMES)]
    found.volumes = [volume.id for volume in made]
    for fact in FACTS:
        found.ids[fact.label] = region.add_snapshot(
            made[fact.volume],
            id=fact.uuid,
            name=fact.name,
            description=fact.description,
            status=fact.state,
            created_at=fact.created,
            updated_at=None if fact.number % 6 == 0 else fact.created.replace(microsecond=7000),
            metadata=fact.metadata,
            progress=f"{fact.number % 101}%",
            group_snapshot_id=f"group-{fact.number % 3}" if fact.number % 10 == 0 else None,
        ).id


@contextlib.contextmanager
def cloudsigma(*, filled: bool = True, **settings: Any) -> Iterator[Backend]:
    """A simulated CloudSigma, where every fifth snapshot is a remote one."""
    with running_cloudsigma(**settings) as cloud:
        options = CloudSigmaDriver.Options().load({"endpoint": cloud.url})
        made = (CloudSigmaDriver, options, (USER, PASSWORD))
        shared = CloudSigmaDriver.share(options)
        with gateway(*made, shared) as answers:
            found = Backend("cloudsigma", answers, lacks=NO_SIZE, cloud=cloud)
            found.stateless = forgetful(*made, shared)
            if filled:
                _fill_cloudsigma(found, cloud)
            yield found
        shared.close()


def _fill_cloudsigma(found: Backend, cloud: CloudSigma) -> None:
    drives = [cloud.add_drive(uuid=volume_uuid(n), size=(1 + n) * GIB) for n in range(VOLUMES)]
    found.volumes = [drive.uuid for drive in drives]
    tags = [cloud.add_tag(f"tag-{n}", uuid=volume_uuid(256 + n)).uuid for n in range(3)]
    for fact in FACTS:
        is_remote = fact.number % 5 == 0
        add = cloud.add_remote_snapshot if is_remote else cloud.add_snapshot
        described = {"description": fact.description} if fact.description else {}
        found.ids[fact.label] = add(
            drives[fact.volume],
            uuid=fact.uuid,
            name=fact.name or "",
            status=_CLOUDSIGMA_STATES[fact.state],
            timestamp=fact.created,
            meta={**fact.metadata, **described},
            tags=[tags[n] for n in range(3) if fact.number % 8 == n],
            allocated_size=None if fact.state == "creating" else fact.number % 9 * GIB,
            **({"location": "ZRH" if fact.number % 2 else "FRA"} if is_remote else {}),
        ).uuid


BACKENDS: Mapping[str, Callable[..., contextlib.AbstractContextManager[Backend]]] = {
    "ec2": ec2,
    "cinder": cinder,
    "cloudsigma": cloudsigma,
}
"""All but the local store, which needs a folder."""
