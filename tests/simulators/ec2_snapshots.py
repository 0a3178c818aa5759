"""DescribeSnapshots, CreateSnapshot, CopySnapshot and DeleteSnapshot.

Source: AWS EC2 API reference, 2016-11-15; wordings from memory.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.simulators.ec2_call import Call
from tests.simulators.ec2_describe import Filters, Page, Seen, check_ids, see
from tests.simulators.ec2_errors import Ec2Error, invalid_value, missing, not_found
from tests.simulators.ec2_state import COPIED_VOLUME, Region, Snapshot, Volume, new_id
from tests.simulators.ec2_tags import RETURN_TRUE, tags_of_creation
from tests.simulators.ec2_xml import Elements, flag, snapshot_elements, tag_set, time_text

_MAX_DESCRIPTION = 255
_FILTERS: Filters[Snapshot] = Filters(
    {
        "description": lambda one: one.description,
        "encrypted": lambda one: flag(one.encrypted),
        "owner-alias": lambda one: one.owner_alias or "",
        "owner-id": lambda one: one.owner_id,
        "progress": lambda one: f"{one.progress}%",
        "snapshot-id": lambda one: one.id,
        "start-time": lambda one: time_text(one.start_time),
        "status": lambda one: one.state,
        "storage-tier": lambda one: one.storage_tier,
        "transfer-type": lambda one: one.transfer_type,
        "volume-id": lambda one: one.volume_id,
        "volume-size": lambda one: str(one.volume_size),
    },
    lacking=(),
)


def describe_snapshots(call: Call) -> Elements:
    """List the snapshots that the account may restore: its own, shared with it, and public.

    One unknown id fails the whole call; an id without permission is left out
    (API reference).
    """
    page, tests = Page(call), _FILTERS.tests(call)
    ids = call.parameters.texts("SnapshotId")
    check_ids(ids, "snap", with_page=page.size is not None)
    seen = _named(ids, call) if ids else see(call.region.snapshots, call, page.after)
    found, token = page.cut(_in_scope(seen, call), tests)
    items: Elements = [("item", snapshot_elements(one, tags)) for one, tags in found]
    return [("snapshotSet", items), *([("nextToken", token)] if token else [])]


def create_snapshot(call: Call) -> Elements:
    """Begin a snapshot of a volume; the answer is the whole record with an empty progress.

    The empty progress is as in the AWS CLI's reference. EC2 has no ClientToken here.
    """
    volume = call.volume("VolumeId")
    description = _description(call)
    tags = tags_of_creation(call.parameters, "snapshot")
    if volume.state not in ("available", "in-use"):
        raise Ec2Error("IncorrectState", f"Volume '{volume.id}' is '{volume.state}'")
    _check_limits(call, volume)
    volume.last_snapshot_at = call.cloud.now()
    snapshot = _begin(
        call,
        tags,
        volume_id=volume.id,
        volume_size=volume.size,
        description=description,
        encrypted=volume.encrypted,
        kms_key_id=volume.kms_key_id,
    )
    record = snapshot_elements(snapshot, tags)
    return [("progress", "") if name == "progress" else (name, text) for name, text in record]


def copy_snapshot(call: Call) -> Elements:
    """Begin a copy, called in the destination region; the answer is its id and its tags.

    PresignedUrl must be there and is not verified: EC2 wants it for encrypted
    snapshots, and every SDK sends it always.
    """
    parameters = call.parameters
    source_region = _source_region(call)
    if "PresignedUrl" not in parameters:
        raise missing("PresignedUrl")
    if parameters.text("DestinationRegion") not in (None, call.region.name):
        raise invalid_value(parameters.text("DestinationRegion"), "DestinationRegion")
    source = call.snapshot("SourceSnapshotId", region=source_region)
    check_usable(source)
    encrypted, kms_key_id = encryption(call, source)
    tags = tags_of_creation(parameters, "snapshot")
    _check_quota(call)
    copy = _begin(
        call,
        tags,
        volume_id=COPIED_VOLUME,
        volume_size=source.volume_size,
        description=_description(call),
        encrypted=encrypted,
        kms_key_id=kms_key_id,
    )
    return [("snapshotId", copy.id), ("tagSet", tag_set(tags))]


def delete_snapshot(call: Call) -> Elements:
    """Delete a snapshot at once, a pending one too; not while an AMI uses it.

    A pending one goes on counting against its volume's limit until its end.
    """
    snapshot = call.snapshot("SnapshotId")
    call.must_own(snapshot)
    if snapshot.in_use_by is not None:
        raise Ec2Error(
            "InvalidSnapshot.InUse",
            f"The snapshot {snapshot.id} is currently in use by {snapshot.in_use_by}",
        )
    del call.region.snapshots[snapshot.id]
    call.region.dying.append(snapshot)
    return RETURN_TRUE


def check_usable(snapshot: Snapshot) -> None:
    """Refuse to make something of a snapshot that is not completed or is archived."""
    if snapshot.state != "completed":
        raise Ec2Error("IncorrectState", f"Snapshot is in invalid state - {snapshot.state}")
    if snapshot.storage_tier != "standard":
        raise Ec2Error("IncorrectState", f"Snapshot '{snapshot.id}' is archived")


def encryption(call: Call, source: Snapshot | None) -> tuple[bool, str | None]:
    """Return whether what is made of ``source`` is encrypted, and the key that was asked for.

    Source: API reference: what comes of something encrypted is encrypted, and KmsKeyId
    needs Encrypted to be true; the codes are from memory.
    """
    asked = call.parameters.boolean("Encrypted")
    was_encrypted = source is not None and source.encrypted
    if asked is False and was_encrypted:
        raise invalid_value("false", "Encrypted", "What is encrypted stays so.")
    encrypted = bool(asked) or was_encrypted
    key = call.parameters.text("KmsKeyId")
    if key and not encrypted:
        raise Ec2Error("InvalidParameterDependency", "KmsKeyId needs Encrypted to be true.")
    return encrypted, key or (source.kms_key_id if source else None)


def _named(ids: list[str], call: Call) -> list[Seen[Snapshot]]:
    here = call.region.snapshots
    seen = list(see({one: here[one] for one in ids if one in here}, call))
    readable = {one.id for one, _ in seen}
    for snapshot_id in ids:
        one = here.get(snapshot_id)
        is_foreign = one is not None and not one.is_visible_to(call.account)
        if snapshot_id not in readable and not is_foreign:
            raise not_found("Snapshot", snapshot_id)
    return seen


def _in_scope(seen: Iterable[Seen[Snapshot]], call: Call) -> Iterator[Seen[Snapshot]]:
    owners = call.parameters.texts("Owner")
    users = call.parameters.texts("RestorableBy")
    for one in seen:
        is_owned = not owners or any(_is_owned(one[0], owner, call) for owner in owners)
        if is_owned and (not users or any(_is_restorable(one[0], user, call) for user in users)):
            yield one


def _is_owned(snapshot: Snapshot, owner: str, call: Call) -> bool:
    if owner == "self":
        return snapshot.owner_id == call.account.account_id
    return owner in (snapshot.owner_id, snapshot.owner_alias)


def _is_restorable(snapshot: Snapshot, user: str, call: Call) -> bool:
    if user == "all":
        return snapshot.public
    own_id = call.account.account_id
    user = own_id if user == "self" else user
    if own_id not in (user, snapshot.owner_id):
        return False
    return user == snapshot.owner_id or user in snapshot.shared_with


def _description(call: Call) -> str:
    description = call.parameters.text("Description") or ""
    if len(description) > _MAX_DESCRIPTION:
        raise invalid_value(description, "Description", "Must be at most 255 characters.")
    return description


def _check_limits(call: Call, volume: Volume) -> None:
    _check_quota(call)
    settings = call.settings
    last = volume.last_snapshot_at
    interval = timedelta(seconds=settings.create_interval_s)
    if last is not None and call.cloud.now() - last < interval:
        raise Ec2Error(
            "SnapshotCreationPerVolumeRateExceeded",
            "The maximum per volume CreateSnapshot request rate has been exceeded. "
            "Use an increasing or variable sleep interval between requests.",
        )
    if call.region.pending_of(volume) >= settings.pending_limit:
        raise Ec2Error(
            "ConcurrentSnapshotLimitExceeded",
            "Maximum allowed in-progress snapshots for a single volume exceeded.",
        )


def _check_quota(call: Call) -> None:
    own = call.account.account_id
    count = sum(one.owner_id == own for one in call.region.snapshots.values())
    if count >= call.settings.snapshot_quota:
        raise Ec2Error(
            "SnapshotLimitExceeded",
            f"Maximum number of snapshots ({call.settings.snapshot_quota}) exceeded.",
        )


def _begin(call: Call, tags: dict[str, str], **fields: Any) -> Snapshot:
    settings, now = call.settings, _millis(call.cloud.now())
    snapshot = Snapshot(
        id=new_id("snap"),
        owner_id=call.account.account_id,
        start_time=now,
        state="pending",
        progress=0,
        completes_at=now + timedelta(seconds=settings.complete_after_s),
        hidden_reads=settings.hidden_reads,
        **fields,
    )
    snapshot.retag(tags, settings.late_tags)
    call.region.snapshots[snapshot.id] = snapshot
    return snapshot


def _millis(when: datetime) -> datetime:
    return when.replace(microsecond=when.microsecond // 1000 * 1000)


def _source_region(call: Call) -> Region:
    name = call.parameters.required("SourceRegion")
    if name not in call.cloud.regions:
        raise invalid_value(name, "SourceRegion", "Unknown region.")
    return call.cloud.regions[name]
