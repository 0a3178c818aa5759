"""Every operation, and everything that can go wrong with one call of CloudSigma's."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gateway.core.snapshots import Account
from gateway.driver import CloneSnapshot, CreateSnapshot, CreateVolume, ErrorCode, Query
from tests.cloudsigma.simulated.tools import GIB, LOCAL, REMOTE, ids, update, where
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_state import Drive, RemoteSnapshot, Snapshot

ID = "????????-????-????-????-????????????/"
HTML = b"<html><body>Please log in, hunter2</body></html>"
FORMS = ("list", "object", "html", "empty")


@dataclass(frozen=True)
class There:
    """What is there when an operation begins."""

    local: Snapshot
    remote: RemoteSnapshot
    drive: Drive
    """Without snapshots."""


Call = Callable[[Account, There], Any]


@dataclass(frozen=True)
class Operation:
    """A call of the gateway's, and which of CloudSigma's shall go wrong."""

    target: str
    call: Call
    answers: bool = True
    """Whether CloudSigma answers with a body."""


CHANGES = {
    "create": Operation(
        "POST /snapshots/", lambda a, t: a.create_snapshot(CreateSnapshot(t.drive.uuid, "made"))
    ),
    "create remote": Operation(
        "POST /remotesnapshots/",
        lambda a, t: a.create_snapshot(CreateSnapshot(t.drive.uuid, location="ZRH")),
    ),
    "rename": Operation(
        f"PUT /snapshots/{ID}", lambda a, t: a.update_snapshot(t.local.uuid, update(name="new"))
    ),
    "tag remote": Operation(
        f"PUT /remotesnapshots/{ID}",
        lambda a, t: a.update_snapshot(t.remote.uuid, update(set={"k": "v"})),
    ),
    "delete": Operation(
        f"DELETE /snapshots/{ID}", lambda a, t: a.delete_snapshot(t.local.uuid), answers=False
    ),
    "delete remote": Operation(
        f"DELETE /remotesnapshots/{ID}",
        lambda a, t: a.delete_snapshot(t.remote.uuid),
        answers=False,
    ),
    "clone": Operation(
        f"POST /snapshots/{ID}action/",
        lambda a, t: a.clone_snapshot(t.local.uuid, CloneSnapshot()),
    ),
    "clone remote": Operation(
        f"POST /remotesnapshots/{ID}action/",
        lambda a, t: a.clone_snapshot(t.remote.uuid, CloneSnapshot()),
    ),
    "create volume": Operation("POST /drives/", lambda a, t: a.create_volume(CreateVolume(GIB))),
    "delete volume": Operation(
        f"DELETE /drives/{ID}", lambda a, t: a.delete_volume(t.drive.uuid), answers=False
    ),
}
READS = {
    "list": Operation(LOCAL, lambda a, t: ids(a.list_snapshots(Query()))),
    "list remote": Operation(REMOTE, lambda a, t: ids(a.list_snapshots(Query()))),
    "show": Operation(f"GET /snapshots/{ID}", lambda a, t: a.get_snapshot(t.local.uuid)),
    "show remote": Operation(
        f"GET /remotesnapshots/{ID}", lambda a, t: a.get_snapshot(t.remote.uuid)
    ),
    "look before": Operation(REMOTE, CHANGES["create remote"].call),
    "list volumes": Operation("GET /drives/detail/", lambda a, t: ids(a.list_volumes(Query()))),
    "show volume": Operation(f"GET /drives/{ID}", lambda a, t: a.get_volume(t.drive.uuid)),
    "check": Operation("GET /drives/detail/", lambda a, t: a.check_credentials()),
    "look up": Operation(
        f"GET /snapshots/{ID}", lambda a, t: ids(a.list_snapshots(where(id=t.local.uuid)))
    ),
}
E = ErrorCode
Order = Callable[[CloudSigma, str], None]


@dataclass(frozen=True)
class Failure:
    """Something that goes wrong, and what it means."""

    order: Order
    code: ErrorCode
    maybe_done: bool = False
    """Of a change."""
    tries: int = 1
    """Of a read."""
    sent: int = 1
    """How often a change is sent: a refused login is tried in another way."""
    in_body: bool = False
    """Whether it is in the body of a good answer only."""
    retry_after_s: float | None = None


def status(number: int, form: Any = "list", **given: Any) -> Order:
    def order(cloud: CloudSigma, target: str) -> None:
        cloud.settings.error_forms = {number: form}
        cloud.fail(target, number, times=9, **given)

    return order


def said(number: int, kind: str, message: str, point: str | None = None) -> Order:
    entry = {"error_type": kind, "error_message": message, "error_point": point}
    return lambda cloud, target: cloud.fail_with(target, number, entry, times=9)


def cut(place: Any) -> Order:
    return lambda cloud, target: cloud.cut(target, place, times=9)


def garbled(body: bytes, number: int = 200, **given: Any) -> Order:
    return lambda cloud, target: cloud.garble(target, body, number, times=9, **given)


def page(number: int, *, executed: bool = False) -> Order:
    """Answer with a page of a proxy's."""
    given: Any = {"content_type": "text/html", "executed": executed, "signed": False}
    return garbled(HTML, number, **given)


_PLAIN = {
    400: E.INVALID,
    402: E.QUOTA,
    403: E.DENIED,
    404: E.NOT_FOUND,
    405: E.BACKEND,
    406: E.BACKEND,
    409: E.CONFLICT,
    413: E.INVALID,
    429: E.RATE_LIMITED,
}


def _refused(form: str) -> dict[str, Failure]:
    found = {f"{n} {form}": Failure(status(n, form), code) for n, code in _PLAIN.items()}
    return found | {f"401 {form}": Failure(status(401, form), E.UNAUTHENTICATED, sent=3, tries=3)}


def _lost(form: str) -> dict[str, Failure]:
    if form in ("list", "object"):
        busy = Failure(status(503, form), E.RATE_LIMITED, tries=3, retry_after_s=1)
    else:
        busy = Failure(status(503, form), E.UNAVAILABLE, maybe_done=True, tries=3)
    return {
        f"500 {form}": Failure(status(500, form), E.BACKEND, maybe_done=True),
        f"501 {form}": Failure(status(501, form), E.BACKEND, maybe_done=True),
        f"502 {form}": Failure(status(502, form), E.UNAVAILABLE, maybe_done=True, tries=3),
        f"503 {form}": busy,
        f"504 {form}": Failure(status(504, form), E.UNAVAILABLE, maybe_done=True, tries=3),
    }


_STATE = 'Cannot edit x in state "creating". X should be in state "available"'
_RIGHTS = (
    "User 4705fb9a-0591-4ead-9d42-b2e86493f9b4 does not have all of the permissions [LIST] in "
    "order to complete the operation on resources [feaf4d9d-7cdc-4ecc-b2f7-bef11a0c7519]"
)
REFUSED = {name: one for form in FORMS for name, one in _refused(form).items()} | {
    "429 that says when": Failure(status(429, retry_after=7), E.RATE_LIMITED, retry_after_s=7),
    "429 with a date": Failure(
        status(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), E.RATE_LIMITED, retry_after_s=1
    ),
    "a state": Failure(said(403, "permission", _STATE), E.CONFLICT),
    "rights": Failure(said(403, "permission", _RIGHTS), E.DENIED),
    "rights to limits": Failure(
        said(403, "permission", _RIGHTS.replace("LIST", "EDIT LIMIT")), E.DENIED
    ),
    "minutes": Failure(said(403, "permission", "One in 30 minutes"), E.CONFLICT),
    "a limit": Failure(said(403, "permission", "Limit of 90 reached"), E.QUOTA),
    "403 of a proxy": Failure(page(403), E.DENIED),
}
LOST = {name: one for form in FORMS for name, one in _lost(form).items()} | {
    "500 although done": Failure(status(500, executed=True), E.BACKEND, maybe_done=True),
    "out of capacity": Failure(
        said(503, "backend", "We currently cannot provide enough resources"),
        E.UNAVAILABLE,
        maybe_done=True,
        tries=3,
    ),
    "503 that says when": Failure(
        status(503, retry_after=7), E.RATE_LIMITED, tries=3, retry_after_s=7
    ),
    "cut before": Failure(cut("before"), E.UNAVAILABLE, maybe_done=True, tries=3),
    "cut answer": Failure(cut("answer"), E.UNAVAILABLE, maybe_done=True, tries=3),
    "cut after the headers": Failure(
        cut("after_headers"), E.UNAVAILABLE, maybe_done=True, in_body=True
    ),
    "cut in the middle": Failure(cut("middle"), E.UNAVAILABLE, maybe_done=True, in_body=True),
    "HTML": Failure(page(200), E.BACKEND, maybe_done=True),
    "HTML although done": Failure(page(200, executed=True), E.BACKEND, maybe_done=True),
    "nothing": Failure(garbled(b""), E.BACKEND, maybe_done=True),
    "a redirection": Failure(
        garbled(HTML, 302, headers={"Location": "http://127.0.0.2:1/"}, executed=False),
        E.BACKEND,
        maybe_done=True,
    ),
} | {
    f"garbled {n}": Failure(garbled(body), E.BACKEND, maybe_done=True, in_body=True)
    for n, body in enumerate(
        (
            b'{"obj',
            b'{"\xff": 1}',
            b"[]",
            b"5",
            b"null",
            b'{"x": {}}',
            b'{"objects": {}, "meta": {"total_count": 1}}',
            b'{"objects": [{}], "meta": {"total_count": 1}}',
            b'{"objects": [5], "meta": {"total_count": 1}}',
            b'{"objects": [{"uuid": 5, "status": "x"}], "meta": {"total_count": 1}}',
            b'{"objects": [{"uuid": "x", "status": null}], "meta": {"total_count": 1}}',
            b'{"objects": [{"uuid": "x", "status": "y", "meta": []}], "meta": {"total_count": 1}}',
            b'{"uuid": "x", "status": "y", "name": 5, "objects": null}',
        )
    )
}  # fmt: skip
FAULTS = REFUSED | LOST


THOROUGH = ("create", "rename", "delete", "clone remote", "list", "show remote")
"""The operations that meet every fault; the others are like them and meet fewer."""


def expected_of(name: str, operation: Operation) -> dict[str, Failure]:
    """Return what goes wrong with an operation; where nothing is read nothing is garbled."""
    return {
        fault: replace(one, code=_code_of(fault, one, operation.target))
        for fault, one in FAULTS.items()
        if (operation.answers or not one.in_body)
        and (name in THOROUGH or not fault.endswith(("object", "empty", "proxy", "date")))
    }


def _code_of(fault: str, one: Failure, target: str) -> ErrorCode:
    """Return what a failure means here: words count only where they can apply."""
    makes = target.startswith("POST ")
    if (fault == "minutes" and target != "POST /remotesnapshots/") or (
        fault == "a limit" and not makes
    ):
        return E.DENIED
    is_page = fault in ("404 html", "404 empty")
    if fault.startswith("404 ") and (target.endswith("/detail/") or (makes and is_page)):
        return E.BACKEND
    return one.code


def state_of(cloud: CloudSigma) -> tuple[dict[str, Any], ...]:
    """Return all that a change could have changed."""
    kinds: Any = (cloud.snapshots, cloud.remote_snapshots, cloud.drives)
    return tuple(
        {one.uuid: (one.name, dict(one.meta), one.is_deleting) for one in kind.values()}
        for kind in kinds
    )


def renew(cloud: CloudSigma) -> There:
    """Make the cloud new and return what is there then."""
    cloud.reset()
    cloud.settings.error_forms = {}
    meta = {"description": "before", "a": "1"}
    return There(
        cloud.add_snapshot(name="old", meta=dict(meta)),
        cloud.add_remote_snapshot(name="far", meta=dict(meta)),
        cloud.add_drive(),
    )
