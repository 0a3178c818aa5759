"""Who asks: 401 with WWW-Authenticate on every path and format, and never a secret in it."""

import base64
import contextlib
from collections.abc import Callable

import pytest
import requests

from tests.http.tools import accept, basic, problem, send
from tests.servers import Server

Unharmed = Callable[[], contextlib.AbstractContextManager[None]]
PASSWORD = "pass-9f86d081-word"  # nobody's
PROTECTED = [
    ("GET", "/storage_snapshots"),
    ("POST", "/storage_snapshots"),
    ("GET", "/storage_snapshots/KEPT"),
    ("PUT", "/storage_snapshots/KEPT"),
    ("PATCH", "/storage_snapshots/KEPT"),
    ("DELETE", "/storage_snapshots/KEPT"),
    ("POST", "/storage_snapshots/KEPT/clone"),
    ("GET", "/storage_snapshots/KEPT/metadata"),
    ("POST", "/storage_snapshots/KEPT/metadata"),
    ("PUT", "/storage_snapshots/KEPT/metadata"),
    ("GET", "/storage_snapshots/KEPT/metadata/tier"),
    ("PUT", "/storage_snapshots/KEPT/metadata/tier"),
    ("DELETE", "/storage_snapshots/KEPT/metadata/tier"),
    ("GET", "/storage_volumes"),
    ("POST", "/storage_volumes"),
    ("GET", "/storage_volumes/nosuch"),
    ("DELETE", "/storage_volumes/nosuch"),
    ("GET", "?force_auth=1"),
]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


REFUSED = {
    "no credentials": {},
    "a wrong password": {"Authorization": basic("demo", PASSWORD)},
    "an empty password": {"Authorization": basic("demo", "")},
    "an unknown user": {"Authorization": basic("nobody", PASSWORD)},
    "an empty user": {"Authorization": basic("", PASSWORD)},
    "a user in capitals": {"Authorization": basic("DEMO", "demo")},
    "no colon": {"Authorization": "Basic " + encoded(PASSWORD)},
    "no base64": {"Authorization": f"Basic {PASSWORD}!"},
    "no UTF-8": {"Authorization": "Basic " + base64.b64encode(b"demo:\xff").decode()},
    "no value": {"Authorization": "Basic"},
    "an empty header": {"Authorization": ""},
    "a Bearer token": {"Authorization": f"Bearer {PASSWORD}"},
    "a Digest": {"Authorization": f'Digest username="demo", response="{PASSWORD}"'},
    "an unknown scheme": {"Authorization": f"Odd {PASSWORD}"},
    "a token of another cloud": {"X-Auth-Token": PASSWORD},
    "a control character": {"Authorization": basic("demo", "demo\x00")},
    "a line end": {"Authorization": basic("demo", "demo\n")},
    "the hash itself": {"Authorization": basic("demo", "scrypt:32768:8:1$x$y")},
}


def ask(
    server: Server, method: str, path: str, headers: dict[str, str], format_: str
) -> requests.Response:
    """Send a request that says who asks with these headers only."""
    with requests.Session() as session:
        session.trust_env = False  # nothing from a .netrc
        return session.request(
            method, server.api + path, headers={**headers, **accept(format_)}, timeout=30
        )


@pytest.mark.parametrize(("method", "path"), PROTECTED)
@pytest.mark.parametrize("who", ["no credentials", "a wrong password"])
def test_every_path_asks_who_it_is(
    *, server: Server, kept: str, unharmed: Unharmed, method: str, path: str, who: str
) -> None:
    with unharmed():
        for format_ in ("xml", "json"):
            headers = REFUSED[who]
            answer = ask(server, method, path.replace("KEPT", kept), headers, format_)
            check(answer)


@pytest.mark.parametrize("who", REFUSED)
def test_credentials_that_do_not_work_are_refused(server: Server, who: str, format_: str) -> None:
    answer = ask(server, "GET", "/storage_snapshots", REFUSED[who], format_)
    check(answer)


def check(answer: requests.Response) -> None:
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    found = problem(answer)
    assert (found["code"], found["error"]) == (401, "unauthenticated")
    assert PASSWORD not in answer.text
    assert encoded(PASSWORD) not in answer.text
    assert PASSWORD not in str(answer.headers)


def test_an_unknown_user_and_a_wrong_password_look_the_same(server: Server) -> None:
    wrong, unknown = (
        ask(server, "GET", "/storage_snapshots", REFUSED[who], "json").json()
        for who in ("a wrong password", "an unknown user")
    )
    assert {**wrong, "request_id": ""} == {**unknown, "request_id": ""}


def test_the_scheme_may_be_written_in_any_case(server: Server) -> None:
    for scheme in ("Basic", "basic", "BASIC"):
        headers = {"Authorization": basic().replace("Basic", scheme)}
        answer = ask(server, "GET", "/storage_snapshots", headers, "json")
        assert answer.status_code == 200


def test_a_bad_request_without_credentials_asks_for_them_first(
    server: Server, unharmed: Unharmed, format_: str
) -> None:
    with unharmed():
        check(ask(server, "POST", "/storage_snapshots?colour=red", {}, format_))


def test_a_refused_head_asks_for_credentials_without_a_body(server: Server, format_: str) -> None:
    answer = ask(server, "HEAD", "/storage_snapshots", {}, format_)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_a_wrong_password_does_not_close_the_account_to_its_owner(server: Server) -> None:
    for _ in range(3):
        assert (
            ask(
                server, "GET", "/storage_snapshots", REFUSED["a wrong password"], "json"
            ).status_code
            == 401
        )
        assert server.request("GET", "/storage_snapshots").status_code == 200


def test_the_url_holds_no_credentials(server: Server) -> None:
    answer = send(
        server,
        "GET",
        "/api/storage_snapshots?user=demo&password=demo",
        headers={"Authorization": "", **accept("json")},
    )
    assert answer.status in {400, 401}
