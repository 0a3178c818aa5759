"""What the tests of the HTTP API share: formats as facts, raw paths and sockets, state."""

import base64
import contextlib
import hashlib
import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from lxml import etree

from tests.servers import DEMO, Server

FORMATS = ("xml", "json")
CONTENT_TYPES = {"xml": "application/xml", "json": "application/json"}
_INTEGERS = {"progress", "size_bytes", "stored_bytes", "capacity"}
_SNAPSHOT_TEXTS = (
    "name",
    "description",
    "state",
    "native_state",
    "ready",
    "state_reason",
    "progress",
    "created",
    "completed",
    "updated",
    "size_bytes",
    "stored_bytes",
    "stored_kind",
    "visibility",
    "group_id",
    "encrypted",
    "location",
    "tier",
)
_VOLUME_TEXTS = (
    "name",
    "description",
    "state",
    "native_state",
    "state_reason",
    "progress",
    "created",
    "capacity",
    "size_bytes",
    "stored_bytes",
    "zone",
    "source_snapshot_id",
)


def accept(format_: str) -> dict[str, str]:
    """Return the headers that ask for a format."""
    return {"Accept": CONTENT_TYPES[format_]}


def basic(user: str = DEMO[0], password: str = DEMO[1]) -> str:
    """Return an Authorization header's value."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def tree(answer: requests.Response) -> etree._Element:
    """Return the root of an XML answer, which must say that it is one."""
    assert answer.headers["Content-Type"] == "application/xml"
    return etree.fromstring(answer.content)


def facts(answer: requests.Response) -> dict[str, Any]:
    """Return a snapshot or a volume as JSON shows it, whatever the answer's format is."""
    if answer.headers["Content-Type"] == "application/json":
        (found,) = answer.json().values()
        return dict(found)
    return _resource(tree(answer))


def facts_of_list(answer: requests.Response) -> list[dict[str, Any]]:
    """Return a list's items as JSON shows them, whatever the answer's format is."""
    if answer.headers["Content-Type"] == "application/json":
        (found,) = answer.json().values()
        return list(found)
    return [_resource(element) for element in tree(answer)]


def named_by_id(found: dict[str, Any]) -> dict[str, Any]:
    """Return facts of JSON as XML must show them: the id stands for a missing name."""
    return {**found, "name": found["name"] or found["id"]}


def problem(answer: requests.Response) -> dict[str, Any]:
    """Return an error's facts as JSON shows them, whatever the answer's format is."""
    if answer.headers["Content-Type"] == "application/json":
        return dict(answer.json())
    return _problem(tree(answer))


def results(answer: requests.Response) -> list[dict[str, Any]]:
    """Return per-item results as JSON shows them, whatever the answer's format is."""
    if answer.headers["Content-Type"] == "application/json":
        (found,) = answer.json().values()
        return list(found)
    root = tree(answer)
    assert root.tag == "results"
    return [_result(element) for element in root]


def _result(element: etree._Element) -> dict[str, Any]:
    found = attributes(element)
    assert element.tag == "result"
    duplicates = [one.get("id") for one in element.findall("duplicate")]
    assert len(element) - len(duplicates) <= 1
    error, made = element.find("error"), element.find("storage_snapshot")
    after = found.pop("retry_after", None)
    return {
        "index": int(found.pop("index")),
        "id": found.pop("id", None),
        "status": int(found.pop("status")),
        "retry_after": None if after is None else int(after),
        "reused": found.pop("reused", None),
        "duplicates": duplicates,
        "error": None if error is None else _problem(error),
        "storage_snapshot": None if made is None else _resource(made),
        **found,
    }


def _problem(root: etree._Element) -> dict[str, Any]:
    assert root.tag == "error"
    (backend,) = root.findall("backend")
    assert root.get("status") == root.findtext("code")
    return {
        "code": int(root.findtext("code") or 0),
        "error": root.findtext("kind"),
        "message": root.findtext("message"),
        "request_id": root.findtext("request_id"),
        "retryable": root.findtext("retryable") == "true",
        "outcome": root.findtext("outcome"),
        "marker": root.findtext("marker"),
        "fields": {f.get("name"): f.text for f in root.findall("fields/field")},
        "backend": {
            "driver": backend.get("driver") or None,
            "provider": backend.get("provider") or None,
            "code": backend.get("code"),
        },
    }


def attributes(element: etree._Element) -> dict[str, str]:
    """Return an element's attributes."""
    return {str(name): str(value) for name, value in element.items()}


def metadata_of(element: etree._Element) -> dict[str, str]:
    """Return what a ``<metadata>`` element holds."""
    return {str(meta.get("key")): meta.text or "" for meta in element}


def _resource(element: etree._Element) -> dict[str, Any]:
    is_snapshot = element.tag == "storage_snapshot"
    found: dict[str, Any] = {"id": element.get("id"), "href": element.get("href")}
    for name in _SNAPSHOT_TEXTS if is_snapshot else _VOLUME_TEXTS:
        text = element.findtext(name)
        found[name] = int(text) if text is not None and name in _INTEGERS else text
    owner = element.find("owner")
    found["owner"] = owner if owner is None else _owner(owner)
    (metadata,) = element.findall("metadata")
    found["metadata"] = metadata_of(metadata)
    (actions,) = element.findall("actions")
    found["actions"] = [attributes(link) for link in actions]
    if is_snapshot:
        found["ready"] = found["ready"] == "true"
        found["encrypted"] = None if found["encrypted"] is None else found["encrypted"] == "true"
        found["labels"] = [label.text for label in element.findall("labels/label")]
        source = element.find("storage_volume")
        found["storage_volume"] = (
            None if source is None else {**_link(source), "rel": "storage_volume"}
        )
    elif (snapshots := element.find("snapshots")) is not None:
        found["snapshots"] = [{**_link(s), "rel": "storage_snapshot"} for s in snapshots]
    return found


def _owner(element: etree._Element) -> dict[str, Any]:
    return {"id": element.get("id"), "self": element.get("self") == "true"}


def _link(element: etree._Element) -> dict[str, Any]:
    return {"id": element.get("id"), "href": element.get("href")}


@dataclass
class Raw:
    """An answer to a request that was sent as it stands."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """Return the body of a JSON answer."""
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.body)


def send(
    server: Server,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Raw:
    """Send a request whose path nobody tidies up, with these headers and no others."""
    host, _, port = server.base.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        given = {"Authorization": basic(), **(headers or {})}
        connection.putrequest(method, path, skip_host="Host" in given, skip_accept_encoding=True)
        if body is not None and "Transfer-Encoding" not in given:
            given.setdefault("Content-Length", str(len(body)))
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return Raw(answer.status, dict(answer.headers), answer.read())
    finally:
        connection.close()


def connect(server: Server, *, timeout: float = 30) -> socket.socket:
    """Open a connection to the server."""
    host, _, port = server.base.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=timeout)


def read_to_end(connection: socket.socket) -> bytes:
    """Return all that the server sends until it closes the connection."""
    found = b""
    while chunk := connection.recv(65536):
        found += chunk
    return found


def say(server: Server, data: bytes) -> bytes:
    """Send bytes, say that there are no more, and return all that comes back."""
    with connect(server) as connection:
        connection.sendall(data)
        with contextlib.suppress(OSError):  # the server may have closed it already
            connection.shutdown(socket.SHUT_WR)
        return read_to_end(connection)


def everything(server: Server) -> dict[str, Any]:
    """Return all that a request could have made, changed or lost.

    Copies that end meanwhile change nothing of it: state, progress, and whether
    a file has its final name yet do not count.
    """
    snapshots = server.request("GET", "/storage_snapshots").json()["storage_snapshots"]
    volumes = server.request("GET", "/storage_volumes").json()["storage_volumes"]
    kept = ("name", "description", "metadata", "size_bytes", "created", "updated")
    found: dict[str, Any] = {s["id"]: [s[name] for name in kept] for s in snapshots}
    found.update({v["id"]: [v["name"], v["description"], v["size_bytes"]] for v in volumes})
    for folder in ("volumes", "snapshots"):
        for path in (server.store / folder).iterdir():
            name = path.name.removeprefix(".snapgate-").removesuffix(".partial")
            found[f"{folder}/{name}"] = "file"
    for image in (server.store / "volumes").glob("image-*.img"):
        if image.stat().st_size < 1 << 20:
            found[f"bytes of {image.name}"] = hashlib.sha256(image.read_bytes()).hexdigest()
    return found
