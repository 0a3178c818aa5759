"""Exchanges that break, really made: what they mean, and whether the request was sent."""

import contextlib
import os
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from keystoneauth1 import exceptions as keystone
from keystoneauth1.session import Session

from drivers.cinder import errors
from gateway.driver import Deadline, DriverError, ErrorCode, Transport, was_sent, within
from tests.unit.cinder_samples import SECRET, classified, http, options, serving, stalling, told

DOWN, TIMEOUT = ErrorCode.UNAVAILABLE, ErrorCode.TIMEOUT
QUICK = {"connect_timeout_s": 0.1, "read_timeout_s": 0.1, "read_attempts": 1}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody trusts unless told, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cloud")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    made = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    path = tmp_path_factory.mktemp("tls") / "cloud.pem"
    path.write_bytes(made.public_bytes(encoding) + secret)
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def send(
    url: str, method: str = "POST", *, limit_s: float = 60, verify: Any = True, **given: Any
) -> Any:
    """Let keystoneauth send a request, and return the answer."""
    transport = Transport(options(**{**QUICK, **given}))
    session = Session(session=transport, verify=verify, redirect=False)
    body: Any = {} if method == "GET" else {"json": {"password": SECRET}}
    try:
        with within(Deadline(limit_s)):
            headers = {"X-Auth-Token": SECRET}
            return session.request(f"{url}/v3/{SECRET}", method, headers=headers, **body)
    finally:
        transport.close()


def broken(url: str, method: str = "POST", **given: Any) -> keystone.ConnectionError:
    """Return what keystoneauth raises for a request that fails in transport."""
    with pytest.raises(keystone.ConnectionError) as caught:
        send(url, method, **given)
    return caught.value


def assert_means(exc: keystone.ConnectionError, code: ErrorCode, says: str, *, sent: bool) -> None:
    error = classified(exc)
    assert (error.code, error.backend_code, error.maybe_done) == (code, None, False)
    assert says in error.message
    assert was_sent(exc) is sent
    for secret in (SECRET, "http", "127.0.0.1"):
        assert secret not in told(error)


@contextlib.contextmanager
def unused_port() -> Iterator[int]:
    """Give a port at which nobody listens, and nobody else will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextlib.contextmanager
def full() -> Iterator[str]:
    """Give the URL of a server that accepts no connection: its queue is full."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_that_is_refused_has_sent_nothing(method: str, scheme: str) -> None:
    with unused_port() as port:
        exc = broken(f"{scheme}://127.0.0.1:{port}", method)
    assert_means(exc, DOWN, "cannot be reached", sent=False)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_takes_too_long_has_sent_nothing(method: str) -> None:
    with full() as url:
        exc = broken(url, method)
    assert isinstance(exc, keystone.ConnectTimeout)
    assert_means(exc, DOWN, "cannot be reached", sent=False)


def test_a_name_that_nobody_knows_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    exc = broken("http://cloud.example")
    assert_means(exc, DOWN, "cannot be reached", sent=False)


def test_a_proxy_that_is_not_there_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with unused_port() as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        exc = broken("http://cloud.example")
    assert_means(exc, DOWN, "cannot be reached", sent=False)


def test_a_proxy_that_makes_no_tunnel_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serving(http(403)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        exc = broken("https://cloud.example")
        assert proxy.lines() == ["CONNECT cloud.example:443 HTTP/1.0"]
    assert_means(exc, DOWN, "cannot be reached", sent=False)


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_stalls_may_have_done_it(method: str, attempts: int) -> None:
    with stalling() as server:
        exc = broken(server.url, method, read_attempts=attempts)
        assert len(server.requests) == 1  # a server that stalled once has had its time
    assert_means(exc, TIMEOUT, "in time", sent=True)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1", http(202, '{"a": "b"}')[:-3], b"garbage\r\n\r\n", b"\xff" * 70_000],
    ids=["nothing", "a piece of the first line", "a piece of the body", "no HTTP", "noise"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_breaks_may_have_done_it(method: str, answer: bytes) -> None:
    with serving(answer) as server:
        exc = broken(server.url, method)
        assert len(server.requests) == 1
    assert_means(exc, DOWN, "broke before the whole answer", sent=True)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_speaks_no_tls_has_been_sent_nothing(method: str) -> None:
    with serving(http(400)) as server:
        exc = broken(server.url.replace("http:", "https:"), method)
        assert all(SECRET.encode() not in request for request in server.requests)
    assert isinstance(exc, keystone.SSLError)
    assert_means(exc, DOWN, "", sent=False)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_certificate_that_is_not_trusted_has_been_sent_nothing(
    tls: ssl.SSLContext, method: str
) -> None:
    with serving(http(200), tls) as server:
        exc = broken(server.url, method)
        assert server.requests == []
    assert isinstance(exc, keystone.SSLError)
    assert_means(exc, DOWN, "see cacert", sent=False)


def test_a_tls_that_is_not_agreed_on_has_been_sent_nothing(
    tls: ssl.SSLContext, certificate: Path
) -> None:
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")  # the certificate's key is of another kind
    with serving(http(200), tls) as server:
        exc = broken(server.url, verify=str(certificate))
        assert server.requests == []
    assert isinstance(exc, keystone.SSLError)
    assert_means(exc, DOWN, "TLS", sent=False)


def test_a_certificate_that_is_trusted_is_no_hindrance(
    tls: ssl.SSLContext, certificate: Path
) -> None:
    with serving(http(200), tls) as server:
        assert send(server.url, verify=str(certificate)).status_code == 200


def test_a_tls_connection_that_ends_may_have_done_it(
    tls: ssl.SSLContext, certificate: Path
) -> None:
    with serving(b"", tls) as server:
        exc = broken(server.url, verify=str(certificate))
        assert server.lines() == [f"POST /v3/{SECRET}"]
    assert_means(exc, DOWN, "broke before the whole answer", sent=True)


def noise(connection: socket.socket, _: bytes) -> None:
    """Answer past TLS, as something on the way does that breaks the connection."""
    with socket.socket(fileno=os.dup(connection.fileno())) as bare:
        bare.sendall(b"\x17\x03\x03\x00\x20" + b"\0" * 0x20)


def test_a_tls_connection_that_breaks_may_have_done_it(
    tls: ssl.SSLContext, certificate: Path
) -> None:
    with serving(noise, tls) as server:
        exc = broken(server.url, verify=str(certificate))
        assert server.lines() == [f"POST /v3/{SECRET}"]
    assert was_sent(exc)


def test_a_change_is_not_sent_again_when_tls_breaks(tls: ssl.SSLContext, certificate: Path) -> None:
    with serving(noise, tls) as server:
        broken(server.url, verify=str(certificate), read_attempts=2)
        assert server.lines() == [f"POST /v3/{SECRET}"]


def test_what_has_no_cause_is_taken_to_have_been_sent() -> None:
    assert was_sent(keystone.ConnectFailure("x"))
    assert was_sent(keystone.ConnectTimeout("x"))
    assert was_sent(keystone.UnknownConnectionError("x", ValueError()))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 429, 500, 503])
def test_an_answer_is_an_answer_whoever_asked(status: int) -> None:
    with serving(http(status, '{"error": {"message": "no"}}')) as server:
        with pytest.raises(keystone.HttpError) as caught:
            send(server.url)
        assert server.lines() == [f"POST /v3/{SECRET}"]
    assert isinstance(errors.classify(caught.value), DriverError)
    assert SECRET not in told(classified(caught.value))
