"""Lists of the simulated CloudSigma: pages, filters, fields and order."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulators.cloudsigma import CloudSigma, running_cloudsigma
from tests.simulators.cloudsigma_judge import Caller


@pytest.fixture
def cloud() -> Iterator[CloudSigma]:
    with running_cloudsigma() as found:
        yield found


@pytest.fixture
def caller(cloud: CloudSigma) -> Iterator[Caller]:
    found = Caller(cloud)
    yield found
    found.close()


def names(objects: list[Any]) -> set[str]:
    return {one["name"] for one in objects}


def test_pages_are_20_long_unless_told(cloud: CloudSigma, caller: Caller) -> None:
    made = cloud.add_snapshots(45)
    whole = caller.get("snapshots/?limit=0")
    assert whole["meta"] == {"limit": 0, "offset": 0, "total_count": 45}
    page = caller.get("snapshots/")
    assert page["meta"] == {"limit": 20, "offset": 0, "total_count": 45}
    rest = caller.get("snapshots/?limit=30&offset=20")
    assert rest["meta"] == {"limit": 30, "offset": 20, "total_count": 45}
    assert page["objects"] + rest["objects"] == whole["objects"]
    assert {one["uuid"] for one in whole["objects"]} == set(made)
    assert caller.get("snapshots/?offset=45")["objects"] == []
    assert caller.get("snapshots/detail/?limit=0")["objects"] == whole["objects"]


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "x"), ("limit", "-1"), ("limit", ""), ("offset", "x")]
)
def test_bad_numbers_are_refused(caller: Caller, name: str, value: str) -> None:
    assert caller.refused("GET", f"drives/?{name}={value}") == (400, "validation", name)


def test_a_page_may_have_a_maximum(cloud: CloudSigma, caller: Caller) -> None:
    cloud.settings.limit_maximum = 10
    cloud.add_snapshots(15)
    for query in ("limit=0", "limit=12"):
        page = caller.get(f"snapshots/?{query}")
        assert (len(page["objects"]), page["meta"]["limit"]) == (10, 10)


def test_drives_are_short_without_detail(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive(name="data")
    (short,) = caller.objects("drives/")
    assert set(short) == {"owner", "resource_uri", "status", "uuid"}
    (detail,) = caller.objects("drives/detail/")
    assert detail == caller.get(f"drives/{drive.uuid}/")


def test_fields_are_those_that_are_asked_for(cloud: CloudSigma, caller: Caller) -> None:
    snapshot = cloud.add_snapshot()
    (found,) = caller.objects("snapshots/?fields=uuid,status")
    assert found == {"uuid": snapshot.uuid, "status": "available"}
    assert caller.get(f"snapshots/{snapshot.uuid}/?fields=name") == {"name": snapshot.name}


def test_filters_exclude(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive()
    for name in ("Nightly A", "nightly b", "a,b", "weekly"):
        cloud.add_snapshot(drive, name=name)
    other = cloud.add_snapshot(name="weekly")
    every = {"Nightly A", "nightly b", "a,b", "weekly"}
    for query, wanted in (
        ("name=weekly", {"weekly"}),
        ("name=nightly%20a", set()),
        ("name=weekly,nightly%20b", {"weekly", "nightly b"}),
        ("name=a%5C,b", {"a,b"}),
        ("name__contains=NIGHT", {"Nightly A", "nightly b"}),
        ("name__contains=NIGHT,week", {"Nightly A", "nightly b", "weekly"}),
        ("name__contains=night&name__contains=a", {"Nightly A"}),
        ("name__contains=ly&name=weekly", {"weekly"}),
        (f"drive={drive.uuid}", every),
        (f"drive={other.drive}&name=weekly", {"weekly"}),
        (f"drive={other.drive}", {"weekly"}),
        (f"drive={other.drive},{drive.uuid}", every),
        (f"uuid={other.uuid},x", {"weekly"}),
        ("drive=x", set()),
        ("nothing=x", every),
        ("status=x", every),
    ):
        assert names(caller.objects(f"snapshots/?{query}")) == wanted, query
    assert caller.get(f"snapshots/?drive={drive.uuid}&limit=1")["meta"]["total_count"] == 4
    cloud.settings.filters_status = True
    assert caller.objects("snapshots/?status=creating") == []


def test_tags_filter(cloud: CloudSigma, caller: Caller) -> None:
    one, _ = cloud.add_snapshot(name="one"), cloud.add_snapshot(name="two")
    tag = cloud.add_tag("gold", one)
    for query in (f"tag={tag.uuid}", "tag__name=gold", "tag__name=silver,gold"):
        assert names(caller.objects(f"snapshots/?{query}")) == {"one"}
    made = caller.made("tags/", {"name": "silver", "resources": [one.uuid]})
    assert names(caller.objects("snapshots/?tag__name=silver&tag__name=gold")) == {"one"}
    assert made["resources"][0]["res_type"] == "snapshots"
    uri = f"tags/{made['uuid']}/"
    assert caller("PUT", uri, {"name": "silver", "resources": []}).json()["resources"] == []
    assert caller("DELETE", uri).status_code == 204
    assert one.tags == [tag.uuid]


def test_jobs_filter_by_state(cloud: CloudSigma, caller: Caller) -> None:
    cloud.add_job(status="success")
    assert len(caller.objects("jobs/?state=success")) == 1
    assert caller.objects("jobs/?state=started") == []


def order(caller: Caller) -> list[str]:
    return [one["uuid"] for one in caller.objects("snapshots/?limit=0")]


def test_lists_have_no_order_and_what_changes_moves(cloud: CloudSigma, caller: Caller) -> None:
    made = cloud.add_snapshots(30)
    before = order(caller)
    assert before == order(caller)
    assert before not in (made, made[::-1], sorted(made))
    body = {"drive": cloud.snapshots[made[0]].drive, "name": "x"}
    positions = set()
    for _ in range(5):
        caller("PUT", f"snapshots/{made[0]}/", body)
        after = order(caller)
        positions.add(after.index(made[0]))
        after.remove(made[0])
        assert after == [one for one in before if one != made[0]]
    assert len(positions) > 1


def test_a_change_may_shuffle_all(cloud: CloudSigma, caller: Caller) -> None:
    made = cloud.add_snapshots(30)
    cloud.settings.order = "reshuffled"
    before = order(caller)
    assert before == order(caller)
    cloud.add_drive()
    assert before != order(caller)
    cloud.settings.order = "created"
    assert order(caller) == made


def test_the_same_seed_has_the_same_order() -> None:
    orders = []
    for _ in range(2):
        with running_cloudsigma(seed=7) as cloud:
            for n in range(10):
                cloud.add_drive(name=str(n))
            caller = Caller(cloud)
            orders.append([one["name"] for one in caller.objects("drives/detail/")])
            caller.close()
    assert orders[0] == orders[1]


def test_order_by_works_where_it_is_meant_to(cloud: CloudSigma, caller: Caller) -> None:
    for name in "bca":
        cloud.add_drive(name=name)
    cloud.settings.has_order_by = True
    found = caller.objects("drives/detail/?order_by=-name")
    assert [one["name"] for one in found] == ["c", "b", "a"]


def test_thousands_are_listed_fast(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive()
    made = cloud.add_snapshots(3000, drive)
    assert set(order(caller)) == set(made)
    assert len(caller.get(f"drives/{drive.uuid}/")["snapshots"]) == 3000


def test_answers_may_lack_newer_fields(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive()
    cloud.settings.lacks = frozenset({"iops", "runtime.is_ephemeral"})
    for found in (caller.objects("drives/detail/")[0], caller.get(f"drives/{drive.uuid}/")):
        assert "iops" not in found
        assert "is_ephemeral" not in found["runtime"]


def test_locations_and_one_of_them(caller: Caller) -> None:
    codes = {one["id"] for one in caller.objects("locations/")}
    assert {"ZRH", "GVA", "FRA"} <= codes
    assert caller.get("locations/ZRH/")["country_code"] == "CH"
    assert caller("GET", "locations/XXX/").status_code == 404
