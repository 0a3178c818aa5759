"""What the formats are given beside the model: links and small documents."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson

from gateway.core.actions import Action
from gateway.driver import StorageSnapshot, StorageVolume

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
    filters: Mapping[str, tuple[str, ...]]
    """Field -> the lookups that lists of snapshots know."""
    sort_keys: tuple[str, ...]
    native: "Native"
    limits: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Native:
    """What of lists a driver's backend does itself."""

    filters: Mapping[str, str]
    """A filter's name -> ``exact``, or ``superset`` where the gateway filters again."""
    sort_keys: tuple[str, ...]
    count: bool


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
    filters: Mapping[str, tuple[str, ...]]
    """Field -> the lookups there are."""
    sort_keys: tuple[str, ...]
    native: Native
    limits: Mapping[str, int | str]


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
    outcome: str | None = None
    """``unknown`` if the change may have happened all the same."""
    marker: str | None = None
    """What lists find by ``created_by`` if it has been made all the same."""


@dataclass(frozen=True, slots=True)
class Row:
    """What accompanies one resource into its representation."""

    links: Links
    actions: tuple[Action, ...] = ()
    snapshot_ids: Iterable[str] | None = None
    """For a single volume: its snapshots."""
    fields: tuple[str, ...] | None = None
    """What to show; None for everything."""
    native: bool = False
    """Whether to show the backend's own record."""
    volumes: Mapping[str, "tuple[StorageVolume, Row]"] | None = None
    """Volumes by id, to show whole where a snapshot names them."""


@dataclass(frozen=True, slots=True)
class ListEnd:
    """What is known of a list once its items are written.

    Attributes:
        rows: how many those were.
        next_href: the URL of the next page.
        count: how many match in all, for those who asked.
        count_missing: why that is not known.
        explain: what ran where, for those who asked.
    """

    rows: int
    next_href: str | None = None
    count: int | None = None
    count_missing: str | None = None
    explain: Mapping[str, Any] | None = None


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
    reused: str | None = None
    """Why nothing new was made: ``key`` or ``age``."""
    duplicates: tuple[str, ...] = ()
    """Ids of what the key has made besides."""
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


def json_bytes(document: Any) -> bytes:
    """Return a document as JSON in UTF-8, whatever a backend may have put into it."""
    try:
        return orjson.dumps(document, default=str)
    except orjson.JSONEncodeError:  # lone surrogates, which UTF-8 lacks, or numbers of 65 bits
        return json.dumps(_writable(document), default=str, separators=(",", ":")).encode()


def _writable(value: Any) -> Any:
    """Return a document that JSON can carry; U+FFFD stands for what UTF-8 cannot."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {_writable(str(key)): _writable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(inner) for inner in value]
    return value
