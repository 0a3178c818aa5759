"""Exchanges that break, really made: what they mean, and whether a change may have happened."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
import requests

from drivers.cloudsigma import errors, wire
from drivers.cloudsigma.account import Account
from drivers.cloudsigma.clients import Cloud
from drivers.cloudsigma.wire import DRIVES, LOCAL
from gateway.driver import Deadline, DriverError, ErrorCode, was_sent, within
from tests.unit.cinder_samples import all_subclasses, http, serving, stalling
from tests.unit.cloudsigma_samples import SECRET, SNAPSHOT_ID, USER, classified, options, told

E: TypeAlias = ErrorCode
QUICK = {"connect_timeout_s": 0.1, "read_timeout_s": 0.1, "read_attempts": 1}
METHODS = ["POST", "PUT", "DELETE"]
MADE = f'{{"uuid": "{SNAPSHOT_ID}", "status": "creating"}}'


@contextlib.contextmanager
def account(url: str) -> Iterator[Account]:
    """Give an account of the server at a URL, within a call."""
    cloud = Cloud(options(f"{url}/api/2.0/", **QUICK))
    try:
        with within(Deadline(9)):
            yield Account(cloud, USER)
    finally:
        cloud.close()


def change(url: str, method: str = "POST") -> Exception:
    """Return what is raised for a change."""
    with account(url) as ours, pytest.raises((DriverError, requests.RequestException)) as caught:
        ours._change(method, "snapshots/", {"name": SECRET}, {"do": SECRET})
    return caught.value


def read(url: str) -> DriverError:
    """Return what an exchange means that changes nothing."""
    with account(url) as ours, pytest.raises((DriverError, requests.RequestException)) as caught:
        ours.get(LOCAL, SECRET)
    exc = caught.value
    return exc if isinstance(exc, DriverError) else classified(exc)


def assert_tells_nothing(error: DriverError) -> None:
    for secret in (SECRET, "http", "127.0.0.1", "user@"):
        assert secret not in told(error)


def assert_not_sent(exc: Exception, says: str) -> None:
    error = classified(exc)
    assert (error.code, error.maybe_done, was_sent(exc)) == (E.UNAVAILABLE, False, False)
    assert says in error.message
    assert_tells_nothing(error)


def assert_lost(exc: Exception, code: ErrorCode, says: str) -> None:
    assert isinstance(exc, DriverError)
    assert (exc.code, exc.maybe_done, exc.is_retryable) == (code, True, False)
    assert says in exc.message
    assert "may have happened" in exc.message
    assert_tells_nothing(exc)


@contextlib.contextmanager
def unused_port() -> Iterator[int]:
    """Give a port at which nobody listens, and nobody else will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_that_is_refused_has_sent_nothing(scheme: str, method: str) -> None:
    with unused_port() as port:
        url = f"{scheme}://127.0.0.1:{port}"
        assert_not_sent(change(url, method), "cannot be reached")
        assert "cannot be reached" in read(url).message


def test_a_server_that_speaks_no_tls_has_been_sent_nothing() -> None:
    with serving(http(400)) as server:
        exc = change(server.url.replace("http:", "https:"))
        assert all(SECRET.encode() not in request for request in server.requests)
    assert isinstance(exc, requests.exceptions.SSLError)
    assert_not_sent(exc, "see verify")


@pytest.mark.parametrize("method", METHODS)
def test_a_server_that_stalls_may_have_done_it(method: str) -> None:
    with stalling() as server:
        assert_lost(change(server.url, method), E.TIMEOUT, "in time")
        assert len(server.requests) == 1


def test_a_read_that_stalls_has_changed_nothing() -> None:
    with stalling() as server:
        error = read(server.url)
    assert (error.code, error.maybe_done) == (E.TIMEOUT, False)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1", http(202, MADE)[:-3], b"garbage\r\n\r\n"],
    ids=["nothing", "a piece of the first line", "a piece of the body", "no HTTP"],
)
def test_a_connection_that_breaks_may_have_done_it(answer: bytes) -> None:
    with serving(answer) as server:
        for method in METHODS:
            assert_lost(change(server.url, method), E.UNAVAILABLE, "broke before the whole")
        assert len(server.requests) == len(METHODS)
        error = read(server.url)
    assert (error.code, error.maybe_done) == (E.UNAVAILABLE, False)
    assert_tells_nothing(error)


FAILED = [(500, "", E.BACKEND), (502, "", E.UNAVAILABLE), (504, "", E.UNAVAILABLE)]
FAILED += [(503, "", E.UNAVAILABLE), (501, "<html>", E.BACKEND)]


@pytest.mark.parametrize(("status", "body", "code"), FAILED)
def test_a_change_at_which_the_server_failed_may_have_happened(
    status: int, body: str, code: ErrorCode
) -> None:
    with serving(http(status, body)) as server:
        assert_lost(change(server.url), code, "CloudSigma")
        assert len(server.requests) == 1


MISSING = '[{"error_type": "notexist", "error_message": "Object does not exist"}]'
CONCURRENT = f'[{{"error_type": "concurrency", "error_message": "{SECRET}"}}]'
REFUSED = [(400, "", E.INVALID), (401, "", E.UNAUTHENTICATED), (402, "", E.QUOTA)]
REFUSED += [
    (403, "", E.DENIED),
    (404, "", E.BACKEND),
    (404, MISSING, E.NOT_FOUND),
    (409, "", E.CONFLICT),
]
REFUSED += [(429, "", E.RATE_LIMITED), (503, CONCURRENT, E.RATE_LIMITED)]


@pytest.mark.parametrize(("status", "body", "code"), REFUSED)
def test_a_change_that_is_refused_has_not_happened(status: int, body: str, code: ErrorCode) -> None:
    with serving(http(status, body)) as server:
        exc = change(server.url)
    error = classified(exc)
    assert isinstance(exc, requests.HTTPError)
    assert (error.code, error.maybe_done) == (code, False)
    assert_tells_nothing(error)


NO_ANSWERS = ["", "<html>", "[]", "5", "null", "{}", '{"uuid": "u"}', '{"objects": null}']
NO_ANSWERS += ['{"objects": 5}', '{"objects": []}', '{"objects": {"uuid": "u"}}', "[" * 5000]
NO_ANSWERS += [
    MADE[:-1] + part
    for part in (
        ', "timestamp": "junk", "size": -1}',
        ', "allocated_size": -1, "size": -1}',
        ', "meta": 5}',
        f', "meta": {{"k": {"[" * 995}{"]" * 995}}}}}',
    )
]
NO_ANSWERS += [MADE.replace(SNAPSHOT_ID, "../x")]
NO_ANSWERS += [f'{{"objects": [{MADE}, {MADE}]}}', f"[{MADE}]", '{"objects": [[]]}']


@pytest.mark.parametrize("body", NO_ANSWERS, ids=lambda body: body[:30])
def test_a_change_with_an_answer_that_is_none_may_have_happened(body: str) -> None:
    with serving(http(201, body)) as server, account(server.url) as ours:
        for work in (
            lambda: ours.create(LOCAL, {}, wire.snapshot),
            lambda: ours.replace(LOCAL, SNAPSHOT_ID, {}, wire.snapshot),
            lambda: ours.clone(LOCAL, "u", {}, avoid=(), model=wire.volume),
            lambda: ours.create(DRIVES, {}, wire.volume),
        ):
            with pytest.raises(DriverError) as caught:
                work()
            assert_lost(caught.value, E.BACKEND, "no answer of CloudSigma")


@pytest.mark.parametrize("body", [MADE, f'{{"objects": [{MADE}]}}'])
def test_what_was_made_is_answered_bare_or_as_the_only_one(body: str) -> None:
    with serving(http(202, body)) as server, account(server.url) as ours:
        assert ours.create(DRIVES, {"name": "n"}, wire.volume).id == SNAPSHOT_ID
        changed = ours.replace(LOCAL, SNAPSHOT_ID, {"uuid": "../x"}, wire.snapshot)
        assert changed.native_state == "creating"
        made = ours.clone(LOCAL, "u", {}, avoid=("a", "b"), model=wire.volume)
        assert made.id == SNAPSHOT_ID
        assert server.lines() == [
            "POST /api/2.0/drives/",
            f"PUT /api/2.0/snapshots/{SNAPSHOT_ID}/",
            "POST /api/2.0/snapshots/u/action/?do=clone&avoid=a%2Cb",
        ]


def test_a_change_that_answers_with_another_object_may_have_happened() -> None:
    other = SNAPSHOT_ID.replace("6", "7")
    with serving(http(200, MADE)) as server, account(server.url) as ours:
        with pytest.raises(DriverError) as caught:
            ours.replace(LOCAL, other, {}, wire.snapshot)
        assert_lost(caught.value, E.BACKEND, "no answer of CloudSigma")


@pytest.mark.parametrize("status", [300, 302, 304, 307])
def test_a_redirection_that_is_not_followed_is_no_success(status: int) -> None:
    answer = http(status, "" if status == 304 else MADE, "Location: http://127.0.0.2:1/x")
    with serving(answer) as server, account(server.url) as ours:
        for work in (
            lambda: ours.create(LOCAL, {}, wire.snapshot),
            lambda: ours.replace(LOCAL, SNAPSHOT_ID, {}, wire.snapshot),
            lambda: ours.delete(LOCAL, SNAPSHOT_ID),
        ):
            with pytest.raises(DriverError) as caught:
                work()
            assert_lost(caught.value, E.BACKEND, f"status {status}")
        with pytest.raises(requests.HTTPError) as refused:
            ours.get(LOCAL, SNAPSHOT_ID)
        error = classified(refused.value)
        assert (error.code, error.maybe_done) == (E.BACKEND, False)


@pytest.mark.parametrize(("status", "done"), [(204, True), (202, True), (200, False), (302, False)])
def test_a_deletion_has_begun_only_if_it_is_said(status: int, done: bool) -> None:
    with serving(http(status, "")) as server, account(server.url) as ours:
        if done:
            ours.delete(LOCAL, "u")
        else:
            with pytest.raises(DriverError) as caught:
                ours.delete(LOCAL, "u")
            assert_lost(caught.value, E.BACKEND, "CloudSigma")
        assert server.lines() == ["DELETE /api/2.0/snapshots/u/"]


@pytest.mark.parametrize("body", ["", "<html>", "[]", "5", "null", "{", "\xff"])
def test_a_read_with_an_answer_that_is_none_is_the_backends_fault(body: str) -> None:
    with serving(http(200, body)) as server:
        error = read(server.url)
    assert (error.code, error.maybe_done) == (E.BACKEND, False)


EXCEPTIONS = all_subclasses(requests.RequestException)


@pytest.mark.parametrize("cls", EXCEPTIONS, ids=lambda cls: cls.__name__)
def test_every_exception_of_requests_means_something(cls: type[Exception]) -> None:
    exc = cls.__new__(cls)
    Exception.__init__(exc, SECRET)
    exc.response = exc.request = None  # type: ignore[attr-defined]
    error = classified(exc)
    assert error.code in (E.UNAVAILABLE, E.TIMEOUT)
    assert (error.fields, error.backend_code, error.maybe_done) == ({}, None, False)
    assert_tells_nothing(error)


def test_the_exceptions_of_requests_are_many() -> None:
    assert {requests.Timeout, requests.TooManyRedirects, requests.JSONDecodeError} <= {*EXCEPTIONS}
    assert classified(requests.ReadTimeout()).code is E.TIMEOUT
    assert classified(requests.ConnectTimeout()).code is E.UNAVAILABLE


BUGS: list[Any] = [ValueError, TypeError, KeyError, AttributeError, OSError, UnicodeError]


@pytest.mark.parametrize("cls", [*BUGS, RecursionError, ConnectionError, TimeoutError])
def test_a_bug_of_ours_means_nothing(cls: type[Exception]) -> None:
    assert errors.classify(cls(SECRET)) is None
