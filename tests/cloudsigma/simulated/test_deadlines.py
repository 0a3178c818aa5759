"""No call takes longer than it may, and one that is given up may have changed something."""

import time

import pytest

from gateway.driver import ErrorCode
from tests.cloudsigma.simulated.faults import CHANGES, READS, renew
from tests.cloudsigma.simulated.tools import Connect, refused
from tests.simulators.cloudsigma import CloudSigma

LIMIT_S = 0.25


@pytest.mark.usefixtures("as_the_driver_tells")
@pytest.mark.parametrize("name", ["create", "clone remote", "delete"])
def test_a_change_that_takes_too_long_may_have_happened(
    cloud: CloudSigma, connect: Connect, name: str
) -> None:
    account = connect(call_timeout_s=LIMIT_S)
    there = renew(cloud)
    cloud.delay(CHANGES[name].target, 1.5, where="answer")
    start = time.monotonic()
    error = refused(CHANGES[name].call, account, there)
    assert time.monotonic() - start < LIMIT_S + 0.4
    assert (error.code, error.maybe_done, error.is_retryable) == (ErrorCode.TIMEOUT, True, False)
    assert cloud.count(CHANGES[name].target) == 1


def test_what_is_read_first_takes_of_the_same_time(cloud: CloudSigma, connect: Connect) -> None:
    account = connect(call_timeout_s=0.5)
    there = renew(cloud)
    for target in ("GET /snapshots/*", "GET /remotesnapshots/*", "PUT /remotesnapshots/*"):
        cloud.delay(target, 0.3)
    start = time.monotonic()
    error = refused(CHANGES["tag remote"].call, account, there)
    assert time.monotonic() - start < 0.9
    assert error.code is ErrorCode.TIMEOUT
    assert not cloud.count("PUT *")


@pytest.mark.parametrize("name", ["list", "show remote"])
def test_a_read_keeps_its_deadline(cloud: CloudSigma, connect: Connect, name: str) -> None:
    account = connect(call_timeout_s=LIMIT_S)
    there = renew(cloud)
    cloud.delay(READS[name].target, 1.5, times=3)
    start = time.monotonic()
    error = refused(READS[name].call, account, there)
    assert time.monotonic() - start < LIMIT_S + 0.4
    assert (error.code, error.maybe_done, error.is_retryable) == (ErrorCode.TIMEOUT, False, True)


@pytest.mark.usefixtures("as_the_driver_tells")
def test_a_server_that_stalls_is_not_asked_again(cloud: CloudSigma, connect: Connect) -> None:
    account = connect(read_timeout_s=0.2)
    there = renew(cloud)
    cloud.delay(READS["list"].target, 1)
    error = refused(READS["list"].call, account, there)
    assert (error.code, cloud.count(READS["list"].target)) == (ErrorCode.TIMEOUT, 1)
    cloud.delay(CHANGES["create"].target, 1)
    error = refused(CHANGES["create"].call, account, there)
    assert (error.code, error.maybe_done) == (ErrorCode.TIMEOUT, True)
    assert cloud.count(CHANGES["create"].target) == 1
