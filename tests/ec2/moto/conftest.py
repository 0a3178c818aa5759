"""One moto and one gateway before it for all tests here; every test makes its own resources."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.ec2.moto_server import (
    ACCESS_KEY,
    CREDENTIALS,
    SECRET,
    SNAPSHOTS,
    Api,
    Moto,
    running_moto,
)
from tests.http.tools import FORMATS
from tests.servers import DEMO_HASH, cloud_config, running

OPERATOR = {
    "AWS_ACCESS_KEY_ID": "AKIAOPERATOR00000000",
    "AWS_SECRET_ACCESS_KEY": "the-operator's",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_PROFILE": "no-such-profile",
}
"""What the machine's operator uses for tools of their own; no request may ever use it."""

_LOCAL = """
[providers.files]
driver = "local"
[providers.files.options]
path = {path}
[providers.files.options.accounts]
demo = {hash}
"""


@pytest.fixture(params=FORMATS)
def format_(request: pytest.FixtureRequest) -> str:
    """Each format in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """Moto's server."""
    with running_moto(tmp_path_factory.mktemp("moto")) as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def _a_new_cloud(moto: Moto) -> None:
    moto.forget_all()


@pytest.fixture(scope="session")
def aws(moto: Moto) -> Callable[..., Any]:
    """Give stock boto3 clients of a region: what other programs see and do."""
    session = boto3.Session(ACCESS_KEY, SECRET)
    made: dict[str, Any] = {}

    def client(region: str = "eu-west-1") -> Any:
        if region not in made:
            config = Config(retries={"total_max_attempts": 1}, read_timeout=10)
            made[region] = session.client("ec2", region, endpoint_url=moto.url, config=config)
        return made[region]

    return client


@pytest.fixture(scope="session")
def api(
    moto: Moto, aws: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """The account's requests to a gateway in front of moto: eu is the default provider."""
    providers: dict[str, dict[str, Any]] = {
        "eu": {"region": "eu-west-1"},
        "us": {"region": "us-east-1", "default_zone": "us-east-1a"},
        "small": {"region": "eu-central-1", "owner": "self", "page_size": 5},
    }
    config = cloud_config(
        tmp_path_factory.mktemp("gateway"),
        "ec2",
        {name: {**options, "endpoint_url": moto.url} for name, options in providers.items()},
    )
    files = config.parent / "files"
    with config.open("a") as file:
        file.write(_LOCAL.format(path=json.dumps(str(files)), hash=json.dumps(DEMO_HASH)))
    # Moto takes a second for the first request of all, and so does the gateway to start.
    first = threading.Thread(target=aws().describe_snapshots)
    first.start()
    with running(config, "--workers", "1", env=OPERATOR) as server:
        first.join()
        yield Api(server)
        server.kill()
    assert not [text for text in CREDENTIALS if text in server.log]


@pytest.fixture(scope="session")
def make_volume(aws: Callable[..., Any]) -> Callable[..., str]:
    """Make a volume of 1 GiB, not through the gateway, and return its id."""

    def make(region: str = "eu-west-1", size: int = 1) -> str:
        made = aws(region).create_volume(Size=size, AvailabilityZone=f"{region}b")
        return str(made["VolumeId"])

    return make


@pytest.fixture(scope="module")
def make_snapshot(api: Api, make_volume: Callable[..., str]) -> Callable[..., dict[str, Any]]:
    """Make a snapshot in eu, of one volume for the module unless ``volume_id`` names another."""
    volume = make_volume()
    return lambda **fields: api.make(SNAPSHOTS, json={"volume_id": volume, **fields})


@pytest.fixture(scope="module")
def kept(make_snapshot: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """A snapshot that tests look at, or fail to change."""
    return make_snapshot(name="kept", description="d", metadata={"tier": "gold", "b": "2"})
