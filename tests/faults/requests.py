"""What is asked for in the matrix, and how to see what has become of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.answers import Told, document, json_of
from tests.faults.backends import Backend, Held
from tests.faults.world import ROOT, VOLUMES, Send, ready

AFTER = {"b": "2", "c": "3"}
MANY = 3
"""How many snapshots a request for several is about."""


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

    @property
    def items(self) -> list[dict[str, Any]]:
        """What is said of each thing that shall be made."""
        return list(self.body.get("storage_snapshots", [self.body]))

    @property
    def count(self) -> int:
        """How many things shall be made."""
        return len(self.items)

    def ask(self, send: Send, key: str | None = None) -> Any:
        """Send the request."""
        return send("POST", self.path, key=key, json=self.body)

    def found_by(self, send: Send, marker: str) -> list[str]:
        """Return the ids of what carries a marker."""
        answer = send("GET", f"{self.listed}?created_by={marker}", provider=self.provider)
        (rows,) = json_of(answer).values()
        return [row["id"] for row in rows]

    def check_places(self, each: Sequence[Told]) -> None:
        """Check that of each thing is told what was asked for in its place."""
        for one, asked in zip(each, self.items, strict=True):
            assert one.item is not None
            assert one.item["name"] == asked.get("name", one.item["name"])


def creation(name: str, backend: Backend, send: Send) -> Creation:
    """Prepare a creation and return its request."""
    if name == "volume":
        return Creation(VOLUMES, dict(backend.volume), backend.volumes, VOLUMES)
    if name == "bulk create":
        items = [_new(backend, f"made in trouble, {place}") for place in range(MANY)]
        return Creation(ROOT, {"storage_snapshots": items}, backend.snapshots)
    if name == "create":
        return Creation(ROOT, _new(backend, "made in trouble"), backend.snapshots)
    source = made(send, backend.make_volume())["id"]
    if name == "clone":
        return Creation(f"{ROOT}/{source}/clone", {}, backend.volumes, VOLUMES)
    body = {"destination": "other"}
    return Creation(f"{ROOT}/{source}/copy", body, backend.copies, provider="other")


def _new(backend: Backend, name: str) -> dict[str, Any]:
    return {"volume_id": backend.make_volume(), "name": name, "metadata": {"a": "1"}}


def made(send: Send, volume_id: str) -> dict[str, Any]:
    """Return a snapshot that is ready and has a name and metadata."""
    body = {"volume_id": volume_id, "name": "before", "metadata": {"a": "1", "b": "1"}}
    answer = send("POST", ROOT, json=body)
    assert answer.status_code == 201, answer.text
    return ready(send, document(answer)["id"])


@dataclass(frozen=True)
class Change:
    """A request that changes a snapshot, or several; sent twice it has the effect of one.

    Attributes:
        method, path, body: what is sent, below the snapshot.
        wanted: what of its name and metadata is so afterwards; None for one that is gone.
        again: what a repeat may be answered beside a success.
        root: where what is changed is listed.
        count: how many are changed; if several, by one request for all of them.
    """

    method: str
    path: str
    body: dict[str, Any] | None
    wanted: dict[str, Any] | None
    again: tuple[int, ...] = ()
    root: str = ROOT
    count: int = 1

    def prepare(self, send: Send, backend: Backend) -> list[str]:
        """Make what is to be changed and return its ids."""
        volumes = [backend.make_volume() for _ in range(self.count)]
        return volumes if self.root == VOLUMES else [made(send, one)["id"] for one in volumes]

    def ask(self, send: Send, ids: Sequence[str]) -> Any:
        """Send the request."""
        if self.count > 1:
            return send(self.method, self.root, json={"ids": ids})
        (id_,) = ids
        given = {} if self.body is None else {"json": self.body}
        return send(self.method, f"{self.root}/{id_}{self.path}", **given)

    def facts(self, send: Send, id_: str) -> dict[str, Any] | None:
        """Return name and metadata of what is changed; None if it is gone, or about to be."""
        answer = send("GET", f"{self.root}/{id_}")
        if answer.status_code == 404:
            return None
        found = document(answer)
        if found["state"] == "deleting":
            return None
        return {"name": found["name"], "metadata": found["metadata"]}


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
    "bulk delete": Change("DELETE", "", None, None, (404,), count=MANY),
    "volume delete": Change("DELETE", "", None, None, (404,), root=VOLUMES),
}
