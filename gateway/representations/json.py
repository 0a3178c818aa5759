"""The model as JSON. Absent facts are null."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from gateway.driver import Owner, StorageSnapshot, StorageVolume
from gateway.representations.documents import (
    DriverDescription,
    EntryPoint,
    Links,
    ListEnd,
    Native,
    Problem,
    ResourceSchema,
    Result,
    Row,
    capacity_gib,
    json_bytes,
    rfc3339,
)

CONTENT_TYPE = "application/json"
T = TypeVar("T", StorageSnapshot, StorageVolume)
_PART = 100
"""Items written at once: the first bytes of a list need not wait for a page of a thousand."""


def storage_snapshot(snapshot: StorageSnapshot, row: Row) -> bytes:
    """Return a snapshot's document."""
    return json_bytes({"storage_snapshot": _snapshot(snapshot, row)})


def storage_volume(volume: StorageVolume, row: Row) -> bytes:
    """Return a volume's document."""
    return json_bytes({"storage_volume": _volume(volume, row)})


def storage_snapshots(
    pages: Iterable[tuple[StorageSnapshot, ...]],
    row: Callable[[StorageSnapshot], Row],
    end: Callable[[], ListEnd],
) -> Iterator[bytes]:
    """Yield the list of snapshots, in chunks."""
    return _list("storage_snapshots", snapshot_lines(pages, row), end)


def storage_volumes(
    pages: Iterable[tuple[StorageVolume, ...]],
    row: Callable[[StorageVolume], Row],
    end: Callable[[], ListEnd],
) -> Iterator[bytes]:
    """Yield the list of volumes, in chunks."""
    return _list("storage_volumes", volume_lines(pages, row), end)


def snapshot_lines(
    pages: Iterable[tuple[StorageSnapshot, ...]], row: Callable[[StorageSnapshot], Row]
) -> Iterator[list[bytes]]:
    """Yield the snapshots in the order of the pages, a part of a page at a time, each as JSON."""
    return ([json_bytes(_snapshot(item, row(item))) for item in part] for part in _parts(pages))


def volume_lines(
    pages: Iterable[tuple[StorageVolume, ...]], row: Callable[[StorageVolume], Row]
) -> Iterator[list[bytes]]:
    """Yield the volumes in the order of the pages, a part of a page at a time, each as JSON."""
    return ([json_bytes(_volume(item, row(item))) for item in part] for part in _parts(pages))


def list_end(end: ListEnd) -> dict[str, Any]:
    """Return what is told of a list after its items."""
    told: dict[str, Any] = {}
    if end.next_href is not None:
        told["next"] = end.next_href
    if end.count is not None or end.count_missing is not None:
        told["count"] = end.count
    if end.count_missing is not None:
        told["count_missing"] = end.count_missing
    if end.explain is not None:
        told["explain"] = end.explain
    return told


def metadata(values: Mapping[str, str]) -> bytes:
    """Return a metadata map, in Cinder's form."""
    return json_bytes({"metadata": dict(values)})


def metadata_value(key: str, value: str) -> bytes:
    """Return one metadata item, in Cinder's form."""
    return json_bytes({"meta": {key: value}})


def entry_point(document: EntryPoint, links: Links) -> bytes:
    """Return the entry point."""
    collections = [
        {
            "rel": name,
            "href": links.collection(name),
            "features": [
                {"name": f.name, "rel": f.rel, "params": list(f.params)} for f in features
            ],
        }
        for name, features in document.collections.items()
    ]
    return json_bytes(
        {
            "api": {
                "version": document.version,
                "driver": document.driver,
                "provider": document.provider,
                "links": collections,
            }
        }
    )


def drivers(descriptions: Iterable[DriverDescription], links: Links) -> bytes:
    """Return the list of drivers."""
    return json_bytes({"drivers": [_driver(d, links) for d in descriptions]})


def driver(description: DriverDescription, links: Links) -> bytes:
    """Return one driver."""
    return json_bytes({"driver": _driver(description, links)})


def schema(document: ResourceSchema) -> bytes:
    """Return a collection's schema, in CloudSigma's form."""
    return json_bytes(
        {
            "allowed_list_http_methods": list(document.list_methods),
            "allowed_detail_http_methods": list(document.detail_methods),
            "default_format": CONTENT_TYPE,
            "fields": {
                f.name: {
                    "type": f.type,
                    "readonly": f.readonly,
                    "required": f.required,
                    "help_text": f.help_text,
                }
                for f in document.fields
            },
            "filtering": _filters(document.filters),
            "ordering": list(document.sort_keys),
            "native": _native(document.native),
            "limits": dict(document.limits),
        }
    )


def problem(error: Problem) -> bytes:
    """Return an error."""
    return json_bytes(problem_document(error))


def results(found: Iterable[Result]) -> bytes:
    """Return what has come of the many things that one request asked for."""
    return json_bytes({"results": [_result(result) for result in found]})


def problem_document(error: Problem) -> dict[str, Any]:
    """Return an error, as it stands alone or among others."""
    return {
        "code": error.status,
        "error": error.kind,
        "message": error.message,
        "request_id": error.request_id,
        "retryable": error.retryable,
        "outcome": error.outcome,
        "marker": error.marker,
        "fields": dict(error.fields),
        "backend": {
            "driver": error.driver,
            "provider": error.provider,
            "code": error.backend_code,
        },
    }


def _parts(pages: Iterable[tuple[T, ...]]) -> Iterator[tuple[T, ...]]:
    for page in pages:
        for start in range(0, max(len(page), 1), _PART):
            yield page[start : start + _PART]


def _list(name: str, parts: Iterable[list[bytes]], end: Callable[[], ListEnd]) -> Iterator[bytes]:
    """Yield a document; an empty chunk is a part in which nothing matches."""
    yield f'{{"{name}":['.encode()
    comma = b""
    for lines in parts:
        yield comma + b",".join(lines) if lines else b""
        comma = b"," if lines else comma
    told = json_bytes(list_end(end()))
    yield b"]}" if told == b"{}" else b"]," + told[1:]


def _result(result: Result) -> dict[str, Any]:
    return {
        "index": result.index,
        "id": result.id,
        "status": result.status,
        "retry_after": result.retry_after_s,
        "reused": result.reused,
        "duplicates": list(result.duplicates),
        "error": None if result.problem is None else problem_document(result.problem),
        "storage_snapshot": None if result.made is None else _snapshot(*result.made),
    }


def _snapshot(snapshot: StorageSnapshot, row: Row) -> dict[str, Any]:
    links = row.links
    href = links.member("storage_snapshots", snapshot.id)
    document = {
        "id": snapshot.id,
        "href": href,
        "name": snapshot.name,
        "description": snapshot.description,
        "state": snapshot.state,
        "native_state": snapshot.native_state,
        "ready": snapshot.ready,
        "state_reason": snapshot.state_reason,
        "progress": snapshot.progress,
        "created": _time(snapshot.created),
        "completed": _time(snapshot.completed),
        "updated": _time(snapshot.updated),
        "storage_volume": _source(snapshot, row),
        "size_bytes": snapshot.size_bytes,
        "stored_bytes": snapshot.stored_bytes,
        "stored_kind": snapshot.stored_kind,
        "metadata": dict(snapshot.metadata),
        "labels": list(snapshot.labels),
        "owner": _owner(snapshot.owner),
        "visibility": snapshot.visibility,
        "group_id": snapshot.group_id,
        "encrypted": snapshot.encrypted,
        "location": snapshot.location,
        "tier": snapshot.tier,
        "actions": _actions(row, href),
    }
    return _chosen(document, snapshot, row)


def _chosen(
    document: dict[str, Any], item: StorageSnapshot | StorageVolume, row: Row
) -> dict[str, Any]:
    """Return what of a document was asked for."""
    if row.native:
        document["native"] = item.native
    if row.fields is None:
        return document
    return {name: document[name] for name in (*row.fields, *(["native"] if row.native else []))}


def _source(snapshot: StorageSnapshot, row: Row) -> dict[str, Any] | None:
    if snapshot.volume_id is None:
        return None
    links = row.links
    if row.volumes is not None and snapshot.volume_id in row.volumes:
        return {**_volume(*row.volumes[snapshot.volume_id]), "rel": "storage_volume"}
    gone = snapshot.volume_exists is False  # no link to nowhere
    href = None if gone else links.member("storage_volumes", snapshot.volume_id)
    return {"id": snapshot.volume_id, "href": href, "rel": "storage_volume"}


def _volume(volume: StorageVolume, row: Row) -> dict[str, Any]:
    links = row.links
    href = links.member("storage_volumes", volume.id)
    document: dict[str, Any] = {
        "id": volume.id,
        "href": href,
        "name": volume.name,
        "description": volume.description,
        "state": volume.state,
        "native_state": volume.native_state,
        "state_reason": volume.state_reason,
        "progress": volume.progress,
        "created": _time(volume.created),
        "capacity": None if volume.size_bytes is None else capacity_gib(volume.size_bytes),
        "size_bytes": volume.size_bytes,
        "stored_bytes": volume.stored_bytes,
        "metadata": dict(volume.metadata),
        "zone": volume.zone,
        "source_snapshot_id": volume.snapshot_id,
        "owner": _owner(volume.owner),
        "actions": _actions(row, href),
    }
    if row.snapshot_ids is not None:
        document["snapshots"] = [
            {"id": i, "href": links.member("storage_snapshots", i), "rel": "storage_snapshot"}
            for i in row.snapshot_ids
        ]
    return _chosen(document, volume, row)


def _driver(description: DriverDescription, links: Links) -> dict[str, Any]:
    return {
        "id": description.id,
        "href": links.member("drivers", description.id),
        "name": description.name,
        "providers": [{"id": name} for name in description.providers],
        "capabilities": dict(description.capabilities),
        "filters": _filters(description.filters),
        "sort": list(description.sort_keys),
        "native": _native(description.native),
        "limits": dict(description.limits),
    }


def _filters(filters: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {name: list(lookups) for name, lookups in filters.items()}


def _native(native: Native) -> dict[str, Any]:
    return {
        "filters": dict(native.filters),
        "sort": list(native.sort_keys),
        "count": native.count,
    }


def _owner(owner: Owner | None) -> dict[str, Any] | None:
    return None if owner is None else {"id": owner.id, "self": owner.is_self}


def _actions(row: Row, href: str) -> list[dict[str, str]]:
    return [{"rel": a.rel, "method": a.method, "href": href + a.path} for a in row.actions]


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
