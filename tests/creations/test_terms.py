"""What a request may say of how it makes something: its key, and the age that is enough."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.creations.clouds import Cloud, Replica, id_of, local

BAD_KEYS = {
    "empty": "",
    "too long": "k" * 256,
    "a space": "a b",
    "a tab": "a\tb",
    "not ASCII": "schl\u00fcssel",
    "an open quote": '"abc',
    "nothing in quotes": '""',
    "a quote in quotes": '"a"b"',
    "a bad escape": '"a\\nb"',
    "too long in quotes": f'"{"k" * 256}"',
}
AGES = {"3600s": 3600, "60m": 3600, "1h": 3600, "1d": 86400}
REUSED = "X-Snapshot-Reused"


@pytest.fixture
def cloud(tmp_path: Any) -> Any:
    """The local store: what is read here is the same for every backend."""
    with local(tmp_path) as found:
        yield found


@pytest.mark.parametrize("bad", BAD_KEYS)
def test_a_bad_key_is_a_400_that_names_the_header_and_makes_nothing(
    cloud: Cloud, replica: Replica, bad: str
) -> None:
    volume: dict[str, Any] = {"json": {"volume_id": cloud.volume_id}}
    several = {"json": {"storage_snapshots": [volume["json"]]}}
    tried: list[tuple[str, dict[str, Any]]] = [
        ("/storage_snapshots", volume),
        ("/storage_snapshots", several),
        ("/storage_snapshots?dry_run=true", volume),
        ("/storage_volumes", {"json": {"capacity": 1}}),
    ]
    for path, given in tried:
        answer = replica.send("POST", path, key=BAD_KEYS[bad], **given)
        assert answer.status_code == 400, answer.text
        assert list(answer.get_json()["fields"]) == ["Idempotency-Key"]
    assert not cloud.snapshots()
    assert not cloud.volumes()


@pytest.mark.parametrize(
    ("key", "same"),
    [("k" * 255, f'"{"k" * 255}"'), ("a", '"a"'), ('a\\"', '"a\\\\\\""'), ("!~", '"!~"')],
)
def test_a_key_is_the_same_bare_and_quoted(
    cloud: Cloud, replica: Replica, key: str, same: str
) -> None:
    first = replica.snapshot(key)
    assert first.status_code == 201, first.text
    assert id_of(replica.snapshot(same)) == id_of(first)
    assert len(cloud.snapshots()) == 1


def test_a_key_may_have_spaces_in_quotes(replica: Replica) -> None:
    first = replica.snapshot('"a b"')
    assert first.status_code == 201, first.text
    assert id_of(replica.snapshot('"a b"')) == id_of(first)


def test_where_nothing_is_made_a_key_is_refused_or_means_nothing(replica: Replica) -> None:
    made = id_of(replica.snapshot())
    path = f"/storage_snapshots/{made}"
    replica.ready(made)
    for refused in (
        replica.send("POST", f"{path}/revert", key="k"),
        replica.send("POST", f"{path}/metadata", key="k", json={"metadata": {"a": "b"}}),
    ):
        assert refused.status_code == 400, refused.text
        assert list(refused.get_json()["fields"]) == ["Idempotency-Key"]
    assert replica.send("GET", path, key="k").status_code == 200
    assert replica.send("PATCH", path, key="k", json={"name": "n"}).status_code == 200
    assert replica.send("DELETE", path, key="k").status_code == 204


def test_a_driver_without_markers_says_so(
    cloud: Cloud, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.driver import Capability

    without = ~(Capability.SNAPSHOT_MARKER | Capability.VOLUME_MARKER)
    monkeypatch.setattr(cloud.driver, "capabilities", cloud.driver.capabilities & without)
    for answer, word in (
        (replica.snapshot("k"), "snapshot_marker"),
        (replica.volume("k"), "volume_marker"),
    ):
        assert answer.status_code == 501
        assert word in answer.get_json()["message"]
    assert not cloud.snapshots()
    assert replica.snapshot().status_code == 201
    assert cloud.snapshots() == {}, "what carries no marker is made without one"


def test_a_key_belongs_to_its_account(cloud: Cloud, replica: Replica) -> None:
    body = {"volume_id": cloud.volume_id}
    path = "/storage_snapshots"
    first = replica.send("POST", path, key="k", json=body)
    theirs = replica.send("POST", path, key="k", json=body, auth=("alice", "demo"))
    assert (first.status_code, theirs.status_code) == (201, 201), theirs.text
    again = replica.send("POST", path, key="k", json=body, auth=("alice", "demo"))
    assert (again.status_code, id_of(again)) == (200, id_of(theirs))
    assert set(cloud.snapshots()) == {id_of(first), id_of(theirs)}


def several(cloud: Cloud, *names: str) -> dict[str, Any]:
    """Return the body of a request for several snapshots."""
    return {"storage_snapshots": [{"volume_id": cloud.volume_id, "name": n} for n in names]}


def test_a_request_for_several_has_one_key_for_all(cloud: Cloud, replica: Replica) -> None:
    body = several(cloud, "a", "b", "c")
    first = replica.send("POST", "/storage_snapshots", key="k", json=body)
    assert first.status_code == 201, first.text
    ids = [one["id"] for one in first.get_json()["storage_snapshots"]]
    again = replica.send("POST", "/storage_snapshots", key="k", json=body)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert [one["id"] for one in again.get_json()["storage_snapshots"]] == ids
    assert sorted(cloud.snapshots()) == sorted(ids)


def test_a_repeat_for_several_makes_what_is_missing(cloud: Cloud, replica: Replica) -> None:
    body = several(cloud, "a", "b", "c")
    body["storage_snapshots"][1]["volume_id"] = "late.img"
    first = replica.send("POST", "/storage_snapshots", key="k", json=body).get_json()["results"]
    assert [one["status"] for one in first] == [201, 404, 201]
    store = cloud.options["path"]
    with open(f"{store}/volumes/late.img", "wb") as late:
        late.write(b"here I am\n")
    again = replica.send("POST", "/storage_snapshots", key="k", json=body)
    assert again.status_code == 201
    assert "Idempotency-Replayed" not in again.headers
    ids = [one["id"] for one in again.get_json()["storage_snapshots"]]
    assert [ids[0], ids[2]] == [first[0]["id"], first[2]["id"]]
    assert len(cloud.snapshots()) == 3
    body["storage_snapshots"][0]["name"] = "other"
    mixed = replica.send("POST", "/storage_snapshots", key="k", json=body)
    assert mixed.status_code == 207
    assert [one["status"] for one in mixed.get_json()["results"]] == [422, 200, 200]
    assert len(cloud.snapshots()) == 3


def aged(cloud: Cloud, replica: Replica, **age: float) -> str:
    """Return the id of a snapshot of that age."""
    made = id_of(replica.snapshot())
    replica.ready(made)
    moment = datetime.now(UTC) - timedelta(**age)
    import sqlite3

    with sqlite3.connect(f"{cloud.options['path']}/snapgate.db") as database:
        values = (int(moment.timestamp() * 1000), made)
        database.execute("UPDATE disks SET created_ms = ? WHERE id = ?", values)
    database.close()
    return made


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("how", ["json", "form", "xml", "query"])
def test_a_snapshot_that_is_young_enough_is_the_answer(
    cloud: Cloud, replica: Replica, age: str, how: str
) -> None:
    fields = {"volume_id": cloud.volume_id, "unless_newer_than": age}
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    xml = f"<storage_snapshot>{inner}</storage_snapshot>"
    bodies: dict[str, dict[str, Any]] = {
        "json": {"json": fields},
        "form": {"data": fields},
        "xml": {"data": xml, "content_type": "application/xml"},
        "query": {"query_string": fields},
    }
    given = bodies[how]
    aged(cloud, replica, seconds=AGES[age] + 60)
    new = replica.send("POST", "/storage_snapshots", **given)
    assert new.status_code == 201, new.text
    assert REUSED not in new.headers
    replica.ready(id_of(new))
    young = aged(cloud, replica, seconds=AGES[age] - 60)
    found = replica.send("POST", "/storage_snapshots", **given)
    assert (found.status_code, found.headers[REUSED]) == (200, "true")
    assert id_of(found) == id_of(new) != young, "the newest one counts"
    assert found.headers["Location"].endswith(id_of(new))
    assert len(cloud.snapshots()) == 3


def test_only_a_ready_snapshot_of_that_volume_counts(cloud: Cloud, replica: Replica) -> None:
    store = cloud.options["path"]
    with open(f"{store}/volumes/other.img", "wb") as other:
        other.write(b"other\n")
    other_one = id_of(replica.snapshot(volume_id="other.img"))
    replica.ready(other_one)
    first = replica.snapshot(unless_newer_than="1h")
    assert first.status_code == 201
    replica.ready(id_of(first))
    import sqlite3

    with sqlite3.connect(f"{store}/snapgate.db") as database:
        database.execute("UPDATE disks SET state = 'error' WHERE id = ?", (id_of(first),))
    database.close()
    assert replica.snapshot(unless_newer_than="1h").status_code == 201


@pytest.mark.parametrize("bad", ["", "60", "60 m", "m", "0m", "-5m", "1w", "1.5h", "99999d", 60])
def test_a_bad_age_is_a_400_that_names_it(cloud: Cloud, replica: Replica, bad: Any) -> None:
    answer = replica.snapshot(unless_newer_than=bad)
    assert answer.status_code == 400, answer.text
    assert list(answer.get_json()["fields"]) == ["unless_newer_than"]
    assert not cloud.snapshots()


def test_a_key_comes_before_the_age_and_the_age_belongs_to_its_request(
    cloud: Cloud, replica: Replica
) -> None:
    first = replica.snapshot("k", unless_newer_than="1h")
    assert first.status_code == 201
    replica.ready(id_of(first))
    time.sleep(0.01)
    newer = id_of(replica.snapshot())
    replica.ready(newer)
    again = replica.snapshot("k", unless_newer_than="1h")
    assert id_of(again) == id_of(first)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert REUSED not in again.headers
    assert replica.snapshot("k", unless_newer_than="2h").status_code == 422
    assert replica.snapshot("k").status_code == 422
    other = replica.snapshot("l", unless_newer_than="1h")
    assert (other.status_code, id_of(other), other.headers[REUSED]) == (200, newer, "true")
    assert len(cloud.snapshots()) == 2


def test_a_dry_run_tells_what_is_there_already(cloud: Cloud, replica: Replica) -> None:
    def dry(key: str | None, fields: Any, items: Any = None) -> Any:
        body = {"storage_snapshots": items} if items else fields
        path = "/storage_snapshots?dry_run=true"
        (found,) = replica.send("POST", path, key=key, json=body).get_json()["results"]
        return found["status"], found["id"]

    young = {"volume_id": cloud.volume_id, "unless_newer_than": "60m"}
    plain = {"volume_id": cloud.volume_id}
    assert dry("k", plain) == dry(None, young) == (201, None)
    made = id_of(replica.snapshot("k"))
    replica.ready(made)
    assert dry("k", plain) == dry(None, young) == dry("other", young) == (200, made)
    assert dry("k", {**plain, "name": "n"})[0] == 422
    assert dry("k", None, [plain]) == (200, made), "the first of a list is a request for one"
    assert len(cloud.snapshots()) == 1


def test_two_keys_are_refused_even_where_a_server_makes_one_header_of_them(
    cloud: Cloud, replica: Replica
) -> None:
    for key in ("a,b", "a, b", '"a","b"', '"a", "b"'):
        answer = replica.snapshot(key)
        assert (answer.status_code, list(answer.get_json()["fields"])) == (400, ["Idempotency-Key"])
    assert not cloud.snapshots()
    assert replica.snapshot('"a,b"').status_code == 201


def test_a_request_that_is_sent_again_in_a_list_is_the_same(cloud: Cloud, replica: Replica) -> None:
    body = several(cloud, "a", "b")
    first = replica.send("POST", "/storage_snapshots", key="k", json=body["storage_snapshots"][0])
    assert first.status_code == 201, first.text
    again = replica.send("POST", "/storage_snapshots", key="k", json=body)
    assert again.status_code == 201, "the second of them is new"
    ids = [one["id"] for one in again.get_json()["storage_snapshots"]]
    assert ids[0] == id_of(first)
    assert set(cloud.snapshots()) == set(ids)


def test_results_tell_what_was_there_and_why(cloud: Cloud, replica: Replica) -> None:
    body = several(cloud, "a", "b")
    first = replica.send("POST", "/storage_snapshots", key="k", json=body)
    ids = [one["id"] for one in first.get_json()["storage_snapshots"]]
    for one in ids:
        replica.ready(one)
    young = {"volume_id": cloud.volume_id, "unless_newer_than": "1h"}
    nowhere = {"volume_id": "nosuch.img"}
    body["storage_snapshots"] += [young, nowhere]
    mixed = replica.send("POST", "/storage_snapshots", key="k", json=body)
    assert mixed.status_code == 207
    found = mixed.get_json()["results"]
    assert [one["status"] for one in found] == [200, 200, 200, 404]
    assert [one["reused"] for one in found] == ["key", "key", "age", None]
    assert [one["id"] for one in found[:2]] == ids
    shown = replica.send("POST", "/storage_snapshots", key="k", accept="xml", json=body).text
    assert shown.count("reused='key'") == 2
    assert shown.count("reused='age'") == 1
