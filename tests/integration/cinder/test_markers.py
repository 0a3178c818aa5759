"""Markers in a real Cinder: found by its filters and kept by its edits."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.http.tools import facts
from tests.integration.cinder.gateway import SNAPSHOTS, VOLUMES, Api
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]


def ask(api: Api, path: str, key: str, **fields: Any) -> Any:
    return api.request("POST", path, json=fields, headers={"Idempotency-Key": key})


def test_a_key_makes_one_snapshot_and_lasts_through_edits(
    api: Api, cinder: RealCinder, volume: str
) -> None:
    key = f"snapshot of {volume}".replace(" ", "-")
    given = {"volume_id": volume, "name": "n", "metadata": {"a": "1", "b": "2"}}
    first = ask(api, SNAPSHOTS, key, **given)
    assert first.status_code == 201, first.text
    made = facts(first)
    api.settled(made["href"], "available")
    for change in ({"a": None}, {"c": "3"}, {"a": None, "d": "4"}):
        api.change("PATCH", made["href"], json={"metadata": change})
    shown = api.change("PUT", made["href"], json={"metadata": {"e": "5"}})
    assert shown["metadata"] == {"e": "5"}
    row = cinder.as_user("demo")("GET", f"/snapshots/{made['id']}")["snapshot"]
    assert set(row["metadata"]) == {"e", "snapgate:marker", "snapgate:request"}
    again = ask(api, SNAPSHOTS, key, **given)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert facts(again)["id"] == made["id"]
    assert ask(api, SNAPSHOTS, key, **{**given, "name": "m"}).status_code == 422
    marker = row["metadata"]["snapgate:marker"]
    path = f"{SNAPSHOTS}?created_by={marker}&explain=true&format=json"
    found = api.request("GET", path).json()
    assert [one["id"] for one in found["storage_snapshots"]] == [made["id"]]
    assert "created_by" in found["explain"]["backend"]["filters"]


@pytest.mark.parametrize("source", [False, True])
def test_a_key_makes_one_volume(api: Api, make: Make, *, source: bool) -> None:
    given: dict[str, Any] = {"capacity": 1, "name": f"keyed-{source}"}
    if source:
        given["snapshot_id"] = make(name="n").rpartition("/")[2]
    key = f"volume-{source}-{given.get('snapshot_id')}"
    first = ask(api, VOLUMES, key, **given)
    assert first.status_code in (201, 202), first.text
    again = ask(api, VOLUMES, key, **given)
    assert (again.status_code, facts(again)["id"]) == (200, facts(first)["id"])
    assert facts(again)["metadata"] == {}
