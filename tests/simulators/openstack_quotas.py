"""Quotas: what a project may have and has, and the refusal of more."""

from typing import Any

from tests.simulators.openstack_call import Call
from tests.simulators.openstack_errors import CinderError, forbidden, over_quota
from tests.simulators.openstack_state import Region

_FIXED = {
    "volumes": -1,
    "per_volume_gigabytes": -1,
    "snapshots": -1,
    "gigabytes": -1,
    "backups": 10,
    "backup_gigabytes": 1000,
}


def check_quota(call: Call, size: int, *, snapshots: int = 0, volumes: int = 0) -> None:
    """Refuse what would be too much; Cinder looks at the gigabytes first."""
    limits = _limits(call.region, call.project_id)
    used = _used(call.region, call.project_id)
    if 0 <= limits["gigabytes"] < used["gigabytes"] + size:
        raise over_quota(
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed "
            f"gigabytes quota. Requested {size}G, quota is {limits['gigabytes']}G and "
            f"{used['gigabytes']}G has been consumed."
        )
    for name, more in (("snapshots", snapshots), ("volumes", volumes)):
        if more and 0 <= limits[name] < used[name] + more:
            kind = name.capitalize()[:-1]
            raise over_quota(
                f"{kind}LimitExceeded: Maximum number of {name} allowed ({limits[name]}) exceeded"
            )


def set_quota(call: Call, project_id: str) -> tuple[int, Any]:
    """Change a project's limits: for administrators."""
    call.allow("volume_extension:quotas:update", "admin")
    given = call.body["quota_set"] if isinstance(call.body, dict) else {}
    if not all(isinstance(limit, int) for limit in given.values()):
        raise CinderError(400, "Invalid input for quota_set")
    call.region.quotas[project_id] |= given
    return 200, {"quota_set": _limits(call.region, project_id)}


def show_quota(call: Call, project_id: str) -> tuple[int, Any]:
    """Show a project's limits, and with ``usage`` what it has."""
    if project_id != call.project_id and not call.is_admin:
        raise forbidden("volume_extension:quotas:show")
    limits = _limits(call.region, project_id)
    if not call.parameters.boolean("usage"):
        return 200, {"quota_set": {"id": project_id, **limits}}
    used = _used(call.region, project_id)
    quota = {
        name: {"limit": limit, "in_use": used.get(name, 0), "reserved": 0}
        for name, limit in limits.items()
    }
    return 200, {"quota_set": quota | {"id": project_id}}


def show_limits(call: Call) -> tuple[int, Any]:
    """Show the project's limits as /limits has them."""
    limits, used = _limits(call.region, call.project_id), _used(call.region, call.project_id)
    absolute = {
        "maxTotalVolumes": limits["volumes"],
        "maxTotalSnapshots": limits["snapshots"],
        "maxTotalVolumeGigabytes": limits["gigabytes"],
        "maxTotalBackups": limits["backups"],
        "maxTotalBackupGigabytes": limits["backup_gigabytes"],
        "totalVolumesUsed": used["volumes"],
        "totalGigabytesUsed": used["gigabytes"],
        "totalSnapshotsUsed": used["snapshots"],
        "totalBackupsUsed": 0,
        "totalBackupGigabytesUsed": 0,
    }
    return 200, {"limits": {"rate": [], "absolute": absolute}}


def _limits(region: Region, project_id: str) -> dict[str, int]:
    of_types = {
        f"{name}_{kind}": -1
        for kind in region.settings.volume_types
        for name in ("volumes", "gigabytes", "snapshots")
    }
    every = _FIXED | of_types | {"groups": 10}
    return every | region.quotas.get(project_id, {})


def _used(region: Region, project_id: str) -> dict[str, int]:
    used = dict.fromkeys(_limits(region, project_id), 0)
    for volume in region.volumes.values():
        if volume.project_id == project_id and volume.consumes_quota:
            _add(used, "volumes", volume.volume_type, volume.size)
    for snapshot in region.snapshots.values():
        if snapshot.project_id == project_id and snapshot.consumes_quota:
            kind = region.volumes.get(snapshot.volume_id)
            _add(used, "snapshots", kind.volume_type if kind else "", snapshot.size)
    return used


def _add(used: dict[str, int], name: str, volume_type: str, size: int) -> None:
    for key, more in ((name, 1), ("gigabytes", size)):
        used[key] += more
        if f"{key}_{volume_type}" in used:
            used[f"{key}_{volume_type}"] += more
