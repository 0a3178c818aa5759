"""Objects as the simulated CloudSigma writes them."""

import copy
from functools import cached_property
from typing import Any

from tests.simulators.cloudsigma_call import Call, reference, references
from tests.simulators.cloudsigma_http import PREFIX
from tests.simulators.cloudsigma_state import (
    Drive,
    Job,
    RemoteSnapshot,
    Resource,
    Server,
    Snapshot,
    Tag,
    job_time_text,
    time_text,
)

_KINDS = (
    ("drives", "drives"),
    ("servers", "servers"),
    ("snapshots", "snapshots"),
    ("remotesnapshots", "remote_snapshots"),
)


class Views:
    """Writes objects for one answer."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._store = call.store

    @cached_property
    def _snapshots(self) -> tuple[dict[str, list[Snapshot]], dict[str, list[Snapshot]]]:
        return self._store.grouped()

    @cached_property
    def _servers(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for server in self._store.servers.values():
            for drive in server.drives:
                found.setdefault(drive, []).append(server.uuid)
        return found

    def drive(self, drive: Drive) -> dict[str, Any]:
        """Return all of a drive."""
        local, remote = (groups.get(drive.uuid, []) for groups in self._snapshots)
        scheduler = drive.backup_scheduler
        jobs = [uuid for uuid in drive.jobs if uuid in self._store.jobs]
        return self._common("drives", drive) | {
            "affinities": drive.affinities,
            "allow_multimount": drive.allow_multimount,
            "backup_scheduler": reference("backupschedulers", scheduler) if scheduler else None,
            "iops": drive.iops,
            "jobs": references("jobs", jobs),
            "licenses": drive.licenses,
            "media": drive.media,
            "mounted_on": references("servers", self._servers.get(drive.uuid, [])),
            "remote_snapshots": references("remotesnapshots", [one.uuid for one in remote]),
            "runtime": {
                "is_downloadable": not drive.is_ephemeral,
                "is_ephemeral": drive.is_ephemeral,
                "is_snapshotable": drive.is_snapshotable,
                "snapshots_allocated_size": sum(one.allocated_size or 0 for one in local),
                "storage_type": drive.storage_type,
            },
            "size": drive.size,
            "snapshots": references("snapshots", [one.uuid for one in local]),
            "storage_type": drive.storage_type,
        }

    def short_drive(self, drive: Drive) -> dict[str, Any]:
        """Return what the short list says of a drive."""
        full = self._common("drives", drive)
        return {name: full[name] for name in ("owner", "resource_uri", "status", "uuid")}

    def snapshot(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return all of a local or a remote snapshot."""
        is_remote = isinstance(snapshot, RemoteSnapshot)
        view = self._common("remotesnapshots" if is_remote else "snapshots", snapshot)
        view |= {
            "allocated_size": snapshot.allocated_size,
            "drive": reference("drives", snapshot.drive),
            "timestamp": time_text(snapshot.timestamp),
        }
        if isinstance(snapshot, RemoteSnapshot):
            view |= {
                "drive_meta": snapshot.drive_meta,
                "last_state_change": time_text(snapshot.last_state_change),
                "location": snapshot.location,
            }
        return view

    def job(self, job: Job) -> dict[str, Any]:
        """Return a job, with the drives that there still are."""
        drives = [uuid for uuid in job.resources if uuid in self._store.drives]
        return {
            "children": job.children,
            "created": job_time_text(job.created),
            "data": {"progress": job.progress_at(self._store.clock.now())},
            "last_modified": job_time_text(job.last_modified),
            "operation": job.operation,
            "resource_uri": f"{PREFIX}/jobs/{job.uuid}/",
            "resources": [f"{PREFIX}/drives/{uuid}/" for uuid in drives],
            "state": job.status,
            "uuid": job.uuid,
        }

    def server(self, server: Server) -> dict[str, Any]:
        """Return what matters of a server to its drives."""
        drives = [
            {"boot_order": n, "dev_channel": f"0:{n - 1}", "device": "virtio"}
            | {"drive": reference("drives", uuid)}
            for n, uuid in enumerate(server.drives, 1)
        ]
        return self._common("servers", server) | {"drives": drives, "nics": [], "runtime": None}

    def tag(self, tag: Tag) -> dict[str, Any]:
        """Return a tag and what has it."""
        view = self._common("tags", tag)
        named = ("meta", "name", "owner", "resource_uri", "uuid")
        found: list[dict[str, Any]] = []
        for kind, attribute in _KINDS:
            for one in getattr(self._store, attribute).values():
                if tag.uuid in one.tags:
                    owner = reference("user", one.owner or "")
                    found.append(reference(kind, one.uuid) | {"res_type": kind, "owner": owner})
        return {name: view[name] for name in named} | {"resources": found}

    def _common(self, kind: str, resource: Resource) -> dict[str, Any]:
        mine = self._call.account.uuid
        is_mine = resource.owner == mine
        rights = [] if is_mine or resource.owner is None else sorted(resource.rights_of(mine))
        return {
            "grantees": _grantees(resource) if is_mine else [],
            "meta": copy.copy(resource.meta),
            "name": resource.name,
            "owner": reference("user", resource.owner) if resource.owner else None,
            "permissions": rights,
            "resource_uri": f"{PREFIX}/{kind}/{resource.uuid}/",
            "status": resource.status,
            "tags": references("tags", resource.tags),
            "uuid": resource.uuid,
        }


def _grantees(resource: Resource) -> list[dict[str, Any]]:
    return [
        {"permissions": sorted(rights), "user": {"email": None} | reference("user", uuid)}
        for uuid, rights in resource.grants.items()
    ]
