"""No password and no token is in a log line of the gateway or in an answer."""

import base64
import time
from collections.abc import Callable

import pytest
import requests

from tests.http.tools import basic
from tests.integration.cinder.gateway import SNAPSHOTS, VOLUMES, Api
from tests.integration.cinder.people import Person, new_person
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]
PROVIDERS = ("cloud", "no-domain", "no-region", "no-keystone")


@pytest.fixture(scope="module")
def path(make: Make) -> str:
    """The path of a snapshot."""
    return make()


@pytest.fixture(scope="module")
def person(cinder: RealCinder) -> Person:
    """Somebody with a password that no other text holds."""
    return new_person(cinder)


def ask_all(api: Api, volume: str, path: str, **who: object) -> list[requests.Response]:
    """Return the answers to requests that succeed and to requests that fail."""
    requests_ = [
        ("GET", f"{SNAPSHOTS}?name=nosuch", None),
        ("GET", path, None),
        ("GET", f"{SNAPSHOTS}/nosuch", None),
        ("POST", SNAPSHOTS, {"volume_id": volume, "description": "\n"}),
        ("POST", SNAPSHOTS, {"volume_id": "nosuch"}),
        ("PATCH", path, {"metadata": {"ü": "v"}}),
        ("POST", f"{path}/clone", {"media": "nosuch"}),
        ("DELETE", f"{VOLUMES}/{volume}", None),
        ("GET", "/nosuch", None),
    ]
    return [
        api.server.request(method, f";provider={provider}{url}", json=json, **who)
        for provider in PROVIDERS
        for method, url, json in requests_[: None if provider == "cloud" else 1]
    ]


def log_of(api: Api) -> str:
    """Return the whole log, up to now."""
    last = f"last-{time.monotonic_ns()}"
    api.server.request("GET", "", headers={"X-Request-Id": last}, auth=None)
    end = time.monotonic() + 10
    while last not in api.server.log:
        assert time.monotonic() < end, "the request was not logged"
        time.sleep(0.01)
    return api.server.log


def check(api: Api, answers: list[requests.Response], *secrets: str) -> None:
    assert {answer.status_code for answer in answers} > {400, 401, 404}
    told = [log_of(api), *(f"{answer.headers}{answer.text}" for answer in answers)]
    for secret in secrets:
        assert not [text for text in told if secret in text]


def test_a_password_is_nowhere(api: Api, person: Person, volume: str, path: str) -> None:
    answers = ask_all(api, volume, path, auth=person.login)
    wrong = f"{person.password}x"
    answers += ask_all(api, volume, path, auth=(person.login[0], wrong))
    sent = [
        basic(person.login[0], word).removeprefix("Basic ") for word in (person.password, wrong)
    ]
    check(api, answers, person.password, *sent)


def test_a_token_is_nowhere(
    api: Api, cinder: RealCinder, person: Person, volume: str, path: str
) -> None:
    token = person.token({"project": {"id": cinder.project_id("demo")}})
    headers = {"X-Auth-Token": token, "Accept": "application/json"}
    answers = ask_all(api, volume, path, auth=None, headers=headers)
    bad = {**headers, "X-Auth-Token": f"{token}x"}
    answers += ask_all(api, volume, path, auth=None, headers=bad)
    check(api, answers, token, token[:40])


def test_the_secret_of_an_application_credential_is_nowhere(
    api: Api, cinder: RealCinder, volume: str, path: str
) -> None:
    id_, secret = cinder.application_credential("demo")
    login = (f"application_credential+{id_}", secret)
    answers = ask_all(api, volume, path, auth=login)
    answers += ask_all(api, volume, path, auth=(login[0], f"x{secret}"))
    sent = base64.b64encode(f"{login[0]}:{secret}".encode()).decode()
    check(api, answers, secret, sent)


def test_a_token_that_has_been_revoked_is_nowhere(
    api: Api, cinder: RealCinder, volume: str, path: str
) -> None:
    token = cinder.token("demo").id
    headers = {"X-Auth-Token": token, "Accept": "application/json"}
    answers = ask_all(api, volume, path, auth=None, headers=headers)
    cinder.revoke(token)
    answers += ask_all(api, volume, path, auth=None, headers=headers)
    check(api, answers, token)


def test_no_token_that_the_gateway_has_got_is_in_its_log(api: Api, path: str) -> None:
    assert api.get(path)
    log = log_of(api)
    for word in ("gAAAA", "X-Auth-Token", "X-Subject-Token", "Traceback"):
        assert word not in log
