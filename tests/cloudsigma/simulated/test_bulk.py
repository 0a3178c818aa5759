"""Many snapshots in one request to CloudSigma: its rules hold among them too."""

from collections.abc import Sequence
from typing import Any

from gateway.core.bulk import create_snapshots, delete_snapshots
from gateway.core.creations import NewSnapshot
from gateway.core.snapshots import Account
from gateway.driver import CreateSnapshot, Credentials
from tests.cloudsigma.simulated.conftest import Ask
from tests.cloudsigma.simulated.tools import NOBODYS, changes, refused
from tests.http.tools import facts_of_list, problem, results
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_state import Drive

LIST = "/storage_snapshots"


def codes(outcomes: Sequence[Any]) -> list[str | None]:
    return [outcome.error.code.value if outcome.error else None for outcome in outcomes]


def test_of_two_remote_snapshots_of_a_drive_only_the_first_is_made(
    cloud: CloudSigma, account: Account, drive: Drive
) -> None:
    cloud.settings.remote_interval_s = 0  # the cloud itself would let the second one pass
    cloud.delay("POST /remotesnapshots/", 0.1)
    drives = [drive, drive, *(cloud.add_drive() for _ in range(3))]
    requests = [NewSnapshot(CreateSnapshot(one.uuid, location="ZRH")) for one in drives]
    outcomes = create_snapshots(account, requests)
    assert codes(outcomes) == [None, "conflict", None, None, None]
    assert len(cloud.remote_snapshots) == 4
    assert changes(cloud) == ["POST /remotesnapshots/"] * 4


def test_local_ones_of_a_drive_are_all_made_one_after_another(
    cloud: CloudSigma, account: Account, drive: Drive
) -> None:
    names = [f"n{n}" for n in range(6)]
    outcomes = create_snapshots(
        account, [NewSnapshot(CreateSnapshot(drive.uuid, name=n)) for n in names]
    )
    assert [outcome.value.item.name for outcome in outcomes if outcome.value] == names
    assert [one.name for one in cloud.snapshots.values()] == names


def test_a_dry_run_changes_nothing(cloud: CloudSigma, account: Account, drive: Drive) -> None:
    far = cloud.add_remote_snapshot(drive, status="transferring")
    near = cloud.add_snapshot(drive)
    ids = [far.uuid, near.uuid, NOBODYS, "nonsense"]
    outcomes = delete_snapshots(account, ids, dry_run=True)
    assert codes(outcomes) == ["conflict", None, "not_found", "not_found"]
    requests = [NewSnapshot(CreateSnapshot(one)) for one in (drive.uuid, NOBODYS)]
    assert codes(create_snapshots(account, requests, dry_run=True)) == [None, "not_found"]
    assert not changes(cloud)


def test_wrong_credentials_are_asked_about_once(cloud: CloudSigma, build: Any) -> None:
    stranger = build(cloud).account(Credentials(username="no", password="body"))
    ids = [str(n) for n in range(100)]
    error = refused(delete_snapshots, stranger, ids)
    assert error.code == "unauthenticated"
    assert len(cloud.asked()) < 5  # one call, with the ways to log in


def test_over_http_what_fails_is_told_with_its_retry_after(behind: CloudSigma, ask: Ask) -> None:
    one, two = behind.add_drive(), behind.add_drive()
    for _ in range(2):  # once for each format
        behind.remote_snapshots.clear()
        items = [{"volume_id": uuid, "location": "FRA"} for uuid in (one.uuid, two.uuid, one.uuid)]
        answer = ask("POST", LIST, json={"objects": items})
        assert answer.status_code == 207, answer.text
        found = results(answer)
        assert [result["status"] for result in found] == [201, 201, 409]
        assert found[2]["error"]["error"] == "conflict"
        assert found[2]["error"]["backend"]["driver"] == "cloudsigma"
        made = [found[n]["storage_snapshot"]["id"] for n in (0, 1)]
        assert set(made) == set(behind.remote_snapshots)
        assert [behind.remote_snapshots[new].drive for new in made] == [one.uuid, two.uuid]


def test_over_http_the_pause_is_told_in_seconds(behind: CloudSigma, ask: Ask) -> None:
    one, two = behind.add_drive(), behind.add_drive()
    behind.add_remote_snapshot(one)
    items = [{"volume_id": uuid, "location": "FRA"} for uuid in (one.uuid, two.uuid)]
    answer = ask("POST", LIST, json={"storage_snapshots": items})
    found = results(answer)
    assert [result["status"] for result in found] == [409, 201]
    assert 1700 < found[0]["retry_after"] <= 1800
    assert found[1]["retry_after"] is None


def test_over_http_in_cloudsigmas_own_words(behind: CloudSigma, ask: Ask) -> None:
    drive = behind.add_drive()
    made = ask("POST", LIST, json={"objects": [{"volume_id": drive.uuid}] * 3})
    assert made.status_code == 201
    ids = [one["id"] for one in facts_of_list(made)]
    behind.settle()
    dry = ask("DELETE", f"{LIST}?dry_run=true", json={"objects": [{"uuid": one} for one in ids]})
    assert [one["status"] for one in results(dry)] == [204] * 3
    assert len(behind.snapshots) == 3
    mixed = ask("DELETE", LIST, json={"objects": [{"uuid": one} for one in [NOBODYS, *ids]]})
    assert mixed.status_code == 207
    assert [one["status"] for one in results(mixed)] == [404, 204, 204, 204]
    behind.settle()
    assert not behind.snapshots
    refusal = ask("DELETE", LIST, json={"objects": []})
    assert (refusal.status_code, list(problem(refusal)["fields"])) == (400, ["ids"])
