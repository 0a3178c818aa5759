"""A simulated CloudSigma for each test, accounts there, and a real server in front of one."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import urllib3

from drivers.cloudsigma.driver import CloudSigmaDriver
from gateway.core.snapshots import Account
from gateway.driver import Credentials, Query
from tests.cloudsigma.simulated.tools import MINE, Connect, Gateway
from tests.ec2.simulated.endpoints import closed_port
from tests.http.tools import FORMATS, accept
from tests.servers import Server, cloud_config, running
from tests.simulators.cloudsigma import CloudSigma, running_cloudsigma
from tests.simulators.cloudsigma_settings import Settings
from tests.simulators.cloudsigma_state import PASSWORD, USER, Drive, RemoteSnapshot, Snapshot

Build = Callable[..., Gateway]
Ask = Callable[..., requests.Response]


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let urllib3 not wait before it tries again, and nobody ask the system for more."""
    monkeypatch.setattr(urllib3.Retry, "get_backoff_time", lambda _: 0)
    monkeypatch.setattr("requests.sessions.get_environ_proxies", lambda *_, **__: {})
    monkeypatch.setattr("drivers.cloudsigma.clients.check_ca_file", lambda *_: None)


@pytest.fixture
def cloud() -> Iterator[CloudSigma]:
    with running_cloudsigma() as found:
        yield found


@pytest.fixture
def drive(cloud: CloudSigma) -> Drive:
    return cloud.add_drive(name="data", size=10 << 30)


@pytest.fixture
def local(cloud: CloudSigma, drive: Drive) -> Snapshot:
    meta = {"description": "before", "a": "1", "b": "2"}
    return cloud.add_snapshot(drive, name="old", meta=meta)


@pytest.fixture
def remote(cloud: CloudSigma, drive: Drive) -> RemoteSnapshot:
    meta = {"description": "before", "a": "1", "b": "2"}
    return cloud.add_remote_snapshot(drive, name="far", meta=meta)


@pytest.fixture
def build() -> Iterator[Build]:
    """Make gateways, which are closed at the end."""
    made: list[Gateway] = []

    def build(cloud: CloudSigma, **given: Any) -> Gateway:
        made.append(Gateway(cloud, **given))
        return made[-1]

    yield build
    for one in made:
        one.core.close()


@pytest.fixture
def gateway(cloud: CloudSigma, build: Build) -> Gateway:
    return build(cloud)


@pytest.fixture
def connect(cloud: CloudSigma, build: Build) -> Connect:
    """Give accounts that are warm, each at a gateway of its own with these options."""

    def connect(credentials: Credentials = MINE, **given: Any) -> Account:
        account = build(cloud, **given).account(credentials)
        account.list_snapshots(Query())
        cloud.requests.clear()
        return account

    return connect


@pytest.fixture
def account(connect: Connect) -> Account:
    """The first account, warm; what that asked of the cloud is forgotten."""
    return connect()


@pytest.fixture
def driver(cloud: CloudSigma, gateway: Gateway) -> CloudSigmaDriver:
    """The first account's driver, warm, without the core around it."""
    gateway.account().list_snapshots(Query())
    cloud.requests.clear()
    return gateway.driver()


@pytest.fixture(scope="session")
def _behind() -> Iterator[CloudSigma]:
    with running_cloudsigma() as found:
        yield found


@pytest.fixture
def behind(_behind: CloudSigma) -> CloudSigma:
    """The simulator behind the real server, as new."""
    _behind.reset()
    for name, value in vars(Settings()).items():
        setattr(_behind.settings, name, value)
    return _behind


@pytest.fixture(scope="session")
def served(_behind: CloudSigma, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    url = {"endpoint": _behind.url}
    providers: dict[str, dict[str, Any]] = {
        "main": url,
        "hasty": {**url, "read_timeout_s": 0.3},
        "gone": {"endpoint": closed_port()},
    }
    config = cloud_config(tmp_path_factory.mktemp("served"), "cloudsigma", providers)
    with running(config, "--workers", "1") as server:
        yield server


@pytest.fixture
def ask(served: Server, behind: CloudSigma) -> Ask:
    """Send requests as the first account, or as ``auth`` says, in each format in turn."""
    formats = itertools.cycle(FORMATS)

    def send(method: str, path: str, **given: Any) -> requests.Response:
        given.setdefault("auth", (USER, PASSWORD))
        headers = {**accept(next(formats)), **given.pop("headers", {})}
        return served.request(method, path, headers=headers, **given)

    return send
