"""The actions by name, and the parameters of each.

Source: AWS EC2 API reference, 2016-11-15, and botocore's model of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulators.ec2_call import Call, unauthorized
from tests.simulators.ec2_errors import Ec2Error
from tests.simulators.ec2_snapshots import (
    copy_snapshot,
    create_snapshot,
    delete_snapshot,
    describe_snapshots,
)
from tests.simulators.ec2_tags import create_tags, delete_tags
from tests.simulators.ec2_volumes import create_volume, delete_volume, describe_volumes
from tests.simulators.ec2_xml import Elements

_LIST = ("MaxResults", "NextToken", "Filter.N.Name", "Filter.N.Value.N")
_TAGS = ("ResourceId.N", "Tag.N.Key", "Tag.N.Value")
_TAGGED = (
    "TagSpecification.N.ResourceType",
    "TagSpecification.N.Tag.N.Key",
    "TagSpecification.N.Tag.N.Value",
)


@dataclass(frozen=True)
class Action:
    """An action: what it does, its parameters, and those that the simulator lacks."""

    run: Callable[[Call], Elements]
    known: tuple[str, ...]
    lacking: tuple[str, ...] = ()


ACTIONS = {
    "DescribeSnapshots": Action(
        describe_snapshots, (*_LIST, "SnapshotId.N", "Owner.N", "RestorableBy.N")
    ),
    "CreateSnapshot": Action(
        create_snapshot, ("VolumeId", "Description", *_TAGGED), ("OutpostArn", "Location")
    ),
    "CopySnapshot": Action(
        copy_snapshot,
        (
            "SourceRegion",
            "SourceSnapshotId",
            "DestinationRegion",
            "PresignedUrl",
            "Description",
            "Encrypted",
            "KmsKeyId",
            *_TAGGED,
        ),
        ("DestinationOutpostArn", "CompletionDurationMinutes", "DestinationAvailabilityZone"),
    ),
    "DeleteSnapshot": Action(delete_snapshot, ("SnapshotId",)),
    "CreateTags": Action(create_tags, _TAGS),
    "DeleteTags": Action(delete_tags, _TAGS),
    "DescribeVolumes": Action(
        describe_volumes, (*_LIST, "VolumeId.N"), ("IncludeManagedResources",)
    ),
    "CreateVolume": Action(
        create_volume,
        (
            "AvailabilityZone",
            "Size",
            "SnapshotId",
            "VolumeType",
            "Iops",
            "Throughput",
            "Encrypted",
            "KmsKeyId",
            "ClientToken",
            *_TAGGED,
        ),
        (
            "AvailabilityZoneId",
            "OutpostArn",
            "MultiAttachEnabled",
            "VolumeInitializationRate",
            "Operator.Principal",
        ),
    ),
    "DeleteVolume": Action(delete_volume, ("VolumeId",)),
}


def find_action(name: str) -> Action:
    """Return an action.

    Raises:
        Ec2Error: MissingAction or InvalidAction.
    """
    if not name:
        raise Ec2Error("MissingAction", "The request must contain the parameter Action")
    if name not in ACTIONS:
        text = f"The action {name} is not valid for this web service."
        raise Ec2Error("InvalidAction", text)
    return ACTIONS[name]


def perform(call: Call) -> Elements:
    """Carry out a call after the checks that all actions share.

    From memory: a dry run is answered before the resources are looked at.
    """
    action = find_action(call.action)
    call.parameters.check(action.known, action.lacking)
    if call.action in call.account.denied:
        raise unauthorized()
    if call.parameters.boolean("DryRun"):
        text = "Request would have succeeded, but DryRun flag is set."
        raise Ec2Error("DryRunOperation", text)
    for region in call.cloud.regions.values():
        region.bring_to(call.cloud.now())
    return action.run(call)
