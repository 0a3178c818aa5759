"""How often the cloud is asked: exactly as often as needed."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import (
    CloneSnapshot,
    CreateSnapshot,
    CreateVolume,
    Credentials,
    Query,
    UpdateSnapshot,
)
from tests.cinder.simulated.conftest import Build
from tests.cinder.simulated.tools import (
    DEMO,
    GIB,
    LIST,
    LOOK,
    OTHER,
    TOKEN,
    Gateway,
    calls,
    ids,
    of_cinder,
    of_keystone,
    version_of,
    walk,
)
from tests.simulators.openstack import OpenStack, running_openstack
from tests.simulators.openstack_judge import token_of
from tests.simulators.openstack_keystone import PASSWORD
from tests.simulators.openstack_state import Region, Snapshot, Volume

DISCOVERY = ["GET /"] * 3
"""Cinder's /v3 without a token, with one, and where that leads."""
Call = Callable[[Account, Snapshot], Any]
KNOWN: dict[str, tuple[Call, list[str]]] = {
    "list": (lambda a, s: ids(a.list_snapshots(Query())), [LIST]),
    "show": (lambda a, s: a.get_snapshot(s.id), ["GET /snapshots/ID"]),
    "create": (lambda a, s: a.create_snapshot(CreateSnapshot(s.volume_id)), ["POST /snapshots"]),
    "delete": (lambda a, s: a.delete_snapshot(s.id), ["DELETE /snapshots/ID"]),
    "rename": (
        lambda a, s: a.update_snapshot(s.id, UpdateSnapshot(name="new")),
        ["PUT /snapshots/ID", "GET /snapshots/ID"],
    ),
    "clone": (
        lambda a, s: a.clone_snapshot(s.id, CloneSnapshot()),
        ["GET /snapshots/ID", "POST /volumes"],
    ),
    "revert": (
        lambda a, s: a.revert_snapshot(s.id),
        ["GET /snapshots/ID", "POST /volumes/ID/action"],
    ),
    "check": (lambda a, s: a.check_credentials(), [LIST]),
    "list volumes": (lambda a, s: ids(a.list_volumes(Query())), ["GET /volumes/detail"]),
    "show volume": (lambda a, s: a.get_volume(s.volume_id), ["GET /volumes/ID"]),
    "create volume": (lambda a, s: a.create_volume(CreateVolume(GIB)), ["POST /volumes"]),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_account_costs_its_calls_and_nothing_else(
    openstack: OpenStack, account: Account, snapshot: Snapshot, name: str
) -> None:
    call, expected = KNOWN[name]
    call(account, snapshot)
    assert {version_of(one) for one in openstack.requests} == {"3.71"}
    assert calls(openstack) == expected


def test_so_does_the_deletion_of_a_volume(
    openstack: OpenStack, account: Account, volume: Volume
) -> None:
    account.delete_volume(volume.id)
    assert calls(openstack) == ["DELETE /volumes/ID"]


def test_each_page_is_one_call(openstack: OpenStack, account: Account, region: Region) -> None:
    region.add_snapshots(25)
    openstack.settings.page_maximum = 10
    assert len(ids(account.list_snapshots(Query()))) == 25
    assert calls(openstack) == [LIST] * 3


def test_the_driver_asks_for_pages_of_the_size_it_is_told(
    openstack: OpenStack, gateway: Gateway, region: Region
) -> None:
    region.add_snapshots(7)
    assert [len(page.items) for page in walk(gateway.driver(), 3)] == [3, 3, 1]
    assert {dict(one.parameters)["limit"] for one in openstack.asked(LIST)} == {"3"}


def test_what_cannot_be_asked_is_not_asked(openstack: OpenStack, account: Account) -> None:
    """``detail`` and a name with a dot would be something else to Cinder."""
    assert ids(account.list_snapshots(Query())) == []
    openstack.requests.clear()
    for name in ("detail", "a.json", "1"):
        with pytest.raises(Exception, match="no snapshot"):
            account.get_snapshot(name)
    assert calls(openstack) == []


def test_the_first_call_of_a_process_logs_in_and_discovers(
    openstack: OpenStack, gateway: Gateway, snapshot: Snapshot
) -> None:
    assert gateway.account().get_snapshot(snapshot.id).id == snapshot.id
    assert calls(openstack) == [TOKEN, *DISCOVERY, "GET /snapshots/ID"]


def test_the_second_account_logs_in_and_discovers_nothing(
    openstack: OpenStack, gateway: Gateway
) -> None:
    gateway.account(DEMO)
    calls(openstack)
    assert ids(gateway.account(OTHER).list_snapshots(Query())) == []
    assert calls(openstack) == [TOKEN, LIST]


@pytest.mark.parametrize("in_url", [False, True])
def test_nor_does_one_whose_endpoint_has_another_project_in_its_url(
    build: Build, *, in_url: bool
) -> None:
    with running_openstack(project_in_url=in_url) as openstack:
        gateway = build(openstack)
        gateway.account(DEMO)
        calls(openstack)
        gateway.account(OTHER)
        assert calls(openstack) == [TOKEN]


def test_an_application_credential_costs_as_much_as_a_password(
    openstack: OpenStack, gateway: Gateway
) -> None:
    gateway.account(DEMO)
    calls(openstack)
    made = openstack.identity.add_application_credential()
    given = Credentials(username=f"application_credential+{made.id}", password=made.secret)
    assert ids(gateway.account(given).list_snapshots(Query())) == []
    assert calls(openstack) == [TOKEN, LIST]


def test_a_ready_token_is_looked_up_once(openstack: OpenStack, gateway: Gateway) -> None:
    gateway.account(DEMO)
    calls(openstack)
    account = gateway.account(Credentials(token=token_of(openstack).id))
    assert calls(openstack) == [LOOK]
    for _ in range(3):
        assert ids(account.list_snapshots(Query())) == []
    assert calls(openstack) == [LIST] * 3


def test_a_known_account_is_not_opened_again(openstack: OpenStack, gateway: Gateway) -> None:
    for _ in range(3):
        gateway.account()
    assert of_keystone(openstack) == [TOKEN]


def test_a_password_that_changes_is_another_account(openstack: OpenStack, gateway: Gateway) -> None:
    gateway.account()
    for password in ("wrong", PASSWORD.upper()):
        with pytest.raises(Exception, match="Keystone does not accept"):
            gateway.account(Credentials(username="demo+demo", password=password))
    assert of_keystone(openstack) == [TOKEN] * 3


def test_wrong_credentials_ask_cinder_nothing(openstack: OpenStack, gateway: Gateway) -> None:
    with pytest.raises(Exception, match="Keystone does not accept"):
        gateway.account(Credentials(username="demo+demo", password="wrong"))
    assert of_cinder(openstack) == []


def test_another_provider_at_the_same_cloud_discovers_for_itself(
    openstack: OpenStack, gateway: Gateway
) -> None:
    gateway.account()
    calls(openstack)
    gateway.account(provider="second")
    assert calls(openstack) == [TOKEN, *DISCOVERY]


def test_a_failed_snapshot_that_is_shown_costs_one_call_more(
    openstack: OpenStack, account: Account, region: Region
) -> None:
    broken = region.add_snapshot(status="error")
    account.get_snapshot(broken.id)
    assert calls(openstack) == ["GET /snapshots/ID", "GET /messages"]
    account.list_snapshots(Query())
    assert calls(openstack) == [LIST]
