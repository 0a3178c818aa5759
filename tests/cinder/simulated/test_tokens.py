"""Tokens: got once, renewed once when they end, and never more than what the caller may."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import (
    CreateSnapshot,
    Credentials,
    ErrorCode,
    MetadataChange,
    Query,
    UpdateSnapshot,
)
from tests.cinder.simulated.conftest import Build
from tests.cinder.simulated.tools import (
    LIST,
    TOKEN,
    Connect,
    Gateway,
    at_once,
    calls,
    listed,
    of_cinder,
    refused,
)
from tests.simulators.openstack import OpenStack, running_openstack
from tests.simulators.openstack_judge import token_of
from tests.simulators.openstack_state import Region, Snapshot

CREATE, DELETE = "POST /snapshots", "DELETE /snapshots/ID"
Change = Callable[[Account, Snapshot], Any]
CHANGES: dict[str, Change] = {
    "create": lambda a, s: a.create_snapshot(CreateSnapshot(s.volume_id)),
    "delete": lambda a, s: a.delete_snapshot(s.id),
    "rename": lambda a, s: a.update_snapshot(s.id, UpdateSnapshot(name="new")),
    "metadata": lambda a, s: a.update_snapshot(
        s.id, UpdateSnapshot(metadata=MetadataChange({"k": "v"}, replace=True))
    ),
}


def ready(openstack: OpenStack, user: str = "demo") -> Credentials:
    """Return a token that somebody has got elsewhere."""
    return Credentials(token=token_of(openstack, user).id)


def kept(region: Region) -> Any:
    """Return all that a change could have changed."""
    return {one.id: (one.name, one.status, one.metadata) for one in region.snapshots.values()}


@pytest.mark.parametrize("count", [8, 16])
def test_many_threads_with_one_new_credential_get_one_token(
    openstack: OpenStack, gateway: Gateway, region: Region, count: int
) -> None:
    own = region.add_snapshot().id
    assert at_once(count, lambda _: listed(gateway.account())) == [{own}] * count
    asked = calls(openstack)
    assert (asked.count(TOKEN), asked.count("GET /"), asked.count(LIST)) == (1, 3, count)
    assert len(asked) == 4 + count


def test_many_threads_whose_token_is_refused_at_once_get_one_new_one(
    openstack: OpenStack, gateway: Gateway, account: Account, region: Region
) -> None:
    own = region.add_snapshot().id
    openstack.identity.revoke_tokens()
    openstack.delay(LIST, 0.2, times=16)  # so that all of them are on their way by then
    assert at_once(16, lambda _: listed(account)) == [{own}] * 16
    assert openstack.count(TOKEN) == 1
    refusals = [one.status for one in openstack.asked(LIST)].count(401)
    assert refusals > 8  # all 16, unless the machine is busy
    assert openstack.count(LIST) == 16 + refusals


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_with_a_refused_token_is_sent_again_with_a_new_one(
    openstack: OpenStack, account: Account, snapshot: Snapshot, change: str
) -> None:
    openstack.identity.revoke_tokens()
    CHANGES[change](account, snapshot)
    statuses = [(one.method, one.status) for one in openstack.requests]
    assert [status for _, status in statuses].count(401) == 1
    assert (statuses[0][1], statuses[1]) == (401, ("POST", 201))
    assert len(openstack.region().snapshots) == 1 + (change == "create")


def test_a_refused_token_is_renewed_once_and_sent_in_the_place_of_the_old(
    openstack: OpenStack, account: Account
) -> None:
    (old,) = openstack.identity.tokens
    old_token = openstack.identity.tokens[old]
    old_token.revoked = True
    listed(account)
    assert calls(openstack) == [LIST, TOKEN, LIST]
    listed(account)
    (again,) = openstack.requests
    assert again.tokens["x-auth-token"] not in ("", old)


def test_a_token_that_is_refused_again_is_unauthenticated_and_tried_no_more(
    openstack: OpenStack, account: Account, snapshot: Snapshot
) -> None:
    for change, target in (("create", CREATE), ("delete", "DELETE /snapshots/*")):
        openstack.requests.clear()
        openstack.fail(target, 401, times=9)
        error = refused(CHANGES[change], account, snapshot)
        assert (error.code, error.maybe_done) == (ErrorCode.UNAUTHENTICATED, False)
        assert openstack.count(target) == 2
        assert openstack.count(TOKEN) == 1
        openstack.clear_faults()


def test_a_token_that_is_about_to_expire_is_renewed_before_it_is_refused(build: Build) -> None:
    with running_openstack(token_lifetime_s=20) as openstack:  # less than keystoneauth's margin
        account = build(openstack).account()
        openstack.settings.token_lifetime_s = 3600
        calls(openstack)
        assert at_once(8, lambda _: listed(account)) == [set()] * 8
        assert calls(openstack) == [TOKEN, *[LIST] * 8]


def test_an_expired_token_is_renewed(openstack: OpenStack, account: Account) -> None:
    """By the simulator's clock, which the driver does not know."""
    openstack.settings.clock.advance(openstack.settings.token_lifetime_s + 1)
    listed(account)
    assert calls(openstack) == [LIST, TOKEN, LIST]


def test_a_password_that_was_changed_meanwhile_is_unauthenticated(
    openstack: OpenStack, account: Account, snapshot: Snapshot
) -> None:
    openstack.identity.demo.password = "another"
    openstack.identity.revoke_tokens()
    before = kept(openstack.region())
    for change in CHANGES.values():
        error = refused(change, account, snapshot)
        assert (error.code, error.maybe_done) == (ErrorCode.UNAUTHENTICATED, False)
    assert kept(openstack.region()) == before


FAILURES: dict[str, tuple[Callable[[OpenStack], None], ErrorCode]] = {
    "503": (lambda o: o.fail(TOKEN, 503, times=9), ErrorCode.UNAVAILABLE),
    "500": (lambda o: o.fail(TOKEN, 500, times=9), ErrorCode.UNAVAILABLE),
    "proxy": (lambda o: o.bad_gateway(TOKEN, times=9), ErrorCode.UNAVAILABLE),
    "429": (lambda o: o.fail(TOKEN, 429, times=9), ErrorCode.RATE_LIMITED),
    "cut before": (lambda o: o.cut(TOKEN, "before", times=9), ErrorCode.UNAVAILABLE),
    "cut answer": (lambda o: o.cut(TOKEN, "answer", times=9), ErrorCode.UNAVAILABLE),
    "cut middle": (lambda o: o.cut(TOKEN, "middle", times=9), ErrorCode.UNAVAILABLE),
    "HTML": (
        lambda o: o.garble(TOKEN, b"<html>", content_type="text/html", times=9),
        ErrorCode.BACKEND,
    ),
    "nothing": (lambda o: o.garble(TOKEN, times=9), ErrorCode.BACKEND),
    "another JSON": (lambda o: o.garble(TOKEN, b'{"token": 5}', times=9), ErrorCode.BACKEND),
    "an empty token": (
        lambda o: o.garble(TOKEN, b'{"token": {}}', headers={"X-Subject-Token": "t"}, times=9),
        ErrorCode.BACKEND,
    ),
    "down": (lambda o: o.go_down("identity"), ErrorCode.UNAVAILABLE),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("is_known", [False, True])
def test_a_renewal_that_fails_changed_nothing(
    openstack: OpenStack, account: Account, snapshot: Snapshot, failure: str, *, is_known: bool
) -> None:
    """Whether Cinder refused the token, or keystoneauth knows that it is over."""
    make, code = FAILURES[failure]
    openstack.identity.revoke_tokens()
    if is_known:
        account._opened.driver._account._session.invalidate()  # type: ignore[attr-defined]
    make(openstack)
    before = kept(openstack.region())
    error = refused(CHANGES["create"], account, snapshot)
    assert (error.code, error.maybe_done) == (code, False)
    assert "may have happened" not in error.message
    assert kept(openstack.region()) == before
    assert of_cinder(openstack) == ([] if is_known else [CREATE])


@pytest.mark.parametrize("is_known", [False, True])
def test_nor_did_one_that_takes_too_long(
    openstack: OpenStack, connect: Connect, snapshot: Snapshot, *, is_known: bool
) -> None:
    account = connect(read_timeout_s=0.2)
    openstack.identity.revoke_tokens()
    if is_known:
        account._opened.driver._account._session.invalidate()  # type: ignore[attr-defined]
    openstack.delay(TOKEN, 30, times=9)
    error = refused(CHANGES["create"], account, snapshot)
    assert (error.code, error.maybe_done) == (ErrorCode.UNAVAILABLE, False)


@pytest.mark.parametrize("failure", sorted(FAILURES.keys() - {"an empty token"}))
def test_a_first_login_that_fails_leaves_nothing_behind(
    openstack: OpenStack, gateway: Gateway, failure: str
) -> None:
    make, code = FAILURES[failure]
    make(openstack)
    error = refused(gateway.account)
    assert (error.code, error.maybe_done) == (code, False)
    assert of_cinder(openstack) == []
    openstack.clear_faults()
    if failure == "down":
        openstack.come_back("identity")
    assert listed(gateway.account()) == set()


def test_a_ready_token_is_never_renewed(openstack: OpenStack, gateway: Gateway) -> None:
    account = gateway.account(ready(openstack))
    assert listed(account) == set()
    calls(openstack)
    openstack.identity.revoke_tokens()
    for _ in range(2):
        error = refused(account.list_snapshots, Query())
        assert (error.code, error.is_retryable) == (ErrorCode.UNAUTHENTICATED, False)
    assert TOKEN not in calls(openstack)


@pytest.mark.parametrize("change", CHANGES)
def test_the_end_of_a_ready_token_ends_changes_too(
    openstack: OpenStack, gateway: Gateway, snapshot: Snapshot, change: str
) -> None:
    account = gateway.account(ready(openstack))
    openstack.settings.clock.advance(openstack.settings.token_lifetime_s + 1)
    before = kept(openstack.region())
    error = refused(CHANGES[change], account, snapshot)
    assert (error.code, error.maybe_done) == (ErrorCode.UNAUTHENTICATED, False)
    assert kept(openstack.region()) == before
    assert openstack.count(TOKEN) == 0
