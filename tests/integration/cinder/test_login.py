"""Who may come in, as whom, and what those are told who may not."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.http.tools import problem
from tests.integration.cinder.gateway import SNAPSHOTS, Api
from tests.integration.cinder.people import new_person
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]


def project_of(api: Api, path: str, **kw: Any) -> str:
    """Return the id of the project as whose member somebody sees a snapshot of demo's."""
    found = api.get(path, **kw)["owner"]
    assert found["self"] is True
    return str(found["id"])


def refused(api: Api, **kw: Any) -> dict[str, Any]:
    """Return the error of who may not come in, which says how to."""
    answer = api.request("GET", f"{SNAPSHOTS}?name=nosuch", **kw)
    found = problem(answer)
    assert (answer.status_code, found["error"]) == (401, "unauthenticated"), answer.text
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="snapgate"')
    assert found["retryable"] is False
    return found


@pytest.fixture(scope="module")
def path(make: Make) -> str:
    """The path of a snapshot in demo's project, which no other project sees."""
    return make(name="of demo")


@pytest.mark.parametrize("provider", ["cloud", "demos", "by-id", "no-v3"])
@pytest.mark.parametrize("format_", ["xml"])
def test_user_and_project_with_a_password(
    api: Api, cinder: RealCinder, path: str, format_: str, provider: str
) -> None:
    found = project_of(api, path, format_=format_, provider=provider)
    assert found == cinder.project_id("demo")


def test_without_a_project_it_is_the_users_default(api: Api, cinder: RealCinder, path: str) -> None:
    assert project_of(api, path, auth=("demo", "secret")) == cinder.project_id("demo")
    api.refusal("GET", path, 404, auth=("other", "secret"))
    api.refusal("GET", path, 404, auth=("other+", "secret"))


@pytest.mark.parametrize("provider", ["demos", "by-id"])
def test_without_a_project_it_is_the_providers_if_that_has_one(
    api: Api, cinder: RealCinder, path: str, provider: str
) -> None:
    person = new_person(cinder, default_project_id=cinder.project_id("other"))
    login = (person.name, person.password)
    assert project_of(api, path, auth=login, provider=provider) == cinder.project_id("demo")
    refused(api, auth=("other", "secret"), provider=provider)
    api.refusal("GET", path, 404, auth=("other+other", "secret"), provider=provider)


def test_a_user_without_any_project_is_told_to_give_one(
    api: Api, cinder: RealCinder, path: str
) -> None:
    person = new_person(cinder)
    assert "project" in refused(api, auth=(person.name, person.password))["message"]
    assert project_of(api, path, auth=person.login)


def test_a_user_name_can_hold_any_character(api: Api, cinder: RealCinder, path: str) -> None:
    person = new_person(cinder, name="Zoë+a;b@☃ 😀")
    login = tuple(text.encode() for text in person.login)
    assert api.server.request("GET", path, auth=login).status_code == 200


@pytest.mark.parametrize(
    "login",
    [
        ("demo+demo", "wrong"),
        ("nobody+demo", "secret"),
        ("demo+nosuch", "secret"),
        ("demo+other", "secret"),
        ("application_credential+nosuch", "secret"),
        ("demo+demo", ""),
        ("+demo", "wrong"),
        ("demo+demo+demo", "secret"),
        ("x" * 300 + "+demo", "secret"),
    ],
    ids=lambda login: login[0][:20] + ":" + login[1],
)
@pytest.mark.parametrize("format_", ["json"])
def test_a_wrong_login_is_a_401_that_tells_nothing(
    api: Api, login: tuple[str, str], format_: str
) -> None:
    found = refused(api, auth=login, format_=format_)
    for text in ("nosuch", "nobody", "wrong", "Could not find"):
        assert text not in found["message"]


def test_what_is_wrong_with_a_login_is_not_told(api: Api) -> None:
    logins = ("demo+demo", "wrong"), ("nobody+demo", "secret"), ("demo+nosuch", "secret")
    assert len({refused(api, auth=login)["message"] for login in logins}) == 1


@pytest.mark.parametrize("provider", ["no-domain", "no-project-domain"])
def test_a_domain_that_is_not_there_lets_nobody_in(api: Api, provider: str) -> None:
    refused(api, provider=provider)


@pytest.mark.parametrize(
    ("provider", "status", "error"),
    [
        ("no-region", 502, "backend"),
        ("no-keystone", 503, "unavailable"),
    ],
)
def test_a_provider_that_is_set_up_wrong_is_no_fault_of_the_caller(
    api: Api, provider: str, status: int, error: str
) -> None:
    assert api.refusal("GET", SNAPSHOTS, status, provider=provider)["error"] == error


def test_without_credentials_there_is_a_401(api: Api, path: str, format_: str) -> None:
    for method in ("GET", "DELETE"):
        answer = api.request(method, path, auth=None, format_=format_)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_an_application_credential(api: Api, cinder: RealCinder, path: str, format_: str) -> None:
    id_, secret = cinder.application_credential("demo")
    login = (f"application_credential+{id_}", secret)
    assert project_of(api, path, auth=login, format_=format_) == cinder.project_id("demo")
    found = refused(api, auth=(login[0], f"x{secret}"), format_=format_)  # bcrypt reads 72 bytes
    assert secret not in str(found)


def test_an_application_credential_can_do_no_more_than_its_roles(
    api: Api, cinder: RealCinder, path: str, volume: str
) -> None:
    id_, secret = cinder.application_credential("demo", roles=[{"name": "reader"}])
    login = (f"application_credential+{id_}", secret)
    assert api.get(path, auth=login)["name"] == "of demo"
    api.refusal("POST", SNAPSHOTS, 403, auth=login, json={"volume_id": volume})


def test_a_token_with_the_project_that_it_carries(
    api: Api, cinder: RealCinder, path: str, format_: str
) -> None:
    demo, other = cinder.token("demo"), cinder.token("other")
    assert project_of(api, path, token=demo.id, format_=format_) == demo.project_id
    api.refusal("GET", path, 404, token=other.id, format_=format_)
    bearer = {"Authorization": f"Bearer {demo.id}"}
    assert project_of(api, path, auth=None, headers=bearer) == demo.project_id


def test_a_token_is_not_taken_to_the_users_default_project(
    api: Api, cinder: RealCinder, path: str
) -> None:
    project = cinder.project_id("demo")
    person = new_person(cinder, default_project_id=cinder.project_id("other"))
    token = person.token({"project": {"id": project}})
    assert project_of(api, path, token=token) == project
    assert project_of(api, path, token=token, provider="demos") == project


def test_an_admins_token_for_another_project(api: Api, cinder: RealCinder) -> None:
    project = cinder.project_id("other")
    made = cinder.snapshot(cinder.volume("fake", "other"), "other")
    person = new_person(cinder, "other", "admin")
    login = (f"{person.name}+other", person.password)
    assert api.get(f"{SNAPSHOTS}/{made}", auth=login)["owner"] == {"id": project, "self": True}
    shown = api.get(f"{SNAPSHOTS}/{made}", token=cinder.token("admin").id)
    assert shown["owner"] == {"id": project, "self": False}


def test_a_token_without_a_project_is_told_to_have_one(api: Api, cinder: RealCinder) -> None:
    person = new_person(cinder)
    found = refused(api, token=person.token("unscoped"))
    assert "project" in found["message"]


@pytest.mark.parametrize("token", ["nosuch", "gAAAAABnosuch", "a b", "é", "x" * 5000])
def test_a_token_that_is_none_is_a_401(api: Api, token: str) -> None:
    answer = api.server.request(
        "GET", SNAPSHOTS, headers={"X-Auth-Token": token.encode()}, auth=None
    )
    assert answer.status_code == 401
    assert token not in answer.text


def test_a_revoked_token_is_a_401_even_if_it_has_been_used(
    api: Api, cinder: RealCinder, path: str
) -> None:
    token = cinder.token("demo").id
    assert api.get(path, token=token)
    cinder.revoke(token)
    for _ in range(2):
        answer = api.request("GET", path, token=token)
        assert (answer.status_code, problem(answer)["error"]) == (401, "unauthenticated")
        assert "WWW-Authenticate" in answer.headers
    assert api.get(path, token=cinder.token("demo").id)
