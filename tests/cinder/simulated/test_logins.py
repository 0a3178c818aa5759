"""Who gets in: by password, application credential or token, and nobody else."""

from datetime import timedelta

import pytest

from gateway.driver import Credentials, DriverError, ErrorCode, Query
from tests.cinder.simulated.tools import (
    DEMO,
    LOOK,
    OTHER,
    TOKEN,
    Connect,
    Gateway,
    at_once,
    calls,
    ids,
    listed,
    of_cinder,
    refused,
)
from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_judge import token_of
from tests.simulators.openstack_state import Region


@pytest.mark.parametrize("what", ["revoked", "expired", "unknown", "no token at all"])
def test_a_ready_token_that_is_over_opens_nothing(
    openstack: OpenStack, gateway: Gateway, what: str
) -> None:
    token = token_of(openstack)
    token.revoked = what == "revoked"
    if what == "expired":
        token.expires_at -= timedelta(days=1)
    given = {"unknown": "gAAAAABnobody", "no token at all": "hello"}.get(what, token.id)
    assert refused(gateway.account, Credentials(token=given)).code is ErrorCode.UNAUTHENTICATED
    assert calls(openstack) == [LOOK]


def test_a_token_of_an_application_credential_is_good_enough(
    openstack: OpenStack, gateway: Gateway, region: Region
) -> None:
    """Keystone would not exchange it for another."""
    own = region.add_snapshot().id
    made = openstack.identity.add_application_credential()
    given = {"credential": made, "methods": ["application_credential"]}
    token = openstack.identity.issue(made.user, made.project, **given)
    assert listed(gateway.account(Credentials(token=token.id))) == {own}


def test_a_token_sees_its_own_project_and_not_the_users_default(
    openstack: OpenStack, gateway: Gateway, region: Region
) -> None:
    user = openstack.identity.demo
    other = openstack.identity.project("other")
    user.roles[other.id] = ("member", "reader")
    user.default_project = openstack.identity.project("demo")
    region.add_snapshot()
    foreign = region.add_snapshot(project_id=other.id).id
    token = openstack.identity.issue(user, other)
    assert listed(gateway.account(Credentials(token=token.id))) == {foreign}


def test_the_token_of_one_account_is_not_anothers(
    openstack: OpenStack, gateway: Gateway, region: Region
) -> None:
    own = region.add_snapshot().id
    foreign = region.add_snapshot(project_id=openstack.identity.project("other").id).id
    accounts = [gateway.account(one) for one in (DEMO, OTHER)]
    found = at_once(8, lambda number: listed(accounts[number % 2]))
    assert found == [{own}, {foreign}] * 4


@pytest.mark.parametrize(
    "given",
    [
        Credentials(username="demo+demo"),
        Credentials(password="secret"),
        Credentials(username="+", password="secret"),
        Credentials(username="demo+nowhere", password="secret"),
        Credentials(username="nobody+demo", password="secret"),
        Credentials(username="demo+other", password="secret"),
        Credentials(username="application_credential+1", password="secret"),
        Credentials(token="with\r\nX: y"),
        Credentials(token="ü"),
        Credentials(),
    ],
)
def test_what_is_no_login_is_unauthenticated(
    openstack: OpenStack, gateway: Gateway, given: Credentials
) -> None:
    assert refused(gateway.account, given).code is ErrorCode.UNAUTHENTICATED
    assert of_cinder(openstack) == []


def test_a_user_without_a_project_is_told_to_name_one(
    openstack: OpenStack, gateway: Gateway
) -> None:
    openstack.identity.demo.default_project = None
    error = refused(gateway.account, Credentials(username="demo", password="secret"))
    assert (error.code, "user+project" in error.message) == (ErrorCode.UNAUTHENTICATED, True)


def test_a_caller_who_names_no_project_has_the_default_one(
    openstack: OpenStack, gateway: Gateway, connect: Connect, region: Region
) -> None:
    own = region.add_snapshot().id
    plain = Credentials(username="demo", password="secret")
    assert listed(connect(plain, project="demo")) == {own}
    openstack.identity.demo.default_project = openstack.identity.project("demo")
    assert listed(gateway.account(plain)) == {own}


def test_the_error_of_a_login_is_the_callers_alone(openstack: OpenStack, gateway: Gateway) -> None:
    """Some come right and some wrong at once, and each gets what is his."""
    openstack.delay(TOKEN, 0.05, times=8)
    wrong = Credentials(username="demo+demo", password="wrong")

    def open_(number: int) -> str:
        try:
            return str(
                len(ids(gateway.account(wrong if number % 2 else DEMO).list_snapshots(Query())))
            )
        except DriverError as error:
            return error.code.value

    assert at_once(8, open_) == ["0", "unauthenticated"] * 4
