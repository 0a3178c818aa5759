"""What goes wrong between here and Keystone, and exceptions that are no answer at all."""

from itertools import product
from typing import Any

import openstack.exceptions as sdk
import pytest
from keystoneauth1 import exceptions as keystone
from keystoneauth1.exceptions.http import from_response

from drivers.cinder import errors
from drivers.cinder.driver import CinderDriver
from gateway.driver import Deadline, DriverError, ErrorCode
from tests.golden_cinder import IDENTITY, exchanges
from tests.unit.cinder_samples import (
    HTML,
    SECRET,
    all_subclasses,
    blank,
    classified,
    named,
    recorded,
    response,
    told,
)

UNAUTHENTICATED, DENIED, SLOW = (
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.DENIED,
    ErrorCode.RATE_LIMITED,
)
BACKEND, DOWN, CANNOT = ErrorCode.BACKEND, ErrorCode.UNAVAILABLE, ErrorCode.UNSUPPORTED

# Keystone's answers to a login, or to the question what a token is worth; None where the
# driver never asks like that.
LOGINS = {
    "keystone: wrong password": UNAUTHENTICATED,
    "keystone: a project without a role": UNAUTHENTICATED,
    "keystone: no domain": UNAUTHENTICATED,
    "keystone: unsupported method": UNAUTHENTICATED,
    "keystone: unknown token exchanged": None,
    "keystone: wrong secret": UNAUTHENTICATED,
    "keystone: unknown application credential": UNAUTHENTICATED,
    "keystone: token of an application credential exchanged": DENIED,
    "keystone: unknown token looked at": None,
    "keystone: looked at with an unknown token": UNAUTHENTICATED,
    "keystone: revoked token exchanged": None,
}


def of_keystone(answer: Any) -> Exception:
    """Return what keystoneauth raises for an answer to a login."""
    exc = from_response(answer, "POST", f"https://{SECRET}.example/v3/auth/tokens")
    assert isinstance(exc, keystone.ClientException)
    return exc


@pytest.mark.parametrize(("name", "code"), LOGINS.items(), ids=list(LOGINS))
def test_each_recorded_error_of_keystone_has_its_meaning(name: str, code: ErrorCode | None) -> None:
    error = classified(of_keystone(recorded(named(name))))
    assert code is None or error.code is code
    assert (error.fields, error.maybe_done) == ({}, False)
    assert "http" not in told(error)


def test_each_recorded_error_of_keystone_is_among_these() -> None:
    failures = {one.name for one in exchanges() if one.service == IDENTITY and one.status >= 400}
    assert failures == set(LOGINS)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, UNAUTHENTICATED),
        (401, UNAUTHENTICATED),
        (402, BACKEND),
        (403, DENIED),
        (405, BACKEND),
        (408, BACKEND),
        (409, BACKEND),
        (410, BACKEND),
        (418, BACKEND),
        (429, SLOW),
        (500, DOWN),
        (501, DOWN),
        (502, DOWN),
        (503, DOWN),
        (504, DOWN),
        (599, DOWN),
    ],
)
def test_a_status_of_keystones_has_its_meaning_whatever_the_body(
    status: int, code: ErrorCode
) -> None:
    bodies = [HTML, "", f'{{"error": {{"message": "{SECRET}"}}}}', "[]", "{"]
    for body, content_type in product(bodies, ["text/html", "application/json"]):
        error = classified(of_keystone(response(status, body, content_type)))
        assert error.code is code
        assert SECRET not in told(error)


def test_what_is_not_found_where_keystone_should_be_is_no_keystone() -> None:
    for body, content_type in product([HTML, "", "[]", "{"], ["text/html", "application/json"]):
        error = classified(of_keystone(response(404, body, content_type)))
        assert error.code is BACKEND
        assert "no answer of Keystone" in error.message


@pytest.mark.parametrize(("header", "wait_s"), [("7", 7), ("0", None), ("soon", None)])
def test_keystone_says_when_to_ask_again(header: str, wait_s: float | None) -> None:
    error = classified(of_keystone(response(429, HTML, "text/html", Retry_After=header)))
    assert (error.code, error.retry_after_s or None) == (SLOW, wait_s)


def test_a_login_that_needs_more_than_a_password_is_no_login() -> None:
    answer = response(401, '{"receipt": {"methods": ["password"]}}', Openstack_Auth_Receipt="x")
    answer._content = (
        b'{"receipt": {"methods": ["password"], "user": {"id": "u", "name": "u", "domain": {}},'
        b'"expires_at": "2026-11-20T19:34:07.000000Z", "issued_at": "2026-11-20T18:34:07.000000Z"},'
        b'"required_auth_methods": [["totp", "password"]]}'
    )
    exc = of_keystone(answer)
    assert isinstance(exc, keystone.MissingAuthMethods)
    assert classified(exc).code is UNAUTHENTICATED


@pytest.mark.parametrize(
    ("exc", "code", "says"),
    [
        (keystone.EndpointNotFound(SECRET), BACKEND, "region_name"),
        (keystone.EmptyCatalog(SECRET), BACKEND, "catalogue"),
        (keystone.CatalogException(SECRET), BACKEND, "catalogue"),
        (sdk.EndpointNotFound(SECRET), BACKEND, "catalogue"),
        (sdk.ServiceDisabledException(SECRET), BACKEND, "region_name"),
        (keystone.AuthorizationFailure(SECRET), UNAUTHENTICATED, "password"),
        (keystone.DiscoveryFailure(SECRET), DOWN, "cannot be reached"),
        (keystone.VersionNotAvailable(SECRET), DOWN, "cannot be reached"),
        (sdk.ServiceDiscoveryException(SECRET), DOWN, "cannot be reached"),
        (sdk.NotSupported(SECRET), CANNOT, "no block storage API v3"),
        (keystone.InvalidResponse(response(200, HTML)), BACKEND, "no answer of Keystone"),
        (keystone.ClientException(SECRET), BACKEND, "no answer of Cinder"),
        (sdk.SDKException(SECRET), BACKEND, "no answer of Cinder"),
        (sdk.HttpException(SECRET), BACKEND, "no answer of Cinder"),
        (sdk.NotFoundException(SECRET), BACKEND, "no answer of Cinder"),
        (sdk.InvalidResponse(SECRET), BACKEND, "no answer of Cinder"),
        (sdk.ConfigException(SECRET), BACKEND, "no answer of Cinder"),
        (keystone.ConnectFailure(SECRET), DOWN, "broke before the whole answer"),
        (keystone.UnknownConnectionError(SECRET, OSError()), DOWN, "broke before"),
        (keystone.ConnectTimeout(SECRET), ErrorCode.TIMEOUT, "in time"),
        (keystone.SSLError(SECRET), DOWN, "cacert"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_answer_has_its_meaning(exc: Exception, code: ErrorCode, says: str) -> None:
    error = classified(exc)
    assert (error.code, error.backend_code, error.fields) == (code, None, {})
    assert says in error.message
    assert SECRET not in told(error)


ALL = {*all_subclasses(keystone.ClientException), *all_subclasses(sdk.SDKException)}


def test_each_exception_of_both_libraries_means_something() -> None:
    assert len(ALL) >= 80
    for cls in ALL:
        error = classified(blank(cls))
        assert error.code is not ErrorCode.INTERNAL, cls
        assert not error.maybe_done, cls
        assert SECRET not in told(error), cls


@pytest.mark.parametrize(
    "exc",
    [
        ValueError("x"),
        KeyError("snapshot"),
        TypeError("x"),
        AttributeError("x"),
        OSError(2, "x"),
        LookupError("deadline"),
        AssertionError("x"),
        DriverError(ErrorCode.QUOTA, ""),
        Deadline(1).error(),
    ],
    ids=repr,
)
def test_a_bug_is_not_explained_away(exc: Exception) -> None:
    assert errors.classify(exc) is None
    assert CinderDriver.classify(exc) is None


def test_the_driver_classifies_like_this() -> None:
    error = CinderDriver.classify(keystone.Unauthorized())
    assert error is not None
    assert error.code is UNAUTHENTICATED
