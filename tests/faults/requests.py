"""What is asked for in the matrix, and how to see what has become of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.faults.backends import Backend, Held
from tests.faults.world import ROOT, Send, document, json_of, ready

AFTER = {"b": "2", "c": "3"}


@dataclass(frozen=True)
class Creation:
    """A request that makes something.

    Attributes:
        path, body: what is sent.
        held: returns what the backend has of the kind.
        listed: where what was made is listed.
        provider: at which.
    """

    path: str
    body: dict[str, Any]
    held: Callable[[], Held]
    listed: str = ROOT
    provider: str = "main"

    def ask(self, send: Send, key: str | None = None) -> Any:
        """Send the request."""
        return send("POST", self.path, key=key, json=self.body)

    def found_by(self, send: Send, marker: str) -> list[str]:
        """Return the ids of what carries a marker."""
        answer = send("GET", f"{self.listed}?created_by={marker}", provider=self.provider)
        (rows,) = json_of(answer).values()
        return [row["id"] for row in rows]


def creation(name: str, backend: Backend, send: Send) -> Creation:
    """Prepare a creation and return its request."""
    if name == "volume":
        volumes = "/storage_volumes"
        return Creation(volumes, dict(backend.volume), backend.volumes, volumes)
    volume_id = backend.make_volume()
    if name == "create":
        body = {"volume_id": volume_id, "name": "made in trouble", "metadata": {"a": "1"}}
        return Creation(ROOT, body, backend.snapshots)
    source = made(send, volume_id)["id"]
    if name == "clone":
        return Creation(f"{ROOT}/{source}/clone", {}, backend.volumes, "/storage_volumes")
    body = {"destination": "other"}
    return Creation(f"{ROOT}/{source}/copy", body, backend.copies, provider="other")


def made(send: Send, volume_id: str) -> dict[str, Any]:
    """Return a snapshot that is ready and has a name and metadata."""
    body = {"volume_id": volume_id, "name": "before", "metadata": {"a": "1", "b": "1"}}
    answer = send("POST", ROOT, key=f"source-{volume_id}", json=body)
    assert answer.status_code == 201, answer.text
    return ready(send, document(answer)["id"])


@dataclass(frozen=True)
class Change:
    """A request that changes a snapshot; sent twice it has the effect of one.

    Attributes:
        method, path, body: what is sent, below the snapshot.
        wanted: what of its name and metadata is so afterwards; None for a snapshot that is gone.
        again: what a repeat may be answered beside a success.
    """

    method: str
    path: str
    body: dict[str, Any] | None
    wanted: dict[str, Any] | None
    again: tuple[int, ...] = ()

    def ask(self, send: Send, snapshot_id: str) -> Any:
        """Send the request."""
        given = {} if self.body is None else {"json": self.body}
        return send(self.method, f"{ROOT}/{snapshot_id}{self.path}", **given)


_BEFORE = {"name": "before", "metadata": {"a": "1", "b": "1"}}
REQUESTS = {
    "update": Change(
        "PATCH",
        "",
        {"name": "after", "metadata": AFTER},
        {"name": "after", "metadata": {"a": "1", **AFTER}},
    ),
    "replace": Change("PUT", "/metadata", {"metadata": AFTER}, {**_BEFORE, "metadata": AFTER}),
    "key": Change(
        "PUT", "/metadata/b", {"meta": {"b": "9"}}, {**_BEFORE, "metadata": {"a": "1", "b": "9"}}
    ),
    "remove": Change("DELETE", "/metadata/b", None, {**_BEFORE, "metadata": {"a": "1"}}, (404,)),
    "delete": Change("DELETE", "", None, None, (404,)),
    "revert": Change("POST", "/revert", None, _BEFORE),
}


def facts(send: Send, snapshot_id: str) -> dict[str, Any] | None:
    """Return name and metadata of a snapshot; None if it is gone, or about to be."""
    answer = send("GET", f"{ROOT}/{snapshot_id}")
    if answer.status_code == 404:
        return None
    found = document(answer)
    if found["state"] == "deleting":
        return None
    return {"name": found["name"], "metadata": found["metadata"]}
