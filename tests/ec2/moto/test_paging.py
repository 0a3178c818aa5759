"""Lists longer than a page. Moto gives all rows whatever it is asked for; nothing comes twice."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.ec2.moto_server import SNAPSHOTS, VOLUMES, Api, Moto

COUNT = 12
"""More than two pages of the provider ``small``, which has five rows on each."""


@pytest.fixture(scope="module")
def made(api: Api, aws: Callable[..., Any]) -> dict[str, list[str]]:
    """Twelve volumes with a snapshot of the first of them each: path -> ids."""
    client = aws("eu-central-1")
    zone = "eu-central-1a"
    volumes = [
        client.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"] for _ in range(COUNT)
    ]
    snapshots = [
        api.make(SNAPSHOTS, json={"volume_id": volumes[0], "name": "n"}, provider="small")["id"]
        for _ in range(COUNT)
    ]
    return {SNAPSHOTS: sorted(snapshots), VOLUMES: volumes}


@pytest.mark.parametrize("path", [SNAPSHOTS, VOLUMES])
def test_a_list_of_several_pages_holds_everything_once(
    api: Api, made: dict[str, list[str]], format_: str, path: str
) -> None:
    listed = [item["id"] for item in api.list(path, provider="small", format_=format_)]
    assert sorted(listed) == sorted(made[path])


def test_a_filtered_list_of_several_pages_holds_everything_once(
    api: Api, made: dict[str, list[str]], format_: str
) -> None:
    filters = {"name": "n", "owner": "self", "volume_id": made[VOLUMES][0]}
    for count in (1, 2, 3):
        given = dict(list(filters.items())[:count])
        found = api.list(SNAPSHOTS, provider="small", params=given, format_=format_)
        assert sorted(item["id"] for item in found) == made[SNAPSHOTS]


def test_a_volume_shows_all_of_its_snapshots(
    api: Api, made: dict[str, list[str]], format_: str
) -> None:
    path = f"{VOLUMES}/{made[VOLUMES][0]}"
    shown = api.get(path, provider="small", format_=format_)["snapshots"]
    assert sorted(link["id"] for link in shown) == made[SNAPSHOTS]


def test_every_list_call_asks_for_a_page(api: Api, made: dict[str, list[str]], moto: Moto) -> None:
    with moto.recorded() as calls:
        for path in made:
            api.list(path, provider="small")
            api.list(path)
    sizes = {int(call.form["MaxResults"]) for call in calls}
    assert sizes == {5, 1000}


def test_a_provider_can_show_the_callers_own_snapshots_unless_asked(
    api: Api, made: dict[str, list[str]], moto: Moto
) -> None:
    with moto.recorded() as calls:
        listed = api.list(SNAPSHOTS, provider="small")
    assert {call.form["Owner.1"] for call in calls} == {"self"}
    assert len(listed) == len(made[SNAPSHOTS])
    with moto.recorded() as calls:
        assert api.list(SNAPSHOTS, provider="small", params={"owner": "999999999999"}) == []
    assert {call.form["Owner.1"] for call in calls} == {"999999999999"}


def test_a_streamed_list_has_no_etag_and_a_single_page_has_one(
    api: Api, made: dict[str, list[str]]
) -> None:
    several = api.request("GET", SNAPSHOTS, provider="small")
    assert "ETag" not in several.headers
    assert len(several.json()["storage_snapshots"]) == len(made[SNAPSHOTS])
    assert "ETag" in api.request("GET", SNAPSHOTS, params={"name": "nobody"}).headers
