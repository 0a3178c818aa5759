"""The Cinder driver behind the real server: one life of a snapshot, logins, refusals, lists."""

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.cinder.simulated.tools import GIB, LIST, TOKEN, version_of
from tests.ec2.simulated.endpoints import closed_port
from tests.http.tools import FORMATS, accept, facts, facts_of_list, problem
from tests.servers import Server, cloud_config, running
from tests.simulators.openstack import OpenStack, running_openstack
from tests.simulators.openstack_judge import token_of
from tests.simulators.openstack_keystone import PASSWORD
from tests.simulators.openstack_state import DEMO_PROJECT, Snapshot, Volume

SNAPSHOTS = "/storage_snapshots"
DEMO = ("demo+demo", PASSWORD)
OPERATOR = {"OS_USERNAME": "admin", "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": "admin"}
Ask = Callable[..., requests.Response]


@pytest.fixture(scope="session")
def _cloud() -> Iterator[OpenStack]:
    with running_openstack() as found:
        yield found


@pytest.fixture
def cloud(_cloud: OpenStack) -> OpenStack:
    """The simulator behind the real server, as new but for its tokens."""
    _cloud.reset()
    _cloud.settings.page_maximum = 1000
    return _cloud


@pytest.fixture(scope="session")
def served(_cloud: OpenStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    url = {"auth_url": _cloud.auth_url}
    providers: dict[str, dict[str, Any]] = {
        "main": url,
        "hasty": {**url, "read_timeout_s": 0.3},
        "gone": {"auth_url": f"{closed_port()}/v3"},
    }
    config = cloud_config(tmp_path_factory.mktemp("served"), "cinder", providers)
    env = {**OPERATOR, "OS_AUTH_URL": _cloud.auth_url}
    with running(config, "--workers", "1", env=env) as server:
        yield server


@pytest.fixture
def ask(served: Server, cloud: OpenStack) -> Ask:
    """Send requests as demo, and as whom ``auth`` says, in each format in turn."""
    formats = itertools.cycle(FORMATS)

    def send(method: str, path: str, **given: Any) -> requests.Response:
        given.setdefault("auth", DEMO)
        headers = {**accept(next(formats)), **given.pop("headers", {})}
        return served.request(method, path, headers=headers, **given)

    return send


@pytest.fixture
def volume(cloud: OpenStack) -> Volume:
    return cloud.region().add_volume(size=10)


@pytest.fixture
def snapshot(cloud: OpenStack, volume: Volume) -> Snapshot:
    return cloud.region().add_snapshot(volume)


def test_a_snapshot_is_made_found_changed_and_deleted(
    cloud: OpenStack, ask: Ask, volume: Volume
) -> None:
    cloud.hold()
    form = {"volume_id": volume.id, "name": "n", "description": "d", "metadata[k]": "v"}
    answer = ask("POST", SNAPSHOTS, data=form)
    assert answer.status_code == 201, answer.text
    made = facts(answer)
    path = f"{SNAPSHOTS}/{made['id']}"
    assert answer.headers["Location"].endswith(path)
    assert (made["state"], made["ready"], made["owner"]["id"]) == ("creating", False, DEMO_PROJECT)
    assert (made["name"], made["description"], made["metadata"]) == ("n", "d", {"k": "v"})
    cloud.settle()
    cloud.hold(held=False)
    found, shown = facts(ask("GET", path)), facts(ask("GET", path))
    assert found == shown
    assert (found["state"], found["ready"], found["size_bytes"]) == ("available", True, 10 * GIB)
    assert {link["rel"] for link in found["actions"]} == {"clone", "revert", "update", "delete"}
    assert facts_of_list(ask("GET", SNAPSHOTS)) == [found]
    changed = ask("PATCH", path, json={"name": "m", "metadata": {"k": None, "x": "y"}})
    assert (facts(changed)["name"], facts(changed)["metadata"]) == ("m", {"x": "y"})
    again = ask("PATCH", path, json={"name": "o"}, headers={"If-Match": changed.headers["ETag"]})
    assert again.status_code == 200
    clone = ask("POST", f"{path}/clone", data={"size_bytes": str(12 * GIB)})
    assert (clone.status_code, facts(clone)["source_snapshot_id"]) == (202, made["id"])
    assert ask("POST", f"{path}/revert").status_code == 202
    assert [ask("DELETE", path).status_code for _ in range(2)] == [204, 404]
    asked = [one for one in cloud.asked(service="block-storage") if one.route != "/"]
    assert {version_of(one) for one in asked} == {"3.71"}


def test_a_known_caller_is_one_call(cloud: OpenStack, ask: Ask, snapshot: Snapshot) -> None:
    ask("GET", SNAPSHOTS)
    cloud.requests.clear()
    ask("GET", SNAPSHOTS)
    ask("GET", f"{SNAPSHOTS}/{snapshot.id}")
    assert [one.route for one in cloud.requests] == [
        "/snapshots/detail",
        f"/snapshots/{snapshot.id}",
    ]


@pytest.mark.parametrize("by", ["header", "bearer", "application", "default project"])
def test_each_kind_of_login_works(cloud: OpenStack, ask: Ask, snapshot: Snapshot, by: str) -> None:
    token = token_of(cloud).id
    made = cloud.identity.add_application_credential()
    cloud.identity.demo.default_project = cloud.identity.project("demo")
    given: dict[str, Any] = {
        "header": {"auth": None, "headers": {"X-Auth-Token": token}},
        "bearer": {"auth": None, "headers": {"Authorization": f"Bearer {token}"}},
        "application": {"auth": (f"application_credential+{made.id}", made.secret)},
        "default project": {"auth": ("demo", PASSWORD)},
    }
    answer = ask("GET", SNAPSHOTS, **given[by])
    assert [one["id"] for one in facts_of_list(answer)] == [snapshot.id]


@pytest.mark.parametrize(
    "given",
    [
        {"auth": None},
        {"auth": ("demo+demo", "wrong")},
        {"auth": ("demo+demo", "")},
        {"auth": ("nobody+demo", PASSWORD)},
        {"auth": None, "headers": {"X-Auth-Token": "gAAAAABnobody"}},
    ],
)
def test_wrong_credentials_are_401_and_change_nothing(
    cloud: OpenStack, ask: Ask, volume: Volume, given: Any
) -> None:
    answers = [
        ask("GET", SNAPSHOTS, **given),
        ask("POST", SNAPSHOTS, data={"volume_id": volume.id}, **given),
    ]
    for answer in answers:
        assert (answer.status_code, problem(answer)["error"]) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert not cloud.region().snapshots


def test_a_revoked_token_is_renewed_unseen(cloud: OpenStack, ask: Ask, snapshot: Snapshot) -> None:
    assert ask("GET", SNAPSHOTS).status_code == 200
    cloud.identity.revoke_tokens()
    cloud.requests.clear()
    assert len(facts_of_list(ask("GET", SNAPSHOTS))) == 1
    assert [cloud.count(one) for one in (LIST, TOKEN)] == [2, 1]


@pytest.mark.parametrize(
    ("fault", "expected", "kind", "after"),
    [
        ((413, "SnapshotLimitExceeded: x", 0), 403, "quota", None),
        ((413, "", 7), 429, "rate_limited", "7"),
        ((429, "", 7), 429, "rate_limited", "7"),
        ((403, "Policy doesn't allow x to be performed.", None), 403, "denied", None),
        ((409, "", None), 409, "conflict", None),
        ((500, "", None), 504, "timeout", None),
        ((503, "", None), 504, "timeout", None),
    ],
)
def test_each_error_of_cinders_has_its_status_and_is_met_once(
    cloud: OpenStack,
    ask: Ask,
    volume: Volume,
    *,
    fault: tuple[int, str, int | None],
    expected: int,
    kind: str,
    after: str | None,
) -> None:
    status, message, wait_s = fault
    cloud.fail("POST /snapshots", status, message, retry_after=wait_s, times=9)
    answer = ask("POST", SNAPSHOTS, data={"volume_id": volume.id})
    told = problem(answer)
    assert (answer.status_code, told["error"]) == (expected, kind)
    assert told["backend"]["driver"] == "cinder"
    assert answer.headers.get("Retry-After") == after
    assert told["retryable"] is (expected == 429)
    assert ("may have happened" in told["message"]) is (status >= 500)
    assert cloud.count("POST /snapshots") == 1


@pytest.mark.parametrize("where", ["before", "answer", "after_headers", "middle"])
def test_a_creation_whose_answer_is_lost_is_not_repeated(
    cloud: OpenStack, ask: Ask, volume: Volume, where: Any
) -> None:
    assert ask("GET", SNAPSHOTS).status_code == 200  # with a token that is good
    cloud.cut("POST /snapshots", where)
    answer = ask("POST", SNAPSHOTS, data={"volume_id": volume.id})
    if where == "before":
        assert (answer.status_code, problem(answer)["retryable"]) == (504, False)
        assert "may have happened" in problem(answer)["message"]
        assert not cloud.region().snapshots
    else:
        assert answer.status_code == 201
        assert list(cloud.region().snapshots) == [facts(answer)["id"]]
    assert cloud.count("POST /snapshots") == 1


def test_a_slow_cinder_is_504_and_one_that_is_gone_503(cloud: OpenStack, ask: Ask) -> None:
    ask("GET", f";provider=hasty{SNAPSHOTS}")
    cloud.delay(LIST, 1)
    slow = ask("GET", f";provider=hasty{SNAPSHOTS}")
    assert (slow.status_code, problem(slow)["error"]) == (504, "timeout")
    gone = ask("GET", f";provider=gone{SNAPSHOTS}")
    assert (gone.status_code, problem(gone)["error"]) == (503, "unavailable")


def test_a_list_of_many_pages_is_whole_and_sorted(cloud: OpenStack, ask: Ask) -> None:
    made = cloud.region().add_snapshots(23)
    cloud.settings.page_maximum = 5
    answer = ask("GET", SNAPSHOTS, params={"sort": "created"})
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert [one["id"] for one in facts_of_list(answer)] == made
    named = ask("GET", SNAPSHOTS, params={"name": "snapshot-7"})
    assert [one["id"] for one in facts_of_list(named)] == [made[7]]


@pytest.mark.parametrize("fault", ["503", "401", "cut", "HTML", "proxy"])
def test_a_later_page_that_fails_cuts_the_connection(
    cloud: OpenStack, ask: Ask, fault: str
) -> None:
    ask("GET", SNAPSHOTS)
    cloud.region().add_snapshots(23)
    cloud.settings.page_maximum = 5
    orders: dict[str, Callable[[], None]] = {
        "503": lambda: cloud.fail(LIST, 503, after=2, times=9),
        "401": lambda: cloud.fail(LIST, 401, after=2, times=9),
        "cut": lambda: cloud.cut(LIST, "middle", after=2, times=9),
        "HTML": lambda: cloud.garble(LIST, b"<html>", after=2, times=9),
        "proxy": lambda: cloud.bad_gateway(LIST, after=2, times=9),
    }
    orders[fault]()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask("GET", SNAPSHOTS)


def test_no_secret_is_in_an_answer_or_in_the_log(
    served: Server, cloud: OpenStack, ask: Ask, volume: Volume
) -> None:
    password = "pa55w0rd/of+a caller"
    demo = cloud.identity.project("demo")
    cloud.identity.add_user("careful", demo, password=password)
    given: Any = {"auth": ("careful+demo", password)}
    told = []
    for order in (
        lambda: None,
        lambda: cloud.fail("* *", 503, times=9),
        lambda: cloud.cut("* *", "middle", times=9),
        lambda: cloud.garble("* *", b"<html>", times=9),
        cloud.identity.revoke_tokens,
    ):
        cloud.clear_faults()
        order()
        answers = (
            ask("GET", SNAPSHOTS, **given),
            ask("POST", SNAPSHOTS, data={"volume_id": volume.id}, **given),
        )
        told += [f"{answer.headers}\n{answer.text}" for answer in answers]
    cloud.clear_faults()
    ask("GET", "", headers={"X-Request-Id": "the-last-one"})
    end = time.monotonic() + 10
    while "the-last-one" not in served.log and time.monotonic() < end:
        time.sleep(0.01)
    for text in (*told, served.log):
        assert not [one for one in (password, *cloud.identity.tokens) if one in text]
