"""Validators of what Cinder holds: ETag, 304, If-Match."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.cinder.gateway import SNAPSHOTS, VOLUMES, Api
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]


@pytest.fixture(scope="module")
def disk(cinder: RealCinder) -> str:
    """A volume to which no other test does anything."""
    return cinder.volume("fake")


@pytest.fixture(scope="module")
def kept(cinder: RealCinder, disk: str) -> str:
    """The path of a snapshot that nobody changes."""
    return f"{SNAPSHOTS}/{cinder.snapshot(disk, name='kept', metadata={'tier': 'gold'})}"


@pytest.fixture(params=["snapshot", "metadata", "key", "volume", "list"])
def path(kept: str, disk: str, request: pytest.FixtureRequest) -> str:
    """The path of each kind of thing that can be read, in turn."""
    return str(
        {
            "snapshot": kept,
            "metadata": f"{kept}/metadata",
            "key": f"{kept}/metadata/tier",
            "volume": f"{VOLUMES}/{disk}",
            "list": f"{SNAPSHOTS}?volume_id={disk}",
        }[request.param]
    )


def etag_of(api: Api, path: str, format_: str = "json") -> dict[str, str]:
    """Return the header with which a change depends on what is there now."""
    return {"If-Match": api.request("GET", path, format_=format_).headers["ETag"]}


def test_what_the_client_has_is_not_sent_again(api: Api, path: str, format_: str) -> None:
    first = api.request("GET", path, format_=format_)
    assert first.status_code == 200
    headers = {"If-None-Match": first.headers["ETag"]}
    for method in ("GET", "HEAD"):
        answer = api.request(method, path, format_=format_, headers=headers)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == first.headers["ETag"]
    again = api.request("GET", path, format_=format_, headers={"If-None-Match": '"other"'})
    assert again.content == first.content


def test_head_has_the_headers_of_get_and_no_body(api: Api, path: str) -> None:
    got, head = (api.request(method, path) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Content-Type", "Content-Length", "Cache-Control", "Vary"):
        assert head.headers[name] == got.headers[name]


def test_a_change_of_state_changes_the_etag(api: Api, cinder: RealCinder, make: Make) -> None:
    path = make()
    known = etag_of(api, path)
    cinder.reset_snapshot(path[-36:], "error")
    api.refusal("DELETE", path, 412, headers=known)
    headers = {"If-None-Match": known["If-Match"]}
    assert api.request("GET", path, headers=headers).status_code == 200


@pytest.mark.parametrize(("method", "format_"), [("PUT", "xml"), ("PATCH", "json")])
def test_only_who_knows_the_present_state_can_change_it(
    api: Api, make: Make, format_: str, method: str
) -> None:
    path = make(name="old")
    known = etag_of(api, path, format_)
    change: dict[str, Any] = {"json": {"name": "new"}, "format_": format_}
    assert api.change(method, path, headers=known, **change)["name"] == "new"
    api.refusal(method, path, 412, headers=known, json={"name": "newer"}, format_=format_)
    api.refusal("DELETE", path, 412, headers=known, format_=format_)
    assert api.get(path)["name"] == "new"
    api.delete(path, headers=etag_of(api, path))


@pytest.mark.parametrize("format_", ["xml"])
def test_if_match_holds_for_metadata_and_for_one_key(api: Api, make: Make, format_: str) -> None:
    path = make(metadata={"a": "1"})
    for url, json in (
        (f"{path}/metadata", {"metadata": {"a": "2"}}),
        (f"{path}/metadata/a", {"value": "3"}),
    ):
        known = etag_of(api, url, format_)
        answer = api.request("PUT", url, headers=known, json=json, format_=format_)
        assert answer.status_code == 200
        api.refusal("PUT", url, 412, headers=known, json=json, format_=format_)
    api.refusal("DELETE", f"{path}/metadata/a", 412, headers=known, format_=format_)
    assert api.get(path)["metadata"] == {"a": "3"}
    api.delete(f"{path}/metadata/a", headers=etag_of(api, f"{path}/metadata/a"))


def test_if_match_holds_for_volumes(api: Api, cinder: RealCinder) -> None:
    volume = cinder.volume("fake")
    path, known = f"{VOLUMES}/{volume}", etag_of(api, f"{VOLUMES}/{volume}")
    snapshot = f"{SNAPSHOTS}/{cinder.snapshot(volume)}"
    api.refusal("DELETE", path, 412, headers=known)
    api.delete(snapshot)
    api.gone(snapshot)
    api.delete(path, headers=etag_of(api, path))


@pytest.mark.parametrize("format_", ["json"])
def test_a_made_snapshot_has_the_etag_of_what_was_made(api: Api, volume: str, format_: str) -> None:
    made = api.request("POST", SNAPSHOTS, json={"volume_id": volume}, format_=format_)
    assert made.status_code == 201
    assert made.headers["ETag"].startswith('"')
