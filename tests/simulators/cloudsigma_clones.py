"""Cloning drives and snapshots to drives, what clones are called, and the jobs of it."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response

from tests.simulators.cloudsigma_call import Call, reference
from tests.simulators.cloudsigma_changes import described
from tests.simulators.cloudsigma_errors import invalid
from tests.simulators.cloudsigma_input import definition, media_of, size_of
from tests.simulators.cloudsigma_sizes import check_size, storage_type_of
from tests.simulators.cloudsigma_state import Drive, Job
from tests.simulators.cloudsigma_views import Views

_COUNTED = re.compile(r"(.*)_(\d+)", re.DOTALL)
_DATED = re.compile(r"(.*?)-\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?", re.DOTALL)
_FORMATS = {"DATE": "%Y-%m-%d", "TIMESTAMP": "%Y-%m-%d %H:%M:%S"}
NAMINGS = ("NONE", "COUNTER", "DATE", "TIMESTAMP")


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a drive is cloned from."""

    kind: str
    """drives, snapshots or remotesnapshots."""
    uuid: str
    name: str
    size: int
    media: str
    storage_type: str
    meta: dict[str, str]
    tags: list[str]


def cloned_name(naming: str, name: str, now: datetime) -> str:
    """Return what a clone is called that is given no name."""
    if naming == "NONE":
        return name
    if naming == "COUNTER":
        return _counted(name)
    stamp = now.strftime(_FORMATS[naming])
    is_current = re.search(rf"-{re.escape(stamp)}(_\d+)?\Z", name)
    if is_current:
        return _counted(name)
    dated = _DATED.fullmatch(name)
    return f"{dated[1] if dated else name}-{stamp}"


def clone(call: Call, source: Source) -> Drive:
    """Let a clone begin, as the request's body wants it, and return the new drive."""
    call.pay()
    given = definition(call, may_be_empty=True)
    drive = _new_drive(call, source, given)
    now = call.store.clock.now()
    job = Job(
        uuid=call.settings.new_id(),
        owner=call.account.uuid,
        status="started",
        created=now,
        last_modified=now,
        ends_at=now + timedelta(seconds=call.settings.work_seconds("clone_drive")),
        resources=[source.uuid, drive.uuid] if source.kind == "drives" else [drive.uuid],
    )
    drive.jobs.append(job.uuid)
    call.store.keep(call.store.drives, drive)
    call.store.keep(call.store.jobs, job)
    call.store.begin("clone_drive", drive, _ready(call, drive), status="cloning_dst")
    call.store.begin("clone_drive", job, _over(call, job))
    return drive


def clone_answer(call: Call, drive: Drive) -> Response:
    """Answer with a drive that was cloned from a snapshot, in one of three forms."""
    view = Views(call).drive(drive)
    if call.settings.clone_answer == "reference":
        view["resource_uri"] = reference("drives", drive.uuid)
    if call.settings.clone_answer == "wrapped":
        return call.answer({"objects": [view]}, 202)
    return call.answer(view, 202)


def _new_drive(call: Call, source: Source, given: dict[str, Any]) -> Drive:
    name = cloned_name(call.account.clone_naming, source.name, call.store.clock.now())
    copies = source.kind in call.settings.clones_copy_meta
    fields = {
        "name": name,
        "meta": dict(source.meta) if copies else {},
        "tags": list(source.tags) if copies else [],
    } | described(call, given)
    storage_type = given.get("storage_type")
    kind = storage_type_of(call, storage_type) if storage_type else source.storage_type
    size = size_of(given["size"]) if given.get("size") is not None else source.size
    if size < source.size:
        raise invalid("size", f"Size must be at least {source.size}")
    if size != source.size:
        check_size(call, size, kind)
    media = media_of(given["media"]) if given.get("media") is not None else source.media
    return Drive(
        uuid=call.settings.new_id(),
        owner=call.account.uuid,
        size=size,
        media=media,
        storage_type=kind,
        affinities=list(given.get("affinities") or []),
        is_snapshotable=True if call.settings.ready_at_once else None,
        restored_from=source.uuid if source.kind != "drives" else None,
        **fields,
    )


def _ready(call: Call, drive: Drive) -> Any:
    def end(_: datetime) -> None:
        drive.status = "unmounted"
        drive.is_snapshotable = not drive.is_ephemeral

    return end


def _over(call: Call, job: Job) -> Any:
    def end(at: datetime) -> None:
        job.status, job.progress, job.last_modified = "success", 100, at

    return end


def _counted(name: str) -> str:
    found = _COUNTED.fullmatch(name)
    return f"{found[1]}_{int(found[2]) + 1}" if found else f"{name}_1"
