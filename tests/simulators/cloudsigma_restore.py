"""Puts objects into the simulated CloudSigma as samples of its answers show them."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.golden_cloudsigma import Sample
from tests.simulators.cloudsigma import CloudSigma

RECORDED = datetime(2014, 6, 5, 9, 45, 56, tzinfo=UTC)
"""When most of the samples were recorded."""
KINDS = {
    "/api/2.0/drives/": "drive",
    "/api/2.0/snapshots/": "snapshot",
    "/api/2.0/remotesnapshots/": "snapshot",
    "/api/2.0/jobs/": "job",
}


class Restore:
    """Puts objects into the simulated cloud as an answer shows them."""

    def __init__(self, cloud: CloudSigma) -> None:
        self._cloud = cloud

    def all_of(self, one: Sample) -> None:
        """Put there what an answer shows, one object or many."""
        kind = next(kind for prefix, kind in KINDS.items() if one.path.startswith(prefix))
        views = one.answer.get("objects", [one.answer])
        for view in views:
            getattr(self, kind)(view)

    def drive(self, view: dict[str, Any], **changed: Any) -> None:
        """Put a drive there, with the objects that it refers to."""
        self._me(view)
        runtime = view.get("runtime", {"is_snapshotable": True})
        names = ("affinities", "allow_multimount", "licenses", "media", "size", "storage_type")
        given = {name: view[name] for name in names if name in view} | self._usual(view)
        given |= {"is_snapshotable": runtime["is_snapshotable"]}
        given |= {"jobs": [self._cloud.add_job(uuid=id_).uuid for id_ in uuids(view, "jobs")]}
        given |= {"iops": view.get("iops")}
        given |= {"backup_scheduler": (view.get("backup_scheduler") or {}).get("uuid")}
        drive = self._cloud.add_drive(**given | changed)
        for id_ in uuids(view, "mounted_on"):
            self._cloud.add_server(drive, uuid=id_)
        for n, id_ in enumerate(uuids(view, "snapshots")):
            self._cloud.add_snapshot(drive, uuid=id_, timestamp=RECORDED - timedelta(n))
        for n, id_ in enumerate(uuids(view, "remote_snapshots")):
            self._cloud.add_remote_snapshot(drive, uuid=id_, timestamp=RECORDED - timedelta(n))

    def snapshot(self, view: dict[str, Any], **changed: Any) -> None:
        """Put a local or a remote snapshot there, and its drive."""
        self._me(view)
        given = self._usual(view) | {"allocated_size": view["allocated_size"]}
        given |= {"timestamp": datetime.fromisoformat(view["timestamp"])}
        drive = view["drive"]["uuid"]
        if drive not in self._cloud.drives:
            self._cloud.add_drive(uuid=drive, owner=given["owner"])
        if "location" not in view:
            self._cloud.add_snapshot(drive, **given | changed)
            return
        given |= {name: view[name] for name in ("location", "drive_meta")}
        given |= {"last_state_change": datetime.fromisoformat(view["last_state_change"])}
        self._cloud.add_remote_snapshot(drive, **given | changed)

    def job(self, view: dict[str, Any]) -> None:
        """Put a job there, and the drives it is about."""
        drives = [uri.split("/")[-2] for uri in view["resources"]]
        for drive in set(drives) - set(self._cloud.drives):
            self._cloud.add_drive(uuid=drive)
        self._cloud.add_job(
            uuid=view["uuid"],
            status=view["state"],
            operation=view["operation"],
            progress=view["data"]["progress"],
            children=view["children"],
            resources=drives,
            created=datetime.fromisoformat(view["created"]),
            last_modified=datetime.fromisoformat(view["last_modified"]),
        )

    def ids(self, *uuids: str) -> None:
        """Let the next objects have these uuids."""
        self._cloud.settings.new_id = itertools.chain(uuids).__next__

    def me(self, view: dict[str, Any]) -> None:
        """Be the owner of an object."""
        self._me(view)

    def _me(self, view: dict[str, Any]) -> None:
        if view.get("owner"):
            self._cloud.account().uuid = view["owner"]["uuid"]

    def _usual(self, view: dict[str, Any]) -> dict[str, Any]:
        tags = uuids(view, "tags")
        for tag in set(tags) - set(self._cloud.tags):
            self._cloud.add_tag("tag", uuid=tag, owner=view["owner"]["uuid"])
        names = ("meta", "name", "status", "uuid")
        grants = {one["user"]["uuid"]: one["permissions"] for one in view.get("grantees", [])}
        given = {name: view[name] for name in names if name in view}
        if "owner" in view:
            given["owner"] = view["owner"]["uuid"]
        return given | {"tags": tags, "grants": grants}


def uuids(view: dict[str, Any], name: str) -> list[str]:
    """Return the uuids of references."""
    return [one["uuid"] for one in view.get(name, [])]
