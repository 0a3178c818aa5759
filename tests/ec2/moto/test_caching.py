"""Validators of what EC2 holds: ETag, 304, If-Match."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.ec2.moto_server import SNAPSHOTS, VOLUMES, Api

Make = Callable[..., dict[str, Any]]


@pytest.fixture(params=["snapshot", "metadata", "key", "volume", "list"])
def path(kept: dict[str, Any], request: pytest.FixtureRequest) -> str:
    """The path of each kind of thing that can be read, in turn."""
    return str(
        {
            "snapshot": kept["href"],
            "metadata": f"{kept['href']}/metadata",
            "key": f"{kept['href']}/metadata/tier",
            "volume": kept["storage_volume"]["href"],
            "list": f"{SNAPSHOTS}?id={kept['id']}",
        }[request.param]
    )


def test_what_the_client_has_is_not_sent_again(api: Api, path: str, format_: str) -> None:
    first = api.request("GET", path, format_=format_)
    etag = first.headers["ETag"]
    assert first.status_code == 200
    for method in ("GET", "HEAD"):
        headers = {"If-None-Match": etag}
        answer = api.request(method, path, format_=format_, headers=headers)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == etag
    headers = {"If-None-Match": '"other"'}
    assert api.request("GET", path, format_=format_, headers=headers).content == first.content


def test_head_has_the_headers_of_get_and_no_body(api: Api, path: str) -> None:
    got, head = (api.request(method, path) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Content-Type", "Content-Length", "Cache-Control", "Vary"):
        assert head.headers[name] == got.headers[name]


def test_a_created_snapshot_has_the_etag_under_which_it_is_shown(
    api: Api, kept: dict[str, Any], format_: str
) -> None:
    fields = {"volume_id": kept["storage_volume"]["id"], "name": "n", "metadata": {"a": "1"}}
    made = api.request("POST", SNAPSHOTS, json=fields, format_=format_)
    shown = api.request("GET", made.headers["Location"], format_=format_)
    assert made.headers["ETag"] == shown.headers["ETag"]


@pytest.mark.parametrize(("method", "format_"), [("PUT", "xml"), ("PATCH", "json")])
def test_only_who_knows_the_present_state_can_change_it(
    api: Api, make_snapshot: Make, format_: str, method: str
) -> None:
    made = make_snapshot(name="old")
    known = {"If-Match": api.request("GET", made["href"], format_=format_).headers["ETag"]}
    change: dict[str, Any] = {"json": {"name": "new"}, "format_": format_}
    changed = api.change(method, made["href"], headers=known, **change)
    assert changed["name"] == "new"
    api.refusal(method, made["href"], 412, headers=known, **change)
    api.refusal("DELETE", made["href"], 412, headers=known, format_=format_)
    assert api.get(made["href"])["name"] == "new"
    known = {"If-Match": api.request("GET", made["href"]).headers["ETag"]}
    assert api.request("DELETE", made["href"], headers=known).status_code == 204


def test_if_match_holds_for_metadata_and_for_one_key(
    api: Api, make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot(metadata={"a": "1"})
    for path, json in (
        (f"{made['href']}/metadata", {"metadata": {"a": "2"}}),
        (f"{made['href']}/metadata/a", {"value": "3"}),
    ):
        known = {"If-Match": api.request("GET", path, format_=format_).headers["ETag"]}
        answer = api.request("PUT", path, headers=known, json=json, format_=format_)
        assert answer.status_code == 200
        api.refusal("PUT", path, 412, headers=known, json=json, format_=format_)
    path = f"{made['href']}/metadata/a"
    api.refusal("DELETE", path, 412, headers={"If-Match": '"other"'}, format_=format_)
    assert api.request("DELETE", path, headers={"If-Match": "*"}).status_code == 204


def test_if_match_keeps_a_volume_that_has_a_new_snapshot(
    api: Api, make_snapshot: Make, make_volume: Callable[..., str], format_: str
) -> None:
    volume = make_volume()
    path = f"{VOLUMES}/{volume}"
    known = {"If-Match": api.request("GET", path, format_=format_).headers["ETag"]}
    make_snapshot(volume_id=volume)
    api.refusal("DELETE", path, 412, headers=known, format_=format_)
    known = {"If-Match": api.request("GET", path, format_=format_).headers["ETag"]}
    assert api.request("DELETE", path, headers=known).status_code == 204
