"""How a caller's credentials sign requests, and who gets to see them."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from drivers.cloudsigma.account import Account
from drivers.cloudsigma.clients import Bearer, Cloud, digest, login
from drivers.cloudsigma.driver import CloudSigmaDriver
from drivers.cloudsigma.wire import LOCAL
from gateway.driver import Credentials, Deadline, DriverError, ErrorCode, within
from tests.unit.cinder_samples import Server, http, serving
from tests.unit.cloudsigma_samples import SECRET, USER, options

TOKEN = "eyJhbGciOi.their-token_~+/=="
CHALLENGE = 'Digest nonce="n1", realm="users", algorithm="MD5", opaque="o", qop="auth"'
EMPTY = http(200, '{"objects": [], "meta": {"total_count": 0}}')


def signed(credentials: Credentials) -> str:
    """Return the header that a request is signed with."""
    request = requests.Request("GET", "http://cloud.example", auth=login(credentials)).prepare()
    header = request.headers["Authorization"]
    return header if isinstance(header, str) else header.decode()


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("user@example.com", SECRET),
        ("dé@example.com", "pä:ß wörd"),
        ("日本", "パスワード"),
        ("a b", "a:b:c"),
        ("a\r\nX: y", "\0\n"),
    ],
)
def test_a_name_and_a_password_are_basic_in_utf_8(username: str, password: str) -> None:
    credentials = Credentials(username=username, password=password)
    assert type(login(credentials)) is HTTPBasicAuth
    assert signed(credentials) == basic(f"{username}:{password}")
    can_be_quoted = username.isascii() and username.isprintable()
    assert isinstance(digest(credentials), HTTPDigestAuth) == can_be_quoted


@pytest.mark.parametrize("username", [None, "user@example.com"])
def test_a_token_is_sent_as_it_is(username: str | None) -> None:
    credentials = Credentials(token=TOKEN, username=username, password=username and SECRET)
    assert type(login(credentials)) is Bearer
    assert signed(credentials) == f"Bearer {TOKEN}"


def test_a_token_is_no_answer_to_digest() -> None:
    assert digest(Credentials(token=TOKEN)) is None
    assert digest(Credentials(username="u", password="")) is None
    assert digest(Credentials(username="", password="p")) is None


BAD = [
    {},
    {"username": "u"},
    {"username": "u", "password": ""},
    {"password": SECRET},
    {"username": "", "password": SECRET},
    {"token": ""},
    {"token": f"{SECRET} x"},
    {"token": f"{SECRET}\r\nX: y"},
    {"token": f"{SECRET}\n"},
    {"token": f"{SECRET}\0"},
    {"token": f"{SECRET}\x7f"},
    {"token": f"{SECRET}\xe9"},
    {"token": f"{SECRET}日"},
    {"session_token": SECRET},
]


@pytest.mark.parametrize("given", BAD, ids=repr)
def test_what_cannot_be_credentials_is_not_sent(given: dict[str, str]) -> None:
    cloud = Cloud(options())
    for refuse in (login, lambda one: Account(cloud, one)):
        with pytest.raises(DriverError) as caught:
            refuse(Credentials(**given))
        assert caught.value.code is ErrorCode.UNAUTHENTICATED
        assert "e-mail address" in caught.value.message
        assert SECRET not in f"{caught.value!r} {caught.value.args}"
    cloud.close()


def test_a_bad_token_does_not_hide_a_good_password() -> None:
    credentials = Credentials(token="a b", username="u", password="p")
    assert signed(credentials) == basic("u:p")


@pytest.fixture(
    params=[
        (CHALLENGE,),
        (f'Basic realm="x, y", {CHALLENGE}',),
        (f'{CHALLENGE}, Basic realm="x"',),
        ('Basic realm="x"', CHALLENGE),
    ],
    ids=["alone", "last", "first", "two headers"],
)
def digesting(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that wants Digest, perhaps among others, and takes any."""
    challenges = [f"WWW-Authenticate: {one}" for one in request.param]

    def reply(connection: Any, request: bytes) -> None:
        answer = EMPTY
        if b"Authorization: Digest " not in request:
            answer = http(401, "", *challenges)
        connection.sendall(answer)

    with serving(reply) as server:
        yield server


def ask(server: Server, credentials: Credentials, times: int = 1) -> list[str]:
    """Ask for a list, and return how each request that got there was signed."""
    cloud = Cloud(options(server.url, read_attempts=1))
    account = Account(cloud, credentials)
    try:
        with within(Deadline(9)):
            for _ in range(times):
                account.everything(LOCAL, {})
    finally:
        cloud.close()
    return [_scheme(request) for request in server.requests]


def _scheme(request: bytes) -> str:
    found = [line for line in request.split(b"\r\n") if line.startswith(b"Authorization: ")]
    return found[0].split(b" ")[1].decode() if found else ""


def test_a_server_that_wants_digest_gets_it_from_then_on(digesting: Server) -> None:
    assert ask(digesting, USER, times=3) == ["Basic", "", "Digest", "Digest", "Digest"]
    assert b'username="user@example.com", realm="users"' in digesting.requests[-1]
    assert all(SECRET.encode() not in request for request in digesting.requests)


def test_a_token_is_not_turned_into_digest(digesting: Server) -> None:
    with pytest.raises(requests.HTTPError):
        ask(digesting, Credentials(token=TOKEN))
    assert [_scheme(request) for request in digesting.requests] == ["Bearer"]


@pytest.mark.parametrize(
    "challenge",
    ["", 'Basic realm="x"', "Negotiate", "x Digest", 'Basic realm="x, Digest y"', "Digested x"],
)
def test_a_server_that_does_not_want_digest_is_asked_once(challenge: str) -> None:
    header = f"WWW-Authenticate: {challenge}"
    with serving(http(401, "", header)) as server:
        with pytest.raises(requests.HTTPError):
            ask(server, USER)
        assert [_scheme(request) for request in server.requests] == ["Basic"]


def test_a_server_that_refuses_digest_is_asked_anew_by_basic() -> None:
    with serving(http(401, "", f"WWW-Authenticate: {CHALLENGE}")) as server:
        for _ in range(2):
            with pytest.raises(requests.HTTPError):
                ask(server, USER)
        assert [_scheme(r) for r in server.requests] == ["Basic", "", "Digest"] * 2


@pytest.mark.parametrize(
    "challenge",
    ["Digest", 'Digest realm="users"', 'Digest nonce="n"', "Digest x", 'Digest nonce="n", realm'],
)
def test_a_challenge_that_is_none_is_no_bug_of_ours(challenge: str) -> None:
    with (
        serving(http(401, "", f"WWW-Authenticate: {challenge}")) as server,
        pytest.raises((requests.RequestException, DriverError)),
    ):
        ask(server, USER)


@pytest.mark.parametrize(
    "username", ["dé@example.com", "日本", "a\nb", "a\r\nX: y", "a\r\n X: y", 'a"b', "a\0b"]
)
def test_any_name_is_sent_by_digest_or_called_no_credentials(
    digesting: Server, username: str
) -> None:
    try:
        schemes = ask(digesting, Credentials(username=username, password=SECRET))
    except (DriverError, requests.RequestException) as exc:
        error = exc if isinstance(exc, DriverError) else CloudSigmaDriver.classify(exc)
        assert error is not None
        assert error.code is ErrorCode.UNAUTHENTICATED
    else:
        assert schemes[-1] == "Digest"
        assert all(b"X: y" not in request for request in digesting.requests)


def reachable(root: Any) -> Iterator[Any]:
    """Walk over the objects below ``root``, through attributes and plain containers."""
    seen: dict[int, Any] = {}
    left = [root]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, str | bytes | type):
            continue
        seen[id(one)] = one
        if type(one) is dict:
            left += [*one.keys(), *one.values()]
        elif type(one) in (list, tuple, set):
            left += one
        else:
            yield one
            left += vars(one).values() if hasattr(one, "__dict__") else []


@pytest.mark.parametrize("credentials", [USER, Credentials(token=TOKEN)], ids=["Basic", "Bearer"])
def test_no_repr_of_anything_shows_a_secret(credentials: Credentials) -> None:
    given = options()
    cloud = CloudSigmaDriver.share(given)
    driver = CloudSigmaDriver.open(given, credentials, shared=cloud, deadline=Deadline(9))
    found = [*reachable(driver), *reachable(cloud), credentials]
    assert {"Account", "Cloud", "Transport"} <= {type(one).__name__ for one in found}
    for one in found:
        assert SECRET not in repr(one)
        assert TOKEN not in repr(one)
    driver.close()
    assert not [one for one in reachable(driver) if hasattr(one, "password")]
    assert not [one for one in reachable(driver) if type(one) is Bearer]
    cloud.close()


def test_a_transport_that_is_shared_keeps_no_login() -> None:
    with serving(EMPTY) as server:
        cloud = Cloud(options(server.url))
        with within(Deadline(9)):
            Account(cloud, USER).everything(LOCAL, {})
            Account(cloud, Credentials(token=TOKEN)).everything(LOCAL, {})
            closed = Account(cloud, USER)
            closed.close()
            closed.everything(LOCAL, {})
        cloud.close()
        assert [_scheme(one) for one in server.requests] == ["Basic", "Bearer", ""]
