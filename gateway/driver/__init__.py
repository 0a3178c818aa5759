"""The author's surface: everything that a driver needs, and nothing else."""

from gateway.driver.base import Driver, check_driver_class
from gateway.driver.capabilities import METHODS, PARAMETERS, PROMISES, Capability, Limits
from gateway.driver.computing import compute
from gateway.driver.deadline import Deadline
from gateway.driver.errors import ConfigurationError, DriverError, ErrorCode, invalid
from gateway.driver.model import (
    UNSET,
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    Credentials,
    MetadataChange,
    Owner,
    Page,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    StoredKind,
    UpdateSnapshot,
    Visibility,
    VolumeState,
)
from gateway.driver.options import DriverOptions, Secret, SecretField
from gateway.driver.query import OWNER_SELF, Filter, Lookup, Pushdown, PushdownTable, Query

__all__ = [
    "METHODS",
    "OWNER_SELF",
    "PARAMETERS",
    "PROMISES",
    "UNSET",
    "Capability",
    "CloneSnapshot",
    "ConfigurationError",
    "CopySnapshot",
    "CreateSnapshot",
    "CreateVolume",
    "Credentials",
    "Deadline",
    "Driver",
    "DriverError",
    "DriverOptions",
    "ErrorCode",
    "Filter",
    "Limits",
    "Lookup",
    "MetadataChange",
    "Owner",
    "Page",
    "Pushdown",
    "PushdownTable",
    "Query",
    "Secret",
    "SecretField",
    "SnapshotState",
    "StorageSnapshot",
    "StorageVolume",
    "StoredKind",
    "UpdateSnapshot",
    "Visibility",
    "VolumeState",
    "check_driver_class",
    "compute",
    "invalid",
]
