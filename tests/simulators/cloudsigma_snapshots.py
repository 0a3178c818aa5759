"""Local snapshots: ``/snapshots/``."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response

from tests.simulators.cloudsigma_call import Call, current
from tests.simulators.cloudsigma_changes import bulk_delete, change, delete, described
from tests.simulators.cloudsigma_clones import Source, clone, clone_answer
from tests.simulators.cloudsigma_errors import (
    error,
    invalid,
    lacks,
    missing,
    not_exist,
    wrong_state,
)
from tests.simulators.cloudsigma_input import definition, definitions, require, uuid_of
from tests.simulators.cloudsigma_lists import listing, one_of
from tests.simulators.cloudsigma_state import Drive, Snapshot, default_name
from tests.simulators.cloudsigma_views import Views

snapshots = Blueprint("snapshots", __name__, url_prefix="/api/2.0/snapshots")


@snapshots.before_request
def exist() -> None:
    """Refuse all where there are no snapshots."""
    if not current().settings.has_snapshots:
        raise error(404)


@snapshots.get("/")
@snapshots.get("/detail/")
def show_all() -> Response:
    """Answer with a list; the short one is as detailed as the other."""
    call = current()
    return listing(call, "snapshots", call.store.snapshots.values(), Views(call).snapshot)


@snapshots.get("/<uuid>/")
def show(uuid: str) -> Response:
    """Answer with a snapshot."""
    call = current()
    return one_of(call, call.snapshot(uuid), Views(call).snapshot)


@snapshots.post("/")
def create() -> Response:
    """Make snapshots: all that are asked for, or none."""
    call = current()
    call.pay()
    made: list[Snapshot] = []
    for given in definitions(call):
        made.append(_new(call, given, made))
    for one in made:
        call.store.keep(call.store.snapshots, one)
        call.store.begin("create_snapshot", one, _ready(call, one), status="creating")
    views = Views(call)
    return call.created([views.snapshot(one) for one in made])


@snapshots.put("/<uuid>/")
def edit(uuid: str) -> Response:
    """Change name, meta and tags."""
    call = current()
    found = _idle(call, uuid, "edit", "EDIT")
    given = definition(call)
    if call.settings.put_needs_all:
        require(given, "drive")
    change(call, found, given, default_name(found.drive, found.timestamp))
    return one_of(call, found, Views(call).snapshot)


@snapshots.delete("/<uuid>/")
def remove(uuid: str) -> Response:
    """Delete a snapshot."""
    call = current()
    _delete(call, _idle(call, uuid, "delete", "EDIT"))
    return call.done()


@snapshots.delete("/")
def remove_many() -> Response:
    """Delete the snapshots that the body lists."""
    call = current()
    return bulk_delete(
        call, lambda uuid: _idle(call, uuid, "delete", "EDIT"), lambda one: _delete(call, one)
    )


@snapshots.post("/<uuid>/action/")
def act(uuid: str) -> Response:
    """Clone a snapshot to a drive."""
    call = current()
    check_action(call)
    found = _idle(call, uuid, "clone", "CLONE")
    drive = call.store.drives.get(found.drive)
    if drive is None:
        raise not_exist(found.drive)
    made = clone(
        call,
        Source(
            kind="snapshots",
            uuid=found.uuid,
            name=found.name,
            size=drive.size,
            media=drive.media,
            storage_type=drive.storage_type,
            meta=found.meta,
            tags=found.tags,
        ),
    )
    show_cloning(call, found)
    return clone_answer(call, made)


def check_action(call: Call) -> None:
    """Refuse what is not the one action that there is."""
    action = call.query.get("do")
    if not action:
        raise missing("do")
    if action != "clone":
        raise lacks(f"snapshots' action {action}")


def show_cloning(call: Call, snapshot: Snapshot) -> None:
    """Let a snapshot that is being cloned say so, if it does."""
    status = call.settings.cloning_snapshot_status
    before = snapshot.status

    def end(_: datetime) -> None:
        snapshot.status = before

    if status is not None:
        call.store.begin("clone_drive", snapshot, end, status=status)


def drive_to_snapshot(call: Call, given: dict[str, Any]) -> Drive:
    """Return the drive of a new snapshot, if there may be one of it."""
    require(given, "drive")
    uuid = uuid_of(given["drive"], "drive")
    settings = call.settings
    if uuid not in call.store.drives:
        if settings.unknown_drive_status == 404:
            raise not_exist(uuid)
        raise invalid("drive", f"Object with uuid {uuid} does not exist")
    drive = call.drive(uuid, "EDIT")
    if drive.is_ephemeral or drive.is_snapshotable is False:
        raise error(403, f"Drive {uuid} is not snapshotable")
    allowed = settings.snapshotable_states
    if drive.status not in allowed:
        status = settings.wrong_state_status
        raise wrong_state(status, "snapshot", "drive", drive.status, str(list(allowed)))
    return drive


def _new(call: Call, given: dict[str, Any], before: list[Snapshot]) -> Snapshot:
    drive = drive_to_snapshot(call, given)
    _check_limits(call, drive, before)
    now = call.store.clock.now()
    fields = {"name": default_name(drive.uuid, now)} | described(call, given)
    return Snapshot(
        uuid=call.settings.new_id(),
        owner=call.account.uuid,
        drive=drive.uuid,
        timestamp=now,
        allocated_size=None if call.settings.null_size_while_creating else 0,
        **fields,
    )


def _check_limits(call: Call, drive: Drive, before: list[Snapshot]) -> None:
    settings, mine = call.settings, call.account.uuid
    there = [*call.store.snapshots.values(), *before]
    if sum(one.owner == mine for one in there) >= settings.snapshot_maximum:
        message = f"Snapshot limit of {settings.snapshot_maximum} reached"
        raise error(settings.limit_status, message)
    if sum(one.drive == drive.uuid for one in there) >= settings.snapshot_maximum_per_drive:
        message = f"Limit of {settings.snapshot_maximum_per_drive} snapshots per drive reached"
        raise error(settings.limit_status, message)


def _ready(call: Call, snapshot: Snapshot) -> Any:
    def end(_: datetime) -> None:
        snapshot.status = "available"
        snapshot.allocated_size = call.settings.snapshot_size

    return end


def _idle(call: Call, uuid: str, operation: str, right: str) -> Snapshot:
    found = call.snapshot(uuid, right)
    if found.status == "creating" and operation in call.settings.busy_snapshot_refuses:
        status = call.settings.wrong_state_status
        raise wrong_state(status, operation, "snapshot", found.status, "available")
    return found


def _delete(call: Call, snapshot: Snapshot) -> None:
    where = call.store.snapshots
    delete(call, snapshot, "delete_snapshot", lambda one: where.pop(one.uuid, None))
