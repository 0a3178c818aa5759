"""Remote snapshots, which are backups in another location: ``/remotesnapshots/``."""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response

from tests.simulators.cloudsigma_call import Call, current
from tests.simulators.cloudsigma_changes import bulk_delete, change, check_choice, delete, described
from tests.simulators.cloudsigma_clones import Source, clone, clone_answer
from tests.simulators.cloudsigma_errors import error, wrong_state
from tests.simulators.cloudsigma_input import definition, definitions, require
from tests.simulators.cloudsigma_lists import listing, one_of
from tests.simulators.cloudsigma_snapshots import check_action, drive_to_snapshot, show_cloning
from tests.simulators.cloudsigma_state import Drive, RemoteSnapshot, default_name
from tests.simulators.cloudsigma_store import drive_meta
from tests.simulators.cloudsigma_views import Views

remote_snapshots = Blueprint("remote", __name__, url_prefix="/api/2.0/remotesnapshots")
_BUSY = ("creating", "transferring")
_MOMENT = timedelta(microseconds=66)
"""How long after a remote snapshot's timestamp its first state begins, as in a sample."""


@remote_snapshots.before_request
def exist() -> None:
    """Refuse all where there are no remote snapshots."""
    if not current().settings.has_remote_snapshots:
        raise error(404)


@remote_snapshots.get("/")
@remote_snapshots.get("/detail/")
def show_all() -> Response:
    """Answer with a list; the short one is as detailed as the other."""
    call = current()
    found = call.store.remote_snapshots.values()
    return listing(call, "remotesnapshots", found, Views(call).snapshot)


@remote_snapshots.get("/<uuid>/")
def show(uuid: str) -> Response:
    """Answer with a remote snapshot."""
    call = current()
    return one_of(call, call.remote_snapshot(uuid), Views(call).snapshot)


@remote_snapshots.post("/")
def create() -> Response:
    """Make remote snapshots: all that are asked for, or none."""
    call = current()
    call.pay()
    made: list[RemoteSnapshot] = []
    for given in definitions(call):
        made.append(_new(call, given, made))
    for one in made:
        call.store.keep(call.store.remote_snapshots, one)
        call.store.last_remote[one.drive] = one.timestamp
        call.store.begin("create_remote_snapshot", one, _transfer(call, one), status="creating")
    views = Views(call)
    return call.created([views.snapshot(one) for one in made])


@remote_snapshots.put("/<uuid>/")
def edit(uuid: str) -> Response:
    """Change name, meta and tags."""
    call = current()
    found = _idle(call, uuid, "edit", "EDIT")
    given = definition(call)
    if call.settings.put_needs_all:
        require(given, "drive")
    change(call, found, given, default_name(found.drive, found.timestamp))
    return one_of(call, found, Views(call).snapshot)


@remote_snapshots.delete("/<uuid>/")
def remove(uuid: str) -> Response:
    """Delete a remote snapshot."""
    call = current()
    _delete(call, _idle(call, uuid, "delete", "EDIT"))
    return call.done()


@remote_snapshots.delete("/")
def remove_many() -> Response:
    """Delete the remote snapshots that the body lists."""
    call = current()
    return bulk_delete(
        call, lambda uuid: _idle(call, uuid, "delete", "EDIT"), lambda one: _delete(call, one)
    )


@remote_snapshots.post("/<uuid>/action/")
def act(uuid: str) -> Response:
    """Clone a remote snapshot to a drive, also if its own drive is gone."""
    call = current()
    check_action(call)
    found = _idle(call, uuid, "clone", "CLONE")
    made = clone(
        call,
        Source(
            kind="remotesnapshots",
            uuid=found.uuid,
            name=found.name,
            size=found.drive_meta["size"],
            media=found.drive_meta["media"],
            storage_type=found.drive_meta["storage_type"],
            meta=found.meta,
            tags=found.tags,
        ),
    )
    show_cloning(call, found)
    return clone_answer(call, made)


def _new(call: Call, given: dict[str, Any], before: list[RemoteSnapshot]) -> RemoteSnapshot:
    drive = drive_to_snapshot(call, given)
    location = _location(call, given)
    there = [*call.store.remote_snapshots.values(), *before]
    _check_limit(call, there)
    _check_previous(call, [one for one in there if one.drive == drive.uuid], drive)
    now = call.store.clock.now()
    fields = {"name": default_name(drive.uuid, now)} | described(call, given)
    return RemoteSnapshot(
        uuid=call.settings.new_id(),
        owner=call.account.uuid,
        drive=drive.uuid,
        timestamp=now,
        last_state_change=now + _MOMENT,
        allocated_size=None if call.settings.null_remote_size_while_creating else 0,
        location=location,
        drive_meta=drive_meta(drive),
        status="creating",
        **fields,
    )


def _location(call: Call, given: dict[str, Any]) -> str:
    locations = call.settings.remote_locations
    if call.settings.needs_location:
        require(given, "location")
    return check_choice(given.get("location") or locations[0], locations, "location")


def _check_limit(call: Call, there: list[RemoteSnapshot]) -> None:
    settings, mine = call.settings, call.account.uuid
    if sum(one.owner == mine for one in there) >= settings.remote_snapshot_maximum:
        message = f"Remote snapshot limit of {settings.remote_snapshot_maximum} reached"
        raise error(settings.limit_status, message)


def _check_previous(call: Call, previous: list[RemoteSnapshot], drive: Drive) -> None:
    """Refuse a second one while the first is not done, and within 30 minutes of it."""
    settings = call.settings
    busy = next((one for one in previous if one.status in _BUSY), None)
    if busy is not None:
        raise error(
            settings.wrong_state_status,
            f"Cannot create a remote snapshot of drive {drive.uuid} while the previous one is "
            f'in state "{busy.status}"',
        )
    times = [one.timestamp for one in previous]
    if settings.interval_counts_deleted and drive.uuid in call.store.last_remote:
        times.append(call.store.last_remote[drive.uuid])
    passed = timedelta(seconds=settings.remote_interval_s)
    if times and call.store.clock.now() - max(times) < passed:
        minutes = int(settings.remote_interval_s // 60)
        raise error(
            settings.interval_status,
            f"Cannot create more than one remote snapshot of a drive within {minutes} minutes",
        )


def _transfer(call: Call, snapshot: RemoteSnapshot) -> Any:
    """Return what follows when a remote snapshot is created: its transfer."""

    def end(at: datetime) -> None:
        _enter(snapshot, at)
        is_first = not any(
            one.drive == snapshot.drive and one is not snapshot
            for one in call.store.remote_snapshots.values()
        )
        drive = call.store.drives.get(snapshot.drive)
        size = snapshot.drive_meta["size"] // 8
        if drive is not None and drive.used is not None:
            size = drive.used
        ready = _ready(snapshot, size if is_first else 0)
        call.store.begin(
            "transfer_remote_snapshot", snapshot, ready, status="transferring", since=at
        )

    return end


def _ready(snapshot: RemoteSnapshot, size: int) -> Any:
    def end(at: datetime) -> None:
        _enter(snapshot, at)
        snapshot.status, snapshot.allocated_size = "available", size

    return end


def _enter(snapshot: RemoteSnapshot, at: datetime) -> None:
    snapshot.last_state_change = max(at, snapshot.last_state_change + _MOMENT)


def _idle(call: Call, uuid: str, operation: str, right: str) -> RemoteSnapshot:
    found = call.remote_snapshot(uuid, right)
    if found.status in _BUSY and operation in call.settings.busy_remote_refuses:
        status = call.settings.wrong_state_status
        raise wrong_state(status, operation, "remote snapshot", found.status, "available")
    return found


def _delete(call: Call, snapshot: RemoteSnapshot) -> None:
    where = call.store.remote_snapshots
    delete(call, snapshot, "delete_remote_snapshot", lambda one: where.pop(one.uuid, None))
