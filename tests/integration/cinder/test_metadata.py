"""Metadata of a snapshot as a resource of its own: all of it, and key by key."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.http.bodies import ASKED, body
from tests.http.tools import CONTENT_TYPES, Raw, basic, metadata_of, send, tree
from tests.integration.cinder.gateway import Api, pair
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]
KEYS = ("a.json", "a:b", "a b", " ", "..", ".", "-_:. 9Z", "detail", "x" * 255, "a.b.c")


def metadata(answer: requests.Response) -> dict[str, str]:
    """Return the metadata, or the one item, that an answer shows."""
    assert answer.status_code == 200, answer.text
    if answer.headers["Content-Type"] == "application/json":
        (found,) = answer.json().values()
        return dict(found)
    root = tree(answer)
    return metadata_of(root) if root.tag == "metadata" else {str(root.get("key")): root.text or ""}


@pytest.fixture(scope="module")
def snapshot(make: Make) -> str:
    """The path of the snapshot of all tests here."""
    return make(name="n")


@pytest.fixture
def path(cinder: RealCinder, snapshot: str) -> str:
    """The path of its metadata, which is the same for each test."""
    url = f"/snapshots/{snapshot[-36:]}/metadata"
    cinder.as_user("demo")("PUT", url, {"metadata": {"a": "1", "b": "2"}})
    return f"{snapshot}/metadata"


@pytest.fixture
def stored(cinder: RealCinder, path: str) -> Callable[[], dict[str, str]]:
    """Ask Cinder itself for the metadata."""
    call, id_ = cinder.as_user("demo"), path.split("/")[2]
    return lambda: dict(call("GET", f"/snapshots/{id_}")["snapshot"]["metadata"])


def test_metadata_is_shown(api: Api, path: str, format_: str) -> None:
    assert metadata(api.request("GET", path, format_=format_)) == {"a": "1", "b": "2"}
    assert metadata(api.request("GET", f"{path}/a", format_=format_)) == {"a": "1"}
    assert pair(api.request("GET", f"{path}/c", format_=format_)) == (404, "not_found")


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(("kind", "format_"), ASKED)
def test_metadata_is_merged_or_replaced(
    api: Api, path: str, stored: Callable[[], Any], *, format_: str, kind: str, method: str
) -> None:
    values = {"b": "3", "c: d.json": "ü ☃ 😀\n<&>"}
    given = _metadata_body(kind, values)
    after = {"a": "1", **values} if method == "POST" else values
    assert metadata(api.request(method, path, format_=format_, **given)) == after
    assert stored() == after


def _metadata_body(kind: str, values: dict[str, str]) -> dict[str, Any]:
    given = body(kind, "storage_snapshot", {"metadata": values})
    if kind == "xml":  # here the metadata is the document itself
        given["data"] = given["data"].removeprefix(b"<storage_snapshot>")
        given["data"] = given["data"].removesuffix(b"</storage_snapshot>")
    return given


def test_post_removes_what_is_null(
    api: Api, path: str, stored: Callable[[], Any], format_: str
) -> None:
    change = {"metadata": {"a": None, "c": "3"}}
    assert metadata(api.request("POST", path, json=change, format_=format_)) == {"b": "2", "c": "3"}
    assert stored() == {"b": "2", "c": "3"}


@pytest.mark.parametrize("format_", ["json"])
def test_put_with_nothing_removes_all(
    api: Api, path: str, stored: Callable[[], Any], format_: str
) -> None:
    answer = api.request("PUT", path, json={"metadata": {}}, format_=format_)
    assert metadata(answer) == stored() == {}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:10])
def test_one_key_is_set_shown_and_removed(
    api: Api, path: str, stored: Callable[[], Any], key: str
) -> None:
    assert ask(api, "PUT", path, key, {"value": "v <1> & ☃"}).json()["meta"] == {key: "v <1> & ☃"}
    assert stored() == {"a": "1", "b": "2", key: "v <1> & ☃"}
    assert ask(api, "GET", path, key).json()["meta"] == {key: "v <1> & ☃"}
    assert ask(api, "PUT", path, key, {"value": ""}).json()["meta"] == {key: ""}
    assert stored() == {"a": "1", "b": "2", key: ""}
    assert ask(api, "DELETE", path, key).status == 204
    assert ask(api, "GET", path, key).status == 404
    assert ask(api, "DELETE", path, key).status == 404
    assert stored() == {"a": "1", "b": "2"}


def ask(api: Api, method: str, path: str, key: str, given: object = None) -> Raw:
    """Send a request for one key, whose dots no client makes a path of."""
    headers = {
        "Authorization": basic(*api.login("demo")),
        "Accept": CONTENT_TYPES["json"],
        "Content-Type": CONTENT_TYPES["json"],
    }
    data = None if given is None else json.dumps(given).encode()
    url = f"/api{path}/{quote(key, safe='')}"
    return send(api.server, method, url, headers=headers, body=data)


def test_one_key_in_xml(api: Api, path: str, stored: Callable[[], Any]) -> None:
    given: dict[str, Any] = {
        "data": "<meta key='a.b'>é &amp; ü</meta>".encode(),
        "headers": {"Content-Type": "application/xml"},
    }
    answer = api.request("PUT", f"{path}/a.b", format_="xml", **given)
    assert metadata(answer) == {"a.b": "é & ü"}
    assert metadata(api.request("GET", f"{path}/a.b", format_="xml")) == {"a.b": "é & ü"}
    api.delete(f"{path}/a.b", format_="xml")
    assert stored() == {"a": "1", "b": "2"}


@pytest.mark.parametrize("key", ["ä", "a/b", "a+b", "<k>", "x" * 256, "a\nb", "☃", "a?"])
def test_a_key_that_cinder_cannot_have_is_refused_and_changes_nothing(
    api: Api, path: str, stored: Callable[[], Any], key: str
) -> None:
    for method, url, json_ in (
        ("PUT", f"{path}/{quote(key, safe='')}", {"value": "1"}),
        ("POST", path, {"metadata": {key: "1", "c": "2"}}),
        ("PUT", path, {"metadata": {key: "1"}}),
        ("PATCH", path.removesuffix("/metadata"), {"name": "x", "metadata": {key: "1"}}),
    ):
        found = api.refusal(method, url, json=json_)
        assert any(name.startswith("metadata[") for name in found["fields"]), found
    assert stored() == {"a": "1", "b": "2"}
    assert api.get(path.removesuffix("/metadata"))["name"] == "n"


@pytest.mark.parametrize("format_", ["xml"])
def test_a_value_that_is_too_long_is_refused(
    api: Api, path: str, stored: Callable[[], Any], format_: str
) -> None:
    longest = "é" * 255
    assert metadata(api.request("PUT", f"{path}/a", json={"value": longest})) == {"a": longest}
    change: dict[str, Any] = {"json": {"value": f"{longest}x"}, "format_": format_}
    assert "metadata[b]" in api.refusal("PUT", f"{path}/b", **change)["fields"]
    assert stored() == {"a": longest, "b": "2"}


@pytest.mark.parametrize("format_", ["json"])
def test_more_than_cinder_takes_is_refused(
    api: Api, path: str, stored: Callable[[], Any], format_: str
) -> None:
    many = {f"k{number}": "v" * 255 for number in range(600)}
    found = api.refusal("PUT", path, json={"metadata": many}, format_=format_)
    assert (found["error"], list(found["fields"])) == ("invalid", ["metadata"])
    assert stored() == {"a": "1", "b": "2"}


@pytest.mark.parametrize("format_", ["xml"])
def test_what_cannot_be_done_to_the_metadata_leaves_the_name_alone(
    api: Api, path: str, format_: str
) -> None:
    many = {f"k{number}": "v" * 255 for number in range(600)}
    change = {"name": "new", "description": "new", "metadata": many}
    snapshot = path.removesuffix("/metadata")
    api.refusal("PATCH", snapshot, json=change, format_=format_)
    shown = api.get(snapshot)
    assert (shown["name"], shown["description"]) == ("n", None)
