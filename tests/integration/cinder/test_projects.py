"""Whose snapshots are seen, and who may do what to them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.http.tools import problem
from tests.integration.cinder.gateway import SNAPSHOTS, VOLUMES, Api, nothing_made, pair, rels
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]
NAME = "in every project"
CHANGES: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("PATCH", "", {"name": "x"}),
    ("PUT", "", {"description": "x", "metadata": {"a": "b"}}),
    ("PATCH", "", {"metadata": {"a": "b"}}),
    ("DELETE", "", None),
    ("POST", "/metadata", {"metadata": {"a": "b"}}),
    ("PUT", "/metadata", {"metadata": {}}),
    ("PUT", "/metadata/k", {"value": "x"}),
    ("DELETE", "/metadata/k", None),
    ("POST", "/clone", None),
    ("POST", "/revert", None),
)
READS = ("", "/metadata", "/metadata/k")


@pytest.fixture(scope="module")
def path(make: Make) -> str:
    """The path of a snapshot of demo's that nobody else may change."""
    return make(name=NAME, metadata={"k": "v"})


@pytest.fixture(scope="module")
def others(cinder: RealCinder) -> str:
    """The id of a snapshot of other's."""
    return cinder.snapshot(cinder.volume("fake", "other", name=NAME), "other", name=NAME)


def named(api: Api, user: str, provider: str, path: str = SNAPSHOTS, **more: str) -> set[str]:
    return set(api.ids(path, user=user, provider=provider, params={"name": NAME, **more}))


def test_an_administrator_sees_all_projects_where_the_provider_says_so(
    api: Api, path: str, others: str, format_: str
) -> None:
    assert named(api, "admin", "everywhere") == {path[-36:], others}
    assert named(api, "admin", "cloud") == set()
    assert set(api.ids(user="admin", provider="everywhere", format_=format_)) > {others}


def test_a_member_sees_the_own_project_wherever(api: Api, path: str, others: str) -> None:
    for provider in ("everywhere", "cloud"):
        assert named(api, "demo", provider) == {path[-36:]}
        assert named(api, "demo-reader", provider) == {path[-36:]}
        assert named(api, "other", provider) == {others}
    assert others not in api.ids(user="demo", provider="everywhere")


@pytest.mark.parametrize("format_", ["json"])
def test_owners_are_told_apart(
    api: Api, cinder: RealCinder, path: str, others: str, format_: str
) -> None:
    params = {"name": NAME}
    found = api.all(user="admin", provider="everywhere", params=params, format_=format_)
    expected = {path[-36:]: "demo", others: "other"}
    assert {item["id"]: item["owner"] for item in found} == {
        id_: {"id": cinder.project_id(project), "self": False} for id_, project in expected.items()
    }
    (own,) = api.all(user="demo", provider="everywhere", params=params, format_=format_)
    assert own["owner"] == {"id": cinder.project_id("demo"), "self": True}


def test_a_list_of_all_projects_is_filtered_by_owner(
    api: Api, cinder: RealCinder, path: str, others: str
) -> None:
    demo, other = cinder.project_id("demo"), cinder.project_id("other")
    assert named(api, "admin", "everywhere", owner=demo) == {path[-36:]}
    assert named(api, "admin", "everywhere", owner=other) == {others}
    assert named(api, "admin", "everywhere", owner="self") == set()
    assert named(api, "demo", "everywhere", owner="self") == {path[-36:]}
    assert named(api, "demo", "everywhere", owner=other) == set()


def test_volumes_of_all_projects(api: Api, others: str) -> None:
    assert len(named(api, "admin", "everywhere", VOLUMES)) == 1
    assert named(api, "demo", "everywhere", VOLUMES) == set()
    assert named(api, "admin", "cloud", VOLUMES) == set()


def test_an_administrator_sees_the_snapshots_of_a_volume_of_another_project(
    api: Api, others: str
) -> None:
    shown = api.get(f"{SNAPSHOTS}/{others}", user="admin", provider="everywhere")
    volume = api.get(shown["storage_volume"]["href"], user="admin")
    assert [snapshot["id"] for snapshot in volume["snapshots"]] == [others]


@pytest.mark.parametrize("format_", ["xml"])
def test_another_project_finds_nothing(
    api: Api, cinder: RealCinder, path: str, volume: str, format_: str
) -> None:
    before = api.get(path)
    requests: list[tuple[str, str, Any]] = [("GET", f"{path}{end}", None) for end in READS]
    requests += [(method, f"{path}{end}", json) for method, end, json in CHANGES]
    requests += [
        ("POST", SNAPSHOTS, {"volume_id": volume}),
        ("GET", f"{VOLUMES}/{volume}", None),
        ("DELETE", f"{VOLUMES}/{volume}", None),
        ("POST", VOLUMES, {"snapshot_id": path[-36:]}),
    ]
    with nothing_made(cinder):
        for method, url, json in requests:
            answer = api.request(method, url, json=json, user="other", format_=format_)
            assert pair(answer) == (404, "not_found"), f"{method} {url}"
    assert path[-36:] not in api.ids(user="other")
    assert api.ids(user="other", params={"id": path[-36:]}) == []
    assert api.get(path) == before


def test_a_reader_reads_and_changes_nothing(
    api: Api, cinder: RealCinder, path: str, volume: str, format_: str
) -> None:
    before = api.get(path)
    who: dict[str, Any] = {"user": "demo-reader", "format_": format_}
    for end in READS:
        assert api.request("GET", f"{path}{end}", **who).status_code == 200
    with nothing_made(cinder):
        for method, end, json in CHANGES:
            answer = api.request(method, f"{path}{end}", json=json, **who)
            assert pair(answer) == (403, "denied"), f"{method} {end}"
            assert "(policy volume:" in problem(answer)["message"]
    assert api.get(path) == before


@pytest.mark.parametrize(
    ("method", "url", "json", "policy"),
    [
        ("POST", SNAPSHOTS, {"volume_id": ""}, "volume:create_snapshot"),
        ("POST", VOLUMES, {"capacity": 1}, "volume:create"),
        ("POST", VOLUMES, {"snapshot_id": ""}, "volume:create"),
        ("DELETE", f"{VOLUMES}/", None, "volume:delete"),
    ],
)
def test_a_reader_makes_and_deletes_nothing(
    api: Api,
    cinder: RealCinder,
    path: str,
    volume: str,
    *,
    method: str,
    url: str,
    json: dict[str, Any] | None,
    policy: str,
) -> None:
    ids = {"volume_id": volume, "snapshot_id": path[-36:]}
    json = None if json is None else {name: value or ids[name] for name, value in json.items()}
    url = f"{url}{volume}" if url.endswith("/") else url
    with nothing_made(cinder):
        found = api.refusal(method, url, 403, json=json, user="demo-reader")
    assert found["error"] == "denied"
    assert f"(policy {policy}" in found["message"]


@pytest.mark.parametrize("format_", ["xml"])
def test_a_snapshot_that_is_part_of_a_group_is_deleted_with_it_only(
    api: Api, cinder: RealCinder, format_: str
) -> None:
    snapshot, group = cinder.group()
    path = f"{SNAPSHOTS}/{snapshot}"
    shown = api.get(path, format_=format_)
    assert (shown["group_id"], shown["state"]) == (group, "available")
    assert "delete" not in rels(shown)
    (listed,) = api.all(params={"volume_id": shown["storage_volume"]["id"]}, format_=format_)
    assert listed == shown
    answer = api.request("DELETE", path, format_=format_)
    assert pair(answer) == (409, "conflict")
    assert "group" in answer.text
    assert api.get(path)["state"] == "available"
    api.make(f"{path}/clone", 202)
