"""A simulated Keystone and Cinder for each test, and accounts there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3

from drivers.cinder.driver import CinderDriver
from gateway.core.snapshots import Account
from gateway.driver import Credentials
from tests.cinder.simulated.tools import DEMO, Connect, Gateway
from tests.simulators.openstack import OpenStack, running_openstack
from tests.simulators.openstack_state import Region, Snapshot, Volume

Build = Callable[..., Gateway]


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let urllib3 not wait before it tries again, and nobody read the system's certificates."""
    monkeypatch.setattr(urllib3.Retry, "get_backoff_time", lambda _: 0)
    monkeypatch.setattr("drivers.cinder.clients.check_ca_file", lambda *_: None)


@pytest.fixture
def openstack() -> Iterator[OpenStack]:
    with running_openstack() as found:
        yield found


@pytest.fixture
def region(openstack: OpenStack) -> Region:
    return openstack.region()


@pytest.fixture
def volume(region: Region) -> Volume:
    return region.add_volume(size=10)


@pytest.fixture
def snapshot(region: Region, volume: Volume) -> Snapshot:
    return region.add_snapshot(volume, name="old", description="before", metadata={"a": "1"})


@pytest.fixture
def build() -> Iterator[Build]:
    """Make gateways, which are closed at the end."""
    made: list[Gateway] = []

    def build(openstack: OpenStack, **given: Any) -> Gateway:
        made.append(Gateway(openstack, **given))
        return made[-1]

    yield build
    for one in made:
        one.core.close()


@pytest.fixture
def gateway(openstack: OpenStack, build: Build) -> Gateway:
    return build(openstack)


@pytest.fixture
def account(openstack: OpenStack, gateway: Gateway) -> Account:
    """The demo account, opened; what that asked of the cloud is forgotten."""
    found = gateway.account()
    openstack.requests.clear()
    return found


@pytest.fixture
def driver(openstack: OpenStack, gateway: Gateway) -> CinderDriver:
    """The demo account's driver, without the core around it."""
    found = gateway.driver()
    openstack.requests.clear()
    return found


@pytest.fixture
def connect(openstack: OpenStack, build: Build) -> Connect:
    """Give accounts, each at a gateway of its own with these options."""

    def connect(credentials: Credentials = DEMO, **given: Any) -> Account:
        account = build(openstack, **given).account(credentials)
        openstack.requests.clear()
        return account

    return connect
