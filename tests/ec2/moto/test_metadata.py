"""Metadata of a snapshot on EC2 as a resource of its own: all of it, and key by key."""

import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.ec2.moto_server import Api
from tests.http.bodies import ASKED, body
from tests.http.tools import FORMATS, metadata_of, tree

Make = Callable[..., dict[str, Any]]
KEYS = ("a/b", "Ünï ☃", "<k> & 'q'", "100%;b=c+d?", "a.b:c@d e", "name")


def metadata(answer: requests.Response) -> dict[str, str]:
    """Return the metadata, or the one item, that an answer shows."""
    assert answer.status_code == 200, answer.text
    if answer.headers["Content-Type"] == "application/json":
        (found,) = answer.json().values()
        return dict(found)
    root = tree(answer)
    return metadata_of(root) if root.tag == "metadata" else {str(root.get("key")): root.text or ""}


@pytest.fixture
def path(make_snapshot: Make) -> str:
    made = make_snapshot(name="n", description="d", metadata={"a": "1", "b": "2"})
    return f"{made['href']}/metadata"


def test_metadata_is_shown_without_name_and_description(api: Api, path: str, format_: str) -> None:
    api.change("PATCH", path.removesuffix("/metadata"), json={"description": "new"})
    answer = api.request("GET", path, format_=format_)
    assert metadata(answer) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(("kind", "format_"), ASKED)
def test_metadata_is_merged_or_replaced(
    api: Api, path: str, format_: str, kind: str, method: str
) -> None:
    values = {"b": "3", "ç & <d>": "ü ☃"}
    given = _metadata_body(kind, values)
    after = {"a": "1", **values} if method == "POST" else values
    assert metadata(api.request(method, path, format_=format_, **given)) == after
    shown = api.get(path.removesuffix("/metadata"))
    assert (shown["name"], shown["description"]) == ("n", "d")
    assert shown["metadata"] == after


def _metadata_body(kind: str, values: dict[str, str]) -> dict[str, Any]:
    given = body(kind, "storage_snapshot", {"metadata": values})
    if kind == "xml":  # here the metadata is the document itself
        given["data"] = given["data"].removeprefix(b"<storage_snapshot>")
        given["data"] = given["data"].removesuffix(b"</storage_snapshot>")
    return given


def test_post_removes_what_is_null(api: Api, path: str, format_: str) -> None:
    change = {"metadata": {"a": None, "c": "3"}}
    answer = api.request("POST", path, json=change, format_=format_)
    assert metadata(answer) == metadata(api.request("GET", path)) == {"b": "2", "c": "3"}


@pytest.mark.parametrize(("key", "format_"), list(zip(KEYS, itertools.cycle(FORMATS))))
def test_one_key_is_set_shown_and_removed(api: Api, path: str, format_: str, key: str) -> None:
    url = f"{path}/{quote(key, safe='')}"
    answer = api.request("PUT", url, json={"value": "v <1> & ☃"}, format_=format_)
    assert metadata(answer) == {key: "v <1> & ☃"}
    assert metadata(api.request("GET", url, format_=format_)) == {key: "v <1> & ☃"}
    assert metadata(api.request("PUT", url, json={"value": ""}, format_=format_)) == {key: ""}
    assert metadata(api.request("GET", path)) == {"a": "1", "b": "2", key: ""}
    answer = api.request("DELETE", url, format_=format_)
    assert (answer.status_code, answer.content) == (204, b"")
    api.refusal("GET", url, 404, format_=format_)
    assert metadata(api.request("GET", path)) == {"a": "1", "b": "2"}


def test_one_key_is_set_in_xml_as_it_is_shown(api: Api, path: str) -> None:
    data = "<meta key='a'>é &amp; ü</meta>".encode()
    headers = {"Content-Type": "application/xml"}
    answer = api.request("PUT", f"{path}/a", data=data, headers=headers, format_="xml")
    assert metadata(answer) == {"a": "é & ü"}


@pytest.mark.parametrize("key", ["Name", "description", "nosuch"])
def test_a_key_that_is_no_metadata_is_not_found(
    api: Api, kept: dict[str, Any], format_: str, key: str
) -> None:
    for method in ("GET", "DELETE"):
        assert (
            key
            in api.refusal(method, f"{kept['href']}/metadata/{key}", 404, format_=format_)[
                "message"
            ]
        )
    assert api.get(kept["href"]) == kept


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_metadata_of_an_unknown_snapshot_is_not_found(api: Api, format_: str, method: str) -> None:
    json = None if method == "GET" else {"metadata": {"a": "1"}}
    for unknown in ("snap-0123456789abcdef0", "nosuch"):
        url = f"/storage_snapshots/{unknown}/metadata"
        api.refusal(method, url, 404, json=json, format_=format_)
