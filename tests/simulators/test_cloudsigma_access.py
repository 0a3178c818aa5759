"""Who is let in to the simulated CloudSigma, to what, and how errors look."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from tests.simulators.cloudsigma import CloudSigma, running_cloudsigma
from tests.simulators.cloudsigma_judge import Caller
from tests.simulators.cloudsigma_state import OTHER, OTHER_ID, PASSWORD, USER, USER_ID

NOWHERE = "b49dc74a-f7a5-42f5-9842-290e7475d67a"


@pytest.fixture
def cloud() -> Iterator[CloudSigma]:
    with running_cloudsigma() as found:
        yield found


@pytest.fixture
def caller(cloud: CloudSigma) -> Iterator[Caller]:
    found = Caller(cloud)
    yield found
    found.close()


@pytest.fixture
def other(cloud: CloudSigma) -> Iterator[Caller]:
    found = Caller(cloud, OTHER)
    yield found
    found.close()


class Bearer(requests.auth.AuthBase):
    """Sends a token."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, r: Any) -> Any:
        r.headers["Authorization"] = f"Bearer {self.token}"
        return r


@pytest.mark.parametrize("kind", [HTTPBasicAuth, HTTPDigestAuth])
def test_a_password_lets_in(cloud: CloudSigma, kind: Any) -> None:
    passwords = [(USER, PASSWORD, 200), (OTHER, PASSWORD, 200), (USER, "wrong", 401)]
    for email, password, status in passwords:
        caller = Caller(cloud, auth=kind(email, password))
        for path in ("snapshots/", "snapshots/?limit=0&drive=1"):
            assert caller("GET", path).status_code == status
        caller.close()
    assert {one.user for one in cloud.requests if one.status == 200} == {USER, OTHER}
    sent = [one.headers["authorization"] for one in cloud.requests if one.status == 200]
    assert set(sent) == {"<hidden>"}


def test_without_credentials_digest_is_asked_for(cloud: CloudSigma) -> None:
    caller = Caller(cloud, auth=None)
    for path in ("snapshots/", "nothing/"):
        answer = caller("GET", path)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Digest nonce=")
        assert 'realm="users", algorithm="MD5"' in answer.headers["WWW-Authenticate"]
    caller.close()


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic bm8=", "Digest", "Bearer x", "X"])
def test_rubbish_lets_nobody_in(cloud: CloudSigma, header: str) -> None:
    caller = Caller(cloud, auth=None)
    assert caller("GET", "drives/", headers={"Authorization": header}).status_code == 401
    caller.close()


def test_a_token_lets_in_until_it_is_revoked(cloud: CloudSigma) -> None:
    caller = Caller(cloud, auth=Bearer(cloud.issue_token(OTHER)))
    assert caller.get("profile/")["email"] == OTHER
    cloud.revoke_tokens()
    assert caller("GET", "profile/").status_code == 401
    caller.close()


def test_a_session_needs_its_csrf_token_for_changes(cloud: CloudSigma) -> None:
    drive = cloud.add_drive()
    caller = Caller(cloud, auth=None)
    who = {"username": USER, "password": PASSWORD}
    answer = caller("POST", "accounts/action/?do=login", who)
    assert answer.json() == {"uuid": USER_ID}
    csrf = {"X-CSRFToken": answer.cookies["csrftoken"]}
    assert caller("POST", "snapshots/", {"drive": drive.uuid}).status_code == 403
    assert caller("POST", "snapshots/", {"drive": drive.uuid}, headers=csrf).status_code == 201
    assert caller.get("snapshots/")["meta"]["total_count"] == 1
    assert caller("POST", "accounts/action/?do=logout", {}, headers=csrf).status_code == 200
    assert caller("GET", "snapshots/").status_code == 401
    wrong = caller("POST", "accounts/action/?do=login", who | {"password": "x"})
    assert wrong.status_code == 401
    caller.close()


def test_accounts_are_apart(cloud: CloudSigma, caller: Caller, other: Caller) -> None:
    snapshot = cloud.add_snapshot()
    remote = cloud.add_remote_snapshot(cloud.drives[snapshot.drive])
    paths = (
        f"drives/{snapshot.drive}/",
        f"snapshots/{snapshot.uuid}/",
        f"remotesnapshots/{remote.uuid}/",
    )
    for path in paths:
        assert caller("GET", path).status_code == 200
        for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
            assert other.refused(method, path, body) == (403, "permission", None)
        assert other.refused("POST", f"{path}action/?do=clone") == (403, "permission", None)
        assert other.objects(path.split("/")[0]) == []
    for kind in ("snapshots", "remotesnapshots"):
        wanted = {"drive": snapshot.drive}
        assert other.refused("POST", f"{kind}/", wanted) == (403, "permission", None)
    message = other("GET", paths[0]).json()[0]
    assert set(message) == {"error_type", "error_message"}
    assert message["error_message"].startswith(f"User {OTHER_ID} does not have all of the")
    assert other.get("capabilities/")["snapshots"]["current"] == 0
    assert caller.get("capabilities/")["snapshots"]["current"] == 1


def test_foreign_objects_may_look_unknown(cloud: CloudSigma, other: Caller) -> None:
    drive = cloud.add_drive()
    cloud.settings.foreign_has_point = True
    assert "error_point" in other("GET", f"drives/{drive.uuid}").json()[0]
    cloud.settings.foreign_status = 404
    assert other.refused("GET", f"drives/{drive.uuid}") == (404, "notexist", None)


def test_rights_may_be_granted(cloud: CloudSigma, caller: Caller, other: Caller) -> None:
    snapshot = cloud.add_snapshot()
    snapshot.grants = {OTHER_ID: ["LIST", "CLONE"]}
    (seen,) = other.objects("snapshots/")
    assert (seen["permissions"], seen["grantees"]) == (["CLONE", "LIST"], [])
    assert caller.get(f"snapshots/{snapshot.uuid}/")["grantees"][0]["user"]["uuid"] == OTHER_ID
    assert other.refused("DELETE", f"snapshots/{snapshot.uuid}/")[0] == 403
    clone = other("POST", f"snapshots/{snapshot.uuid}/action/?do=clone")
    assert clone.json()["owner"]["uuid"] == OTHER_ID


def test_the_library_is_readable_and_not_listed(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive(owner=None)
    assert caller.get(f"drives/{drive.uuid}/")["owner"] is None
    assert caller.objects("drives/") == []
    assert caller.refused("DELETE", f"drives/{drive.uuid}/")[0] == 403


@pytest.mark.parametrize("form", ["list", "object", "html", "empty"])
def test_errors_have_each_form(cloud: CloudSigma, caller: Caller, form: Any) -> None:
    cloud.settings.error_form = form
    cloud.fail("GET /drives/", 503, retry_after=2)
    answers = [caller("GET", f"drives/{NOWHERE}/"), caller("GET", "drives/")]
    answers += [caller("PATCH", "drives/"), caller("GET", "x/")]
    assert [one.status_code for one in answers] == [404, 503, 405, 404]
    assert answers[1].headers["Retry-After"] == "2"
    for one in answers:
        is_json = one.headers["Content-Type"] == "application/json; charset=utf-8"
        assert is_json == (form in ("list", "object"))
        assert bool(one.content) == (form != "empty")
        if is_json:
            assert isinstance(one.json(), list if form == "list" else dict)
    assert answers[2].headers["Allow"]


def test_one_status_may_have_another_form(cloud: CloudSigma, caller: Caller) -> None:
    cloud.settings.error_forms = {401: "html"}
    assert caller.refused("GET", f"drives/{NOWHERE}/") == (404, "notexist", None)
    stranger = Caller(cloud, auth=None)
    assert stranger("GET", "drives/").text.startswith("<html>")
    stranger.close()


def test_the_documented_error_is_word_for_word(caller: Caller) -> None:
    assert caller("GET", f"drives/{NOWHERE}/").json() == [
        {
            "error_point": None,
            "error_type": "notexist",
            "error_message": f"Object with uuid {NOWHERE} does not exist",
        }
    ]
    (missing,) = caller("POST", "snapshots/", {}).json()
    assert missing["error_message"] == "This field is required"


@pytest.mark.parametrize(
    ("accept", "status"),
    [("*/*", 200), ("application/json", 200), ("text/html", 406), ("application/xml", 501)],
)
def test_accept_is_honoured(caller: Caller, accept: str, status: int) -> None:
    assert caller("GET", "drives/", headers={"Accept": accept}).status_code == status


def test_xml_is_not_here(caller: Caller) -> None:
    assert caller("GET", "drives/?format=xml").status_code == 501
    assert caller("GET", "drives/?format=json").status_code == 200


def test_slashes_at_the_end_do_not_matter(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive()
    assert caller("POST", "snapshots", {"drive": drive.uuid}).status_code == 201
    assert caller("GET", f"drives/{drive.uuid}").status_code == 200
    assert caller("DELETE", f"drives/{drive.uuid}").status_code == 204
    assert cloud.count("POST /snapshots/") == 1


def test_options_tell_the_methods(caller: Caller) -> None:
    assert caller("OPTIONS", "snapshots/").text == "GET,PUT,DELETE,POST"
    assert caller("OPTIONS", "jobs/").text == "GET"
    assert caller("OPTIONS", "x/").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "libdrives/"),
        ("POST", "backupschedulers/"),
        ("PUT", "snapshots/"),
        ("POST", f"drives/{NOWHERE}/action/?do=set_scheduler"),
    ],
)
def test_what_is_not_imitated_says_so(
    cloud: CloudSigma, caller: Caller, method: str, path: str
) -> None:
    cloud.add_drive(uuid=NOWHERE)
    answer = caller(method, path, {} if method != "GET" else None)
    assert answer.status_code == 501
    assert "this simulator does not" in answer.text


def test_too_many_requests_are_refused(cloud: CloudSigma, caller: Caller) -> None:
    cloud.settings.rates_per_minute = {"GET": 2}
    statuses = [caller("GET", "drives/").status_code for _ in range(3)]
    assert statuses == [200, 200, 503]
    cloud.clock.advance(60)
    cloud.settings.rate_status = 429
    statuses = [caller("GET", "drives/").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_request_ids_are_told(cloud: CloudSigma, caller: Caller) -> None:
    answer = caller("GET", "drives/")
    assert answer.headers["X-REQUEST-ID"] == cloud.requests[-1].request_id
