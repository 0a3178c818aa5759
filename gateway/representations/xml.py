"""The model as XML, in Deltacloud's elements and more. Absent facts have no element.

Written as text, because that is ten times as fast as building a tree; lxml
reads it back in the tests. A character that XML cannot carry becomes U+FFFD:
only a backend can have stored one, and JSON shows it as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache

from gateway.core.actions import Action
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
from gateway.representations.xml_text import escape, escape_word

CONTENT_TYPE = "application/xml"
_DECLARATION = "<?xml version='1.0' encoding='utf-8' ?>\n"
_HREF = "\0"
"""Stands in a template for a link; it can be in no XML."""


def _href(links: Links, collection: str, resource_id: str) -> str:
    """Return an escaped link; what percent-encoding leaves of an id needs no escape."""
    return links.member(collection, resource_id, root=escape_word(links.root))


def storage_snapshot(snapshot: StorageSnapshot, row: Row) -> bytes:
    """Return a snapshot's document."""
    return (_DECLARATION + _snapshot(snapshot, row, "")).encode()


def storage_volume(volume: StorageVolume, row: Row) -> bytes:
    """Return a volume's document."""
    return (_DECLARATION + _volume(volume, row, "")).encode()


def storage_snapshots(
    pages: Iterable[tuple[StorageSnapshot, ...]], row: Callable[[StorageSnapshot], Row]
) -> Iterator[bytes]:
    """Yield the list of snapshots, a chunk a page."""
    yield f"{_DECLARATION}<storage_snapshots>\n".encode()
    for page in pages:
        yield "".join([_snapshot(item, row(item), "  ") for item in page]).encode()
    yield b"</storage_snapshots>\n"


def storage_volumes(
    pages: Iterable[tuple[StorageVolume, ...]], row: Callable[[StorageVolume], Row]
) -> Iterator[bytes]:
    """Yield the list of volumes, a chunk a page."""
    yield f"{_DECLARATION}<storage_volumes>\n".encode()
    for page in pages:
        yield "".join([_volume(item, row(item), "  ") for item in page]).encode()
    yield b"</storage_volumes>\n"


def metadata(values: Mapping[str, str]) -> bytes:
    """Return a metadata map, in Cinder's form."""
    return (_DECLARATION + _metadata(values, "")).encode()


def metadata_value(key: str, value: str) -> bytes:
    """Return one metadata item, in Cinder's form."""
    return f"{_DECLARATION}<meta key='{escape(key)}'>{escape(value)}</meta>\n".encode()


def entry_point(document: EntryPoint, links: Links) -> bytes:
    """Return the entry point."""
    lines = [
        f"{_DECLARATION}<api driver='{escape(document.driver)}' "
        f"provider='{escape(document.provider)}' version='{escape(document.version)}'>\n"
    ]
    for name, features in document.collections.items():
        lines.append(f"  <link href='{escape(links.collection(name))}' rel='{name}'>\n")
        for feature in features:
            params = "".join(f"<param name='{escape(p)}'/>" for p in feature.params)
            lines.append(
                f"    <feature name='{feature.name}' rel='{feature.rel}'>{params}</feature>\n"
            )
        lines.append("  </link>\n")
    return ("".join(lines) + "</api>\n").encode()


def drivers(descriptions: Iterable[DriverDescription], links: Links) -> bytes:
    """Return the list of drivers."""
    inner = "".join(_driver(d, links, "  ") for d in descriptions)
    return f"{_DECLARATION}<drivers>\n{inner}</drivers>\n".encode()


def driver(description: DriverDescription, links: Links) -> bytes:
    """Return one driver."""
    return (_DECLARATION + _driver(description, links, "")).encode()


def schema(document: ResourceSchema) -> bytes:
    """Return a collection's schema."""
    lines = [f"{_DECLARATION}<schema>\n"]
    lines += [f"  <list_method>{m}</list_method>\n" for m in document.list_methods]
    lines += [f"  <detail_method>{m}</detail_method>\n" for m in document.detail_methods]
    lines.append(f"  <default_format>{CONTENT_TYPE}</default_format>\n")
    lines += [
        f"  <field name='{f.name}' type='{f.type}' readonly='{_flag(f.readonly)}' "
        f"required='{_flag(f.required)}'>{escape(f.help_text)}</field>\n"
        for f in document.fields
    ]
    lines += [
        f"  <filter name='{name}' lookups='{' '.join(lookups)}'/>\n"
        for name, lookups in lookups_of(document.filters).items()
    ]
    lines += [f"  <sort name='{name}'/>\n" for name in document.sort_keys]
    lines += [
        f"  <limit name='{name}'>{escape(str(value))}</limit>\n"
        for name, value in document.limits.items()
    ]
    return ("".join(lines) + "</schema>\n").encode()


def problem(error: Problem) -> bytes:
    """Return an error, in Deltacloud's form without the backtrace."""
    return (_DECLARATION + _problem(error, "")).encode()


def results(found: Iterable[Result]) -> bytes:
    """Return what has come of the many things that one request asked for."""
    inner = "".join([_result(result) for result in found])
    return f"{_DECLARATION}<results>\n{inner}</results>\n".encode()


def _problem(error: Problem, pad: str) -> str:
    code = "" if error.backend_code is None else f" code='{escape(error.backend_code)}'"
    lines = [
        f"{pad}<error status='{error.status}' url='{escape(error.path)}'>\n"
        f"{pad}  <backend driver='{escape(error.driver or '')}' "
        f"provider='{escape(error.provider or '')}'{code}/>\n"
        f"{pad}  <code>{error.status}</code>\n"
        f"{pad}  <kind>{error.kind}</kind>\n"
        f"{pad}  <message>{escape(error.message)}</message>\n"
        f"{pad}  <request_id>{escape(error.request_id)}</request_id>\n"
        f"{pad}  <retryable>{_flag(error.retryable)}</retryable>\n"
    ]
    if error.fields:
        lines.append(f"{pad}  <fields>\n")
        lines += [
            f"{pad}    <field name='{escape(name)}'>{escape(text)}</field>\n"
            for name, text in error.fields.items()
        ]
        lines.append(f"{pad}  </fields>\n")
    return "".join(lines) + f"{pad}</error>\n"


def _result(result: Result) -> str:
    given = {"index": result.index, "id": result.id, "status": result.status}
    given["retry_after"] = result.retry_after_s
    attributes = "".join(
        f" {name}='{escape(str(value))}'" for name, value in given.items() if value is not None
    )
    inner = "" if result.problem is None else _problem(result.problem, "    ")
    inner += "" if result.made is None else _snapshot(*result.made, "    ")
    if not inner:
        return f"  <result{attributes}/>\n"
    return f"  <result{attributes}>\n{inner}  </result>\n"


def _snapshot(snapshot: StorageSnapshot, row: Row, pad: str) -> str:
    href = _href(row.links, "storage_snapshots", snapshot.id)
    lines = [
        f"{pad}<storage_snapshot href='{href}' id='{escape(snapshot.id)}'>\n"
        f"{pad}  <name>{escape(snapshot.name or snapshot.id)}</name>\n",
        _text("description", snapshot.description, pad),
        _time("created", snapshot.created, pad),
        f"{pad}  <state>{snapshot.state.value}</state>\n"
        f"{pad}  <native_state>{escape_word(snapshot.native_state)}</native_state>\n"
        f"{pad}  <ready>{_flag(snapshot.ready)}</ready>\n",
        _text("state_reason", snapshot.state_reason, pad),
        _number("progress", snapshot.progress, pad),
        _time("completed", snapshot.completed, pad),
        _time("updated", snapshot.updated, pad),
        _source(snapshot, row.links, pad),
        _number("size_bytes", snapshot.size_bytes, pad),
        _number("stored_bytes", snapshot.stored_bytes, pad),
        _text("stored_kind", snapshot.stored_kind, pad),
        _metadata(snapshot.metadata, pad + "  "),
        _labels(snapshot.labels, pad),
        _owner(snapshot.owner, pad),
        f"{pad}  <visibility>{snapshot.visibility.value}</visibility>\n",
        _text("group_id", snapshot.group_id, pad),
        "" if snapshot.encrypted is None else _text("encrypted", _flag(snapshot.encrypted), pad),
        _text("location", snapshot.location, pad),
        _text("tier", snapshot.tier, pad),
        _actions(row, href, pad),
        f"{pad}</storage_snapshot>\n",
    ]
    return "".join(lines)


def _volume(volume: StorageVolume, row: Row, pad: str) -> str:
    href = _href(row.links, "storage_volumes", volume.id)
    size = volume.size_bytes
    capacity = (
        "" if size is None else f"{pad}  <capacity unit='GB'>{capacity_gib(size)}</capacity>\n"
    )
    lines = [
        f"{pad}<storage_volume href='{href}' id='{escape(volume.id)}'>\n",
        _time("created", volume.created, pad),
        capacity,
        f"{pad}  <name>{escape(volume.name or volume.id)}</name>\n",
        _text("description", volume.description, pad),
        f"{pad}  <state>{volume.state.value}</state>\n"
        f"{pad}  <native_state>{escape(volume.native_state)}</native_state>\n",
        _text("state_reason", volume.state_reason, pad),
        _number("progress", volume.progress, pad),
        _number("size_bytes", size, pad),
        _number("stored_bytes", volume.stored_bytes, pad),
        _metadata(volume.metadata, pad + "  "),
        _text("zone", volume.zone, pad),
        _text("source_snapshot_id", volume.snapshot_id, pad),
        _owner(volume.owner, pad),
        _actions(row, href, pad),
        _snapshots(row, pad),
        f"{pad}</storage_volume>\n",
    ]
    return "".join(lines)


def _snapshots(row: Row, pad: str) -> str:
    if row.snapshot_ids is None:
        return ""
    inner = "".join(
        f"{pad}    <storage_snapshot "
        f"href='{_href(row.links, 'storage_snapshots', i)}' id='{escape(i)}'/>\n"
        for i in row.snapshot_ids
    )
    return (
        f"{pad}  <snapshots>\n{inner}{pad}  </snapshots>\n" if inner else f"{pad}  <snapshots/>\n"
    )


def _source(snapshot: StorageSnapshot, links: Links, pad: str) -> str:
    if snapshot.volume_id is None:
        return ""
    volume_id = escape(snapshot.volume_id)
    if snapshot.volume_exists is False:  # no link to nowhere
        return f"{pad}  <storage_volume id='{volume_id}'/>\n"
    href = _href(links, "storage_volumes", snapshot.volume_id)
    return f"{pad}  <storage_volume href='{href}' id='{volume_id}'/>\n"


def _driver(description: DriverDescription, links: Links, pad: str) -> str:
    href = _href(links, "drivers", description.id)
    lines = [
        f"{pad}<driver href='{href}' id='{escape(description.id)}'>\n"
        f"{pad}  <name>{escape(description.name)}</name>\n"
    ]
    lines += [f"{pad}  <provider id='{escape(name)}'/>\n" for name in description.providers]
    lines += [
        f"{pad}  <capability name='{word}'>{escape(promise)}</capability>\n"
        for word, promise in description.capabilities.items()
    ]
    lines += [f"{pad}  <filter name='{name}'/>\n" for name in description.filters]
    lines += [f"{pad}  <sort name='{name}'/>\n" for name in description.sort_keys]
    lines += [
        f"{pad}  <limit name='{name}'>{escape(str(value))}</limit>\n"
        for name, value in description.limits.items()
    ]
    return "".join(lines) + f"{pad}</driver>\n"


def _metadata(values: Mapping[str, str], pad: str) -> str:
    if not values:
        return f"{pad}<metadata/>\n"
    inner = "".join(
        [
            f"{pad}  <meta key='{escape_word(key)}'>{escape(value)}</meta>\n"
            for key, value in values.items()
        ]
    )
    return f"{pad}<metadata>\n{inner}{pad}</metadata>\n"


def _labels(labels: tuple[str, ...], pad: str) -> str:
    if not labels:
        return ""
    inner = "".join(f"<label>{escape(label)}</label>" for label in labels)
    return f"{pad}  <labels>{inner}</labels>\n"


def _owner(owner: Owner | None, pad: str) -> str:
    if owner is None:
        return ""
    return f"{pad}  <owner id='{escape_word(owner.id)}' self='{_flag(owner.is_self)}'/>\n"


def _actions(row: Row, href: str, pad: str) -> str:
    return _actions_of(row.actions, pad).replace(_HREF, href)


@lru_cache(maxsize=256)
def _actions_of(actions: tuple[Action, ...], pad: str) -> str:
    """Return the links of some actions, with _HREF where the resource's own goes."""
    if not actions:
        return f"{pad}  <actions/>\n"
    inner = "".join(
        f"{pad}    <link rel='{a.rel}' method='{a.method}' href='{_HREF}{a.path}'/>\n"
        for a in actions
    )
    return f"{pad}  <actions>\n{inner}{pad}  </actions>\n"


def _text(name: str, value: str | None, pad: str) -> str:
    return "" if value is None else f"{pad}  <{name}>{escape(value)}</{name}>\n"


def _number(name: str, value: int | None, pad: str) -> str:
    return "" if value is None else f"{pad}  <{name}>{value}</{name}>\n"


def _time(name: str, moment: datetime | None, pad: str) -> str:
    return "" if moment is None else f"{pad}  <{name}>{rfc3339(moment)}</{name}>\n"


def _flag(value: bool) -> str:
    return "true" if value else "false"
