"""Many snapshots in one request to EC2."""

from tests.ec2.simulated.serving import LIST, Ask
from tests.http.tools import facts_of_list, results
from tests.simulators.ec2 import ACCESS_KEY, Simulator

WEST = "eu-west-1"


def test_what_fails_is_told_and_the_rest_is_made(cloud: Simulator, ask: Ask) -> None:
    west = cloud.region(WEST)
    volumes = [west.add_volume(size=1).id for _ in range(3)]
    asked = [volumes[0], "vol-0123456789abcdef0", volumes[1], volumes[2]]
    items = [{"volume_id": one, "name": f"n{n}"} for n, one in enumerate(asked)]
    answer = ask("POST", LIST, json={"storage_snapshots": items})
    assert answer.status_code == 207, answer.text
    found = results(answer)
    assert [one["status"] for one in found] == [201, 404, 201, 201]
    assert found[1]["error"]["backend"] == {
        "driver": "ec2",
        "provider": "west",
        "code": "InvalidVolume.NotFound",
    }
    made = {one["id"]: one["storage_snapshot"]["name"] for one in found if one["id"]}
    assert list(made.values()) == ["n0", "n2", "n3"]
    assert {one.id: one.tags["Name"] for one in west.snapshots.values()} == made
    assert cloud.count("CreateSnapshot") == 4


def test_many_are_made_in_order_and_deleted(cloud: Simulator, ask: Ask) -> None:
    west = cloud.region(WEST)
    volumes = [west.add_volume(size=1).id for _ in range(8)]
    names = [f"n{n}" for n in range(24)]
    items = [{"volume_id": volumes[n % 8], "name": name} for n, name in enumerate(names)]
    made = ask("POST", LIST, json={"objects": items})
    assert made.status_code == 201, made.text
    assert [one["name"] for one in facts_of_list(made)] == names
    ids = [one["id"] for one in facts_of_list(made)]
    cloud.settings.clock.advance(60)
    assert ask("DELETE", LIST, data=[("id", one) for one in ids]).status_code == 204
    assert not west.snapshots
    assert cloud.count("DeleteSnapshot") == 24


def test_a_throttled_item_says_when_and_is_not_repeated(cloud: Simulator, ask: Ask) -> None:
    west = cloud.region(WEST)
    ids = [west.add_snapshot().id for _ in range(3)]
    cloud.fail("DeleteSnapshot", "RequestLimitExceeded", 503)
    answer = ask("DELETE", LIST, json={"ids": ids})
    assert answer.status_code == 207
    found = results(answer)
    assert sorted(one["status"] for one in found) == [204, 204, 429]
    (late,) = [one for one in found if one["status"] == 429]
    assert (late["retry_after"], late["error"]["retryable"]) == (5, True)
    assert list(west.snapshots) == [late["id"]]
    assert cloud.count("DeleteSnapshot") == 3


def test_a_lost_answer_is_told_as_such_for_its_item(cloud: Simulator, ask: Ask) -> None:
    west = cloud.region(WEST)
    volumes = [west.add_volume(size=1).id for _ in range(3)]
    cloud.cut("CreateSnapshot")
    answer = ask("POST", LIST, json={"objects": [{"volume_id": one} for one in volumes]})
    found = results(answer)
    assert sorted(one["status"] for one in found) == [201, 201, 504]
    (lost,) = [one for one in found if one["status"] == 504]
    assert "may have happened" in lost["error"]["message"]
    assert lost["error"]["retryable"] is False
    assert (len(west.snapshots), cloud.count("CreateSnapshot")) == (2, 3)


def test_a_dry_run_changes_nothing(cloud: Simulator, ask: Ask) -> None:
    west = cloud.region(WEST)
    done, busy = west.add_snapshot(), west.add_snapshot(state="pending")
    volume = west.add_volume(size=1)
    ids = [done.id, busy.id, "snap-0123456789abcdef0"]
    gone = ask("DELETE", f"{LIST}?dry_run=true", json={"ids": ids})
    assert gone.status_code == 200
    assert [one["status"] for one in results(gone)] == [204, 409, 404]
    items = [{"volume_id": volume.id}, {"volume_id": "vol-0123456789abcdef0"}]
    made = ask("POST", f"{LIST}?dry_run=true", json={"objects": items})
    assert [one["status"] for one in results(made)] == [201, 404]
    assert {action for action, _ in cloud.calls} <= {"DescribeSnapshots", "DescribeVolumes"}
    assert len(west.snapshots) == 2


def test_wrong_credentials_are_401_for_all(cloud: Simulator, ask: Ask) -> None:
    for method, given in (
        ("DELETE", {"objects": [{"uuid": "snap-1"}, {"uuid": "snap-2"}]}),
        ("POST", {"objects": [{"volume_id": "vol-1"}]}),
    ):
        answer = ask(method, LIST, json=given, auth=(ACCESS_KEY, "wrong"))
        assert answer.status_code == 401
        assert "WWW-Authenticate" in answer.headers
    assert cloud.count("DeleteSnapshot") == cloud.count("CreateSnapshot") == 0
