"""EC2's XML: answers, errors and records, indented by four spaces as EC2 does.

Source: AWS EC2 API reference, 2016-11-15, response elements; the order of the
elements and the layout are from memory.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Union
from xml.sax.saxutils import escape

from tests.simulators.ec2_errors import Ec2Error
from tests.simulators.ec2_state import Snapshot, Volume

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_INDENT = " " * 4
# A bare carriage return would be read as a line feed.
_ENTITIES = {"\r": "&#13;"}

Element = tuple[str, Union[str, "Elements"]]
Elements = list[Element]


def answer(action: str, request_id: str, content: Elements) -> bytes:
    """Return the answer to an action."""
    lines: list[str] = []
    for element in [("requestId", request_id), *content]:
        _write(element, _INDENT, lines)
    name = f"{action}Response"
    body = "\n".join([f'<{name} xmlns="{NAMESPACE}">', *lines, f"</{name}>"])
    return (_DECLARATION + body).encode()


def error_answer(error: Ec2Error, request_id: str) -> bytes:
    """Return the answer for an error, on one line and without a namespace as EC2 writes it."""
    code, message = escape(error.code), escape(error.message, _ENTITIES)
    return (
        f"{_DECLARATION}<Response><Errors><Error><Code>{code}</Code>"
        f"<Message>{message}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    ).encode()


def snapshot_elements(snapshot: Snapshot, tags: Mapping[str, str]) -> Elements:
    """Return a Snapshot; what does not apply to it is left out."""
    return _known(
        snapshotId=snapshot.id,
        volumeId=snapshot.volume_id,
        status=snapshot.state,
        statusMessage=snapshot.status_message,
        startTime=time_text(snapshot.start_time),
        completionTime=_time_or_none(snapshot.completion_time),
        progress=f"{snapshot.progress}%",
        ownerId=snapshot.owner_id,
        ownerAlias=snapshot.owner_alias,
        volumeSize=str(snapshot.volume_size),
        description=snapshot.description,
        tagSet=tag_set(tags),
        encrypted=flag(snapshot.encrypted),
        kmsKeyId=snapshot.kms_key_id,
        storageTier=snapshot.storage_tier,
        restoreExpiryTime=_time_or_none(snapshot.restore_expiry_time),
        fullSnapshotSizeInBytes=_text_or_none(snapshot.full_size_bytes),
        transferType=snapshot.transfer_type,
    )


def volume_elements(volume: Volume, tags: Mapping[str, str]) -> Elements:
    """Return a Volume; what does not apply to it is left out."""
    return _known(
        volumeId=volume.id,
        size=str(volume.size),
        snapshotId=volume.snapshot_id,
        availabilityZone=volume.availability_zone,
        status=volume.state,
        createTime=time_text(volume.create_time),
        attachmentSet=_attachments(volume),
        tagSet=tag_set(tags),
        volumeType=volume.volume_type,
        iops=_text_or_none(volume.iops),
        throughput=_text_or_none(volume.throughput),
        encrypted=flag(volume.encrypted),
        kmsKeyId=volume.kms_key_id,
        multiAttachEnabled="false",
    )


def tag_set(tags: Mapping[str, str]) -> Elements:
    """Return the items of a tagSet."""
    return [("item", [("key", key), ("value", value)]) for key, value in tags.items()]


def time_text(when: datetime) -> str:
    """Return a time as EC2 writes it, e.g. 2024-01-31T12:00:00.000Z."""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def flag(value: bool) -> str:
    """Return a boolean as EC2 writes it."""
    return "true" if value else "false"


def _attachments(volume: Volume) -> Elements:
    if volume.attached_to is None:
        return []
    attachment: Elements = [
        ("volumeId", volume.id),
        ("instanceId", volume.attached_to),
        ("device", "/dev/sdf"),
        ("status", "attached"),
        ("attachTime", time_text(volume.create_time)),
        ("deleteOnTermination", "false"),
    ]
    return [("item", attachment)]


def _known(**elements: str | Elements | None) -> Elements:
    return [(tag, content) for tag, content in elements.items() if content is not None]


def _time_or_none(when: datetime | None) -> str | None:
    return None if when is None else time_text(when)


def _text_or_none(number: int | None) -> str | None:
    return None if number is None else str(number)


def _write(element: Element, indent: str, lines: list[str]) -> None:
    tag, content = element
    if not content:
        lines.append(f"{indent}<{tag}/>")
    elif isinstance(content, str):
        lines.append(f"{indent}<{tag}>{escape(content, _ENTITIES)}</{tag}>")
    else:
        lines.append(f"{indent}<{tag}>")
        for child in content:
            _write(child, indent + _INDENT, lines)
        lines.append(f"{indent}</{tag}>")
