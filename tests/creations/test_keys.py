"""Idempotency-Key: however often and wherever a request is sent, one thing is made."""

import time
from typing import Any

import pytest

from tests.creations.clouds import MARKER_KEYS, Cloud, Replica, at_once, id_of

SECRET_KEY = "backup-2026-11-21/of-the-payroll"


def replayed(answer: Any) -> str | None:
    return str(answer.headers.get("Idempotency-Replayed"))


def test_a_repeat_answers_with_the_first_result(cloud: Cloud, replica: Replica) -> None:
    first = replica.snapshot("k", name="n", metadata={"a": "b"})
    assert first.status_code == 201, first.text
    assert "Idempotency-Replayed" not in first.headers
    for _ in range(3):
        again = replica.snapshot("k", name="n", metadata={"a": "b"})
        assert (again.status_code, replayed(again)) == (200, "true")
        assert id_of(again) == id_of(first)
        assert again.headers["Location"] == first.headers["Location"]
    assert list(cloud.snapshots()) == [id_of(first)]
    assert cloud.sent("snapshot") == 1


def test_a_repeat_of_a_clone_is_a_200_like_any_other(cloud: Cloud, replica: Replica) -> None:
    source = replica.ready(id_of(replica.snapshot()))["id"]
    path = f"/storage_snapshots/{source}/clone"
    first = replica.send("POST", path, key="k", json={})
    assert first.status_code in (201, 202), first.text
    again = replica.send("POST", path, key="k", json={})
    assert (again.status_code, replayed(again)) == (200, "true")
    assert id_of(again) == id_of(first)
    assert len(cloud.volumes()) == 1


def test_a_repeat_finds_the_first_result_through_another_gateway_and_after_a_restart(
    cloud: Cloud, replica: Replica
) -> None:
    first = replica.snapshot("k")
    for _ in range(2):
        with cloud.replica() as fresh:
            again = fresh.snapshot("k")
            assert (again.status_code, replayed(again), id_of(again)) == (200, "true", id_of(first))
    assert list(cloud.snapshots()) == [id_of(first)]
    assert cloud.sent("snapshot") == 1


def test_the_same_key_with_another_request_is_refused(
    cloud: Cloud, replica: Replica, other: Replica
) -> None:
    first = replica.snapshot("k", name="n")
    for one in (replica, other):
        for fields in ({"name": "m"}, {}, {"name": "n", "metadata": {"a": "b"}}):
            refused = one.snapshot("k", **fields)
            assert refused.status_code == 422, refused.text
            assert refused.get_json()["error"] == "key_reused"
    assert list(cloud.snapshots()) == [id_of(first)]


def test_other_keys_and_no_key_make_other_snapshots(cloud: Cloud, replica: Replica) -> None:
    made = {id_of(replica.snapshot(key)) for key in ("a", "b", None, None)}
    assert len(made) == 4
    assert set(cloud.snapshots()) == made


def test_the_format_of_a_request_makes_no_difference(cloud: Cloud, replica: Replica) -> None:
    volume = cloud.volume_id
    xml = (
        f"<storage_snapshot><volume_id>{volume}</volume_id><name>n</name>"
        "<metadata><meta key='a'>b</meta></metadata></storage_snapshot>"
    )
    bodies: list[dict[str, Any]] = [
        {"json": {"volume_id": volume, "name": "n", "metadata": {"a": "b"}}},
        {"data": {"volume_id": volume, "name": "n", "metadata[a]": "b"}},
        {"data": xml, "content_type": "application/xml"},
        {"query_string": {"volume_id": volume, "name": "n", "metadata[a]": "b"}},
    ]
    for accept in ("json", "xml"):
        for body in bodies:
            answer = replica.send("POST", "/storage_snapshots", key="k", accept=accept, **body)
            assert answer.status_code in (200, 201), answer.text
    assert len(cloud.snapshots()) == 1


def test_the_key_itself_is_nowhere_and_no_two_kinds_share_a_marker(
    cloud: Cloud, replica: Replica
) -> None:
    replica.snapshot(SECRET_KEY)
    replica.volume(SECRET_KEY)
    found = [*cloud.snapshots().values(), *cloud.volumes().values()]
    assert len(found) == 2
    assert all(set(one) == set(MARKER_KEYS) for one in found)
    assert SECRET_KEY not in str(found)
    assert found[0]["snapgate:marker"] != found[1]["snapgate:marker"]


def test_volumes_have_keys_too(cloud: Cloud, replica: Replica, other: Replica) -> None:
    first = replica.volume("k", name="n")
    assert first.status_code in (201, 202), first.text
    again = other.volume("k", name="n")
    assert (again.status_code, replayed(again), id_of(again)) == (200, "true", id_of(first))
    assert other.volume("k", name="m").status_code == 422
    assert list(cloud.volumes()) == [id_of(first)]


def test_clones_have_keys_too_by_either_way(cloud: Cloud, replica: Replica, other: Replica) -> None:
    source = id_of(replica.snapshot())
    replica.ready(source)
    path = f"/storage_snapshots/{source}/clone"
    first = replica.send("POST", path, key="k", json={"name": "n"})
    assert first.status_code in (201, 202), first.text
    body = {"snapshot_id": source, "name": "n"}
    again = other.send("POST", "/storage_volumes", key="k", json=body)
    assert (again.status_code, replayed(again), id_of(again)) == (200, "true", id_of(first))
    assert other.send("POST", path, key="k", json={"name": "m"}).status_code == 422
    assert list(cloud.volumes()) == [id_of(first)]


def test_a_clone_does_not_take_its_sources_marker_for_its_own(
    cloud: Cloud, replica: Replica
) -> None:
    source = id_of(replica.snapshot("k"))
    replica.ready(source)
    made = replica.send("POST", f"/storage_snapshots/{source}/clone", key="k", json={})
    assert made.status_code in (201, 202), made.text
    (marker,) = cloud.volumes().values()
    assert marker["snapgate:marker"] != cloud.snapshots()[source]["snapgate:marker"]


def test_many_at_once_with_one_key_make_one(cloud: Cloud, replica: Replica) -> None:
    answers = at_once(16, lambda _: replica.snapshot("k"))
    statuses = {answer.status_code for answer in answers}
    assert 201 in statuses
    assert statuses <= {200, 201, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert int(answer.headers["Retry-After"]) >= 1
    (made,) = cloud.snapshots()
    assert {id_of(a) for a in answers if a.status_code != 409} == {made}
    again = replica.snapshot("k")
    assert (again.status_code, id_of(again)) == (200, made)


def test_many_at_once_through_two_gateways_make_one(
    cloud: Cloud, replica: Replica, other: Replica
) -> None:
    def until_told(number: int) -> Any:
        for _ in range(40):
            answer = (replica, other)[number % 2].snapshot("k")
            if answer.status_code != 409:
                return answer
            time.sleep(0.1)
        raise AssertionError(answer.text)

    answers = at_once(16, until_told)
    assert {answer.status_code for answer in answers} <= {200, 201}, [a.text for a in answers]
    other.send("GET", "/storage_snapshots")
    (made,) = cloud.snapshots()
    assert {id_of(answer) for answer in answers} == {made}


def test_two_gateways_that_both_look_before_either_makes_make_one(
    cloud: Cloud, replica: Replica, other: Replica
) -> None:
    """What one of them has made is deleted again, and nobody is told of it."""
    if cloud.simulator is not None:
        cloud.simulator.delay(cloud.targets.snapshot, 0.5, times=2)
    answers = at_once(2, lambda number: (replica, other)[number].snapshot("k", name="n"))
    other.send("GET", "/storage_snapshots")  # deletions at a simulator end with the next request
    (made,) = cloud.snapshots()
    told = [answer for answer in answers if answer.status_code != 409]
    assert {id_of(answer) for answer in told} <= {made}, [answer.text for answer in answers]
    assert [answer.status_code for answer in told].count(201) == 1
    for one in (replica, other):
        assert id_of(one.snapshot("k", name="n")) == made


def test_once_it_is_deleted_a_key_makes_a_new_one(cloud: Cloud, replica: Replica) -> None:
    first = id_of(replica.snapshot("k"))
    replica.ready(first)
    assert replica.send("DELETE", f"/storage_snapshots/{first}").status_code == 204
    replica.send("GET", f"/storage_snapshots/{first}")
    second = replica.snapshot("k")
    assert second.status_code == 201, second.text
    assert list(cloud.snapshots()) == [id_of(second)]


@pytest.mark.parametrize("fields", [{}, {"name": "n", "unless_newer_than": "1h"}])
def test_a_refused_request_leaves_its_key_free(
    cloud: Cloud, replica: Replica, fields: dict[str, str]
) -> None:
    refused = replica.snapshot("k", volume_id="00000000-0000-4000-8000-000000000000", **fields)
    assert refused.status_code == 404, refused.text
    assert refused.get_json()["outcome"] is None
    assert replica.snapshot("k", **fields).status_code == 201
    assert len(cloud.snapshots()) == 1
