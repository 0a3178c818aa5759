"""What the formats are given beside the model: links and small documents."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from gateway.core.actions import Action
from gateway.driver import StorageSnapshot

_is_plain = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch
"""What percent-encoding leaves as it is; most ids are, and it takes three times as long."""


class Links:
    """Makes the URLs in one answer; ``root`` ends in ``/api`` and the provider selection."""

    __slots__ = ("root",)

    def __init__(self, root: str) -> None:
        self.root = root

    def collection(self, name: str) -> str:
        """Return the URL of a collection."""
        return f"{self.root}/{name}"

    def member(self, collection: str, resource_id: str, *, root: str | None = None) -> str:
        """Return the URL of a resource; it ends in the id.

        ``root`` is this root in another form, such as escaped for XML.
        """
        if not _is_plain(resource_id):
            resource_id = quote(resource_id, safe="")
        return f"{root or self.root}/{collection}/{resource_id}"


@dataclass(frozen=True, slots=True)
class Feature:
    """A power of a collection that not every driver has, as Deltacloud announces it."""

    name: str
    rel: str
    params: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """The document at /api."""

    version: str
    driver: str
    provider: str
    collections: Mapping[str, tuple[Feature, ...]]


@dataclass(frozen=True, slots=True)
class DriverDescription:
    """What a driver can do, and which providers use it."""

    id: str
    name: str
    providers: tuple[str, ...]
    capabilities: Mapping[str, str]
    """Capability word -> the sentence that it promises."""
    filters: tuple[str, ...]
    sort_keys: tuple[str, ...]
    limits: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class SchemaField:
    """One field of a resource."""

    name: str
    type: str
    readonly: bool
    required: bool
    help_text: str


@dataclass(frozen=True, slots=True)
class ResourceSchema:
    """The fields, methods, filters, order and limits of a collection, as CloudSigma tells them."""

    fields: tuple[SchemaField, ...]
    list_methods: tuple[str, ...]
    detail_methods: tuple[str, ...]
    filters: tuple[str, ...]
    sort_keys: tuple[str, ...]
    limits: Mapping[str, int | str]


def lookups_of(filters: Iterable[str]) -> dict[str, list[str]]:
    """Return the filters as field -> lookups: ``name`` and ``name__contains`` are one field."""
    found: dict[str, list[str]] = {}
    for name in filters:
        field, _, lookup = name.partition("__")
        found.setdefault(field, []).append(lookup or "exact")
    return found


@dataclass(frozen=True, slots=True)
class Problem:
    """An error, as clients read it."""

    status: int
    kind: str
    message: str
    path: str
    request_id: str
    retryable: bool = False
    driver: str | None = None
    provider: str | None = None
    backend_code: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """What accompanies one resource into its representation."""

    links: Links
    actions: tuple[Action, ...] = ()
    snapshot_ids: Iterable[str] | None = None
    """For a single volume: its snapshots."""


@dataclass(frozen=True, slots=True)
class Result:
    """What has come of one of the many things that a request asked for."""

    index: int
    """Its place in the request, from 0."""
    status: int
    """The status that a request for it alone would have had."""
    id: str | None = None
    """The snapshot's; None where none was made."""
    made: tuple[StorageSnapshot, Row] | None = None
    problem: Problem | None = None
    retry_after_s: int | None = None


def rfc3339(moment: datetime) -> str:
    """Return an aware UTC time as RFC 3339, with milliseconds unless they are zero."""
    ms = moment.microsecond // 1000
    # Percent signs, because every list does this thousands of times: half the time of isoformat.
    text = "%04d-%02d-%02dT%02d:%02d:%02d" % (  # noqa: UP031
        moment.year,
        moment.month,
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
    )
    return f"{text}.{ms:03d}Z" if ms else f"{text}Z"


def capacity_gib(size_bytes: int) -> int:
    """Return a size as Deltacloud's capacity: whole GiB, rounded up."""
    return -(-size_bytes // (1 << 30))
