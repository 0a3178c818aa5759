"""How the driver's one transport sends: time-outs, repetitions, redirections, nothing kept."""

import contextlib
import gc
import gzip
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from keystoneauth1 import exceptions as keystone
from keystoneauth1.session import Session

from gateway.driver import Deadline, DriverError, ErrorCode, Transport, within
from gateway.driver import transport as transport_module
from tests.unit.cinder_samples import classified, http, options, serving, stalling

TOKEN = "gAAAAAtoken"


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport(options(read_attempts=2)) as made:
        yield made


def send(
    transport: Transport, url: str, method: str = "GET", *, limit_s: float = 60, **kw: Any
) -> requests.Response:
    """Send as keystoneauth does."""
    session = Session(session=transport, redirect=False)
    with within(Deadline(limit_s)):
        answer = session.request(
            url, method, headers={"X-Auth-Token": TOKEN}, raise_exc=False, **kw
        )
    assert isinstance(answer, requests.Response)
    return answer


@pytest.mark.parametrize(
    ("limit_s", "connect_s", "read_s"), [(600, 5, 20), (10, 5, 10), (3, 3, 3), (0.1, 0.1, 0.1)]
)
def test_no_time_out_is_longer_than_the_call_may_take(
    monkeypatch: pytest.MonkeyPatch, limit_s: float, connect_s: float, read_s: float
) -> None:
    given: list[Any] = []

    def sent(_: Any, __: Any, ___: Any, **kw: Any) -> requests.Response:
        given.append(kw["timeout"])
        return requests.Response()

    monkeypatch.setattr(requests.Session, "request", sent)
    with Transport(options()) as transport, within(Deadline(limit_s)):
        transport.request("POST", "http://127.0.0.1:9/", timeout=9999)
    [(connect, read)] = given
    assert connect_s - 0.05 < connect <= connect_s
    assert read_s - 0.05 < read <= read_s


def test_the_options_bound_the_time_outs() -> None:
    with Transport(options(connect_timeout_s=1.5, read_timeout_s=2.5)) as transport:
        assert transport._longest == (1.5, 2.5)


def test_nothing_is_sent_after_the_deadline(transport: Transport) -> None:
    with serving(http(200)) as server:
        with pytest.raises(DriverError) as caught:
            send(transport, server.url, limit_s=0)
        assert (caught.value.code, server.requests) == (ErrorCode.TIMEOUT, [])


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_body_that_trickles_ends_with_the_call(
    transport: Transport, method: str, *, is_chunked: bool
) -> None:
    how = "Transfer-Encoding: chunked" if is_chunked else "Content-Length: 1000"
    piece = b"1\r\nx\r\n" if is_chunked else b"x"

    def trickle(connection: Any, _: Any) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\n{how}\r\n\r\n".encode())
        for _ in range(100):
            connection.sendall(piece)
            time.sleep(0.02)

    with serving(trickle) as server:
        began = time.monotonic()
        with pytest.raises(DriverError) as caught:
            send(transport, server.url, method, limit_s=0.2)
        assert caught.value.code is ErrorCode.TIMEOUT
        assert time.monotonic() - began < 0.6
        assert len(server.requests) == 1


def endless(connection: Any, _: Any) -> None:
    """Answer with a body that nobody counts and that does not end."""
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            connection.sendall(b" " * (1 << 16))


def bomb(coding: str, mib: int) -> bytes:
    """Return an answer that is small on its way and large when it is decoded."""
    body = b" " * (mib << 20)
    for one in coding.split(", "):
        body = gzip.compress(body) if one == "gzip" else zlib.compress(body)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "answer",
    [endless, bomb("gzip", 9), bomb("deflate", 9), bomb("gzip, gzip", 9)],
    ids=["endless", "gzip", "deflate", "twice"],
)
def test_a_body_that_is_too_large_is_refused_before_it_is_all_there(
    transport: Transport, method: str, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "MOST_BYTES", 2 << 20)
    with serving(answer) as server:
        tracemalloc.start()
        with pytest.raises(DriverError) as caught:
            send(transport, server.url, method)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    error = caught.value
    assert error.code is ErrorCode.BACKEND
    assert "the answer is larger than 2 MiB" in error.message
    assert error.maybe_done is (method != "GET")
    assert len(server.requests) == 1
    assert peak < (4 << 20)


def long_failure(connection: Any, _: Any) -> None:
    """Answer that the server is down, at great length."""
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 503 X\r\nContent-Type: text/html\r\n\r\n")
        for _ in range(150):
            connection.sendall(b" ")
            time.sleep(0.02)


def test_what_is_tried_again_is_not_read_to_its_end(transport: Transport) -> None:
    with serving(long_failure) as server:
        began = time.monotonic()
        with pytest.raises(DriverError) as caught:
            send(transport, server.url, limit_s=0.5)
        assert time.monotonic() - began < 1.5
        assert len(server.requests) == 2
    assert (caught.value.code, caught.value.maybe_done) == (ErrorCode.TIMEOUT, False)


def test_a_body_of_just_the_largest_size_is_read(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "MOST_BYTES", 3 << 20)
    with serving(bomb("gzip", 3)) as server:
        assert len(send(transport, server.url).content) == 3 << 20


def test_a_long_body_lets_others_have_their_turn(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[float] = []
    monkeypatch.setattr(time, "sleep", turns.append)
    with serving(bomb("gzip", 5)) as server:
        send(transport, server.url)
        assert turns == [0] * 5
        turns.clear()
    with serving(http(200, "x" * 9999)) as server:
        send(transport, server.url)
    assert turns == []


def test_nothing_is_sent_that_nobody_limits(transport: Transport) -> None:
    with serving(http(200)) as server, pytest.raises(LookupError):
        transport.request("GET", server.url)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_call_ends_at_its_deadline_however_often_it_is_tried(method: str) -> None:
    with stalling() as server, Transport(options(read_attempts=4)) as transport:
        began = time.monotonic()
        with pytest.raises((keystone.ConnectionError, DriverError)) as caught:
            send(transport, server.url, method, limit_s=0.2)
        assert time.monotonic() - began < 0.7
    exc = caught.value
    error = exc if isinstance(exc, DriverError) else classified(exc)
    assert error.code is ErrorCode.TIMEOUT


@pytest.mark.parametrize(
    ("status", "attempts"), [(502, 1), (502, 2), (503, 1), (503, 2), (503, 3), (504, 1), (504, 2)]
)
def test_a_read_is_tried_again_when_the_server_is_down(status: int, attempts: int) -> None:
    with Transport(options(read_attempts=attempts)) as transport, serving(http(status)) as server:
        assert send(transport, server.url).status_code == status
        assert len(server.requests) == attempts


class OneAttempt(Deadline):
    """Is over as soon as it is looked at for the second time."""

    def __init__(self) -> None:
        super().__init__(9)
        self.looks = 0

    def remaining_s(self) -> float:
        self.looks += 1
        if self.looks > 1:
            raise self.error()
        return super().remaining_s()


def too_late(answer: bytes) -> tuple[ErrorCode, int]:
    """Return what a call ends with that has time for one attempt, and how many it made."""
    with serving(answer) as server, Transport(options(read_attempts=9)) as transport:
        with pytest.raises(DriverError) as caught, within(OneAttempt()):
            transport.request("GET", server.url)
        return caught.value.code, len(server.requests)


@pytest.mark.parametrize("answer", [b"", http(503)], ids=["broken", "down"])
def test_nothing_is_tried_again_after_the_deadline(answer: bytes) -> None:
    assert too_late(answer) == (ErrorCode.TIMEOUT, 1)
    gc.collect()  # a connection that was left behind says so now


@pytest.mark.parametrize("status", [200, 400, 401, 404, 413, 429, 500, 501])
def test_what_will_not_change_is_not_tried_again(transport: Transport, status: int) -> None:
    with serving(http(status, "{}", "Retry-After: 1")) as server:
        assert send(transport, server.url).status_code == status
        assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("answer", [http(502), http(503, "{}", "Retry-After: 0"), http(504), b""])
def test_a_change_is_sent_once(transport: Transport, method: str, answer: bytes) -> None:
    with serving(answer) as server:
        if answer:
            assert send(transport, server.url, method, json={}).status_code >= 502
        else:
            with pytest.raises(keystone.ConnectFailure):
                send(transport, server.url, method, json={})
        assert len(server.requests) == 1


def test_a_read_whose_connection_breaks_is_tried_again(transport: Transport) -> None:
    answers = [b"", http(200)]
    with serving(lambda connection, _: connection.sendall(answers.pop(0))) as server:
        assert send(transport, server.url).status_code == 200
        assert len(server.requests) == 2


def test_a_server_that_wants_a_long_pause_does_not_get_it(transport: Transport) -> None:
    began = time.monotonic()
    with serving(http(503, "{}", "Retry-After: 30")) as server:
        assert send(transport, server.url).headers["Retry-After"] == "30"
    assert time.monotonic() - began < 2


def test_no_cookie_is_kept(transport: Transport) -> None:
    with serving(http(200, "{}", "Set-Cookie: session=alice; Path=/")) as server:
        for _ in range(2):
            send(transport, server.url)
        assert all(b"ookie" not in request for request in server.requests)
    assert len(transport.cookies) == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_login_is_taken_from_the_operators_netrc(
    transport: Transport, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login operator password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(http(200)) as server:
        assert requests.utils.get_netrc_auth(server.url) == ("operator", "hunter2")
        send(transport, server.url, method)
        assert b"authorization" not in server.requests[0].lower()
        assert f"X-Auth-Token: {TOKEN}".encode() in server.requests[0]


def moved(location: str, status: int = 302) -> bytes:
    return http(status, "", f"Location: {location}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/v3/", "{url}/v3/", "https://127.0.0.1/v3/", "v3/"])
def test_a_redirection_on_the_same_host_is_followed(
    transport: Transport, status: int, location: str
) -> None:
    answers: list[bytes] = []
    with serving(lambda connection, _: connection.sendall(answers.pop(0))) as server:
        answers += [moved(location.format(url=server.url), status), http(200, '{"a": 1}')]
        assert send(transport, f"{server.url}/v3").json() == {"a": 1}
        assert server.lines() == ["GET /v3", "GET /v3/"]
        assert all(TOKEN.encode() in request for request in server.requests)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.2", "127.0.0.1.example.org", "evil.example"]
)
def test_a_redirection_to_another_host_is_not_followed(transport: Transport, host: str) -> None:
    with serving(http(200)) as other:
        with serving(moved(f"http://{host}:{other.port}/v3/")) as server:
            assert send(transport, f"{server.url}/v3").status_code == 302
            assert len(server.requests) == 1
        assert other.requests == []


def test_a_redirection_to_another_port_stays_where_it_was(transport: Transport) -> None:
    with serving(http(200)) as other:
        with serving(moved(f"http://127.0.0.1:{other.port}/v3/")) as server:
            send(transport, f"{server.url}/v3")
            assert server.lines() == ["GET /v3", "GET /v3/"]
        assert other.requests == []


def test_a_redirection_is_followed_once(transport: Transport) -> None:
    with serving(moved("/again")) as server:
        assert send(transport, f"{server.url}/v3").status_code == 302
        assert server.lines() == ["GET /v3", "GET /again"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_only_a_read_is_redirected(transport: Transport, method: str) -> None:
    with serving(moved("/v3/")) as server:
        assert send(transport, f"{server.url}/v3", method).status_code == 302
        assert server.lines() == [f"{method} /v3"]


def test_a_redirected_read_asks_for_the_same(transport: Transport) -> None:
    answers = [moved("/v3/snapshots/detail/?limit=5&sort=id"), http(200)]
    with serving(lambda connection, _: connection.sendall(answers.pop(0))) as server:
        send(transport, f"{server.url}/v3/snapshots/detail", params={"limit": 5, "sort": "id"})
        assert server.lines()[1] == "GET /v3/snapshots/detail/?limit=5&sort=id"


@pytest.mark.parametrize("location", ["http://[", "http://[::1", "//[x]/", "http://127.0.0.1:x/"])
def test_a_redirection_to_nowhere_is_not_followed(transport: Transport, location: str) -> None:
    answers = [moved(location), http(200)]
    with serving(lambda connection, _: connection.sendall(answers.pop(0))) as server:
        assert send(transport, f"{server.url}/v3").status_code in (200, 302)
        assert len(server.requests) in (1, 2)


def test_all_hosts_are_reached_by_the_same_rules(transport: Transport) -> None:
    adapters = {transport.get_adapter(url) for url in ("http://a.example", "https://b.example")}
    assert len(adapters) == 1
