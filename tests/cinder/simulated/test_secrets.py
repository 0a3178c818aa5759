"""No secret of a caller is in an error, in a repr or in anybody's log."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from gateway.driver import CreateSnapshot, Credentials, DriverError, MetadataChange, UpdateSnapshot
from tests.cinder.simulated.conftest import Build
from tests.cinder.simulated.faults import CHANGES, FAULTS, READS, renew
from tests.cinder.simulated.tools import TOKEN, Gateway, listed, refused, texts
from tests.simulators.openstack import OpenStack

PASSWORD, SECRET = "pa55w0rd/of+a caller", "s3cr3t/of+an application"
LOGGERS = ("", "keystoneauth", "openstack", "urllib3", "requests", "snapgate")
Who = Callable[[OpenStack], Credentials]


def by_password(openstack: OpenStack) -> Credentials:
    openstack.identity.demo.password = PASSWORD
    return Credentials(username="demo+demo", password=PASSWORD)


def by_application(openstack: OpenStack) -> Credentials:
    made = openstack.identity.add_application_credential(secret=SECRET)
    return Credentials(username=f"application_credential+{made.id}", password=SECRET)


def by_token(openstack: OpenStack) -> Credentials:
    identity = openstack.identity
    return Credentials(token=identity.issue(identity.demo, identity.project("demo")).id)


LOGINS: dict[str, Who] = {
    "password": by_password,
    "application credential": by_application,
    "token": by_token,
}


@pytest.fixture(params=LOGINS)
def credentials(request: pytest.FixtureRequest, openstack: OpenStack) -> Credentials:
    return LOGINS[request.param](openstack)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    for name in LOGGERS:
        caplog.set_level(logging.DEBUG, name)
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in LOGGERS:
            caplog.set_level(logging.DEBUG, name)
    return caplog


def secrets_of(openstack: OpenStack) -> set[str]:
    return {PASSWORD, SECRET, *openstack.identity.tokens}


def records(log: pytest.LogCaptureFixture) -> list[str]:
    return [f"{one.getMessage()} {one.args!r} {one.exc_info!r}" for one in log.records]


def assert_kept(openstack: OpenStack, told: list[str]) -> None:
    for secret in secrets_of(openstack):
        assert not [text for text in told if secret in text]


def provoke(openstack: OpenStack, gateway: Gateway, credentials: Credentials) -> list[str]:
    """Return all that is told while everything goes wrong that can."""
    account = gateway.account(credentials)
    told: list[str] = []
    for name, operation in (CHANGES | READS).items():
        for fault in ("500", "503", "cut answer", "HTML", "quota", "403", "a redirection"):
            snapshot = renew(openstack)
            FAULTS[fault].order(openstack, operation.target)
            if name in ("rename", "create", "list") or fault == "503":
                told += texts(refused(operation.call, account, snapshot))
    renew(openstack)
    openstack.identity.revoke_tokens()
    for order in (
        lambda: openstack.fail(TOKEN, 503, times=9),
        lambda: openstack.fail(TOKEN, 401, times=9),
        lambda: openstack.garble(TOKEN, b"<html>", times=9),
        lambda: openstack.cut(TOKEN, "middle", times=9),
    ):
        openstack.clear_faults()
        order()
        try:
            listed(account)
        except DriverError as error:
            told += texts(error)
    return told


@pytest.mark.usefixtures("as_the_driver_tells")
def test_no_error_and_no_log_tells_a_secret(
    openstack: OpenStack, gateway: Gateway, credentials: Credentials, log: pytest.LogCaptureFixture
) -> None:
    told = provoke(openstack, gateway, credentials)
    assert len(told) > 60
    assert_kept(openstack, told)
    assert [one for one in log.records if one.name.startswith("urllib3")]
    assert_kept(openstack, records(log))
    assert_kept(openstack, [log.text])


def test_a_successful_life_logs_no_secret(
    openstack: OpenStack, gateway: Gateway, credentials: Credentials, log: pytest.LogCaptureFixture
) -> None:
    volume = openstack.region().add_volume()
    account = gateway.account(credentials)
    made = account.create_snapshot(CreateSnapshot(volume.id))
    account.update_snapshot(made.id, UpdateSnapshot(metadata=MetadataChange({"k": "v"})))
    account.delete_snapshot(made.id)
    assert_kept(openstack, records(log))


@pytest.mark.parametrize("fault", ["401", "503", "HTML", "cut", "down", "wrong"])
def test_no_login_that_fails_tells_a_secret(
    openstack: OpenStack,
    gateway: Gateway,
    credentials: Credentials,
    log: pytest.LogCaptureFixture,
    *,
    fault: str,
) -> None:
    target = "GET /auth/tokens" if credentials.token else TOKEN
    orders: dict[str, Callable[[], Any]] = {
        "401": lambda: openstack.fail(target, 401, times=9),
        "503": lambda: openstack.fail(target, 503, times=9),
        "HTML": lambda: openstack.garble(target, b"<html>", times=9),
        "cut": lambda: openstack.cut(target, "middle", times=9),
        "down": lambda: openstack.go_down("identity"),
        "wrong": openstack.identity.credentials.clear,
    }
    orders[fault]()
    if fault == "wrong":
        openstack.identity.demo.password = "another"
        openstack.identity.revoke_tokens()
    assert_kept(openstack, list(texts(refused(gateway.account, credentials))))
    assert_kept(openstack, records(log))


def test_what_is_opened_shows_no_secret(
    openstack: OpenStack, gateway: Gateway, credentials: Credentials
) -> None:
    account, driver = gateway.account(credentials), gateway.driver(credentials)
    inner: Any = driver._account
    shown = (account, driver, vars(driver), vars(inner), vars(inner._session), inner._api)
    assert_kept(openstack, [repr(one) for one in shown])
    assert_kept(openstack, [repr(credentials), repr(vars(driver._lists._cloud))])


def test_the_secret_goes_to_keystone_only(
    openstack: OpenStack, gateway: Gateway, credentials: Credentials
) -> None:
    listed(gateway.account(credentials))
    for one in openstack.asked(service="block-storage"):
        for secret in (PASSWORD, SECRET):
            assert secret not in f"{one.path}?{one.query} {one.headers} {one.body!r}"
    assert not [
        one for one in openstack.requests if "gAAAA" in f"{one.path}{one.query}{one.body!r}"
    ]


def test_a_description_of_a_failure_names_no_url_with_a_secret(
    build: Build, openstack: OpenStack
) -> None:
    openstack.go_down()
    credentials = by_password(openstack)
    error = refused(build(openstack).account, credentials)
    assert "http" not in error.message
