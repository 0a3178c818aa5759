"""How a caller's credentials become a login at Keystone, and who gets to see them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from keystoneauth1 import exceptions as keystone
from keystoneauth1.identity import v3

from drivers.cinder.account import Account
from drivers.cinder.clients import Cloud, ReadyToken
from drivers.cinder.driver import CinderDriver
from gateway.driver import Credentials, Deadline, DriverError, ErrorCode, Transport, within
from tests.unit.cinder_samples import (
    DEMO,
    SECRET,
    Server,
    classified,
    http,
    named,
    options,
    serving,
)

TOKEN = "gAAAAA-their.token"
ANSWER = json.dumps(named("keystone token for demo").answer)
PROJECT = named("keystone token for demo").answer["token"]["project"]["id"]


def user(name: str, domain: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the identity that a login by password asks for."""
    whose = {"name": name, "password": SECRET, "domain": domain or {"name": "Default"}}
    return {"methods": ["password"], "password": {"user": whose}}


def project(name: str, domain: dict[str, str] | None = None) -> dict[str, Any]:
    return {"project": {"name": name, "domain": domain or {"name": "Default"}}}


def by_id(project_id: str) -> dict[str, Any]:
    return {"project": {"id": project_id}}


def application(credential: str) -> dict[str, Any]:
    secret = {"id": credential, "secret": SECRET}
    return {"methods": ["application_credential"], "application_credential": secret}


def asked(server: Server) -> dict[str, Any]:
    """Return the body of the one request for a token."""
    [request] = server.requests
    assert request.startswith(b"POST /v3/auth/tokens HTTP/1.1\r\n")
    body: dict[str, Any] = json.loads(request.partition(b"\r\n\r\n")[2])["auth"]
    return body


def log_in(server: Server, credentials: Credentials, path: str = "/v3", **given: Any) -> Any:
    """Log in, and return the plug-in and what Keystone said."""
    cloud = Cloud(options(server.url + path, **given))
    try:
        login, connection = cloud.connect(credentials)
        assert server.requests == []
        with within(Deadline(9)):
            return login, login.get_access(connection.session)
    finally:
        cloud.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(http(201, ANSWER, "X-Subject-Token: new-token")) as made:
        yield made


DOMAIN_ID = {"id": "default"}
# user name, options, the identity and the scope that are asked for
LOGINS: list[tuple[str, dict[str, str], dict[str, Any], dict[str, Any] | None]] = [
    ("demo+demo", {}, user("demo"), project("demo")),
    ("a+b+demo", {}, user("a+b"), project("demo")),
    ("me@example.org+my project", {}, user("me@example.org"), project("my project")),
    ("dé+日本", {}, user("dé"), project("日本")),
    ("demo", {}, user("demo"), None),
    ("demo+", {}, user("demo"), None),
    ("demo", {"project": "main"}, user("demo"), project("main")),
    ("demo+", {"project": "main"}, user("demo"), project("main")),
    ("demo", {"project": "id:98e4"}, user("demo"), by_id("98e4")),
    ("demo+own", {"project": "main"}, user("demo"), project("own")),
    ("demo+id:98e4", {}, user("demo"), by_id("98e4")),
    ("a+demo+id:98e4", {}, user("a+demo"), by_id("98e4")),
    (f"demo+{DEMO}", {}, user("demo"), by_id(DEMO)),
    (f"demo+{DEMO.upper()}", {}, user("demo"), project(DEMO.upper())),
    (f"demo+{DEMO[1:]}", {}, user("demo"), project(DEMO[1:])),
    (f"demo+0{DEMO}", {}, user("demo"), project(f"0{DEMO}")),
    (
        "demo+demo",
        {"user_domain": "id:default"},
        user("demo", DOMAIN_ID),
        project("demo", DOMAIN_ID),
    ),
    (
        "demo+demo",
        {"user_domain": "staff", "project_domain": "id:default"},
        user("demo", {"name": "staff"}),
        project("demo", DOMAIN_ID),
    ),
    (
        "demo+demo",
        {"user_domain": "staff"},
        user("demo", {"name": "staff"}),
        project("demo", {"name": "staff"}),
    ),
    ("application_credential+c1", {}, application("c1"), None),
    ("application_credential+c1", {"project": "main"}, application("c1"), None),
    ("application_credential+id:c1", {}, application("id:c1"), None),
]


@pytest.mark.parametrize(("username", "given", "identity", "scope"), LOGINS)
def test_a_user_name_and_a_password_are_a_login(
    server: Server,
    username: str,
    given: dict[str, str],
    identity: dict[str, Any],
    scope: dict[str, Any] | None,
) -> None:
    login, access = log_in(server, Credentials(username=username, password=SECRET), **given)
    assert asked(server) == {"identity": identity} | ({"scope": scope} if scope else {})
    is_application = "application_credential" in identity["methods"]
    assert type(login) is (v3.ApplicationCredential if is_application else v3.Password)
    assert (access.auth_token, access.project_id) == ("new-token", PROJECT)


@pytest.mark.parametrize("path", ["", "/", "/v3", "/v3/"])
def test_the_version_is_added_to_the_url_once(server: Server, path: str) -> None:
    log_in(server, Credentials(username="demo+demo", password=SECRET), path)
    assert server.lines() == ["POST /v3/auth/tokens"]


@pytest.mark.parametrize("username", [None, "other+other"])
def test_a_token_is_taken_as_it_is(server: Server, username: str | None) -> None:
    credentials = Credentials(token=TOKEN, username=username, password=username and SECRET)
    login, access = log_in(server, credentials, project="main")
    assert type(login) is ReadyToken
    assert server.lines() == ["GET /v3/auth/tokens"]
    headers = server.requests[0].decode()
    assert f"X-Auth-Token: {TOKEN}\r\n" in headers
    assert f"X-Subject-Token: {TOKEN}\r\n" in headers
    assert (access.auth_token, access.project_id) == (TOKEN, PROJECT)
    assert not login.reauthenticate


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "5", "null", "{}", '{"token": null}', '{"token": []}']
)
def test_what_tells_nothing_of_a_token_is_no_keystone(body: str) -> None:
    with serving(http(200, body)) as server, pytest.raises(keystone.InvalidResponse) as caught:
        log_in(server, Credentials(token=TOKEN))
    error = classified(caught.value)
    assert error.code is ErrorCode.BACKEND
    assert "no answer of Keystone" in error.message


def test_a_token_that_keystone_refuses_is_no_login() -> None:
    with serving(http(401)) as server, pytest.raises(keystone.Unauthorized) as caught:
        log_in(server, Credentials(token=TOKEN))
    assert classified(caught.value).code is ErrorCode.UNAUTHENTICATED


BAD = [
    {},
    {"username": "demo+demo"},
    {"username": "demo+demo", "password": ""},
    {"password": SECRET},
    {"username": "", "password": SECRET},
    {"username": "+", "password": SECRET},
    {"username": "+demo", "password": SECRET},
    {"username": "application_credential+c1"},
    {"username": "application_credential+", "password": SECRET},
    {"username": "application_credential", "password": SECRET},
    {"token": ""},
    {"token": f"{SECRET} x"},
    {"token": f"{SECRET}\r\nX: y"},
    {"token": f"{SECRET}\n"},
    {"token": f"{SECRET}\xe9"},
    {"session_token": SECRET},
]


@pytest.mark.parametrize("given", BAD, ids=repr)
@pytest.mark.parametrize("option", [{}, {"project": "main"}], ids=["", "with a project"])
def test_what_cannot_be_credentials_is_not_sent(given: dict[str, str], option: Any) -> None:
    cloud = Cloud(options(**option))
    try:
        with pytest.raises(DriverError) as caught:
            cloud.connect(Credentials(**given))
    finally:
        cloud.close()
    assert caught.value.code is ErrorCode.UNAUTHENTICATED
    assert "user+project" in caught.value.message
    assert SECRET not in f"{caught.value!r} {caught.value.args}"


def test_a_bad_token_does_not_hide_a_good_password(server: Server) -> None:
    log_in(server, Credentials(token="a b", username="demo+demo", password=SECRET))
    assert asked(server)["identity"] == user("demo")


def test_each_account_has_its_own_session_and_all_share_the_transport() -> None:
    cloud = Cloud(options(region_name="RegionOne", interface="internal"))
    pairs = [cloud.connect(Credentials(username=f"{who}+p", password="x")) for who in "ab"]
    sessions = [connection.session for _, connection in pairs]
    assert sessions[0] is not sessions[1]
    assert [session.auth for session in sessions] == [login for login, _ in pairs]
    assert {id(session.session) for session in sessions} == {id(cloud._transport)}
    assert isinstance(cloud._transport, Transport)
    for _, connection in pairs:
        assert connection.config.get_region_name("block-storage") == "RegionOne"
        assert connection.config.get_interface("block-storage") == "internal"
    cloud.close()


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


def whole_cloud(connection: Any, request: bytes) -> None:
    """Answer as a Keystone and a Cinder at one address."""
    catalog = f"http://127.0.0.1:{connection.getsockname()[1]}/v3"
    endpoint = {"interface": "public", "region_id": "R", "region": "R", "url": catalog, "id": "e"}
    service = {"type": "block-storage", "name": "cinder", "id": "c", "endpoints": [endpoint]}
    token = {**named("keystone token for demo").answer["token"], "catalog": [service]}
    if b"/auth/tokens" in request:
        connection.sendall(http(201, json.dumps({"token": token}), f"X-Subject-Token: {TOKEN}"))
    else:
        connection.sendall(http(200, json.dumps(named("versions root").answer)))


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(username="demo+demo", password=SECRET),
        Credentials(username="application_credential+c1", password=SECRET),
        Credentials(token=TOKEN),
    ],
    ids=["password", "application credential", "token"],
)
def test_no_repr_of_anything_shows_a_secret(credentials: Credentials) -> None:
    with serving(whole_cloud) as server:
        cloud = CinderDriver.share(options(server.url))
        driver = CinderDriver.open(cloud.options, credentials, shared=cloud, deadline=Deadline(9))
        types = set()
        for one in [*reachable(driver), *reachable(cloud), credentials]:
            types.add(type(one).__name__)
            assert SECRET not in repr(one)
            assert TOKEN not in repr(one)
        assert {Account.__name__, Cloud.__name__, "Session", "Transport", "Connection"} <= types
        assert driver._account.project == PROJECT
        driver.close()
        assert driver._account._session.auth is None
        cloud.close()


def test_no_exception_of_a_refused_login_shows_a_secret() -> None:
    credentials = Credentials(username="demo+demo", password=SECRET)
    for status in (400, 401, 403, 500):
        with serving(http(status, '{"error": {"message": "no"}}')) as server:
            with pytest.raises(keystone.HttpError) as caught:
                log_in(server, credentials)
            assert SECRET not in f"{caught.value!r} {classified(caught.value)!r}"
