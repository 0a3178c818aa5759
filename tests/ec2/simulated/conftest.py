"""A simulated EC2 for each test, and accounts at it."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests

from drivers.ec2.clients import Clients, Ec2Options, open_clients
from drivers.ec2.driver import Ec2Driver
from gateway.core.snapshots import Account
from gateway.driver import Credentials
from tests.ec2.simulated.serving import OPERATOR, Ask, providers_of, reset
from tests.ec2.simulated.tools import KEYS, Connect, Gateway
from tests.http.tools import FORMATS, accept
from tests.servers import Server, cloud_config, running
from tests.simulators.ec2 import ACCESS_KEY, SECRET, Simulator, running_simulator
from tests.simulators.ec2_state import Region, Volume


@pytest.fixture(scope="session")
def loaded() -> Clients:
    """EC2's model, whose loading takes longer than most tests."""
    return open_clients(Ec2Options().load({"region": "eu-west-1"}))


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch, loaded: Clients) -> None:
    """Load EC2's model once for all tests, and let botocore not wait before it tries again."""

    def share(_: type[Ec2Driver], options: Mapping[str, Any]) -> Clients:
        clients = copy.copy(loaded)
        clients.options = options
        return clients

    monkeypatch.setattr(Ec2Driver, "share", classmethod(share))
    pause = "botocore.retries.standard.ExponentialBackoff.delay_amount"
    monkeypatch.setattr(pause, lambda *_: 0)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A simulator whose snapshots take a minute of its own clock."""
    with running_simulator(complete_after_s=60, available_after_s=5) as found:
        yield found


@pytest.fixture
def region(simulator: Simulator) -> Region:
    return simulator.region("eu-west-1")


@pytest.fixture
def east(simulator: Simulator) -> Region:
    return simulator.region("us-east-1")


@pytest.fixture
def volume(region: Region) -> Volume:
    return region.add_volume(size=10)


@pytest.fixture
def gateway(simulator: Simulator) -> Iterator[Gateway]:
    made = Gateway(simulator.url)
    yield made
    made.core.close()


@pytest.fixture
def account(gateway: Gateway) -> Account:
    """The default account in eu-west-1."""
    return gateway.account()


@pytest.fixture
def connect(simulator: Simulator) -> Iterator[Connect]:
    """Give accounts, each at a gateway of its own with these options."""
    made: list[Gateway] = []

    def connect(
        credentials: Credentials = KEYS, *, provider: str = "west", **given: Any
    ) -> Account:
        made.append(Gateway(given.pop("url", simulator.url), **given))
        return made[-1].account(credentials, provider=provider)

    yield connect
    for one in made:
        one.core.close()


@pytest.fixture(scope="session")
def _cloud() -> Iterator[Simulator]:
    with running_simulator(complete_after_s=60, available_after_s=5) as found:
        yield found


@pytest.fixture
def cloud(_cloud: Simulator) -> Simulator:
    """The simulator behind the real server, as new."""
    reset(_cloud)
    return _cloud


@pytest.fixture(scope="session")
def served(_cloud: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server whose operator has credentials of an own that would work."""
    config = cloud_config(tmp_path_factory.mktemp("served"), "ec2", providers_of(_cloud.url))
    with running(config, "--workers", "1", env=OPERATOR) as server:
        yield server


@pytest.fixture(params=FORMATS)
def format_(request: pytest.FixtureRequest) -> str:
    """Each format in turn."""
    return str(request.param)


@pytest.fixture
def ask(served: Server, cloud: Simulator, format_: str) -> Ask:
    """Send requests as the default account, and as whom ``auth`` says, in one format."""

    def send(method: str, path: str, **given: Any) -> requests.Response:
        given.setdefault("auth", (ACCESS_KEY, SECRET))
        headers = {**accept(format_), **given.pop("headers", {})}
        return served.request(method, path, headers=headers, **given)

    return send
