"""DescribeVolumes, CreateVolume and DeleteVolume.

Source: AWS EC2 API reference, 2016-11-15; wordings from memory.
"""

from datetime import timedelta

from tests.simulators.ec2_call import Call
from tests.simulators.ec2_describe import Filters, Page, Seen, check_ids, see
from tests.simulators.ec2_errors import Ec2Error, invalid_value, missing, not_found
from tests.simulators.ec2_snapshots import check_usable, encryption
from tests.simulators.ec2_state import Snapshot, Volume, new_id
from tests.simulators.ec2_tags import RETURN_TRUE, tags_of_creation
from tests.simulators.ec2_xml import Elements, flag, time_text, volume_elements

_SIZES = {
    "gp2": (1, 16_384),
    "gp3": (1, 65_536),
    "io1": (4, 16_384),
    "io2": (4, 65_536),
    "st1": (125, 16_384),
    "sc1": (125, 16_384),
    "standard": (1, 1024),
}
_IOPS = {"gp3": (3000, 80_000), "io1": (100, 64_000), "io2": (100, 256_000)}
_THROUGHPUT = {"gp3": (125, 2000)}
_FILTERS: Filters[Volume] = Filters(
    {
        "attachment.instance-id": lambda one: one.attached_to or "",
        "availability-zone": lambda one: one.availability_zone,
        "create-time": lambda one: time_text(one.create_time),
        "encrypted": lambda one: flag(one.encrypted),
        "size": lambda one: str(one.size),
        "snapshot-id": lambda one: one.snapshot_id,
        "status": lambda one: one.state,
        "volume-id": lambda one: one.id,
        "volume-type": lambda one: one.volume_type,
    },
    lacking=(
        "attachment.attach-time",
        "attachment.delete-on-termination",
        "attachment.device",
        "attachment.status",
        "availability-zone-id",
        "fast-restored",
        "multi-attach-enabled",
        "operator.managed",
        "operator.principal",
    ),
)


def describe_volumes(call: Call) -> Elements:
    """List the account's own volumes; one unknown id fails the whole call."""
    page, tests = Page(call), _FILTERS.tests(call)
    ids = call.parameters.texts("VolumeId")
    check_ids(ids, "vol", with_page=page.size is not None)
    seen = _named(ids, call) if ids else see(call.region.volumes, call, page.after)
    found, token = page.cut(seen, tests)
    items: Elements = [("item", volume_elements(one, tags)) for one, tags in found]
    return [("volumeSet", items), *([("nextToken", token)] if token else [])]


def create_volume(call: Call) -> Elements:
    """Begin a volume, empty or from a snapshot; the same ClientToken gives the same volume."""
    token = call.parameters.text("ClientToken")
    if not token:
        return _record(_create(call))
    key = (call.account.account_id, token)
    request = call.parameters.comparable()
    if key in call.region.client_tokens:
        earlier, volume = call.region.client_tokens[key]
        if earlier != request:
            raise Ec2Error(
                "IdempotentParameterMismatch",
                "The client token was used before with other parameters.",
            )
        return _record(volume)
    volume = _create(call)
    call.region.client_tokens[key] = (request, volume)
    return _record(volume)


def delete_volume(call: Call) -> Elements:
    """Delete a volume. EC2 shows it as deleting for a while; here it is gone at once."""
    volume = call.volume("VolumeId")
    if volume.state == "in-use" or volume.attached_to is not None:
        raise Ec2Error(
            "VolumeInUse", f"Volume {volume.id} is currently attached to {volume.attached_to}"
        )
    if volume.state == "creating":
        raise Ec2Error("IncorrectState", f"Volume '{volume.id}' is 'creating'")
    del call.region.volumes[volume.id]
    return RETURN_TRUE


def _named(ids: list[str], call: Call) -> list[Seen[Volume]]:
    here = call.region.volumes
    seen = list(see({one: here[one] for one in ids if one in here}, call))
    readable = {one.id for one, _ in seen}
    for volume_id in ids:
        if volume_id not in readable:
            raise not_found("Volume", volume_id)
    return seen


def _record(volume: Volume) -> Elements:
    return volume_elements(volume, volume.tags)


def _create(call: Call) -> Volume:
    zone = call.parameters.required("AvailabilityZone")
    if zone not in call.region.zones:
        raise not_found("Zone", zone)
    volume_type = _volume_type(call)
    source = _source(call)
    encrypted, kms_key_id = encryption(call, source)
    tags, now = tags_of_creation(call.parameters, "volume"), call.cloud.now()
    volume = Volume(
        id=new_id("vol"),
        owner_id=call.account.account_id,
        size=_size(call, volume_type, source),
        availability_zone=zone,
        create_time=now,
        state="creating",
        ready_at=now + timedelta(seconds=call.settings.available_after_s),
        snapshot_id=source.id if source else "",
        volume_type=volume_type,
        iops=_iops(call, volume_type),
        throughput=_performance(call, "Throughput", _THROUGHPUT.get(volume_type)),
        encrypted=encrypted,
        kms_key_id=kms_key_id,
        hidden_reads=call.settings.hidden_reads,
    )
    volume.retag(tags, call.settings.late_tags)
    call.region.volumes[volume.id] = volume
    return volume


def _source(call: Call) -> Snapshot | None:
    if "SnapshotId" not in call.parameters:
        return None
    source = call.snapshot("SnapshotId")
    check_usable(source)
    return source


def _volume_type(call: Call) -> str:
    volume_type = call.parameters.text("VolumeType") or "gp2"
    if volume_type not in _SIZES:
        raise Ec2Error("UnknownVolumeType", f"Unsupported volume type '{volume_type}'")
    return volume_type


def _size(call: Call, volume_type: str, source: Snapshot | None) -> int:
    asked = call.parameters.integer("Size")
    if asked is None and source is None:
        raise missing("Size/SnapshotId")
    size = source.volume_size if asked is None and source else asked or 0
    if source is not None and size < source.volume_size:
        reason = f"Must be at least the snapshot's size, {source.volume_size}GiB."
        raise invalid_value(size, "Size", reason)
    least, most = _SIZES[volume_type]
    if not least <= size <= most:
        reason = f"A {volume_type} volume has from {least} to {most}GiB."
        raise invalid_value(size, "Size", reason)
    return size


def _iops(call: Call, volume_type: str) -> int | None:
    if volume_type in ("io1", "io2") and "Iops" not in call.parameters:
        raise missing("Iops")
    return _performance(call, "Iops", _IOPS.get(volume_type))


def _performance(call: Call, name: str, limits: tuple[int, int] | None) -> int | None:
    asked = call.parameters.integer(name)
    if limits is None:
        if asked is not None:
            text = f"The parameter {name.lower()} is not supported for this volume type."
            raise Ec2Error("InvalidParameterCombination", text)
        return None
    least, most = limits
    if asked is not None and not least <= asked <= most:
        raise invalid_value(asked, name, f"Expecting a value between {least} and {most}.")
    return least if asked is None else asked
