"""The contract of a snapshot's metadata, as Cinder has it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.http.tools import CONTENT_TYPES, accept, metadata_of, tree
from tests.servers import Server

Make = Callable[..., dict[str, Any]]


def metadata(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    if answer.headers["Content-Type"] == "application/json":
        assert list(answer.json()) == ["metadata"]
        return dict(answer.json()["metadata"])
    root = tree(answer)
    assert root.tag == "metadata"
    return metadata_of(root)


def meta(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    if answer.headers["Content-Type"] == "application/json":
        assert list(answer.json()) == ["meta"]
        return dict(answer.json()["meta"])
    root = tree(answer)
    assert root.tag == "meta"
    return {str(root.get("key")): root.text or ""}


@pytest.fixture
def path(make_snapshot: Make) -> str:
    made = make_snapshot(metadata={"a": "1", "b": "2"})
    return f"/storage_snapshots/{made['id']}/metadata"


def test_metadata_is_shown(server: Server, path: str, format_: str) -> None:
    assert metadata(server.request("GET", path, headers=accept(format_))) == {"a": "1", "b": "2"}


def test_post_merges(server: Server, path: str, format_: str) -> None:
    change = {"metadata": {"b": "3", "c": "4", "a": None}}
    answer = server.request("POST", path, json=change, headers=accept(format_))
    assert metadata(answer) == {"b": "3", "c": "4"}
    assert metadata(server.request("GET", path)) == {"b": "3", "c": "4"}


def test_put_replaces(server: Server, path: str, format_: str) -> None:
    answer = server.request("PUT", path, json={"metadata": {"c": "4"}}, headers=accept(format_))
    assert metadata(answer) == {"c": "4"}
    assert metadata(server.request("GET", path)) == {"c": "4"}


def test_put_of_nothing_takes_all_away(server: Server, path: str, format_: str) -> None:
    if format_ == "json":
        answer = server.request("PUT", path, json={"metadata": {}})
    else:
        headers = {"Content-Type": "application/xml", **accept("xml")}
        answer = server.request("PUT", path, data="<metadata/>", headers=headers)
    assert metadata(answer) == {}


def test_metadata_is_taken_as_a_form_and_as_xml(server: Server, path: str) -> None:
    answer = server.request("POST", path, data={"metadata[c d]": "4", "metadata[e[f]]": "5"})
    assert metadata(answer) == {"a": "1", "b": "2", "c d": "4", "e[f]": "5"}
    body = "<metadata><meta key='x'>9</meta><meta key='a' nil='true'/></metadata>"
    headers = {"Content-Type": "application/xml", **accept("xml")}
    answer = server.request("POST", path, data=body, headers=headers)
    assert metadata(answer) == {"b": "2", "c d": "4", "e[f]": "5", "x": "9"}


def test_a_key_is_shown_alone(server: Server, path: str, format_: str) -> None:
    answer = server.request("GET", f"{path}/a", headers=accept(format_))
    assert answer.headers["Content-Type"] == CONTENT_TYPES[format_]
    assert meta(answer) == {"a": "1"}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", "value=9"),
        ("application/x-www-form-urlencoded", "meta[a]=9"),
        ("application/json", '{"meta": {"a": "9"}}'),
        ("application/json", '{"value": "9"}'),
        ("application/xml", "<meta key='a'>9</meta>"),
    ],
)
def test_a_key_is_set(server: Server, path: str, content_type: str, body: str) -> None:
    headers = {"Content-Type": content_type, "Accept": "application/json"}
    assert meta(server.request("PUT", f"{path}/a", data=body, headers=headers)) == {"a": "9"}
    assert metadata(server.request("GET", path)) == {"a": "9", "b": "2"}


def test_a_key_that_is_set_may_be_new_and_empty(server: Server, path: str, format_: str) -> None:
    answer = server.request("PUT", f"{path}/new", data="value=", headers=accept(format_))
    assert meta(answer) == {"new": ""}
    assert metadata(server.request("GET", path)) == {"a": "1", "b": "2", "new": ""}


def test_a_deleted_key_is_gone(server: Server, path: str, format_: str) -> None:
    answer = server.request("DELETE", f"{path}/a", headers=accept(format_))
    assert (answer.status_code, answer.content) == (204, b"")
    assert metadata(server.request("GET", path)) == {"b": "2"}
    for method in ("GET", "DELETE"):
        again = server.request(method, f"{path}/a", headers=accept(format_))
        assert again.status_code == 404
        assert "'a'" in again.text or "&#39;a&#39;" in again.text


@pytest.mark.parametrize("key", ["c/d", "ä€😀", "a b", "50%", "x;y=z", "a?b#c", "schema"])
def test_any_key_can_stand_in_the_url(server: Server, path: str, key: str) -> None:
    url = f"{path}/{quote(key, safe='')}"
    assert meta(server.request("PUT", url, data={"value": "v"})) == {key: "v"}
    assert meta(server.request("GET", url, headers=accept("xml"))) == {key: "v"}
    assert metadata(server.request("GET", path))[key] == "v"
    assert server.request("DELETE", url).status_code == 204
    assert key not in metadata(server.request("GET", path))


def test_metadata_of_nothing_is_not_found(server: Server, format_: str) -> None:
    for method, end in [("GET", ""), ("POST", ""), ("PUT", ""), ("GET", "/k"), ("DELETE", "/k")]:
        json = {"metadata": {"a": "b"}} if method in {"POST", "PUT"} else None
        path = f"/storage_snapshots/nosuch/metadata{end}"
        answer = server.request(method, path, json=json, headers=accept(format_))
        assert answer.status_code == 404
        assert "nosuch" in answer.text
