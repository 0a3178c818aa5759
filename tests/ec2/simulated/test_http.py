"""The EC2 driver behind the real server: one life of a snapshot, and every refusal."""

from typing import Any

import pytest

from tests.ec2.simulated.serving import LIST, Ask
from tests.ec2.simulated.tools import FOREIGN, GIB, tags, users
from tests.http.tools import facts, facts_of_list, problem
from tests.simulators.ec2 import ACCESS_KEY, ACCOUNT_ID, SECRET, Simulator
from tests.simulators.ec2_state import Region, Volume

TOKEN = {"X-Amz-Security-Token": "FwoGZXIvYXdzEBYaD/session+token=="}


@pytest.fixture
def west(cloud: Simulator) -> Region:
    return cloud.region("eu-west-1")


@pytest.fixture
def disk(west: Region) -> Volume:
    return west.add_volume(size=10, availability_zone="eu-west-1b")


def test_a_snapshot_is_made_found_changed_and_deleted(
    cloud: Simulator, ask: Ask, west: Region, disk: Volume
) -> None:
    form = {"volume_id": disk.id, "name": "n", "description": "d", "metadata[k]": "v"}
    answer = ask("POST", LIST, data=form)
    assert answer.status_code == 201, answer.text
    made = facts(answer)
    path = f"{LIST}/{made['id']}"
    assert answer.headers["Location"].endswith(path)
    assert (made["state"], made["native_state"], made["ready"]) == ("creating", "pending", False)
    assert (made["name"], made["description"], made["metadata"]) == ("n", "d", {"k": "v"})
    assert made["owner"] == {"id": ACCOUNT_ID, "self": True}
    assert tags(cloud.calls[0][1]) == {"Name": "n", "k": "v"}
    cloud.settings.clock.advance(60)
    found = facts(ask("GET", path))
    assert (found["state"], found["ready"], found["progress"]) == ("available", True, 100)
    assert (found["size_bytes"], found["stored_bytes"]) == (10 * GIB, 10 * GIB)
    assert found["storage_volume"]["id"] == disk.id
    assert {link["rel"] for link in found["actions"]} == {"clone", "copy", "update", "delete"}
    assert facts_of_list(ask("GET", LIST)) == [found]
    changed = facts(ask("PATCH", path, json={"name": "m", "metadata": {"k": None, "x": "y"}}))
    assert (changed["name"], changed["metadata"]) == ("m", {"x": "y"})
    assert users(west.snapshots[made["id"]].tags) == {"Name": "m", "x": "y"}
    assert [ask("DELETE", path).status_code for _ in range(2)] == [204, 404]


def test_a_snapshot_is_cloned_to_its_volumes_zone(ask: Ask, west: Region, disk: Volume) -> None:
    source = west.add_snapshot(volume_id=disk.id)
    made = facts(ask("POST", f"{LIST}/{source.id}/clone", data={"size_bytes": str(12 * GIB)}))
    assert (made["zone"], made["size_bytes"]) == ("eu-west-1b", 12 * GIB)
    assert made["source_snapshot_id"] == source.id
    chosen = ask("POST", f"{LIST}/{source.id}/clone", data={"zone": "eu-west-1c", "media": "gp3"})
    assert facts(chosen)["zone"] == "eu-west-1c"
    shown = facts(ask("GET", f"/storage_volumes/{disk.id}"))
    assert [one["id"] for one in shown["snapshots"]] == [source.id]


def test_a_snapshot_is_copied_to_another_region(
    cloud: Simulator, ask: Ask, west: Region, disk: Volume
) -> None:
    source = west.add_snapshot(volume_id=disk.id, tags={"Name": "n", "k": "v"}, description="d")
    answer = ask("POST", f"{LIST}/{source.id}/copy", data={"destination": "east"})
    assert answer.status_code == 201, answer.text
    made = facts(answer)
    assert (made["name"], made["description"], made["metadata"]) == ("n", "d", {"k": "v"})
    assert (made["state"], made["storage_volume"]) == ("creating", None)
    assert ";provider=east/" in answer.headers["Location"]
    assert list(cloud.region("us-east-1").snapshots) == [made["id"]]
    assert facts(ask("GET", f";provider=east{LIST}/{made['id']}"))["id"] == made["id"]


@pytest.mark.parametrize(
    "given",
    [
        {"auth": None},
        {"auth": (ACCESS_KEY, "wrong")},
        {"auth": (ACCESS_KEY, "")},
        {"auth": ("AKIANOBODY", SECRET)},
        {"headers": TOKEN},
        {"auth": ("ASIATEMPORARY", "temporary")},
        {"auth": ("ASIATEMPORARY", "temporary"), "headers": {"X-Amz-Security-Token": "old"}},
        {"auth": ("ASIAOLD", "old"), "headers": TOKEN},
        {"auth": None, "headers": {"X-Auth-Token": SECRET}},
        {"auth": None, "headers": {"Authorization": f"Bearer {SECRET}"}},
    ],
)
def test_wrong_credentials_are_401_and_change_nothing(
    cloud: Simulator, ask: Ask, west: Region, disk: Volume, given: Any
) -> None:
    token = TOKEN["X-Amz-Security-Token"]
    cloud.add_account("ASIATEMPORARY", "temporary", session_token=token)
    cloud.add_account("ASIAOLD", "old", session_token=token, expired=True)
    answers = [ask("GET", LIST, **given), ask("POST", LIST, data={"volume_id": disk.id}, **given)]
    for answer in answers:
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert problem(answer)["error"] == "unauthenticated"
    assert not west.snapshots


def test_a_session_token_comes_in_its_header(cloud: Simulator, ask: Ask) -> None:
    token = TOKEN["X-Amz-Security-Token"]
    cloud.add_account("ASIATEMPORARY", "temporary", session_token=token)
    answer = ask("GET", LIST, auth=("ASIATEMPORARY", "temporary"), headers=TOKEN)
    assert answer.status_code == 200


def test_force_auth_asks_ec2(cloud: Simulator, ask: Ask) -> None:
    assert ask("GET", "?force_auth=1").status_code == 200
    assert cloud.count("DescribeSnapshots") == 1
    assert ask("GET", "?force_auth=1", auth=(ACCESS_KEY, "wrong")).status_code == 401


def test_what_the_account_may_not_do_is_403(
    cloud: Simulator, ask: Ask, west: Region, disk: Volume
) -> None:
    cloud.default_account.denied = {"CreateSnapshot"}
    answer = ask("POST", LIST, data={"volume_id": disk.id})
    told = problem(answer)
    assert (answer.status_code, told["error"]) == (403, "denied")
    assert told["backend"] == {"driver": "ec2", "provider": "west", "code": "UnauthorizedOperation"}
    assert not west.snapshots


@pytest.mark.parametrize(
    ("code", "status", "expected", "kind", "after"),
    [
        ("RequestLimitExceeded", 503, 429, "rate_limited", "5"),
        ("SnapshotCreationPerVolumeRateExceeded", 400, 429, "rate_limited", "15"),
        ("ConcurrentSnapshotLimitExceeded", 400, 429, "rate_limited", "60"),
        ("SnapshotLimitExceeded", 400, 403, "quota", None),
        ("InternalError", 500, 504, "timeout", None),
        ("Unavailable", 503, 504, "timeout", None),
        ("IncorrectState", 400, 409, "conflict", None),
        ("InvalidVolume.NotFound", 400, 404, "not_found", None),
        ("InvalidVolumeID.Malformed", 400, 404, "not_found", None),
        ("RequestExpired", 400, 401, "unauthenticated", None),
        ("SomethingNew", 400, 400, "invalid", None),
    ],
)
def test_each_error_of_ec2_has_its_status_and_is_met_once(
    cloud: Simulator,
    ask: Ask,
    disk: Volume,
    *,
    code: str,
    status: int,
    expected: int,
    kind: str,
    after: str | None,
) -> None:
    cloud.fail("CreateSnapshot", code, status, times=9)
    answer = ask("POST", LIST, data={"volume_id": disk.id})
    told = problem(answer)
    assert (answer.status_code, told["error"], told["backend"]["code"]) == (expected, kind, code)
    assert answer.headers.get("Retry-After") == after
    assert told["retryable"] is (expected == 429)
    assert ("may have happened" in told["message"]) is (expected == 504)
    assert ("unknown" in answer.text) is (expected == 504)
    assert cloud.count("CreateSnapshot") == 1


@pytest.mark.parametrize("where", ["before", "answer"])
def test_a_creation_whose_answer_is_lost_is_not_repeated(
    cloud: Simulator, ask: Ask, west: Region, disk: Volume, where: Any
) -> None:
    cloud.cut("CreateSnapshot", where)
    answer = ask("POST", LIST, data={"volume_id": disk.id})
    if where == "answer":
        assert answer.status_code == 201
        assert list(west.snapshots) == [facts(answer)["id"]]
    else:
        assert (answer.status_code, problem(answer)["retryable"]) == (504, False)
        assert "may have happened" in problem(answer)["message"]
        assert not west.snapshots
    assert cloud.count("CreateSnapshot") == 1


def test_what_ec2_shows_late_is_found_right_after_it_was_made(
    cloud: Simulator, ask: Ask, disk: Volume
) -> None:
    cloud.settings.hidden_reads = 1
    made = facts(ask("POST", LIST, data={"volume_id": disk.id}))
    assert ask("GET", f"{LIST}/{made['id']}").status_code == 200


def test_a_slow_ec2_is_504_and_one_that_is_gone_503(cloud: Simulator, ask: Ask) -> None:
    cloud.delay("DescribeSnapshots", 1)
    slow = ask("GET", f";provider=hasty{LIST}")
    assert (slow.status_code, problem(slow)["error"]) == (504, "timeout")
    gone = ask("GET", f";provider=gone{LIST}")
    assert (gone.status_code, problem(gone)["error"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("state", "fields"),
    [("creating", {"state": "pending"}), ("archived", {"storage_tier": "archive"})],
)
def test_what_is_not_ready_is_409(ask: Ask, west: Region, state: str, fields: Any) -> None:
    source = west.add_snapshot(**fields)
    clone = ask("POST", f"{LIST}/{source.id}/clone", data={"zone": "eu-west-1a"})
    copy = ask("POST", f"{LIST}/{source.id}/copy", data={"destination": "east"})
    for answer in (clone, copy):
        assert answer.status_code == 409
        assert state in problem(answer)["message"]
    rels = {link["rel"] for link in facts(ask("GET", f"{LIST}/{source.id}"))["actions"]}
    assert not rels & {"clone", "copy"}


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "zone"),
        ({"zone": "eu-west-1z"}, "zone"),
        ({"zone": "eu-west-1a", "media": "tape"}, "media"),
        ({"zone": "eu-west-1a", "size_bytes": "1"}, "size_bytes"),
    ],
)
def test_a_bad_clone_is_400_and_names_the_field(
    ask: Ask, west: Region, form: dict[str, str], field: str
) -> None:
    answer = ask("POST", f"{LIST}/{west.add_snapshot().id}/clone", data=form)
    assert (answer.status_code, list(problem(answer)["fields"])) == (400, [field])


def test_what_is_in_use_is_409_and_what_is_foreign_403(
    ask: Ask, west: Region, disk: Volume
) -> None:
    used = west.add_snapshot(in_use_by="ami-1")
    foreign = west.add_snapshot(owner_id=FOREIGN, public=True)
    assert ask("DELETE", f"{LIST}/{used.id}").status_code == 409
    assert ask("DELETE", f"{LIST}/{foreign.id}").status_code == 403
    disk.state, disk.attached_to = "in-use", "i-1"
    assert ask("DELETE", f"/storage_volumes/{disk.id}").status_code == 409
