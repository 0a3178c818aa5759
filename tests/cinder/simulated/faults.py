"""Every operation, and everything that can go wrong with one call of Cinder's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.core.snapshots import Account
from gateway.driver import (
    CloneSnapshot,
    CreateSnapshot,
    CreateVolume,
    ErrorCode,
    MetadataChange,
    Query,
    UpdateSnapshot,
)
from tests.cinder.simulated.tools import GIB, LIST, ids, where
from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_state import Region, Snapshot

Call = Callable[[Account, Snapshot], Any]
ONE, META = "/snapshots/*-*-*-*-????????????", "/snapshots/*/metadata"
HTML = b"<html><body>Please log in, hunter2</body></html>"


@dataclass(frozen=True)
class Operation:
    """A call of the gateway's, and which of Cinder's shall go wrong."""

    target: str
    call: Call
    answers: bool = True
    """Whether Cinder answers with a body."""


def update(**given: Any) -> Call:
    return lambda a, s: a.update_snapshot(s.id, UpdateSnapshot(**given))


CHANGES = {
    "create": Operation(
        "POST /snapshots", lambda a, s: a.create_snapshot(CreateSnapshot(s.volume_id, "made"))
    ),
    "create unless in use": Operation(
        "POST /snapshots",
        lambda a, s: a.create_snapshot(CreateSnapshot(s.volume_id, in_use="refuse")),
    ),
    "delete": Operation(f"DELETE {ONE}", lambda a, s: a.delete_snapshot(s.id), answers=False),
    "rename": Operation(f"PUT {ONE}", update(name="new", description=None)),
    "merge": Operation(f"POST {META}", update(metadata=MetadataChange({"k": "v"}))),
    "replace": Operation(f"PUT {META}", update(metadata=MetadataChange({"k": "v"}, replace=True))),
    "remove": Operation(
        f"DELETE {META}/a",
        update(metadata=MetadataChange(remove=frozenset("a"))),
        answers=False,
    ),
    "clone": Operation("POST /volumes", lambda a, s: a.clone_snapshot(s.id, CloneSnapshot())),
    "revert": Operation(
        "POST /volumes/*/action", lambda a, s: a.revert_snapshot(s.id), answers=False
    ),
    "create volume": Operation("POST /volumes", lambda a, s: a.create_volume(CreateVolume(GIB))),
    "delete volume": Operation(
        "DELETE /volumes/*",
        lambda a, s: a.delete_volume(
            next(one for one in a.list_volumes(Query()).items() if one.id != s.volume_id).id
        ),
        answers=False,
    ),
}
READS = {
    "list": Operation(LIST, lambda a, s: ids(a.list_snapshots(Query()))),
    "show": Operation(f"GET {ONE}", lambda a, s: a.get_snapshot(s.id)),
    "look up": Operation(f"GET {ONE}", lambda a, s: ids(a.list_snapshots(where(id=s.id)))),
    "list volumes": Operation("GET /volumes/detail", lambda a, s: ids(a.list_volumes(Query()))),
    "show volume": Operation("GET /volumes/*-*", lambda a, s: a.get_volume(s.volume_id)),
    "check": Operation(LIST, lambda a, s: a.check_credentials()),
}
E = ErrorCode
Order = Callable[..., None]


@dataclass(frozen=True)
class Failure:
    """Something that goes wrong, and what it means."""

    order: Order
    code: ErrorCode
    maybe_done: bool = False
    """Of a change."""
    tries: int = 1
    """Of a read."""
    in_body: bool = False
    """Whether it is in the body of a good answer only."""
    retry_after_s: float | None = None


def status(number: int, message: str = "", **given: Any) -> Order:
    return lambda o, target: o.fail(target, number, message, times=9, **given)


def cut(place: Any) -> Order:
    return lambda o, target: o.cut(target, place, times=9)


def garbled(body: bytes, number: int = 200, **given: Any) -> Order:
    return lambda o, target: o.garble(target, body, number, times=9, **given)


def page(number: int, *, executed: bool = False) -> Order:
    """Answer with a page of a proxy's, which has no request id."""
    given: Any = {"content_type": "text/html", "executed": executed, "signed": False}
    return garbled(HTML, number, **given)


REFUSED = {
    "400": Failure(status(400, "Invalid input received: no"), E.INVALID),
    "400 in words of tomorrow": Failure(status(400, "Something new"), E.INVALID),
    "403": Failure(status(403, "Policy doesn't allow x:y to be performed."), E.DENIED),
    "403 of a proxy": Failure(page(403), E.DENIED),
    "404 of a proxy": Failure(page(404), E.BACKEND),
    "406": Failure(status(406), E.UNSUPPORTED),
    "409": Failure(status(409), E.CONFLICT),
    "quota": Failure(status(413, "SnapshotLimitExceeded: x", retry_after=0), E.QUOTA),
    "413": Failure(status(413, retry_after=7), E.RATE_LIMITED, retry_after_s=7),
    "429": Failure(status(429, retry_after=7), E.RATE_LIMITED, retry_after_s=7),
    "429 with a date": Failure(
        status(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), E.RATE_LIMITED, retry_after_s=1
    ),
    "a redirection": Failure(
        garbled(HTML, 302, headers={"Location": "http://127.0.0.1:1/"}, executed=False), E.BACKEND
    ),
}
LOST = {
    "500": Failure(status(500), E.BACKEND, maybe_done=True),
    "500 although done": Failure(status(500, executed=True), E.BACKEND, maybe_done=True),
    "501": Failure(status(501), E.BACKEND, maybe_done=True),
    "502": Failure(page(502), E.UNAVAILABLE, maybe_done=True, tries=3),
    "503": Failure(status(503), E.UNAVAILABLE, maybe_done=True, tries=3),
    "503 although done": Failure(
        status(503, executed=True), E.UNAVAILABLE, maybe_done=True, tries=3
    ),
    "503 that says when": Failure(
        status(503, retry_after=7), E.UNAVAILABLE, maybe_done=True, tries=3, retry_after_s=7
    ),
    "504": Failure(page(504), E.UNAVAILABLE, maybe_done=True, tries=3),
    "cut before": Failure(cut("before"), E.UNAVAILABLE, maybe_done=True, tries=3),
    "cut answer": Failure(cut("answer"), E.UNAVAILABLE, maybe_done=True, tries=3),
    "cut after the headers": Failure(
        cut("after_headers"), E.UNAVAILABLE, maybe_done=True, in_body=True
    ),
    "cut in the middle": Failure(cut("middle"), E.UNAVAILABLE, maybe_done=True, in_body=True),
    "HTML": Failure(page(200), E.BACKEND, maybe_done=True),
    "HTML although done": Failure(page(200, executed=True), E.BACKEND, maybe_done=True),
    "HTML with 202": Failure(page(202), E.BACKEND, maybe_done=True),
    "nothing": Failure(garbled(b""), E.BACKEND, maybe_done=True, in_body=True),
    "no JSON": Failure(garbled(b'{"snap'), E.BACKEND, maybe_done=True, in_body=True),
    "no UTF-8": Failure(garbled(b'{"\xff": 1}'), E.BACKEND, maybe_done=True, in_body=True),
    "a list": Failure(garbled(b"[]"), E.BACKEND, maybe_done=True, in_body=True),
    "another thing": Failure(garbled(b'{"x": {}}'), E.BACKEND, maybe_done=True, in_body=True),
    "wrong things": Failure(
        garbled(b'{"snapshot": [], "volume": 5, "metadata": [], "snapshots": {}, "volumes": ""}'),
        E.BACKEND,
        maybe_done=True,
        in_body=True,
    ),
    "things without an id": Failure(
        garbled(
            b'{"snapshot": {"status": "x"}, "volume": {"id": 5}, "metadata": null,'
            b' "snapshots": [{}], "volumes": [{"id": "v"}]}'
        ),
        E.BACKEND,
        maybe_done=True,
        in_body=True,
    ),
}
FAULTS = REFUSED | LOST


def expected_of(operation: Operation) -> dict[str, Failure]:
    """Return what goes wrong with an operation; where nothing is read nothing is garbled."""
    return {name: one for name, one in FAULTS.items() if operation.answers or not one.in_body}


def state_of(region: Region) -> Any:
    """Return all that a change could have changed."""
    snapshots = {
        one.id: (one.name, one.description, one.status, dict(one.metadata))
        for one in region.snapshots.values()
    }
    return snapshots, {one.id: one.status for one in region.volumes.values()}


def renew(openstack: OpenStack) -> Snapshot:
    """Make the cloud new and return the snapshot that is there, beside a volume without any."""
    openstack.reset()
    region = openstack.region()
    region.add_volume()
    return region.add_snapshot(name="old", description="before", metadata={"a": "1", "b": "2"})
