"""The fields of a request in every form in which they can be sent."""

from collections.abc import Mapping
from typing import Any

from lxml import etree

BODIES = ("form", "multipart", "query", "json", "xml")
"""The ways to give the fields of a request."""
ASKED = (
    ("form", "xml"),
    ("multipart", "json"),
    ("query", "xml"),
    ("json", "json"),
    ("xml", "xml"),
    ("xml", "json"),
)
"""Every kind of body, and every format to ask for."""


def body(kind: str, root: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what requests.request() takes to send fields in one of BODIES."""
    if kind == "json":
        return {"json": fields}
    if kind == "xml":
        return {"data": _xml(root, fields), "headers": {"Content-Type": "application/xml"}}
    pairs = {name: str(value) for name, value in fields.items() if name != "metadata"}
    pairs |= {f"metadata[{key}]": value for key, value in fields.get("metadata", {}).items()}
    if kind == "multipart":
        return {"files": {name: (None, value) for name, value in pairs.items()}}
    return {"params" if kind == "query" else "data": pairs}


def _xml(root: str, fields: Mapping[str, Any]) -> bytes:
    element = etree.Element(root)
    for name, value in fields.items():
        child = etree.SubElement(element, name)
        if name != "metadata":
            child.text = None if value is None else str(value)
            continue
        for key, text in value.items():
            meta = etree.SubElement(child, "meta", {"key": key})
            if text is None:
                meta.set("nil", "true")
            else:
                meta.text = text
    return etree.tostring(element, encoding="utf-8")
