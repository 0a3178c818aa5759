"""No call takes longer than it may, whatever the cloud does."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import Deadline, DriverError, ErrorCode, MetadataChange, Query, UpdateSnapshot
from tests.cinder.simulated.conftest import Build
from tests.cinder.simulated.faults import CHANGES, META, ONE, READS, renew
from tests.cinder.simulated.tools import LIST, TOKEN, Gateway, refused
from tests.ec2.simulated import endpoints
from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_state import Region, Snapshot

SOON_S = 0.1
LATE_S = 1.0
"""Far more than SOON_S, for machines that are busy, and far less than what is waited for."""


@pytest.fixture
def hasty(gateway: Gateway) -> Account:
    """An account, opened in time, whose calls may take SOON_S from then on."""
    account = gateway.account()
    gateway.core.guard.timeout_s = SOON_S
    return account


@pytest.fixture
def impatient(gateway: Gateway) -> Account:
    """An account, opened in time, that waits SOON_S for each answer from then on."""
    account = gateway.account()
    gateway.driver()._lists._cloud._transport._longest = (SOON_S, SOON_S)
    return account


def timed(call: Callable[..., Any], *args: Any) -> DriverError:
    start = time.monotonic()
    error = refused(call, *args)
    assert time.monotonic() - start < LATE_S
    return error


@pytest.mark.usefixtures("as_the_driver_tells")
@pytest.mark.parametrize("name", ["create", "merge", "list"])
def test_a_slow_cinder_is_a_timeout(openstack: OpenStack, hasty: Account, name: str) -> None:
    operation = (CHANGES | READS)[name]
    snapshot = renew(openstack)
    openstack.delay(operation.target, 30, times=9, where="answer")
    error = timed(operation.call, hasty, snapshot)
    assert (error.code, error.maybe_done) == (ErrorCode.TIMEOUT, name in CHANGES)
    assert openstack.count(operation.target) == 1


@pytest.mark.usefixtures("as_the_driver_tells")
@pytest.mark.parametrize("name", ["create", "delete", "rename"])
def test_a_change_that_is_slower_than_the_option_is_sent_once(
    openstack: OpenStack, impatient: Account, name: str
) -> None:
    operation = CHANGES[name]
    snapshot = renew(openstack)
    openstack.delay(operation.target, 30, times=9)
    error = timed(operation.call, impatient, snapshot)
    assert (error.code, error.maybe_done) == (ErrorCode.TIMEOUT, True)
    assert openstack.count(operation.target) == 1


@pytest.mark.parametrize("name", ["list", "show"])
def test_a_read_that_hangs_has_had_its_time(
    openstack: OpenStack, impatient: Account, name: str
) -> None:
    operation = READS[name]
    snapshot = renew(openstack)
    openstack.delay(operation.target, 30)
    error = timed(operation.call, impatient, snapshot)
    assert (error.code, error.maybe_done, error.is_retryable) == (ErrorCode.TIMEOUT, False, True)
    assert openstack.count(operation.target) == 1
    operation.call(impatient, snapshot)


@pytest.mark.parametrize("target", [TOKEN, "GET /"])
def test_a_slow_login_is_a_timeout(openstack: OpenStack, build: Build, target: str) -> None:
    gateway = build(openstack, call_timeout_s=SOON_S)
    openstack.delay(target, 30, times=9)
    assert timed(gateway.account).code is ErrorCode.TIMEOUT
    openstack.clear_faults()


def test_a_slow_renewal_is_a_timeout(openstack: OpenStack, hasty: Account) -> None:
    openstack.identity.revoke_tokens()
    openstack.delay(TOKEN, 30, times=9)
    assert timed(hasty.list_snapshots, Query()).code is ErrorCode.TIMEOUT


@pytest.mark.parametrize(
    ("behaviour", "what"),
    [
        (endpoints.silent, "identity"),
        (endpoints.trickling, "identity"),
        (endpoints.trickling, "block-storage"),
        (endpoints.trickling_headers, "block-storage"),
    ],
)
def test_a_cloud_that_never_ends_its_answer_is_a_timeout(
    openstack: OpenStack, build: Build, behaviour: endpoints.Behaviour, what: str
) -> None:
    with endpoints.endpoint(behaviour) as url:
        endpoint = {"id": "1", "interface": "public", "region": "R", "region_id": "R", "url": url}
        openstack.catalog = [
            {"id": "c", "name": "cinder", "type": "block-storage", "endpoints": [endpoint]}
        ]
        given = {"auth_url": url} if what == "identity" else {}
        gateway = build(openstack, call_timeout_s=SOON_S, **given)
        assert timed(gateway.account).code is ErrorCode.TIMEOUT


def test_the_driver_itself_gives_up_so_that_no_thread_is_left_behind(
    openstack: OpenStack, gateway: Gateway, snapshot: Snapshot
) -> None:
    driver = gateway.driver()
    openstack.delay("* *", 30, times=99)
    for call in (driver.get_snapshot, driver.delete_snapshot):
        start = time.monotonic()
        with pytest.raises(Exception, match=r".") as caught:
            call(snapshot.id, deadline=Deadline(SOON_S))
        assert time.monotonic() - start < LATE_S
        error = caught.value
        found = error if isinstance(error, DriverError) else driver.classify(error)
        assert found is not None
        assert found.code is ErrorCode.TIMEOUT


def test_retries_end_with_the_deadline(
    openstack: OpenStack, hasty: Account, snapshot: Snapshot
) -> None:
    openstack.delay(f"GET {ONE}", SOON_S * 0.6, times=99)
    openstack.fail(f"GET {ONE}", 503, times=99)
    assert timed(hasty.get_snapshot, snapshot.id).code is ErrorCode.TIMEOUT


def test_a_page_that_hangs_ends_the_list(
    openstack: OpenStack, hasty: Account, region: Region
) -> None:
    openstack.settings.page_maximum = 5
    region.add_snapshots(11)
    openstack.delay(LIST, 30, after=1, times=9)
    pages = hasty.list_snapshots(Query()).pages()
    assert len(next(pages)) == 5
    assert timed(next, pages).code is ErrorCode.TIMEOUT


def test_calls_that_hang_hold_nobody_else_up(
    openstack: OpenStack, hasty: Account, snapshot: Snapshot
) -> None:
    openstack.delay(f"GET {ONE}", 30, times=2)
    for _ in range(2):
        assert timed(hasty.get_snapshot, snapshot.id).code is ErrorCode.TIMEOUT
    assert hasty.get_snapshot(snapshot.id).id == snapshot.id


def test_a_change_of_two_calls_has_one_deadline_and_may_be_half_done(
    openstack: OpenStack, hasty: Account, snapshot: Snapshot
) -> None:
    openstack.delay(f"PUT {META}", 30, times=9)
    change = UpdateSnapshot(name="new", metadata=MetadataChange({"k": "v"}, replace=True))
    error = timed(hasty.update_snapshot, snapshot.id, change)
    assert (error.code, error.maybe_done) == (ErrorCode.TIMEOUT, True)


def test_a_second_call_that_is_slow_by_itself_is_undone_in_time(
    openstack: OpenStack, impatient: Account, snapshot: Snapshot
) -> None:
    openstack.delay(f"PUT {META}", 30, times=9)
    change = UpdateSnapshot(name="new", metadata=MetadataChange({"k": "v"}, replace=True))
    error = timed(impatient.update_snapshot, snapshot.id, change)
    assert (error.code, error.maybe_done) == (ErrorCode.TIMEOUT, True)
    assert snapshot.name == "old"
