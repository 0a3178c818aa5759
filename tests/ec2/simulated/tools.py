"""A gateway's core in front of a simulated EC2, and what the tests ask of both."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from drivers.ec2.driver import Ec2Driver
from gateway.core.core import Core
from gateway.core.guard import Guard
from gateway.core.listing import Listing
from gateway.core.registry import Provider, Providers
from gateway.core.sessions import Sessions
from gateway.core.snapshots import Account
from gateway.driver import Credentials, Deadline, DriverError, Filter, Query, StorageSnapshot
from tests.simulators.ec2 import ACCESS_KEY, SECRET, Simulator
from tests.simulators.ec2_state import Region
from tests.unit.fakes import LISTS

KEYS = Credentials(username=ACCESS_KEY, password=SECRET)
FOREIGN = "999988887777"
"""The number of another account."""
REGIONS = {"west": "eu-west-1", "east": "us-east-1"}
GIB = 1 << 30
Connect = Callable[..., Account]


class Gateway:
    """A core with the providers ``west`` and ``east`` at one endpoint."""

    def __init__(
        self, url: str, *, call_timeout_s: float = 10, session_cache: int = 1024, **options: Any
    ) -> None:
        given = {"endpoint_url": url, **options}
        load = Ec2Driver.Options().load
        found = [
            Provider(name, "ec2", Ec2Driver, load({"region": region, **given}))
            for name, region in REGIONS.items()
        ]
        providers = Providers(tuple(found), "west")
        sessions = Sessions(providers, maxsize=session_cache)
        self.core = Core(providers, sessions, Guard(timeout_s=call_timeout_s), LISTS)

    def provider(self, name: str = "west") -> Provider:
        """Return a provider."""
        return self.core.providers.select(provider=name)

    def account(self, credentials: Credentials = KEYS, *, provider: str = "west") -> Account:
        """Return an account at a provider."""
        return self.core.account(self.provider(provider), credentials)

    def driver(self, credentials: Credentials = KEYS) -> Ec2Driver:
        """Return the driver of an account itself, without the core around it."""
        opened = self.core.sessions.get(self.provider(), credentials, Deadline(10))
        assert isinstance(opened.driver, Ec2Driver)
        return opened.driver


def refused(call: Callable[..., Any], *args: Any, **kw: Any) -> DriverError:
    """Return the error that a call must end with."""
    with pytest.raises(DriverError) as caught:
        call(*args, **kw)
    return caught.value


def where(**conditions: str) -> Query:
    """Return a query with these conditions."""
    return Query(tuple(Filter(field, value) for field, value in conditions.items()))


def ids(listing: Listing[Any]) -> list[str]:
    """Return the ids of a whole list in its order."""
    return [item.id for item in listing.items()]


def listed(account: Account, **conditions: str) -> set[str]:
    """Return the ids of a whole list, in which nothing may come twice."""
    found = ids(account.list_snapshots(where(**conditions)))
    assert len(found) == len(set(found))
    return set(found)


def forms(simulator: Simulator, action: str) -> list[dict[str, str]]:
    """Return what was sent with each call of an action."""
    return [form for name, form in simulator.calls if name == action]


def values(form: dict[str, str], name: str) -> list[str]:
    """Return the values of a parameter that is a list, e.g. of ``Owner.N``."""
    return [value for key, value in form.items() if re.fullmatch(rf"{name}\.\d+", key)]


def filters(form: dict[str, str]) -> dict[str, list[str]]:
    """Return the filters of a call."""
    names = {k.split(".")[1]: v for k, v in form.items() if re.fullmatch(r"Filter\.\d+\.Name", k)}
    return {name: values(form, rf"Filter\.{n}\.Value") for n, name in names.items()}


def tags(form: Mapping[str, str], prefix: str = "TagSpecification.1.Tag") -> dict[str, str]:
    """Return the tags that a call carries, without the gateway's own."""
    pattern = re.escape(prefix) + r"\.(\d+)\.Key"
    numbers = [found[1] for key in form if (found := re.fullmatch(pattern, key))]
    carried = {form[f"{prefix}.{n}.Key"]: form.get(f"{prefix}.{n}.Value", "") for n in numbers}
    return users(carried)


def users(found: Mapping[str, str]) -> dict[str, str]:
    """Return tags without the two that are the gateway's marker."""
    return {key: value for key, value in found.items() if not key.startswith("snapgate:")}


def fill(region: Region, count: int, **fields: Any) -> set[str]:
    """Put snapshots into a region and return their ids."""
    return {region.add_snapshot(**fields).id for _ in range(count)}


def owner_of(snapshot: StorageSnapshot) -> tuple[str, bool]:
    """Return a snapshot's owner, and whether that is the caller."""
    assert snapshot.owner is not None
    return snapshot.owner.id, snapshot.owner.is_self


def texts(error: BaseException) -> Iterable[str]:
    """Yield all that an error and its causes say of themselves."""
    one: BaseException | None = error
    while one is not None:
        yield from (str(one), repr(one), repr(one.args))
        one = one.__cause__ or one.__context__
