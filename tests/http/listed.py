"""Servers with clouds that have many rows, and lists as facts, whatever their format is."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from lxml import etree

from tests.http.plugins.listed_cloud import ListedOptions, snapshot, volume
from tests.http.staged import staged_server
from tests.http.tools import attributes, metadata_of
from tests.servers import DEMO, Server

SNAPSHOTS = "/storage_snapshots"
VOLUMES = "/storage_volumes"
FORMATS = ("xml", "json", "ndjson")
CONTENT_TYPES = {
    "xml": "application/xml",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
}
_QUIET_S = 0.1
ROWS = 120
PAGE = 50
OPTIONS: Mapping[str, Any] = ListedOptions().load({"folder": ""})
ALL = tuple(snapshot(number, OPTIONS) for number in range(ROWS))
"""What the providers hold that are not told otherwise."""
THERE = tuple(volume(number) for number in (1, 2, 4, 5))
HUNG_UP = {"all": "", "some": "&state=error", "last": "&id=snap-02999"}
"""What clients ask for that hang up: names and queries."""
_NEXT = re.compile(r'<([^>]*)>; rel="next"')


@contextlib.contextmanager
def listed_server(
    folder: Path,
    providers: Mapping[str, Mapping[str, Any]],
    *,
    gateway: str = "",
    arguments: tuple[str, ...] = (),
) -> Iterator[Server]:
    """Run a server with these providers; each has a folder of its own name."""
    given = {}
    for name, options in providers.items():
        (folder / name).mkdir()
        driver = f"listed_cloud:{options.get('driver', 'ListedDriver')}"
        given[name] = {**options, "driver": driver, "folder": str(folder / name)}
    with staged_server(folder, given, gateway=gateway, arguments=arguments) as server:
        try:
            yield server
        finally:
            for name in providers:
                release(server, name)


def hold(server: Server, provider: str, first: int) -> None:
    """Let the list calls of a provider wait that begin at a row or behind it."""
    (server.folder / provider / "hold.new").write_text(str(first))
    (server.folder / provider / "hold.new").rename(server.folder / provider / "hold")


def release(server: Server, provider: str) -> None:
    """Let the calls of a provider go on."""
    (server.folder / provider / "hold").unlink(missing_ok=True)


def calls(server: Server, provider: str) -> list[list[Any]]:
    """Return the calls since ``forget``: what, the first row, and how many at most."""
    path = server.folder / provider / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def forget(server: Server, provider: str) -> None:
    """Forget the calls so far, and pages that are still read ahead for whoever left."""
    path = server.folder / provider / "calls"
    path.unlink(missing_ok=True)
    time.sleep(_QUIET_S)
    while path.exists():
        path.unlink()
        time.sleep(_QUIET_S)


def accept(format_: str) -> dict[str, str]:
    """Return the headers that ask for a format."""
    return {"Accept": CONTENT_TYPES[format_]}


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list says, in the same words for all formats."""

    items: list[dict[str, Any]]
    end: dict[str, Any]
    """next, count, count_missing, explain, as far as they are there."""
    rows: int | None = None
    """The last line's count."""

    @property
    def ids(self) -> list[str]:
        """The ids of the items."""
        return [item["id"] for item in self.items]

    @property
    def next(self) -> str | None:
        """The URL of the next page."""
        found: str | None = self.end.get("next")
        return found


def read(answer: requests.Response) -> Listed:
    """Return what a list says; the Link header must say the same as the body."""
    assert answer.status_code == 200, answer.text
    found = read_body(answer.headers["Content-Type"], answer.content)
    links = _NEXT.findall(answer.headers.get("Link", ""))
    assert links == ([found.next] if found.next else [])
    return found


def read_body(content_type: str, body: bytes) -> Listed:
    """Return what a list says."""
    if content_type == CONTENT_TYPES["json"]:
        document = json.loads(body)
        (name,) = document.keys() & {"storage_snapshots", "storage_volumes"}
        items = document.pop(name)
        return Listed([_of_json(item) for item in items], _end(document))
    if content_type == CONTENT_TYPES["ndjson"]:
        assert body.endswith(b"\n")
        *rows, last = [json.loads(line) for line in body[:-1].split(b"\n")]
        assert last.pop("complete") is True
        count = last.pop("count")
        if "total" in last:
            last["count"] = last.pop("total")
        return Listed([_of_json(row) for row in rows], _end(last), count)
    assert content_type == CONTENT_TYPES["xml"]
    return _of_xml(etree.fromstring(body))


def query_of(url: str) -> list[tuple[str, str]]:
    """Return the parameters of a URL but for the marker."""
    return [pair for pair in parse_qsl(urlsplit(url).query) if pair[0] != "marker"]


def marker_of(url: str | None) -> str:
    """Return the marker in a URL."""
    assert url is not None
    return dict(parse_qsl(urlsplit(url).query))["marker"]


def walk(server: Server, path: str, **kw: Any) -> Iterator[Listed]:
    """Yield a page and all that its links lead to; ``kw`` goes with every request."""
    headers = kw.pop("headers", {"Accept": "application/json"})
    page = read(server.request("GET", path, headers=headers, **kw))
    yield page
    while page.next is not None:
        page = read(follow(page.next, headers=headers))
        yield page


def follow(url: str | None, **kw: Any) -> requests.Response:
    """Send a GET for a URL that the server gave."""
    assert url is not None
    return requests.get(url, auth=DEMO, timeout=30, **kw)


def one_resource(answer: requests.Response) -> dict[str, Any]:
    """Return a resource that is shown alone as facts."""
    assert answer.status_code == 200, answer.text
    if answer.headers["Content-Type"] != CONTENT_TYPES["xml"]:
        (found,) = answer.json().values()
        return _of_json(found)
    return _element(etree.fromstring(answer.content))


def _end(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told at the end without nulls, which are no elements in XML."""
    assert told.keys() <= {"next", "count", "count_missing", "explain"}
    return {name: value for name, value in told.items() if value is not None}


def _of_json(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of an item XML shows too: no nulls, and the id for a name that is missing."""
    found = {name: value for name, value in item.items() if value is not None}
    if not found.get("labels"):
        found.pop("labels", None)
    if "name" in item and item["name"] is None and "id" in item:
        found["name"] = item["id"]
    for name in ("storage_volume", "snapshots"):
        inner = found.get(name)
        if isinstance(inner, dict):
            found[name] = _of_json(inner)
    return found


def _of_xml(root: etree._Element) -> Listed:
    items: list[dict[str, Any]] = []
    end: dict[str, Any] = {}
    for element in root:
        if element.tag == root.tag.removesuffix("s"):
            assert not end, "what is told at the end stands at the end"
            items.append(_element(element))
        elif element.tag == "link":
            assert element.get("rel") == "next"
            end["next"] = element.get("href")
        elif element.tag == "count":
            end["count"] = int(element.text or "")
        elif element.tag == "count_missing":
            end["count_missing"] = element.text
        else:
            assert element.tag == "explain"
            end["explain"] = _explain(element)
    return Listed(items, end)


def _explain(element: etree._Element) -> dict[str, Any]:
    found: dict[str, Any] = {name: int(value) for name, value in attributes(element).items()}
    for part in element:
        found[part.tag] = {
            "filters": [f.get("name") for f in part.findall("filter")],
            "sort": [f.get("name") for f in part.findall("sort")],
        }
    return found


def _element(element: etree._Element) -> dict[str, Any]:
    found: dict[str, Any] = dict(attributes(element))
    for child in element:
        assert child.tag not in found, "each fact once"
        found[child.tag] = _fact(child)
    return found


def _fact(element: etree._Element) -> Any:
    reads = _READS.get(str(element.tag))
    return reads(element) if reads else element.text or ""


def _number(element: etree._Element) -> int:
    return int(element.text or "")


def _flag(element: etree._Element) -> bool:
    return {"true": True, "false": False}[element.text or ""]


_READS: Mapping[str, Callable[[etree._Element], Any]] = {
    "progress": _number,
    "size_bytes": _number,
    "stored_bytes": _number,
    "capacity": _number,
    "ready": _flag,
    "encrypted": _flag,
    "metadata": metadata_of,
    "labels": lambda element: [label.text for label in element],
    "owner": lambda element: {"id": element.get("id"), "self": element.get("self") == "true"},
    "actions": lambda element: [attributes(link) for link in element],
    "native": lambda element: json.loads(element.text or ""),
    "storage_volume": lambda element: {**_element(element), "rel": "storage_volume"},
    "snapshots": lambda element: [{**attributes(e), "rel": "storage_snapshot"} for e in element],
}
"""What an element's text and children mean, where it is no text."""
