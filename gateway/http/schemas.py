"""What requests may hold: marshmallow schemas that make the core's request objects."""

from collections.abc import Mapping
from typing import Any

from marshmallow import (
    RAISE,
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from gateway.core.creations import NewSnapshot
from gateway.driver import (
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    MetadataChange,
    SnapshotState,
    UpdateSnapshot,
)
from gateway.http.values import (
    Age,
    Count,
    OptionalText,
    Text,
    Words,
    check_characters,
    metadata_field,
)
from gateway.representations.documents import SchemaField

GIB = 1 << 30
MAX_SIZE_BYTES = (1 << 63) - 1


class _Request(Schema):
    class Meta:
        unknown = RAISE


def _required_id() -> Text:
    return Text(required=True, validate=validate.Length(min=1, error="must not be empty"))


class CreateSnapshotSchema(_Request):
    """POST /storage_snapshots."""

    volume_id = _required_id()
    name = OptionalText()
    description = OptionalText()
    metadata = metadata_field()
    location = OptionalText()
    in_use = fields.String(validate=validate.OneOf(["allow", "refuse"]))
    unless_newer_than = Age()

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewSnapshot:
        age = data.pop("unless_newer_than", None)
        return NewSnapshot(CreateSnapshot(**data), age)


class _OneId(_Request):
    @post_load
    def _make(self, data: dict[str, str], **_: Any) -> str:
        (found,) = data.values()
        return found


class IdSchema(_OneId):
    """One of the snapshots that DELETE /storage_snapshots names; loads its id."""

    id = _required_id()


class UuidSchema(_OneId):
    """The same as CloudSigma's clients write it."""

    uuid = _required_id()


class UpdateSnapshotSchema(_Request):
    """PUT and PATCH /storage_snapshots/:id."""

    name = OptionalText()
    description = OptionalText()
    metadata = metadata_field(nullable=True)

    def __init__(self, *, replace: bool) -> None:
        super().__init__()
        self._replace = replace

    @validates_schema
    def _changes_something(self, data: dict[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("nothing to change; give name, description or metadata")

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> UpdateSnapshot:
        if "metadata" in data:
            data["metadata"] = metadata_change(data["metadata"], replace=self._replace)
        return UpdateSnapshot(**data)


class MetadataSchema(_Request):
    """POST and PUT /storage_snapshots/:id/metadata."""

    metadata = metadata_field(nullable=True, required=True)

    def __init__(self, *, replace: bool) -> None:
        super().__init__()
        self._replace = replace

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> MetadataChange:
        return metadata_change(data["metadata"], replace=self._replace)


class MetadataValueSchema(_Request):
    """PUT /storage_snapshots/:id/metadata/:key."""

    value = Text()
    meta = metadata_field()

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    @validates_schema
    def _has_one(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("give value=VALUE, or meta with the key")
        if "meta" in data and list(data["meta"]) != [self._key]:
            raise ValidationError(f"meta must hold the key of the URL, {self._key!r}, only")
        check_characters(self._key)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> MetadataChange:
        value = data["value"] if "value" in data else data["meta"][self._key]
        return MetadataChange(set={self._key: value})


class CloneSnapshotSchema(_Request):
    """POST /storage_snapshots/:id/clone."""

    name = OptionalText()
    description = OptionalText()
    size_bytes = Count(most=MAX_SIZE_BYTES)
    zone = OptionalText()
    media = OptionalText()
    affinities = Words()
    avoid = Words()

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> CloneSnapshot:
        return CloneSnapshot(**data)


class CopySnapshotSchema(_Request):
    """POST /storage_snapshots/:id/copy; loads the destination's name and the request."""

    destination = _required_id()
    name = OptionalText()
    description = OptionalText()
    metadata = metadata_field()

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> tuple[str, CopySnapshot]:
        return data.pop("destination"), CopySnapshot(**data)


class RevertSnapshotSchema(_Request):
    """POST /storage_snapshots/:id/revert, which takes nothing."""


class CreateVolumeSchema(_Request):
    """POST /storage_volumes: an empty volume, or one made from a snapshot."""

    capacity = Count(most=MAX_SIZE_BYTES // GIB)
    size_bytes = Count(most=MAX_SIZE_BYTES)
    snapshot_id = OptionalText()
    name = OptionalText()
    description = OptionalText()
    zone = OptionalText()

    @validates_schema
    def _has_one_size(self, data: dict[str, Any], **_: Any) -> None:
        if "capacity" in data and "size_bytes" in data:
            raise ValidationError("give capacity (GiB) or size_bytes, not both", "size_bytes")
        if not {"capacity", "size_bytes"} & data.keys() and not data.get("snapshot_id"):
            raise ValidationError("give capacity (GiB), size_bytes or snapshot_id", "capacity")

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> CreateVolume | tuple[str, CloneSnapshot]:
        snapshot_id = data.pop("snapshot_id", None)
        if "capacity" in data:
            data["size_bytes"] = data.pop("capacity") * GIB
        return (snapshot_id, CloneSnapshot(**data)) if snapshot_id else CreateVolume(**data)


def metadata_change(given: Mapping[str, str | None], *, replace: bool) -> MetadataChange:
    """Return the change that a metadata map asks for; a null value removes its key."""
    return MetadataChange(
        set={key: value for key, value in given.items() if value is not None},
        remove=frozenset(key for key, value in given.items() if value is None),
        replace=replace,
    )


def _field(
    name: str, type_: str, help_text: str, *, readonly: bool = True, required: bool = False
) -> SchemaField:
    return SchemaField(name, type_, readonly, required, help_text)


SNAPSHOT_FIELDS = (
    _field("id", "string", "The backend's own id; opaque"),
    _field("href", "string", "URL of the snapshot"),
    _field("name", "string", "Name; in XML the id stands for a missing one", readonly=False),
    _field("description", "string", "Free text", readonly=False),
    _field("state", "string", "One of: " + ", ".join(SnapshotState)),
    _field("native_state", "string", "The backend's own word for the state"),
    _field("ready", "boolean", "Whether a volume can be made from it now"),
    _field("state_reason", "string", "Why it is in state error"),
    _field("progress", "integer", "Percent, 0 to 100"),
    _field("created", "datetime", "When it was asked for; RFC 3339, UTC"),
    _field("completed", "datetime", "When it became whole; RFC 3339, UTC"),
    _field("updated", "datetime", "When it was last changed; RFC 3339, UTC"),
    _field(
        "volume_id",
        "string",
        "The volume to snapshot; at creation only",
        readonly=False,
        required=True,
    ),
    _field(
        "storage_volume", "related", "The volume it was made of; without href once that is gone"
    ),
    _field("size_bytes", "integer", "Size of that volume in bytes"),
    _field("stored_bytes", "integer", "Bytes that the snapshot takes in storage"),
    _field("stored_kind", "string", "What stored_bytes counts: full or delta"),
    _field("metadata", "dict", "Keys and values, all strings", readonly=False),
    _field("labels", "list", "The backend's tags that are no metadata"),
    _field("owner", "related", "The account that owns it, and whether that is the caller"),
    _field("visibility", "string", "private, shared, public or unknown"),
    _field("group_id", "string", "The group of snapshots that it belongs to"),
    _field("encrypted", "boolean", "Whether it is stored encrypted"),
    _field(
        "location",
        "string",
        "Where it is kept, if not with its volume; at creation",
        readonly=False,
    ),
    _field(
        "in_use",
        "string",
        "At creation: allow (default) or refuse a volume that is in use",
        readonly=False,
    ),
    _field(
        "unless_newer_than",
        "string",
        "At creation: answer with the volume's newest ready snapshot if it is younger (60m, 12h)",
        readonly=False,
    ),
    _field("tier", "string", "The class of storage that it is kept in; ec2: standard or archive"),
    _field("actions", "list", "What may be done to it now, with URLs"),
)
