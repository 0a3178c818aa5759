"""What changes something is sent once, whatever happens; what reads is tried again."""

from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import ErrorCode
from tests.cloudsigma.simulated.conftest import Build
from tests.cloudsigma.simulated.faults import (
    CHANGES,
    FORMS,
    LOST,
    READS,
    REFUSED,
    Failure,
    expected_of,
    renew,
    state_of,
)
from tests.cloudsigma.simulated.tools import CHANGING, REMOTE, Connect, refused
from tests.simulators.cloudsigma import CloudSigma


def promised(failure: Failure, *, is_change: bool) -> tuple[object, ...]:
    maybe = is_change and failure.maybe_done
    is_retryable = failure.code.is_retryable and not maybe
    return failure.code, maybe, is_retryable, failure.retry_after_s


@pytest.mark.usefixtures("as_the_driver_tells")
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_fails_was_sent_once_and_says_what_that_means(
    cloud: CloudSigma, account: Account, name: str
) -> None:
    operation, met, expected = CHANGES[name], {}, {}
    for fault, failure in expected_of(name, operation).items():
        there = renew(cloud)
        before = state_of(cloud)
        failure.order(cloud, operation.target)
        error = refused(operation.call, account, there)
        told = (error.code, error.maybe_done, error.is_retryable, error.retry_after_s)
        sent = [one for one in cloud.asked() if one.method in CHANGING]
        assert len(sent) == cloud.count(operation.target)
        met[fault] = (*told, len(sent))
        expected[fault] = (*promised(failure, is_change=True), failure.sent)
        assert ("may have happened" in error.message) is error.maybe_done
        assert "hunter2" not in f"{error} {error.fields} {error.backend_code}", fault
        if fault in REFUSED:
            assert state_of(cloud) == before, fault
        else:
            assert_once_at_most(cloud, before, fault)
    assert met == expected


def assert_once_at_most(cloud: CloudSigma, before: Any, fault: str) -> None:
    """Check that nothing was made or deleted twice."""
    cloud.settle()
    now = state_of(cloud)
    more = [len(kind) - len(old) for kind, old in zip(now, before, strict=True)]
    assert sum(map(abs, more)) <= 1, fault


def test_a_change_works_on_a_connection_that_the_server_closed(
    cloud: CloudSigma, account: Account
) -> None:
    for operation in CHANGES.values():
        there = renew(cloud)
        cloud.cut(operation.target, "before")
        refused(operation.call, account, there)
        operation.call(account, there)
        assert cloud.count(operation.target) == 2


def meant(name: str, fault: str, failure: Failure) -> bool:
    """Leave out what is no failure of a read.

    A 404 only means that the other collection is asked, or none; what a filter on the id
    may not show is looked for in the list; who checks the credentials looks at no rows.
    """
    if name == "look up" and failure.code is ErrorCode.DENIED:
        return False
    if name == "check":
        return fault not in {f"garbled {n}" for n in range(7, 12)}
    return not (fault.startswith("404") and name in ("look up", "show"))


@pytest.mark.parametrize(("name", "attempts"), [("check", 1), *((name, 3) for name in READS)])
def test_a_read_fails_after_the_last_attempt(
    cloud: CloudSigma, connect: Connect, name: str, attempts: int
) -> None:
    operation = READS[name]
    account = connect(read_attempts=attempts)
    met, expected = {}, {}
    for fault, failure in expected_of(name, operation).items():
        if not meant(name, fault, failure):
            continue
        there = renew(cloud)
        failure.order(cloud, operation.target)
        error = refused(operation.call, account, there)
        told = (error.code, error.maybe_done, error.is_retryable, error.retry_after_s)
        tries = failure.tries if failure.sent > 1 else min(failure.tries, attempts)
        met[fault] = (*told, cloud.count(operation.target))
        expected[fault] = (*promised(failure, is_change=False), tries)
        assert not [one for one in cloud.asked() if one.method in CHANGING]
        assert "hunter2" not in f"{error} {error.fields} {error.backend_code}", fault
    assert met == expected


@pytest.mark.parametrize("name", READS)
def test_a_read_works_at_the_third_attempt(cloud: CloudSigma, account: Account, name: str) -> None:
    operation = READS[name]
    there = renew(cloud)
    cloud.fail(operation.target, 503, retry_after=60)
    cloud.cut(operation.target, "answer")
    operation.call(account, there)
    assert cloud.count(operation.target) == 3


def test_capabilities_that_cannot_be_read_are_asked_for_again(
    cloud: CloudSigma, build: Build
) -> None:
    """A location is not taken for one without remote snapshots because of a failure."""
    account = build(cloud).account()
    for fault in (one for one in LOST if not one.startswith("garbled")):
        there = renew(cloud)
        cloud.fail(REMOTE, 404)
        LOST[fault].order(cloud, "GET /capabilities/")
        error = refused(READS["list"].call, account, there)
        assert not error.maybe_done
        assert error.code in (LOST[fault].code, ErrorCode.BACKEND), fault
    cloud.clear_faults()
    assert set(READS["list"].call(account, there)) == {there.local.uuid, there.remote.uuid}


def test_a_cloudsigma_that_is_gone_has_changed_nothing(cloud: CloudSigma, account: Account) -> None:
    """No connection, no request: that is known, and the caller may try again."""
    there = renew(cloud)
    cloud.go_down()
    for name in ("create", "create volume", "delete volume"):
        error = refused(CHANGES[name].call, account, there)
        assert (error.code, error.maybe_done) == (ErrorCode.UNAVAILABLE, False)
        assert "http" not in error.message
    cloud.come_back()
    CHANGES["create"].call(account, there)


@pytest.mark.parametrize("form", FORMS)
def test_what_a_bad_body_says_is_never_passed_on(
    cloud: CloudSigma, account: Account, form: Any
) -> None:
    there = renew(cloud)
    for number in (400, 401, 402, 403, 404, 409, 418, 429, 500, 503):
        cloud.settings.error_forms = {number: form}
        cloud.fail(CHANGES["create"].target, number, 'hunter2 "x" <b>', times=3)
        error = refused(CHANGES["create"].call, account, there)
        assert "hunter2" not in f"{error!r} {error.fields} {error.backend_code}"
        cloud.clear_faults()


@pytest.mark.parametrize(
    ("point", "field"),
    [
        ("name", "name"),
        ("meta", "metadata"),
        ("meta.key", "metadata"),
        ("location", "location"),
        ("something_new", "name"),
    ],
)
def test_a_field_that_cloudsigma_refuses_is_named_as_here(
    cloud: CloudSigma, account: Account, point: str, field: str
) -> None:
    there = renew(cloud)
    entries = [
        {"error_type": "validation", "error_point": one, "error_message": "no"}
        for one in (point, "name")
    ]
    cloud.fail_with("POST /snapshots/", 400, *entries)
    error = refused(CHANGES["create"].call, account, there)
    assert (error.code, set(error.fields)) == (ErrorCode.INVALID, {field, "name"})
    assert error.backend_code == "validation"
