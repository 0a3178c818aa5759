"""What changes something is sent once, whatever happens; what reads is tried again."""

from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import CreateSnapshot, CreateVolume, ErrorCode
from tests.cinder.simulated.faults import (
    CHANGES,
    FAULTS,
    READS,
    REFUSED,
    Failure,
    expected_of,
    renew,
    state_of,
)
from tests.cinder.simulated.tools import GIB, TOKEN, Connect, refused
from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_state import DEMO_PROJECT, Region, Volume


def promised(failure: Failure, *, is_change: bool) -> tuple[object, ...]:
    maybe = is_change and failure.maybe_done
    is_retryable = failure.code.is_retryable and not maybe
    return failure.code, maybe, is_retryable, failure.retry_after_s


@pytest.mark.usefixtures("as_the_driver_tells")
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_fails_was_sent_once_and_says_what_that_means(
    openstack: OpenStack, account: Account, name: str
) -> None:
    operation, met, expected = CHANGES[name], {}, {}
    for fault, failure in expected_of(operation).items():
        snapshot = renew(openstack)
        before = state_of(openstack.region())
        failure.order(openstack, operation.target)
        error = refused(operation.call, account, snapshot)
        told = (error.code, error.maybe_done, error.is_retryable, error.retry_after_s)
        met[fault] = (*told, openstack.count(operation.target))
        expected[fault] = (*promised(failure, is_change=True), 1)
        assert ("may have happened" in error.message) is error.maybe_done
        assert "hunter2" not in f"{error} {error.fields} {error.backend_code}", fault
        if fault in REFUSED:
            assert state_of(openstack.region()) == before, fault
        else:
            assert_once_at_most(openstack, before, fault)
    assert met == expected


def assert_once_at_most(openstack: OpenStack, before: Any, fault: str) -> None:
    """Check that nothing was made or deleted twice."""
    openstack.settle()
    now = state_of(openstack.region())
    more = [len(kind) - len(old) for kind, old in zip(now, before, strict=True)]
    assert sum(map(abs, more)) <= 1, fault


def test_a_change_works_on_a_connection_that_the_server_closed(
    openstack: OpenStack, account: Account
) -> None:
    for operation in CHANGES.values():
        snapshot = renew(openstack)
        openstack.cut(operation.target, "before")
        refused(operation.call, account, snapshot)
        operation.call(account, snapshot)
        assert openstack.count(operation.target) == 2


@pytest.mark.parametrize(("name", "attempts"), [("list", 1), *((name, 3) for name in READS)])
def test_a_read_fails_after_the_last_attempt(
    openstack: OpenStack, connect: Connect, name: str, attempts: int
) -> None:
    operation = READS[name]
    account = connect(read_attempts=attempts)
    met = {}
    for fault, failure in FAULTS.items():
        snapshot = renew(openstack)
        failure.order(openstack, operation.target)
        error = refused(operation.call, account, snapshot)
        told = (error.code, error.maybe_done, error.is_retryable, error.retry_after_s)
        met[fault] = (*told, openstack.count(operation.target))
        assert "hunter2" not in f"{error} {error.fields} {error.backend_code}", fault
    assert met == {
        fault: (*promised(failure, is_change=False), min(failure.tries, attempts))
        for fault, failure in FAULTS.items()
    }


@pytest.mark.parametrize("name", READS)
def test_a_read_works_at_the_third_attempt(
    openstack: OpenStack, account: Account, name: str
) -> None:
    operation = READS[name]
    snapshot = renew(openstack)
    openstack.fail(operation.target, 503, retry_after=60)
    openstack.cut(operation.target, "answer")
    operation.call(account, snapshot)
    assert openstack.count(operation.target) == 3


def test_a_cinder_that_is_gone_has_changed_nothing(openstack: OpenStack, account: Account) -> None:
    """No connection, no request: that is known, and the caller may try again."""
    for operation in CHANGES.values():
        snapshot = renew(openstack)
        openstack.go_down()
        error = refused(operation.call, account, snapshot)
        assert (error.code, error.maybe_done) == (ErrorCode.UNAVAILABLE, False)
        openstack.come_back()
        operation.call(account, snapshot)


@pytest.mark.parametrize(
    ("quota", "says"),
    [({"snapshots": 0}, "as many"), ({"gigabytes": 0}, "gigabytes")],
)
def test_a_quota_that_is_used_up_is_told_once(
    openstack: OpenStack,
    account: Account,
    region: Region,
    volume: Volume,
    *,
    quota: Any,
    says: str,
) -> None:
    region.quotas[DEMO_PROJECT] |= quota
    error = refused(account.create_snapshot, CreateSnapshot(volume.id))
    assert (error.code, error.is_retryable) == (ErrorCode.QUOTA, False)
    assert (error.backend_code, says in error.message) == ("overLimit", True)
    assert openstack.count("POST /snapshots") == 1
    region.quotas[DEMO_PROJECT] |= {"volumes": 0}
    assert refused(account.create_volume, CreateVolume(GIB)).code is ErrorCode.QUOTA


@pytest.mark.usefixtures("as_the_driver_tells")
def test_a_token_is_not_renewed_for_what_is_not_about_tokens(
    openstack: OpenStack, account: Account
) -> None:
    for failure in FAULTS.values():
        snapshot = renew(openstack)
        failure.order(openstack, CHANGES["create"].target)
        refused(CHANGES["create"].call, account, snapshot)
        assert openstack.count(TOKEN) == 0
