"""The project's XML read back into the shape of its JSON, with lxml and nothing of the writer."""

from collections.abc import Callable
from typing import Any

from lxml import etree

_ABSENT = {
    "storage_snapshot": (
        "description state_reason progress created completed updated storage_volume size_bytes "
        "stored_bytes stored_kind owner group_id encrypted location tier"
    ),
    "storage_volume": (
        "description state_reason progress created capacity size_bytes stored_bytes zone "
        "source_snapshot_id owner"
    ),
}


def read_xml(data: bytes) -> dict[str, Any]:
    """Return a snapshot, a volume, or a list of them, as JSON shows it."""
    root = etree.fromstring(data)
    if root.tag in _ABSENT:
        return {root.tag: _resource(root)}
    return {root.tag: [_resource(child) for child in root]}


def _resource(element: etree._Element) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(_ABSENT[element.tag].split())
    if element.tag == "storage_snapshot":
        found["labels"] = []
    found.update(attributes(element))
    seen = set()
    for child in element:
        assert child.tag not in seen, "an element comes once"
        seen.add(child.tag)
        found[child.tag] = _value(child)
    return found


def _value(element: etree._Element) -> Any:
    if element.tag in _READERS:
        return _READERS[element.tag](element)
    assert not len(element)
    return element.text or ""


def attributes(element: etree._Element) -> dict[str, str]:
    """Return an element's attributes as a plain map."""
    return {str(name): str(value) for name, value in element.attrib.items()}


def _number(element: etree._Element) -> int:
    return int(str(element.text))


def _flag(element: etree._Element) -> bool:
    return {"true": True, "false": False}[str(element.text)]


def _source(element: etree._Element) -> dict[str, Any]:
    return {"id": element.get("id"), "href": element.get("href"), "rel": "storage_volume"}


def _snapshots(element: etree._Element) -> list[dict[str, Any]]:
    return [{**attributes(child), "rel": "storage_snapshot"} for child in element]


def _metadata(element: etree._Element) -> dict[str, str]:
    return {str(child.get("key")): child.text or "" for child in element}


def _labels(element: etree._Element) -> list[str]:
    return [child.text or "" for child in element]


def _owner(element: etree._Element) -> dict[str, Any]:
    return {"id": element.get("id"), "self": element.get("self") == "true"}


def _actions(element: etree._Element) -> list[dict[str, str]]:
    return [attributes(child) for child in element]


_READERS: dict[str, Callable[[etree._Element], Any]] = {
    "ready": _flag,
    "encrypted": _flag,
    "progress": _number,
    "size_bytes": _number,
    "stored_bytes": _number,
    "capacity": _number,
    "storage_volume": _source,
    "snapshots": _snapshots,
    "metadata": _metadata,
    "labels": _labels,
    "owner": _owner,
    "actions": _actions,
}
