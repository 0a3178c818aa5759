"""Many requests at once: one driver for all, opened once, and as many clients as there is room."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from drivers.ec2 import clients
from drivers.ec2.account import Account as Ec2Account
from gateway.core.snapshots import Account
from gateway.driver import CreateSnapshot, Credentials, MetadataChange, Query, UpdateSnapshot
from tests.ec2.simulated.tools import KEYS, Gateway, fill, ids, listed
from tests.simulators.ec2 import Simulator
from tests.simulators.ec2_state import Region


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Credentials]:
    """Whom clients were made for."""
    found: list[Credentials] = []
    real = clients.Clients.open

    def spy(self: clients.Clients, credentials: Credentials) -> Any:
        found.append(credentials)
        return real(self, credentials)

    monkeypatch.setattr(clients.Clients, "open", spy)
    return found


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[Ec2Account]:
    """The accounts whose connections were closed."""
    found: list[Ec2Account] = []
    real = Ec2Account.close

    def spy(self: Ec2Account) -> None:
        found.append(self)
        real(self)

    monkeypatch.setattr(Ec2Account, "close", spy)
    return found


def at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    """Return what a call returns in many threads that begin together."""
    start = threading.Barrier(count)

    def run(number: int) -> Any:
        start.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what a thread that has answered already still has to let go of."""
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_eight_threads_share_one_driver(
    account: Account, region: Region, opened: list[Credentials]
) -> None:
    volumes = [region.add_volume().id for _ in range(8)]

    def work(number: int) -> str:
        name = f"thread {number}"
        made = account.create_snapshot(CreateSnapshot(volumes[number], name))
        for step in range(3):
            merge = MetadataChange({"step": str(step)})
            account.update_snapshot(made.id, UpdateSnapshot(metadata=merge))
            found = account.get_snapshot(made.id)
            assert (found.name, found.metadata) == (name, {"step": str(step)})
            assert made.id in ids(account.list_snapshots(Query()))
        account.delete_snapshot(made.id)
        return made.id

    assert len(set(at_once(8, work))) == 8
    assert not region.snapshots
    assert not opened


def test_twenty_requests_of_a_new_caller_open_once(
    gateway: Gateway, region: Region, opened: list[Credentials]
) -> None:
    own = region.add_snapshot().id
    assert at_once(20, lambda _: listed(gateway.account())) == [{own}] * 20
    assert opened == [KEYS]


def test_many_callers_at_once_each_see_their_own(
    simulator: Simulator, gateway: Gateway, region: Region, opened: list[Credentials]
) -> None:
    owners = [f"{number:012}" for number in range(12)]
    own = []
    for owner in owners:
        simulator.add_account(f"AKIA{owner}", f"secret {owner}", account_id=owner)
        own.append({region.add_snapshot(owner_id=owner).id})

    def see(number: int) -> set[str]:
        owner = owners[number]
        keys = Credentials(username=f"AKIA{owner}", password=f"secret {owner}")
        return listed(gateway.account(keys))

    assert at_once(12, see) == own
    assert len(opened) == 12


def test_all_providers_have_one_session_of_boto3(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    made: list[Any] = []
    real = boto3.Session

    def session(**given: Any) -> Any:
        made.append(given)
        return real(**given)

    monkeypatch.setattr(boto3, "Session", session)
    clients._one_session.cache_clear()
    gateway = Gateway(simulator.url)
    for number in range(5):
        simulator.add_account(f"AKIA{number}", "s")
        listed(gateway.account(Credentials(username=f"AKIA{number}", password="s")))
    gateway.core.close()
    assert len(made) == 1  # for two providers and five accounts


@pytest.fixture
def small(simulator: Simulator) -> Iterator[Gateway]:
    """A gateway that remembers two callers."""
    made = Gateway(simulator.url, session_cache=2)
    yield made
    made.core.close()


def test_clients_are_closed_when_others_need_their_place(
    simulator: Simulator, small: Gateway, closed: list[Ec2Account]
) -> None:
    made = []
    for number in range(6):
        simulator.add_account(f"AKIA{number}", "s")
        keys = Credentials(username=f"AKIA{number}", password="s")
        listed(small.account(keys))
        made.append(small.driver(keys)._account)
    wait_for(lambda: [one in closed for one in made] == [True] * 4 + [False] * 2)
    small.core.close()
    wait_for(lambda: all(closed.count(one) == 1 for one in made))


def test_clients_are_not_closed_under_a_list_that_is_being_read(
    simulator: Simulator, region: Region, closed: list[Ec2Account]
) -> None:
    fill(region, 12)
    gateway = Gateway(simulator.url, session_cache=1, page_size=5)
    pages = gateway.account().list_snapshots(Query()).pages()
    own = gateway.driver()._account
    found = len(next(pages))
    simulator.add_account("AKIAOTHER", "s")
    assert listed(gateway.account(Credentials(username="AKIAOTHER", password="s")))
    assert own not in closed
    assert found + sum(len(page) for page in pages) == 12
    del pages
    wait_for(lambda: own in closed)
    gateway.core.close()
