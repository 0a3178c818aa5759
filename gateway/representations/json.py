"""The model as JSON. Absent facts are null."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

import orjson

from gateway.driver import Owner, StorageSnapshot, StorageVolume
from gateway.representations.documents import (
    DriverDescription,
    EntryPoint,
    Links,
    Problem,
    ResourceSchema,
    Result,
    Row,
    capacity_gib,
    lookups_of,
    rfc3339,
)

CONTENT_TYPE = "application/json"
T = TypeVar("T")


def storage_snapshot(snapshot: StorageSnapshot, row: Row) -> bytes:
    """Return a snapshot's document."""
    return _dumps({"storage_snapshot": _snapshot(snapshot, row)})


def storage_volume(volume: StorageVolume, row: Row) -> bytes:
    """Return a volume's document."""
    return _dumps({"storage_volume": _volume(volume, row)})


def storage_snapshots(
    pages: Iterable[tuple[StorageSnapshot, ...]], row: Callable[[StorageSnapshot], Row]
) -> Iterator[bytes]:
    """Yield the list of snapshots, a chunk a page."""
    return _list("storage_snapshots", pages, lambda item: _snapshot(item, row(item)))


def storage_volumes(
    pages: Iterable[tuple[StorageVolume, ...]], row: Callable[[StorageVolume], Row]
) -> Iterator[bytes]:
    """Yield the list of volumes, a chunk a page."""
    return _list("storage_volumes", pages, lambda item: _volume(item, row(item)))


def metadata(values: Mapping[str, str]) -> bytes:
    """Return a metadata map, in Cinder's form."""
    return _dumps({"metadata": dict(values)})


def metadata_value(key: str, value: str) -> bytes:
    """Return one metadata item, in Cinder's form."""
    return _dumps({"meta": {key: value}})


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
    return _dumps(
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
    return _dumps({"drivers": [_driver(d, links) for d in descriptions]})


def driver(description: DriverDescription, links: Links) -> bytes:
    """Return one driver."""
    return _dumps({"driver": _driver(description, links)})


def schema(document: ResourceSchema) -> bytes:
    """Return a collection's schema, in CloudSigma's form."""
    return _dumps(
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
            "filtering": lookups_of(document.filters),
            "ordering": list(document.sort_keys),
            "limits": dict(document.limits),
        }
    )


def problem(error: Problem) -> bytes:
    """Return an error."""
    return _dumps(_problem(error))


def results(found: Iterable[Result]) -> bytes:
    """Return what has come of the many things that one request asked for."""
    return _dumps({"results": [_result(result) for result in found]})


def _dumps(document: Any) -> bytes:
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:  # a backend's text with lone surrogates, which UTF-8 lacks
        return orjson.dumps(_writable(document))


def _writable(value: Any) -> Any:
    """Return a document whose text UTF-8 can carry; U+FFFD stands for what it cannot."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, dict):
        return {_writable(key): _writable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_writable(inner) for inner in value]
    return value


def _list(
    name: str, pages: Iterable[tuple[T, ...]], render: Callable[[T], dict[str, Any]]
) -> Iterator[bytes]:
    opening = f'{{"{name}":['.encode()
    for page in pages:
        if page:
            yield opening + b",".join([_dumps(render(item)) for item in page])
            opening = b","
    yield (b"" if opening == b"," else opening) + b"]}"


def _problem(error: Problem) -> dict[str, Any]:
    return {
        "code": error.status,
        "error": error.kind,
        "message": error.message,
        "request_id": error.request_id,
        "retryable": error.retryable,
        "fields": dict(error.fields),
        "backend": {
            "driver": error.driver,
            "provider": error.provider,
            "code": error.backend_code,
        },
    }


def _result(result: Result) -> dict[str, Any]:
    return {
        "index": result.index,
        "id": result.id,
        "status": result.status,
        "retry_after": result.retry_after_s,
        "error": None if result.problem is None else _problem(result.problem),
        "storage_snapshot": None if result.made is None else _snapshot(*result.made),
    }


def _snapshot(snapshot: StorageSnapshot, row: Row) -> dict[str, Any]:
    links = row.links
    href = links.member("storage_snapshots", snapshot.id)
    return {
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
        "storage_volume": _source(snapshot, links),
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


def _source(snapshot: StorageSnapshot, links: Links) -> dict[str, Any] | None:
    if snapshot.volume_id is None:
        return None
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
    return document


def _driver(description: DriverDescription, links: Links) -> dict[str, Any]:
    return {
        "id": description.id,
        "href": links.member("drivers", description.id),
        "name": description.name,
        "providers": [{"id": name} for name in description.providers],
        "capabilities": dict(description.capabilities),
        "filters": list(description.filters),
        "sort": list(description.sort_keys),
        "limits": dict(description.limits),
    }


def _owner(owner: Owner | None) -> dict[str, Any] | None:
    return None if owner is None else {"id": owner.id, "self": owner.is_self}


def _actions(row: Row, href: str) -> list[dict[str, str]]:
    return [{"rel": a.rel, "method": a.method, "href": href + a.path} for a in row.actions]


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
