"""The cloud that the package ships: it refuses by its codes whatever it is asked."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from acme.service import Service

DEMO = ("demo", "sesame")


@pytest.fixture
def service() -> Iterator[Service]:
    with Service({"demo": "sesame", "other": "barley"}, make_s=0, quota=1) as service:
        yield service


def ask(service: Service, method: str, path: str, **given: Any) -> requests.Response:
    given.setdefault("auth", DEMO)
    return requests.request(method, service.url + path, timeout=10, **given)


def code_of(answer: requests.Response) -> str:
    return str(answer.json()["error"]["code"])


@pytest.mark.parametrize(
    ("auth", "status"), [(DEMO, 200), (("demo", "wrong"), 401), (("nobody", "x"), 401), (None, 401)]
)
def test_only_who_has_a_key_is_served(service: Service, auth: Any, status: int) -> None:
    assert ask(service, "GET", "/disks", auth=auth).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "given"),
    [
        ("GET", "/disks?limit=0", {}),
        ("GET", "/disks?limit=many", {}),
        ("GET", "/disks?cursor=x", {}),
        ("GET", "/disks?cursor=NQ==", {}),
        ("GET", "/disks?since=yesterday", {}),
        ("POST", "/disks", {"data": b"{"}),
        ("POST", "/disks", {"json": [1]}),
        ("POST", "/disks", {"json": {"size_mib": 0}}),
        ("POST", "/disks", {"json": {"label": 5}}),
        ("POST", "/disks", {"json": {"label": "x" * 81}}),
    ],
)
def test_a_bad_value_is_refused(
    service: Service, method: str, path: str, given: dict[str, Any]
) -> None:
    service.cloud.add_disk("demo")
    answer = ask(service, method, path, **given)
    assert (answer.status_code, code_of(answer)) == (422, "bad_value")


@pytest.mark.parametrize("path", ["/", "/disks/x/rewind", "/machines", "/snapshots/x/y/z"])
def test_a_path_that_is_none_is_refused(service: Service, path: str) -> None:
    assert code_of(ask(service, "GET", path)) == "no_path"


@pytest.mark.parametrize("tags", [5, {"k": 5}, {"": "v"}, {"k" * 41: "v"}, {"k": "v" * 201}])
def test_tags_that_are_none_are_refused(service: Service, tags: Any) -> None:
    disk = service.cloud.add_disk("demo")
    answer = ask(service, "POST", "/snapshots", json={"disk": disk.id, "tags": tags})
    assert (answer.status_code, code_of(answer)) == (422, "bad_value")


def test_an_account_has_so_many_snapshots_and_sees_its_own(service: Service) -> None:
    disk = service.cloud.add_disk("demo")
    made = [ask(service, "POST", "/snapshots", json={"disk": disk.id}) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 403]
    assert code_of(made[1]) == "full"
    path = f"/snapshots/{made[0].json()['id']}"
    assert ask(service, "GET", path).status_code == 200
    assert code_of(ask(service, "GET", path, auth=("other", "barley"))) == "no_snapshot"


def test_too_many_requests_a_second_are_refused() -> None:
    with Service({"demo": "sesame"}, rate=2) as service:
        answers = [ask(service, "GET", "/disks") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "1"


def test_it_goes_down_and_comes_back_with_all_that_was_there(service: Service) -> None:
    service.cloud.add_disk("demo")
    with service.failing("gone"), pytest.raises(requests.ConnectionError):
        ask(service, "GET", "/disks")
    assert ask(service, "GET", "/disks").json()["total"] == 1


def test_a_fault_can_come_after_some_good_calls(service: Service) -> None:
    with service.failing("broken", after=1):
        found = [ask(service, "GET", "/disks").status_code for _ in range(3)]
    assert found == [200, 500, 500]
