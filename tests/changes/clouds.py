"""Every driver's backend behind a gateway in this process, to be changed over HTTP."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from drivers.cinder.driver import CinderDriver
from drivers.cloudsigma.driver import CloudSigmaDriver
from drivers.ec2.driver import Ec2Driver
from drivers.local.driver import LocalDriver
from gateway.app import create_app
from gateway.core.registry import Provider, Providers
from gateway.driver import Driver
from gateway.settings import Settings
from tests.cinder.simulated.tools import DEMO
from tests.http.tools import CONTENT_TYPES, accept, problem
from tests.local.stores import load_options
from tests.simulators.cloudsigma import running_cloudsigma
from tests.simulators.cloudsigma_state import PASSWORD, USER
from tests.simulators.ec2 import ACCESS_KEY, SECRET, running_simulator
from tests.simulators.openstack import running_openstack

Auth = tuple[str, str]
ROOT = "/api/storage_snapshots"
VOLUMES = "/api/storage_volumes"
GIB = 1 << 30


class Answer:
    """A response, readable as those of ``requests`` are."""

    def __init__(self, response: TestResponse) -> None:
        self.status_code = response.status_code
        self.headers = response.headers
        self.content = response.data
        self.text = response.text
        self.json = response.get_json


@dataclass
class Cloud:
    """A backend and a gateway in front of it.

    Attributes:
        name: the driver's.
        sim: the simulator; None for the local store.
        volume_id: a volume.
        client: sends requests to the gateway.
        auth: the account.
        count: returns how many requests the backend has got.
        slow: makes whatever the backend begins take so many seconds.
    """

    name: str
    sim: Any
    volume_id: str
    client: FlaskClient
    auth: Auth
    count: Callable[[], int]
    slow: Callable[[float], None]
    core: Any = None

    def ask(self, method: str, path: str, format_: str = "json", **kw: Any) -> Any:
        """Return the answer to a request; ``wait`` is a preference."""
        headers = {**accept(format_), **kw.pop("headers", {})}
        if "wait" in kw:
            headers["Prefer"] = f"wait={kw.pop('wait')}"
        response = self.client.open(path, method=method, headers=headers, auth=self.auth, **kw)
        found = Answer(response)
        if found.content:
            assert found.headers["Content-Type"] == CONTENT_TYPES[format_]
        return found

    def make(self, **given: Any) -> str:
        """Return the id of a snapshot that is available."""
        made = self.ask("POST", ROOT, json={"volume_id": self.volume_id, **given}, wait=20)
        assert made.status_code == 201, made.text
        shown = made.json()["storage_snapshot"]
        assert shown["state"] == "available"
        return str(shown["id"])

    def error(self, method: str, path: str, format_: str, **kw: Any) -> dict[str, Any]:
        """Return the problem that a request meets."""
        answer = self.ask(method, path, format_, **kw)
        found = problem(answer)
        assert found["code"] == answer.status_code
        return found


@contextlib.contextmanager
def serving(
    driver: type[Driver], options: Mapping[str, Any], *, shared: Any = None, **settings: Any
) -> Iterator[Any]:
    """Yield an application that serves one provider."""
    providers = Providers((Provider("main", driver.__name__, driver, options),), "main")
    given = {
        "path": Path("none"),
        "providers": providers,
        "host": "127.0.0.1",
        "port": 0,
        "workers": 1,
        "connections": 10,
        "graceful_timeout_s": 1,
        "public_url": None,
        "call_timeout_s": 10,
        "session_ttl_s": 600,
        "session_cache": 10,
        "marker_key": b"a key for these tests",
        "max_sorted_rows": 1000,
        "polls_per_s": 1000.0,
        **settings,
    }
    with contextlib.ExitStack() as stack:
        if shared is not None:
            stack.enter_context(patch.object(driver, "share", lambda _: shared))
        app = create_app(Settings(**given))
    try:
        yield app
    finally:
        app.extensions["snapgate_core"].close()


def _client(app: Any) -> tuple[FlaskClient, Any]:
    return app.test_client(), app.extensions["snapgate_core"]


@contextlib.contextmanager
def local(folder: Path, **settings: Any) -> Iterator[Cloud]:
    """A local store, whose copies can be slowed down."""
    options = load_options(folder / "store", copy_bytes_per_s=0)
    store = LocalDriver.share(options)
    (folder / "store" / "volumes" / "disk.img").write_bytes(b"x" * 400_000)

    def slow(seconds: float) -> None:
        store.jobs._bytes_per_s = int(400_000 / seconds) if seconds else 0

    with serving(LocalDriver, options, shared=store, **settings) as app:
        client, core = _client(app)
        yield Cloud("local", None, "disk.img", client, ("demo", "demo"), lambda: 0, slow, core)


@contextlib.contextmanager
def ec2(folder: Path, options: Mapping[str, Any] | None = None, **settings: Any) -> Iterator[Cloud]:
    """A simulated EC2."""
    with running_simulator() as sim:
        given = {"region": "eu-west-1", "endpoint_url": sim.url, "default_zone": "eu-west-1a"}
        checked = Ec2Driver.Options().load({**given, **(options or {})})
        volume = sim.region("eu-west-1").add_volume()

        def slow(seconds: float) -> None:
            sim.settings.complete_after_s = sim.settings.available_after_s = seconds

        with serving(Ec2Driver, checked, **settings) as app:
            client, core = _client(app)
            auth = (ACCESS_KEY, SECRET)
            yield Cloud("ec2", sim, volume.id, client, auth, lambda: len(sim.calls), slow, core)


@contextlib.contextmanager
def cinder(
    folder: Path, options: Mapping[str, Any] | None = None, **settings: Any
) -> Iterator[Cloud]:
    """A simulated Keystone and Cinder."""
    with running_openstack() as sim:
        checked = CinderDriver.Options().load({"auth_url": sim.auth_url, **(options or {})})
        volume = sim.region().add_volume(size=1)

        def slow(seconds: float) -> None:
            sim.settings.work_s = seconds

        with serving(CinderDriver, checked, **settings) as app:
            client, core = _client(app)
            assert DEMO.username
            assert DEMO.password
            auth = (DEMO.username, DEMO.password)
            yield Cloud("cinder", sim, volume.id, client, auth, sim.count, slow, core)


@contextlib.contextmanager
def cloudsigma(
    folder: Path, options: Mapping[str, Any] | None = None, **settings: Any
) -> Iterator[Cloud]:
    """A simulated CloudSigma."""
    with running_cloudsigma() as sim:
        checked = CloudSigmaDriver.Options().load({"endpoint": sim.url, **(options or {})})
        drive = sim.add_drive(size=GIB)

        def slow(seconds: float) -> None:
            sim.settings.work_s = seconds

        with serving(CloudSigmaDriver, checked, **settings) as app:
            client, core = _client(app)
            yield Cloud(
                "cloudsigma", sim, drive.uuid, client, (USER, PASSWORD), sim.count, slow, core
            )


CLOUDS: Mapping[str, Callable[..., contextlib.AbstractContextManager[Cloud]]] = {
    "local": local,
    "ec2": ec2,
    "cinder": cinder,
    "cloudsigma": cloudsigma,
}
