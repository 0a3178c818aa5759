"""What goes on behind the simulated Cinder, and what is not in the recordings."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulators.openstack import OpenStack, running_openstack
from tests.simulators.openstack_judge import Caller
from tests.simulators.openstack_state import SNAPSHOT_STATES, Region, Volume


@pytest.fixture
def openstack() -> Iterator[OpenStack]:
    with running_openstack() as found:
        yield found


@pytest.fixture
def region(openstack: OpenStack) -> Region:
    return openstack.region()


@pytest.fixture
def volume(region: Region) -> Volume:
    return region.add_volume(name="data")


@pytest.fixture
def call(openstack: OpenStack) -> Caller:
    return Caller(openstack)


def create(call: Caller, volume: Volume, **fields: Any) -> str:
    answer = call("POST", "/snapshots", {"snapshot": {"volume_id": volume.id, **fields}})
    assert answer.status == 202, answer.body
    return str(answer.json["snapshot"]["id"])


def status_of(call: Caller, snapshot_id: str) -> str:
    answer = call("GET", f"/snapshots/{snapshot_id}")
    return "gone" if answer.status == 404 else str(answer.json["snapshot"]["status"])


def names(call: Caller, query: str) -> list[str]:
    answer = call("GET", f"/snapshots?{query}")
    assert answer.status == 200, answer.body
    return [one["name"] for one in answer.json["snapshots"]]


def test_work_is_done_by_the_next_request(call: Caller, volume: Volume) -> None:
    snapshot_id = create(call, volume)
    assert status_of(call, snapshot_id) == "available"
    assert call("DELETE", f"/snapshots/{snapshot_id}").status == 202
    assert status_of(call, snapshot_id) == "gone"


def test_work_takes_so_many_reads(openstack: OpenStack, call: Caller, volume: Volume) -> None:
    openstack.settings.work_reads = 2
    snapshot_id = create(call, volume)
    seen = [status_of(call, snapshot_id) for _ in range(3)]
    assert seen == ["creating", "creating", "available"]


def test_work_takes_so_long(openstack: OpenStack, call: Caller, volume: Volume) -> None:
    openstack.settings.work_s = 60
    snapshot_id = create(call, volume)
    openstack.settings.clock.advance(59)
    assert status_of(call, snapshot_id) == "creating"
    openstack.settings.clock.advance(1)
    assert status_of(call, snapshot_id) == "available"


def test_work_is_held_until_it_is_settled(
    openstack: OpenStack, call: Caller, volume: Volume
) -> None:
    openstack.hold()
    snapshot_id = create(call, volume)
    assert status_of(call, snapshot_id) == "creating"
    openstack.settle()
    assert status_of(call, snapshot_id) == "available"
    call("DELETE", f"/snapshots/{snapshot_id}")
    assert status_of(call, snapshot_id) == "deleting"
    openstack.hold(held=False)
    assert status_of(call, snapshot_id) == "gone"


def test_work_ends_as_ordered(region: Region, call: Caller, volume: Volume) -> None:
    region.order("create_snapshot", "error")
    bad, good = create(call, volume), create(call, volume)
    assert (status_of(call, bad), status_of(call, good)) == ("error", "available")
    region.order("delete_snapshot", "error_deleting", "available")
    for snapshot_id, expected in ((bad, "error_deleting"), (good, "available")):
        assert call("DELETE", f"/snapshots/{snapshot_id}").status == 202
        assert status_of(call, snapshot_id) == expected
    messages = call("GET", f"/messages?resource_uuid={good}").json["messages"]
    assert [one["user_message"] for one in messages] == ["delete snapshot:Snapshot is busy."]
    assert len(call("GET", "/messages").json["messages"]) == 3


@pytest.mark.parametrize("status", SNAPSHOT_STATES)
def test_a_test_may_set_any_status(region: Region, call: Caller, status: str) -> None:
    snapshot = region.add_snapshot(status=status, progress="50%")
    for _ in range(2):
        assert status_of(call, snapshot.id) == status
    deleted = call("DELETE", f"/snapshots/{snapshot.id}").status
    assert deleted == (202 if status in ("available", "error") else 400)


def test_a_failed_revert_leaves_the_volume_in_error(
    region: Region, call: Caller, volume: Volume
) -> None:
    snapshot_id = create(call, volume)
    status_of(call, snapshot_id)
    region.order("revert", "error")
    body = {"revert": {"snapshot_id": snapshot_id}}
    assert call("POST", f"/volumes/{volume.id}/action", body).status == 202
    assert status_of(call, snapshot_id) == "available"
    assert call("GET", f"/volumes/{volume.id}").json["volume"]["status"] == "error"


def test_a_volume_takes_its_snapshots_along_if_asked(
    region: Region, call: Caller, volume: Volume
) -> None:
    region.add_snapshot(volume)
    assert call("DELETE", f"/volumes/{volume.id}").status == 400
    assert call("DELETE", f"/volumes/{volume.id}?cascade=true").status == 202
    assert call("GET", f"/volumes/{volume.id}").status == 404
    assert not region.snapshots


def test_a_volume_of_a_snapshot_cannot_be_smaller(region: Region, call: Caller) -> None:
    snapshot = region.add_snapshot(region.add_volume(size=3))
    small = call("POST", "/volumes", {"volume": {"snapshot_id": snapshot.id, "size": 2}})
    assert (small.status, "cannot be smaller" in small.message) == (400, True)
    large = call("POST", "/volumes", {"volume": {"snapshot_id": snapshot.id, "size": 5}})
    assert large.json["volume"]["size"] == 5


def test_quotas_refuse_what_is_too_much(region: Region, call: Caller, volume: Volume) -> None:
    quota = region.quotas[volume.project_id]
    quota["snapshots"] = 1
    status_of(call, create(call, volume))
    answer = call("POST", "/snapshots", {"snapshot": {"volume_id": volume.id}})
    assert (answer.status, answer.headers["Retry-After"]) == (413, "0")
    assert "SnapshotLimitExceeded" in answer.message
    quota["gigabytes"] = 2
    answer = call("POST", "/snapshots", {"snapshot": {"volume_id": volume.id}})
    assert "VolumeSizeExceedsAvailableQuota" in answer.message


def test_the_server_s_own_page_is_the_longest(
    openstack: OpenStack, region: Region, call: Caller
) -> None:
    openstack.settings.page_maximum = 3
    region.add_snapshots(7)
    found, path = [], "/snapshots?limit=5"
    while path:
        page = call("GET", path).json
        found.append(len(page["snapshots"]))
        links = page.get("snapshots_links", [{"href": "/v3"}])
        path = links[0]["href"].partition("/v3")[2]
    assert found == [3, 3, 1]


def test_operators_change_what_may_be_filtered_by(
    openstack: OpenStack, region: Region, call: Caller
) -> None:
    region.add_snapshot(name="nightly-1")
    region.add_snapshot(name="weekly-1")
    openstack.settings.resource_filters["snapshot"] = ["name~", "status"]
    assert names(call, "name~=NIGHT") == ["nightly-1"]
    assert names(call, "name=weekly-1") == ["weekly-1"]
    refused = call("GET", "/snapshots?volume_id=x&metadata=x")
    assert refused.message == "Invalid filters volume_id,metadata are found in query options."
    filters = call("GET", "/resource_filters?resource=snapshot").json["resource_filters"]
    assert filters == [{"resource": "snapshot", "filters": ["name~", "status"]}]
    assert call("GET", "/resource_filters", version="3.32").status == 404


def test_internal_snapshots_consume_no_quota(region: Region, call: Caller) -> None:
    region.add_snapshot(name="internal", consumes_quota=False)
    region.add_snapshot(name="own")
    assert names(call, "consumes_quota=true") == ["own"]
    assert names(call, "consumes_quota=false") == ["internal"]
    assert len(names(call, "")) == 2


def test_pages_follow_any_order(region: Region, call: Caller) -> None:
    for name in ("b", None, "a", "b", None, ""):
        region.add_snapshot(name=name)
    whole = call("GET", "/snapshots?sort=name:asc,id:asc").json["snapshots"]
    ids = [one["id"] for one in whole]
    assert [one["name"] for one in whole] == [None, None, "", "a", "b", "b"]
    for at in range(3, 6):
        after = call("GET", f"/snapshots?sort=name:asc,id:asc&marker={ids[at]}").json
        assert [one["id"] for one in after["snapshots"]] == ids[at + 1 :]


def test_an_offset_goes_on_in_the_next_link(region: Region, call: Caller) -> None:
    region.add_snapshots(9)
    page = call("GET", "/snapshots?limit=2&offset=1").json
    assert [one["name"] for one in page["snapshots"]] == ["snapshot-7", "snapshot-6"]
    assert page["snapshots_links"][0]["href"].partition("?")[2].startswith("limit=2&offset=1&mark")


def test_a_user_without_a_project_may_see_nothing(openstack: OpenStack, call: Caller) -> None:
    call.token = openstack.identity.issue(openstack.identity.demo, None)
    answer = call("GET", "/snapshots")
    expected = "Policy doesn't allow volume:get_all_snapshots to be performed."
    assert (answer.status, answer.message) == (403, expected)


def test_administrators_see_all_projects_if_they_ask(openstack: OpenStack, region: Region) -> None:
    other = openstack.identity.project("other")
    region.add_snapshot(name="theirs", project_id=other.id)
    region.add_snapshot(name="ours")
    admin = Caller(openstack, "admin")
    assert sorted(names(admin, "all_tenants=1")) == ["ours", "theirs"]
    assert names(admin, f"all_tenants=1&project_id={other.id}") == ["theirs"]
    assert names(admin, "all_tenants=1&display_name~=OUR") == ["ours"]
    assert names(admin, "") == []
    assert names(Caller(openstack, "other"), "all_tenants=1") == ["theirs"]


@pytest.mark.parametrize(
    ("maximum", "path", "status"),
    [
        ("3.71", "/snapshots", 200),
        ("3.66", "/snapshots", 404),
        ("3.66", "/98e424d7dfc04ad6a88344f859950a94/snapshots", 200),
        ("3.66", "/4b156201304740bb82156960647280a9/snapshots", 400),
    ],
)
def test_old_clouds_want_the_project_in_the_url(maximum: str, path: str, status: int) -> None:
    with running_openstack(maximum=maximum) as openstack:
        call = Caller(openstack, version="3.50")
        assert call("GET", path).status == status
        assert call("GET", path, version="3.71").status in (status, 406)


def test_what_is_lacking_says_so(call: Caller) -> None:
    answer = call("GET", "/backups")
    assert (answer.status, answer.message) == (
        501,
        "Cinder knows /backups; this simulator does not.",
    )


def test_thousands_of_snapshots_are_quickly_there(region: Region, call: Caller) -> None:
    ids = region.add_snapshots(5000)
    page = call("GET", "/snapshots/detail?limit=2").json
    assert [one["id"] for one in page["snapshots"]] == ids[:-3:-1]


def test_all_can_be_made_as_new(
    openstack: OpenStack, region: Region, call: Caller, volume: Volume
) -> None:
    openstack.hold()
    create(call, volume)
    openstack.fail("* *", 500, times=9)
    region.order("create_volume", "error")
    openstack.reset()
    assert openstack.requests == []
    assert names(call, "") == []
    volume_id = call("POST", "/volumes", {"volume": {"size": 1}}).json["volume"]["id"]
    assert call("GET", f"/volumes/{volume_id}").json["volume"]["status"] == "available"
