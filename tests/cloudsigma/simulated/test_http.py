"""The CloudSigma driver behind the real server: lives of snapshots, lists, clones, logins."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cloudsigma.simulated.conftest import Ask
from tests.cloudsigma.simulated.tools import GIB, calls, without_marker
from tests.http.bodies import ASKED, body
from tests.http.tools import accept, facts, facts_of_list, problem, tree
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_state import OTHER, OTHER_ID, PASSWORD, USER, USER_ID, Drive

LIST, VOLUMES = "/storage_snapshots", "/storage_volumes"


@pytest.fixture
def disk(behind: CloudSigma) -> Drive:
    return behind.add_drive(name="data", size=10 * GIB)


@pytest.mark.parametrize("location", [None, "zrh"])
def test_a_snapshot_is_made_found_changed_and_deleted(
    behind: CloudSigma, ask: Ask, disk: Drive, location: str | None
) -> None:
    behind.hold()
    form = {"volume_id": disk.uuid, "name": "n", "description": "d", "metadata[k]": "v"}
    answer = ask("POST", LIST, data=form | ({"location": location} if location else {}))
    assert answer.status_code == 201, answer.text
    made = facts(answer)
    path = f"{LIST}/{made['id']}"
    assert answer.headers["Location"].endswith(path)
    assert (made["state"], made["ready"], made["owner"]) == (
        "creating",
        False,
        {"id": USER_ID, "self": True},
    )
    assert (made["name"], made["description"], made["metadata"]) == ("n", "d", {"k": "v"})
    rels = {link["rel"] for link in made["actions"]}
    assert rels == {"update"}
    behind.settle()
    behind.hold(held=False)
    found, shown = facts(ask("GET", path)), facts(ask("GET", path))
    assert found == shown
    assert (found["state"], found["ready"]) == ("available", True)
    assert found["location"] == (location.upper() if location else None)
    assert found["size_bytes"] == (10 * GIB if location else None)
    assert found["storage_volume"]["id"] == disk.uuid
    assert {link["rel"] for link in found["actions"]} == {"clone", "update", "delete"}
    assert facts_of_list(ask("GET", LIST)) == [found]
    change_and_delete(ask, path)


def change_and_delete(ask: Ask, path: str) -> None:
    changed = ask("PATCH", path, json={"name": "m", "metadata": {"k": None, "x": "y"}})
    assert (facts(changed)["name"], facts(changed)["metadata"]) == ("m", {"x": "y"})
    again = ask("PATCH", path, json={"name": "o"}, headers={"If-Match": changed.headers["ETag"]})
    assert again.status_code == 200
    assert [ask("DELETE", path).status_code for _ in range(2)] == [204, 404]


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_metadata_is_changed_key_by_key(
    behind: CloudSigma, ask: Ask, disk: Drive, kind: str
) -> None:
    add = behind.add_snapshot if kind == "local" else behind.add_remote_snapshot
    one = add(disk, meta={"description": "d", "a": "1"})
    path = f"{LIST}/{one.uuid}/metadata"
    assert ask("POST", path, json={"metadata": {"b": "2"}}).status_code == 200
    assert one.meta == {"description": "d", "a": "1", "b": "2"}
    assert ask("PUT", f"{path}/c", json={"value": "3"}).status_code == 200
    assert ask("DELETE", f"{path}/a").status_code == 204
    assert one.meta == {"description": "d", "b": "2", "c": "3"}
    assert ask("GET", f"{path}/description").status_code == 404
    assert ask("PUT", path, json={"metadata": {"z": "9"}}).status_code == 200
    assert one.meta == {"description": "d", "z": "9"}
    refused = ask("PUT", f"{path}/description", json={"value": "x"})
    assert (refused.status_code, list(problem(refused)["fields"])) == (
        400,
        ["metadata[description]"],
    )
    assert one.meta == {"description": "d", "z": "9"}


@pytest.mark.parametrize(("kind", "format_"), ASKED)
def test_each_kind_of_body_makes_a_remote_snapshot(
    behind: CloudSigma, ask: Ask, disk: Drive, *, kind: str, format_: str
) -> None:
    fields = {"volume_id": disk.uuid, "location": "fra", "name": "n", "metadata": {"k": "v"}}
    given = body(kind, "storage_snapshot", fields)
    given["headers"] = {**given.get("headers", {}), **accept(format_)}
    answer = ask("POST", LIST, **given)
    assert answer.status_code == 201, answer.text
    (made,) = behind.remote_snapshots.values()
    assert (made.uuid, made.location) == (facts(answer)["id"], "FRA")
    assert without_marker(made.meta) == {"k": "v"}


@pytest.mark.parametrize("answer_", ["reference", "plain", "wrapped"])
def test_a_clone_is_202_and_its_progress_is_shown(
    behind: CloudSigma, ask: Ask, disk: Drive, answer_: Any
) -> None:
    behind.settings.clone_answer = answer_
    source = behind.add_remote_snapshot(disk, name="far")
    behind.hold()
    form = {"name": "c", "media": "cdrom", "affinities": "ssd", "avoid": disk.uuid}
    answer = ask("POST", f"{LIST}/{source.uuid}/clone", data=form)
    assert answer.status_code == 202, answer.text
    made = facts(answer)
    assert (made["name"], made["state"], made["progress"]) == ("c", "creating", 0)
    assert answer.headers["Location"].endswith(f"{VOLUMES}/{made['id']}")
    (job,) = behind.drives[made["id"]].jobs
    behind.jobs[job].progress = 41
    assert facts(ask("GET", f"{VOLUMES}/{made['id']}"))["progress"] == 41
    (asked,) = behind.asked("POST *")
    assert dict(asked.parameters)["avoid"] == disk.uuid


def test_a_volume_is_made_shown_with_its_snapshots_and_deleted(
    behind: CloudSigma, ask: Ask
) -> None:
    answer = ask("POST", VOLUMES, data={"size_bytes": str(GIB + 1), "name": "v"})
    made = facts(answer)
    assert (answer.status_code, made["size_bytes"]) == (201, GIB + 16384)
    drive = behind.drives[made["id"]]
    near, far = behind.add_snapshot(drive), behind.add_remote_snapshot(drive)
    shown = facts(ask("GET", f"{VOLUMES}/{drive.uuid}"))
    assert {one["id"] for one in shown["snapshots"]} == {near.uuid, far.uuid}
    assert [ask("DELETE", f"{VOLUMES}/{drive.uuid}").status_code for _ in range(2)] == [204, 404]
    assert [one["id"] for one in facts_of_list(ask("GET", LIST))] == [far.uuid]
    restored = ask("POST", VOLUMES, data={"snapshot_id": far.uuid, "name": "back"})
    assert (restored.status_code, facts(restored)["size_bytes"]) == (202, GIB + 16384)


def test_lists_are_filtered_and_sorted(behind: CloudSigma, ask: Ask, disk: Drive) -> None:
    tag = behind.add_tag("blue")
    now = datetime.now(UTC)
    near = behind.add_snapshot(disk, name="a,b", timestamp=now, tags=[tag.uuid])
    far = behind.add_remote_snapshot(disk, name="b", timestamp=now - timedelta(1), meta={"k": "v"})
    both = [far.uuid, near.uuid]
    for params, expected in (
        ({"sort": "created"}, both),
        ({"sort": "-created"}, both[::-1]),
        ({"sort": "-name"}, both),
        ({"sort": "id"}, sorted(both)),
        ({"name": "a,b"}, [near.uuid]),
        ({"name__contains": ",B"}, [near.uuid]),
        ({"label": tag.uuid}, [near.uuid]),
        ({"kind": "remote"}, [far.uuid]),
        ({"location": "ZRH"}, [far.uuid]),
        ({"metadata[k]": "v"}, [far.uuid]),
        ({"id": far.uuid}, [far.uuid]),
        ({"volume_id": disk.uuid, "sort": "name", "owner": "self"}, both[::-1]),
        ({"state": "creating"}, []),
    ):
        for _ in range(2):
            answer = ask("GET", LIST, params=params)
            assert [one["id"] for one in facts_of_list(answer)] == expected, params


def test_a_long_list_is_whole_in_both_formats(behind: CloudSigma, ask: Ask, disk: Drive) -> None:
    made = behind.add_snapshots(1003, disk)
    for _ in range(2):
        answer = ask("GET", LIST, params={"sort": "created"})
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert [one["id"] for one in facts_of_list(answer)] == made


def test_a_known_caller_is_one_call_for_each_kind(
    behind: CloudSigma, ask: Ask, disk: Drive
) -> None:
    one = behind.add_snapshot(disk)
    ask("GET", LIST)
    calls(behind)
    ask("GET", LIST)
    ask("GET", f"{LIST}/{one.uuid}")
    assert calls(behind) == [
        "GET /snapshots/detail/",
        "GET /remotesnapshots/detail/",
        "GET /snapshots/ID/",
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"auth": None},
        {"auth": (USER, "wrong")},
        {"auth": (USER, "")},
        {"auth": ("nobody@example.com", PASSWORD)},
        {"auth": ("ж@example.com".encode(), b"x")},
        {"auth": None, "headers": {"X-Auth-Token": "nobody"}},
        {"auth": None, "headers": {"Authorization": "Bearer nobody"}},
    ],
)
def test_wrong_credentials_are_401_and_change_nothing(
    behind: CloudSigma, ask: Ask, disk: Drive, given: Any
) -> None:
    answers = [ask("GET", LIST, **given), ask("POST", LIST, data={"volume_id": disk.uuid}, **given)]
    for answer in answers:
        assert (answer.status_code, problem(answer)["error"]) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert not behind.snapshots


def test_a_token_and_another_account_work(behind: CloudSigma, ask: Ask) -> None:
    mine, theirs = behind.add_snapshot(), behind.add_snapshot(owner=OTHER_ID)
    bearer = {"Authorization": f"Bearer {behind.issue_token(OTHER)}"}
    for given, expected in (
        ({}, mine),
        ({"auth": (OTHER, PASSWORD)}, theirs),
        ({"auth": None, "headers": bearer}, theirs),
    ):
        answer: Any = ask("GET", LIST, **given)
        assert [one["id"] for one in facts_of_list(answer)] == [expected.uuid]
    denied = ask("GET", f"{LIST}/{theirs.uuid}")
    assert (denied.status_code, problem(denied)["error"]) == (403, "denied")
    assert problem(denied)["backend"]["code"] == "permission"


def test_a_password_beyond_ascii_works(behind: CloudSigma, ask: Ask) -> None:
    behind.account().password = "pä\u20ac"
    try:
        assert ask("GET", LIST, auth=(USER.encode(), "pä\u20ac".encode())).status_code == 200
    finally:
        behind.account().password = PASSWORD


def test_the_schema_tells_limits_and_sort_keys(ask: Ask) -> None:
    for _ in range(2):
        answer = ask("GET", f"{LIST}/schema")
        if answer.headers["Content-Type"] == "application/json":
            found = answer.json()
            assert found["limits"]["metadata_key"] == 32
            assert {"created", "id", "name"} <= set(found["ordering"])
        else:
            assert {"32", "created", "id", "name"} <= texts_of(tree(answer))


def texts_of(root: Any) -> set[str]:
    return {text for one in root.iter() for text in (one.text, *one.attrib.values()) if text}
