"""No secret of a caller is in an error, in a repr, in anybody's log, or kept after the end."""

import base64
import contextlib
import gc
import logging
from collections.abc import Callable
from typing import Any

import pytest
import requests

from gateway.driver import Credentials, Deadline, DriverError, Query
from tests.cloudsigma.simulated.conftest import Build
from tests.cloudsigma.simulated.faults import CHANGES, FAULTS, READS, renew
from tests.cloudsigma.simulated.tools import Gateway, listed, refused, texts
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_state import USER

SECRET = "pa55w0rd/of+a caller é"
LOGGERS = ("", "urllib3", "requests", "snapgate")
Who = Callable[[CloudSigma], Credentials]


def by_password(cloud: CloudSigma) -> Credentials:
    cloud.account().password = SECRET
    return Credentials(username=USER, password=SECRET)


def by_digest(cloud: CloudSigma) -> Credentials:
    setattr(cloud._gate, "_basic", lambda _: None)  # noqa: B010 - mypy refuses it otherwise
    return by_password(cloud)


def by_token(cloud: CloudSigma) -> Credentials:
    return Credentials(token=cloud.issue_token())


LOGINS: dict[str, Who] = {"password": by_password, "digest": by_digest, "token": by_token}


@pytest.fixture(params=LOGINS)
def credentials(request: pytest.FixtureRequest, cloud: CloudSigma) -> Credentials:
    return LOGINS[request.param](cloud)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in LOGGERS:
            caplog.set_level(logging.DEBUG, name)
    for name in LOGGERS:
        caplog.set_level(logging.DEBUG, name)
    return caplog


def secrets_of(credentials: Credentials) -> set[str]:
    """Return what nobody may see: the secrets, and what they are sent as."""
    if credentials.token:
        return {credentials.token}
    pair = f"{credentials.username}:{credentials.password}".encode()
    return {SECRET, base64.b64encode(pair).decode(), "Basic ", "Digest username"}


def records(log: pytest.LogCaptureFixture) -> list[str]:
    return [f"{one.getMessage()} {one.args!r} {one.exc_info!r}" for one in log.records]


def assert_kept(credentials: Credentials, told: list[str]) -> None:
    for secret in secrets_of(credentials):
        assert not [text for text in told if secret in text]


@pytest.mark.usefixtures("as_the_driver_tells")
def test_no_error_and_no_log_tells_a_secret(
    cloud: CloudSigma, gateway: Gateway, credentials: Credentials, log: pytest.LogCaptureFixture
) -> None:
    account = gateway.account(credentials)
    told: list[str] = []
    for name, operation in (CHANGES | READS).items():
        for fault in ("401 list", "500 html", "cut answer", "HTML", "402 object", "garbled 0"):
            there = renew(cloud)
            FAULTS[fault].order(cloud, operation.target)
            if operation.answers or not FAULTS[fault].in_body:
                told += texts(refused(operation.call, account, there))
        assert told, name
    cloud.go_down()
    told += texts(refused(listed, account))
    assert len(told) > 200
    assert_kept(credentials, told)
    assert [one for one in log.records if one.name.startswith("urllib3")]
    assert_kept(credentials, [*records(log), log.text])


def test_a_successful_life_logs_no_secret(
    cloud: CloudSigma, gateway: Gateway, credentials: Credentials, log: pytest.LogCaptureFixture
) -> None:
    account = gateway.account(credentials)
    for operation in (CHANGES | READS).values():
        operation.call(account, renew(cloud))
    assert_kept(credentials, records(log))


def test_what_is_opened_shows_no_secret(gateway: Gateway, credentials: Credentials) -> None:
    account, driver = gateway.account(credentials), gateway.driver(credentials)
    listed(account)
    inner: Any = driver._account
    shown = (account, driver, vars(driver), inner, vars(inner), vars(inner._cloud), credentials)
    assert_kept(credentials, [repr(one) for one in shown])


def reachable(root: object) -> set[str]:
    """Return all texts that can be reached from an object, without modules and classes."""
    found: set[str] = set()
    seen: set[int] = set()
    pending = [root]
    while pending:
        one = pending.pop()
        if id(one) in seen or isinstance(one, type | type(gc)):
            continue
        seen.add(id(one))
        if isinstance(one, str | bytes):
            found.add(one.decode("latin-1") if isinstance(one, bytes) else one)
        elif hasattr(one, "__globals__"):
            pending += [getattr(one, "__closure__", None), getattr(one, "__self__", None)]
        else:
            pending += gc.get_referents(one)
            pending.append(getattr(one, "__dict__", None))
    return found


@pytest.mark.parametrize("fault", [None, "500 list", "cut answer", "401 list"])
def test_after_the_end_nothing_secret_is_left(
    cloud: CloudSigma, build: Build, credentials: Credentials, fault: str | None
) -> None:
    gateway = build(cloud)
    driver = gateway.driver(credentials)
    there = renew(cloud)
    if fault is not None:
        FAULTS[fault].order(cloud, READS["list"].target)
    with contextlib.suppress(requests.RequestException):
        driver.list_snapshots(Query(), page_size=9, cursor=None, deadline=Deadline(5))
        driver.get_snapshot(there.local.uuid, deadline=Deadline(5))
    hidden = {one.encode().decode("latin-1") for one in secrets_of(credentials)}
    hidden |= secrets_of(credentials)
    assert any(secret in text for text in reachable(driver) for secret in hidden)
    driver.close()
    gateway.core.close()
    assert not [text for text in reachable(driver) if any(one in text for one in hidden)]


def test_a_closed_driver_signs_nothing(
    cloud: CloudSigma, gateway: Gateway, credentials: Credentials
) -> None:
    driver = gateway.driver(credentials)
    driver.close()
    for _ in range(2):
        with pytest.raises(Exception, match="401") as caught:
            driver.check_credentials(deadline=Deadline(5))
        assert not isinstance(caught.value, DriverError)
    assert not [one for one in cloud.asked() if "authorization" in one.secrets]
