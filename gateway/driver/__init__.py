"""The author's surface: everything that a driver needs, and nothing else."""

from gateway.driver.base import CONTRACT, Driver
from gateway.driver.capabilities import METHODS, PARAMETERS, PROMISES, Capability, Limits
from gateway.driver.computing import compute
from gateway.driver.deadline import Deadline, count_call, time_left_s, within
from gateway.driver.errors import ConfigurationError, DriverError, ErrorCode, invalid
from gateway.driver.ids import is_uuid
from gateway.driver.marker import MARKER_KEY, Marker, marker_pairs, take_marker
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
from gateway.driver.options import (
    DriverOptions,
    EndpointField,
    HttpOptions,
    Secret,
    SecretField,
    check_ca_file,
)
from gateway.driver.order import Order
from gateway.driver.query import OWNER_SELF, Filter, Lookup, Pushdown, PushdownTable, Query, SortKey
from gateway.driver.shape import check_driver_class
from gateway.driver.transport import Transport, retry_after_s, was_sent

__all__ = [
    "CONTRACT",
    "MARKER_KEY",
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
    "EndpointField",
    "ErrorCode",
    "Filter",
    "HttpOptions",
    "Limits",
    "Lookup",
    "Marker",
    "MetadataChange",
    "Order",
    "Owner",
    "Page",
    "Pushdown",
    "PushdownTable",
    "Query",
    "Secret",
    "SecretField",
    "SnapshotState",
    "SortKey",
    "StorageSnapshot",
    "StorageVolume",
    "StoredKind",
    "Transport",
    "UpdateSnapshot",
    "Visibility",
    "VolumeState",
    "check_ca_file",
    "check_driver_class",
    "compute",
    "count_call",
    "invalid",
    "is_uuid",
    "marker_pairs",
    "retry_after_s",
    "take_marker",
    "time_left_s",
    "was_sent",
    "within",
]
