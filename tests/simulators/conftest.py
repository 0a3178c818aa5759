"""A simulator for each test, and stock boto3 clients of it."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.simulators.ec2 import ACCESS_KEY, SECRET, Simulator, running_simulator
from tests.simulators.ec2_state import Region, Volume

VERSION = "2016-11-15"
Connect = Callable[..., Any]
Send = Callable[..., requests.Response]
_ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=5, tcp_keepalive=False)


class Clients:
    """Stock clients, made once and pointed at the simulator of each test.

    To make one takes longer than most tests.
    """

    def __init__(self) -> None:
        self.url = ""
        self._session = boto3.Session()
        self._made: dict[str, Any] = {}

    def get(self, region: str, options: dict[str, Any]) -> Any:
        """Return the client for a region with these options."""
        key = repr((region, sorted(options.items())))
        if key not in self._made:
            given = {"endpoint_url": "http://127.0.0.1:1", **options}
            client = self._session.client("ec2", region_name=region, **given)
            client.meta.events.register("before-call.ec2", self._point)
            self._made[key] = client
        return self._made[key]

    def close(self) -> None:
        """Close the connections of all clients."""
        for client in self._made.values():
            client.close()

    def _point(self, params: dict[str, Any], **_: Any) -> None:
        params["url"] = f"{self.url}/"


@pytest.fixture(scope="session")
def clients() -> Iterator[Clients]:
    """The clients of all tests."""
    made = Clients()
    yield made
    made.close()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A simulator whose snapshots take a minute of its own clock."""
    with running_simulator(complete_after_s=60, available_after_s=5) as found:
        yield found


@pytest.fixture
def region(simulator: Simulator) -> Region:
    return simulator.region("eu-west-1")


@pytest.fixture
def volume(region: Region) -> Volume:
    return region.add_volume(size=10)


@pytest.fixture
def connect(simulator: Simulator, clients: Clients) -> Connect:
    """Give clients, of the default account in eu-west-1 unless told otherwise."""
    clients.url = simulator.url

    def get(region: str = "eu-west-1", **given: Any) -> Any:
        credentials = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET}
        return clients.get(region, {**credentials, "config": _ONCE, **given})

    return get


@pytest.fixture
def client(connect: Connect) -> Any:
    return connect()


@pytest.fixture
def send(simulator: Simulator) -> Send:
    """Send a form signed by botocore; headers may be changed after it."""

    def send(
        form: dict[str, str], *, service: str = "ec2", body: str | None = None, **changed: str
    ) -> requests.Response:
        data = urlencode(form)
        request = AWSRequest("POST", f"{simulator.url}/", data=data)
        SigV4Auth(Credentials(ACCESS_KEY, SECRET), service, "eu-west-1").add_auth(request)
        headers = dict(request.headers.items()) | changed
        return requests.post(request.url, data=body or data, headers=headers, timeout=5)

    return send
