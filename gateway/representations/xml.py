"""The model as XML, in Deltacloud's elements and more. Absent facts have no element."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from gateway.driver import StorageSnapshot, StorageVolume
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
)
from gateway.representations.xml_items import (
    flag,
    href_of,
    metadata_element,
    snapshot_element,
    volume_element,
)
from gateway.representations.xml_text import escape

CONTENT_TYPE = "application/xml"
_DECLARATION = "<?xml version='1.0' encoding='utf-8' ?>\n"


def storage_snapshot(snapshot: StorageSnapshot, row: Row) -> bytes:
    """Return a snapshot's document."""
    return (_DECLARATION + snapshot_element(snapshot, row, "")).encode()


def storage_volume(volume: StorageVolume, row: Row) -> bytes:
    """Return a volume's document."""
    return (_DECLARATION + volume_element(volume, row, "")).encode()


def storage_snapshots(
    pages: Iterable[tuple[StorageSnapshot, ...]],
    row: Callable[[StorageSnapshot], Row],
    end: Callable[[], ListEnd],
) -> Iterator[bytes]:
    """Yield the list of snapshots, a chunk a page."""
    yield f"{_DECLARATION}<storage_snapshots>\n".encode()
    for page in pages:
        yield "".join([snapshot_element(item, row(item), "  ") for item in page]).encode()
    yield f"{_list_end(end())}</storage_snapshots>\n".encode()


def storage_volumes(
    pages: Iterable[tuple[StorageVolume, ...]],
    row: Callable[[StorageVolume], Row],
    end: Callable[[], ListEnd],
) -> Iterator[bytes]:
    """Yield the list of volumes, a chunk a page."""
    yield f"{_DECLARATION}<storage_volumes>\n".encode()
    for page in pages:
        yield "".join([volume_element(item, row(item), "  ") for item in page]).encode()
    yield f"{_list_end(end())}</storage_volumes>\n".encode()


def metadata(values: Mapping[str, str]) -> bytes:
    """Return a metadata map, in Cinder's form."""
    return (_DECLARATION + metadata_element(values, "")).encode()


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
        f"  <field name='{f.name}' type='{f.type}' readonly='{flag(f.readonly)}' "
        f"required='{flag(f.required)}'>{escape(f.help_text)}</field>\n"
        for f in document.fields
    ]
    lines += [
        f"  <filter name='{name}' lookups='{' '.join(lookups)}'/>\n"
        for name, lookups in document.filters.items()
    ]
    lines += [f"  <sort name='{name}'/>\n" for name in document.sort_keys]
    lines.append(_native(document.native, ""))
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
        f"{pad}  <retryable>{flag(error.retryable)}</retryable>\n"
    ]
    told = {"outcome": error.outcome, "marker": error.marker}
    lines += [
        f"{pad}  <{name}>{escape(text)}</{name}>\n"
        for name, text in told.items()
        if text is not None
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
    given |= {"retry_after": result.retry_after_s, "reused": result.reused}
    attributes = "".join(
        f" {name}='{escape(str(value))}'" for name, value in given.items() if value is not None
    )
    inner = "".join(f"    <duplicate id='{escape(one)}'/>\n" for one in result.duplicates)
    inner += "" if result.problem is None else _problem(result.problem, "    ")
    inner += "" if result.made is None else snapshot_element(*result.made, "    ")
    if not inner:
        return f"  <result{attributes}/>\n"
    return f"  <result{attributes}>\n{inner}  </result>\n"


def _driver(description: DriverDescription, links: Links, pad: str) -> str:
    href = href_of(links, "drivers", description.id)
    lines = [
        f"{pad}<driver href='{href}' id='{escape(description.id)}'>\n"
        f"{pad}  <name>{escape(description.name)}</name>\n"
    ]
    lines += [f"{pad}  <provider id='{escape(name)}'/>\n" for name in description.providers]
    lines += [
        f"{pad}  <capability name='{word}'>{escape(promise)}</capability>\n"
        for word, promise in description.capabilities.items()
    ]
    lines += [
        f"{pad}  <filter name='{name}' lookups='{' '.join(lookups)}'/>\n"
        for name, lookups in description.filters.items()
    ]
    lines += [f"{pad}  <sort name='{name}'/>\n" for name in description.sort_keys]
    lines.append(_native(description.native, pad))
    lines += [
        f"{pad}  <limit name='{name}'>{escape(str(value))}</limit>\n"
        for name, value in description.limits.items()
    ]
    return "".join(lines) + f"{pad}</driver>\n"


def _list_end(end: ListEnd) -> str:
    """Return what is told of a list after its items."""
    lines = []
    if end.count is not None:
        lines.append(f"  <count>{end.count}</count>\n")
    if end.count_missing is not None:
        lines.append(f"  <count_missing>{escape(end.count_missing)}</count_missing>\n")
    if end.next_href is not None:
        lines.append(f"  <link rel='next' href='{escape(end.next_href)}'/>\n")
    if end.explain is not None:
        lines.append(_explain(end.explain))
    return "".join(lines)


def _explain(explain: Mapping[str, Any]) -> str:
    lines = []
    for where in ("backend", "gateway"):
        done = explain[where]
        names = [f"<filter name='{escape(name)}'/>" for name in done["filters"]]
        names += [f"<sort name='{escape(name)}'/>" for name in done["sort"]]
        lines.append(f"    <{where}>{''.join(names)}</{where}>\n")
    numbers = " ".join(f"{name}='{explain[name]}'" for name in ("rows", "calls", "matched"))
    return f"  <explain {numbers}>\n{''.join(lines)}  </explain>\n"


def _native(native: Native, pad: str) -> str:
    """Return what a driver's backend does itself."""
    inner = "".join(
        f"<filter name='{escape(name)}' answer='{how}'/>" for name, how in native.filters.items()
    )
    inner += "".join(f"<sort name='{name}'/>" for name in native.sort_keys)
    return f"{pad}  <native count='{flag(native.count)}'>{inner}</native>\n"
