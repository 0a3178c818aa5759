"""Drives: ``/drives/``."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response

from tests.simulators.cloudsigma_call import Call, current
from tests.simulators.cloudsigma_changes import bulk_delete, change, delete, described
from tests.simulators.cloudsigma_clones import Source, clone
from tests.simulators.cloudsigma_errors import error, invalid, lacks, missing, wrong_state
from tests.simulators.cloudsigma_input import definition, definitions, media_of, require, size_of
from tests.simulators.cloudsigma_lists import listing, one_of
from tests.simulators.cloudsigma_sizes import check_size, storage_type_of
from tests.simulators.cloudsigma_state import Drive
from tests.simulators.cloudsigma_views import Views

drives = Blueprint("drives", __name__, url_prefix="/api/2.0/drives")
_REQUIRED = ("media", "name", "size")
_IDLE = ("unmounted", "mounted")


@drives.get("/")
def show_short() -> Response:
    """Answer with the short list."""
    call = current()
    return listing(call, "drives", call.store.drives.values(), Views(call).short_drive)


@drives.get("/detail/")
def show_all() -> Response:
    """Answer with the detailed list."""
    call = current()
    return listing(call, "drives", call.store.drives.values(), Views(call).drive)


@drives.get("/availability_groups/")
def show_groups() -> Response:
    """Answer with the drives that share a host: here each has one for itself."""
    call = current()
    found = call.visible(call.store.drives.values())
    return call.answer([[one.uuid] for one in found])


@drives.get("/availability_groups/<uuid>/")
def show_group(uuid: str) -> Response:
    """Answer with the drives on the host of a drive."""
    call = current()
    return call.answer([call.drive(uuid).uuid])


@drives.get("/<uuid>/")
def show(uuid: str) -> Response:
    """Answer with a drive."""
    call = current()
    return one_of(call, call.drive(uuid), Views(call).drive)


@drives.post("/")
def create() -> Response:
    """Make drives: all that are asked for, or none."""
    call = current()
    call.pay()
    made = [_new(call, given) for given in definitions(call)]
    for drive in made:
        call.store.keep(call.store.drives, drive)
        call.store.begin("create_drive", drive, _ready(drive), status="creating")
    views = Views(call)
    return call.created([views.drive(drive) for drive in made])


@drives.put("/<uuid>/")
def edit(uuid: str) -> Response:
    """Update a drive with a full definition."""
    call = current()
    drive = call.drive(uuid, "EDIT")
    given = definition(call)
    if call.settings.put_needs_all:
        require(given, *_REQUIRED)
    _update(call, drive, given)
    return one_of(call, drive, Views(call).drive)


@drives.delete("/<uuid>/")
def remove(uuid: str) -> Response:
    """Delete a drive and its local snapshots."""
    call = current()
    _delete(call, _deletable(call, uuid))
    return call.done()


@drives.delete("/")
def remove_many() -> Response:
    """Delete the drives that the body lists."""
    call = current()
    return bulk_delete(call, lambda uuid: _deletable(call, uuid), lambda one: _delete(call, one))


@drives.post("/<uuid>/action/")
def act(uuid: str) -> Response:
    """Clone or resize a drive."""
    call = current()
    action = call.query.get("do", "")
    if action == "clone":
        made = _clone(call, call.drive(uuid, "CLONE"))
    elif action == "resize":
        made = _resize(call, call.drive(uuid, "EDIT"))
    elif not action:
        raise missing("do")
    else:
        raise lacks(f"drives' action {action}")
    return call.answer({"objects": [Views(call).drive(made)]}, 202)


def _new(call: Call, given: dict[str, Any]) -> Drive:
    require(given, *_REQUIRED)
    kind = storage_type_of(call, given.get("storage_type"))
    size = size_of(given["size"])
    check_size(call, size, kind)
    return Drive(
        uuid=call.settings.new_id(),
        owner=call.account.uuid,
        size=size,
        media=media_of(given["media"]),
        storage_type=kind,
        affinities=list(given.get("affinities") or []),
        allow_multimount=bool(given.get("allow_multimount", False)),
        iops=given.get("iops"),
        is_snapshotable=True if call.settings.ready_at_once else None,
        **described(call, given),
    )


def _ready(drive: Drive) -> Any:
    def end(_: datetime) -> None:
        drive.status = "unmounted"
        drive.is_snapshotable = not drive.is_ephemeral

    return end


def _update(call: Call, drive: Drive, given: dict[str, Any]) -> None:
    """Change what may be changed; on a running server size and media are left as they are."""
    is_free = not _is_running(call, drive)
    size = size_of(given["size"]) if is_free and given.get("size") is not None else drive.size
    if size != drive.size:
        _check_resize(call, drive, size)
    media = media_of(given["media"]) if given.get("media") is not None else drive.media
    change(call, drive, given, drive.name)
    drive.allow_multimount = bool(given.get("allow_multimount", False))
    if is_free:
        drive.media, drive.iops = media, given.get("iops", drive.iops)
        drive.affinities = list(given.get("affinities") or [])
    if size != drive.size:
        _begin_resize(call, drive, size)


def _resize(call: Call, drive: Drive) -> Drive:
    given = definition(call)
    require(given, "size")
    if _is_running(call, drive):
        raise _running(call, "resize", drive)
    size = size_of(given["size"])
    _check_resize(call, drive, size)
    if size != drive.size:
        _begin_resize(call, drive, size)
    return drive


def _check_resize(call: Call, drive: Drive, size: int) -> None:
    if drive.status not in _IDLE:
        raise _bad_state(call, "resize", drive, _IDLE)
    if size < drive.size:
        raise invalid("size", f"Size must be at least {drive.size}")
    check_size(call, size, drive.storage_type)


def _begin_resize(call: Call, drive: Drive, size: int) -> None:
    before = drive.status

    def end(_: datetime) -> None:
        drive.status, drive.size = before, size

    call.store.begin("resize_drive", drive, end, status="resizing")


def _clone(call: Call, drive: Drive) -> Drive:
    allowed = (*_IDLE, "cloning_src")
    if drive.is_ephemeral:
        raise error(403, "Drives of type local_nvme cannot be cloned")
    if drive.status not in allowed:
        raise _bad_state(call, "clone", drive, allowed)
    made = clone(
        call,
        Source(
            kind="drives",
            uuid=drive.uuid,
            name=drive.name,
            size=drive.size,
            media=drive.media,
            storage_type=drive.storage_type,
            meta=drive.meta,
            tags=drive.tags,
        ),
    )
    _lend(call, drive, made)
    return made


def _lend(call: Call, drive: Drive, made: Drive) -> None:
    """Show that a drive is being cloned until the last of its clones is done."""
    drive.jobs.extend(made.jobs)
    drive.clones_under_way += 1

    def end(_: datetime) -> None:
        drive.clones_under_way -= 1
        if not drive.clones_under_way and drive.status == "cloning_src":
            drive.status = "mounted" if _servers(call, drive) else "unmounted"

    call.store.begin("clone_drive", drive, end)
    drive.status = "cloning_src"


def _deletable(call: Call, uuid: str) -> Drive:
    drive = call.drive(uuid, "EDIT")
    if _is_running(call, drive):
        raise _running(call, "delete", drive)
    allowed = call.settings.deletable_drive_states
    if drive.status not in allowed and not drive.is_deleting:
        raise _bad_state(call, "delete", drive, allowed)
    return drive


def _delete(call: Call, drive: Drive) -> None:
    delete(call, drive, "delete_drive", call.store.drop_drive)


def _servers(call: Call, drive: Drive) -> list[str]:
    return [one.status for one in call.store.servers.values() if drive.uuid in one.drives]


def _is_running(call: Call, drive: Drive) -> bool:
    return any(status != "stopped" for status in _servers(call, drive))


def _running(call: Call, operation: str, drive: Drive) -> Exception:
    message = f"Cannot {operation} drive {drive.uuid}: it is mounted on a running server"
    return error(call.settings.wrong_state_status, message)


def _bad_state(call: Call, operation: str, drive: Drive, allowed: tuple[str, ...]) -> Exception:
    wanted = str(list(allowed)) if len(allowed) > 1 else allowed[0]
    return wrong_state(call.settings.wrong_state_status, operation, "drive", drive.status, wanted)
