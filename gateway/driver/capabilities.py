"""What a driver can do: flags that are promises under test, in both directions.

A declared flag must work; what is not declared must refuse. The flags that
stand for methods are compared with the methods that the class overrides when
the class is loaded, so a driver cannot claim or forget one by accident.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Capability(enum.Flag):
    """One optional power of a driver; ``PROMISES`` holds the sentence for each."""

    SNAPSHOT_CREATE = enum.auto()
    SNAPSHOT_UPDATE = enum.auto()
    SNAPSHOT_DELETE = enum.auto()
    SNAPSHOT_CLONE = enum.auto()
    SNAPSHOT_COPY = enum.auto()
    SNAPSHOT_REVERT = enum.auto()
    SNAPSHOT_COUNT = enum.auto()
    VOLUME_READ = enum.auto()
    VOLUME_CREATE = enum.auto()
    VOLUME_DELETE = enum.auto()
    SNAPSHOT_MARKER = enum.auto()
    VOLUME_MARKER = enum.auto()
    IN_USE_REFUSE = enum.auto()
    LOCATION = enum.auto()
    CLONE_SIZE = enum.auto()
    CLONE_MEDIA = enum.auto()
    CLONE_AFFINITIES = enum.auto()
    CLONE_AVOID = enum.auto()
    CLONE_ACCEPTED = enum.auto()
    SHOWS_DELETING = enum.auto()
    ZONE = enum.auto()
    KEEPS_DEADLINE = enum.auto()

    @property
    def word(self) -> str:
        """The name that clients read, e.g. ``snapshot_create``."""
        return (self.name or "").lower()


PROMISES: Mapping[Capability, str] = {
    Capability.SNAPSHOT_CREATE: "a snapshot of a volume can be made",
    Capability.SNAPSHOT_UPDATE: "name, description and metadata of a snapshot can be changed",
    Capability.SNAPSHOT_DELETE: "a snapshot can be deleted, and is gone afterwards or soon",
    Capability.SNAPSHOT_CLONE: "a snapshot can be restored to a new volume with the same bytes",
    Capability.SNAPSHOT_COPY: "a snapshot can be copied to another provider of the same driver",
    Capability.SNAPSHOT_REVERT: "a snapshot's volume can be set back to what it was",
    Capability.SNAPSHOT_COUNT: "snapshots can be counted without reading them",
    Capability.VOLUME_READ: "volumes can be listed and shown",
    Capability.VOLUME_CREATE: "an empty volume can be made",
    Capability.VOLUME_DELETE: "a volume can be deleted, and is gone afterwards or soon",
    Capability.SNAPSHOT_MARKER: "a new snapshot carries the marker of its request from its first "
    "moment, whatever is changed later, and lists show it",
    Capability.VOLUME_MARKER: "a new volume carries the marker of its request from its first "
    "moment, and lists show it",
    Capability.IN_USE_REFUSE: "in_use=refuse keeps a volume that is in use from being snapshotted",
    Capability.LOCATION: "a snapshot can be kept in another location than its volume",
    Capability.CLONE_SIZE: "a clone can be larger than the snapshot's volume was",
    Capability.CLONE_MEDIA: "a clone can be of another media type than the snapshot's volume",
    Capability.CLONE_AFFINITIES: "a clone can be placed by affinities",
    Capability.CLONE_AVOID: "a clone can be placed away from named volumes",
    Capability.CLONE_ACCEPTED: "a clone is accepted first (status 202) and made afterwards",
    Capability.SHOWS_DELETING: "what is accepted for deletion is shown as deleting from that "
    "moment until it is gone; shown otherwise, it has not been deleted",
    Capability.ZONE: "a volume can be placed in a named zone",
    Capability.KEEPS_DEADLINE: "every call returns or raises by its deadline; the core "
    "watches the calls of a driver that does not promise this from outside",
}

METHODS: Mapping[Capability, tuple[str, ...]] = {
    Capability.SNAPSHOT_CREATE: ("create_snapshot",),
    Capability.SNAPSHOT_UPDATE: ("update_snapshot",),
    Capability.SNAPSHOT_DELETE: ("delete_snapshot",),
    Capability.SNAPSHOT_CLONE: ("clone_snapshot",),
    Capability.SNAPSHOT_COPY: ("copy_snapshot",),
    Capability.SNAPSHOT_REVERT: ("revert_snapshot",),
    Capability.SNAPSHOT_COUNT: ("count_snapshots",),
    Capability.VOLUME_READ: ("list_volumes", "get_volume"),
    Capability.VOLUME_CREATE: ("create_volume",),
    Capability.VOLUME_DELETE: ("delete_volume",),
}

PARAMETERS: Mapping[str, Capability] = {
    "in_use": Capability.IN_USE_REFUSE,
    "location": Capability.LOCATION,
    "zone": Capability.ZONE,
    "size_bytes": Capability.CLONE_SIZE,
    "media": Capability.CLONE_MEDIA,
    "affinities": Capability.CLONE_AFFINITIES,
    "avoid": Capability.CLONE_AVOID,
}
"""Request field -> the capability without which giving the field is an error."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest that a backend takes, in characters; refused beforehand when exceeded."""

    name: int = 255
    description: int = 255
    metadata_pairs: int = 50
    metadata_key: int = 128
    metadata_value: int = 255
    metadata_key_pattern: str = ""
    """A regular expression that a whole metadata key must match; any key if empty."""
    reserved_prefix: str = ""
    """Metadata keys that begin like this are the backend's own; the limits are not for them."""
    marker_pairs: int = 0
    """Pairs that a marker takes of those that a backend keeps; ``metadata_pairs`` are the rest."""

    def is_reserved(self, key: str) -> bool:
        """Return whether a metadata key is the backend's own, in whatever case it is written."""
        return bool(self.reserved_prefix) and key.lower().startswith(self.reserved_prefix)
