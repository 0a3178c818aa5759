"""Input: form, multipart, JSON, XML and query string, all to one map of fields."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from lxml import etree
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request

from gateway.core.validation import UNKNOWN, describe, flat_messages
from gateway.driver import invalid
from gateway.http.multipart import MULTIPART, read_multipart
from gateway.http.problems import HttpProblem

Fields = dict[str, Any]


class Body(NamedTuple):
    """What a request's body holds, by the kind of its content.

    ``pairs``: a list of names and values; ``json``: a value; ``xml``: an element;
    empty: nothing was sent.
    """

    kind: str = ""
    content: Any = None


CONTROL_PARAMETERS = frozenset({"format", "force_auth"})
"""Query parameters that steer the answer and are no fields of anything."""
_BRACKETS = re.compile(r"(\w+)\[(.+)\]", re.DOTALL)
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_MAX_FIELDS = 1000
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_META_FORM = (
    "give each item as <meta key='KEY'>VALUE</meta>, to remove it <meta key='KEY' nil='true'/>"
)
_XML = ("application/xml", "text/xml")


def parse_query(query_string: str) -> list[tuple[str, str]]:
    """Return the parameters of a query string or form, percent-decoded as strict UTF-8.

    Raises:
        DriverError: ``invalid`` when it is not UTF-8 or holds too many fields.
    """
    if _BAD_ESCAPE.search(query_string):
        raise invalid({"parameters": "a % that is not followed by two hexadecimal digits"})
    try:
        return parse_qsl(
            query_string, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
        )
    except UnicodeDecodeError as exc:
        raise invalid({"parameters": "not valid UTF-8"}) from exc
    except ValueError as exc:
        raise invalid({"parameters": f"more than {_MAX_FIELDS}"}) from exc


def wsgi_text(text: str) -> str:
    """Return what WSGI hands over as Latin-1 (PEP 3333) as the UTF-8 that it is.

    Raises:
        DriverError: ``invalid`` when it is not.
    """
    try:
        return text if text.isascii() else text.encode("latin-1").decode("utf-8")
    except UnicodeError as exc:
        raise invalid({"parameters": "not valid UTF-8"}) from exc


def read_fields(request: Request, query: Iterable[tuple[str, str]], root: str) -> Fields:
    """Return the fields that a request gives; see ``fields_of``.

    Raises:
        DriverError, HttpProblem: as ``read_body`` and ``fields_of`` do.
    """
    return fields_of(query, read_body(request), root)


def fields_of(query: Iterable[tuple[str, str]], body: Body, root: str) -> Fields:
    """Return the fields that a query string and a body give; the body beats the query.

    Args:
        query: the parsed query string.
        body: a form, JSON or XML, or nothing.
        root: the resource's name: the root element of XML, the optional
            wrapper in JSON.

    Raises:
        DriverError: ``invalid``, saying what cannot be read.
    """
    parameters = [(name, value) for name, value in query if name not in CONTROL_PARAMETERS]
    fields = _from_pairs(parameters)
    if body.kind == "pairs":
        return {**fields, **_from_pairs(body.content)}
    if body.kind == "json":
        return {**fields, **json_fields(body.content, root)}
    if body.kind == "xml":
        return {**fields, **xml_fields(body.content, root)}
    return fields


def load(schema: Schema, fields: Fields) -> Any:
    """Return ``fields`` as the schema's object.

    Raises:
        DriverError: ``invalid`` naming every bad field.
    """
    try:
        return schema.load(fields)
    except ValidationError as exc:
        raise invalid(_problems(flat_messages(exc), schema)) from exc


def read_body(request: Request) -> Body:
    """Return the body of a request, once: a form, multipart, JSON or XML.

    Raises:
        DriverError: ``invalid``, saying what cannot be read.
        HttpProblem: 415 for another content type.
    """
    content_type = request.mimetype
    _refuse_codings(request)
    if content_type == MULTIPART:
        return Body("pairs", read_multipart(request, most=_MAX_FIELDS))
    data = request.get_data(cache=False)
    if not data:
        return Body()
    if request.content_length is None and request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge  # Werkzeug cuts a chunked body at the limit in silence
    if content_type in {"", _FORM}:  # none: old clients post forms without saying so
        return Body("pairs", parse_query(_utf8(data)))
    if content_type == _JSON:
        return Body("json", _read_json(data))
    if content_type in _XML:
        return Body("xml", _read_xml(data))
    known = ", ".join((_FORM, MULTIPART, _JSON, _XML[0]))
    raise HttpProblem(
        415, "unsupported_media_type", f"content type {content_type!r} cannot be read; use {known}"
    )


def _refuse_codings(request: Request) -> None:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    coding = request.headers.get("Content-Encoding", "identity").lower()
    if charset not in {"utf-8", "utf8", "us-ascii"} or coding != "identity":
        raise HttpProblem(
            415, "unsupported_media_type", "send UTF-8 without a content coding such as gzip"
        )


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise invalid({"body": "not valid UTF-8"}) from exc


def split_brackets(name: str) -> tuple[str, str | None]:
    """Return the parts of ``NAME[KEY]``; without brackets the key is None.

    Raises:
        DriverError: ``invalid`` for more than one level of brackets.
    """
    brackets = _BRACKETS.fullmatch(name)
    if brackets is None:
        return name, None
    if "][" in brackets[2]:
        raise invalid({name: "maps have one level: NAME[KEY]=VALUE"})
    return brackets[1], brackets[2]


def _from_pairs(pairs: Iterable[tuple[str, str]]) -> Fields:
    fields: Fields = {}
    for name, value in pairs:
        outer, key = split_brackets(name)
        if key is None:
            _add(fields, name, value, name)
        else:
            inner = fields.setdefault(outer, {})
            if not isinstance(inner, dict):
                raise invalid({outer: "given both as a value and as a map"})
            _add(inner, key, value, name)
    return fields


def _add(fields: Fields, name: str, value: Any, shown: str) -> None:
    if name in fields:
        raise invalid({shown: "given more than once"})
    fields[name] = value


def _read_json(data: bytes) -> Any:
    try:
        return json.loads(_utf8(data), object_pairs_hook=_unique)
    except json.JSONDecodeError as exc:
        problem = f"not valid JSON: {exc.msg} at line {exc.lineno} column {exc.colno}"
        raise invalid({"body": problem}) from exc
    except (RecursionError, ValueError) as exc:
        raise invalid({"body": "JSON nested too deep or a number too long"}) from exc


def json_fields(document: Any, root: str) -> Fields:
    """Return the fields of a JSON object, which may be wrapped in its resource's name.

    Raises:
        DriverError: ``invalid`` for what is no object.
    """
    if not isinstance(document, dict):
        raise invalid({"body": "give a JSON object"})
    wrapped = document.get(root)
    if root not in _XML_MAPS and len(document) == 1 and isinstance(wrapped, dict):
        return wrapped
    return document


def _unique(pairs: list[tuple[str, Any]]) -> Fields:
    fields: Fields = {}
    for name, value in pairs:
        _add(fields, name, value, name)
    return fields


def _read_xml(data: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        element = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as exc:
        line, column = exc.position
        raise invalid({"body": f"not valid XML at line {line} column {column}"}) from exc
    if element.getroottree().docinfo.internalDTD is not None:
        raise invalid({"body": "a DOCTYPE is not allowed"})
    return element


def xml_fields(element: etree._Element, root: str) -> Fields:
    """Return the fields of an XML element, from its attributes and from its children.

    Raises:
        DriverError: ``invalid`` for another element than ``root``, and for what can be no field.
    """
    if element.tag != root:
        raise invalid({"body": f"the element is {element.tag!r}; give {root!r}"})
    if root in _XML_MAPS:
        return {root: _XML_MAPS[root](element)}
    refuse_stray_text(element)
    fields: Fields = {str(name): str(value) for name, value in element.attrib.items()}
    for child in element:
        reader = _XML_READERS.get(str(child.tag), _xml_text)
        _add(fields, str(child.tag), reader(child), str(child.tag))
    return fields


def _xml_text(element: etree._Element) -> str:
    if len(element) or element.attrib:
        raise invalid({str(element.tag): "give plain text, without elements or attributes"})
    return element.text or ""


def _xml_list(element: etree._Element) -> list[str]:
    if not len(element):
        return [_xml_text(element)]
    refuse_stray_text(element)
    if element.attrib:
        raise invalid({str(element.tag): "give words, without attributes"})
    return [_xml_text(child) for child in element]


def refuse_stray_text(element: etree._Element) -> None:
    """Raise ``invalid`` for text beside the children of an element."""
    texts = [element.text, *(child.tail for child in element)]
    if any(text and text.strip() for text in texts):
        raise invalid({str(element.tag): "text stands between the elements"})


def _xml_metadata(element: etree._Element) -> Fields:
    refuse_stray_text(element)
    found: Fields = {}
    if element.attrib:
        raise invalid({"metadata": _META_FORM})
    for child in element:
        for key, value in _xml_meta(child).items():
            _add(found, key, value, f"metadata[{key}]")
    return found


def _xml_meta(element: etree._Element) -> Fields:
    is_null = element.get("nil") == "true"  # as null in JSON: the key is to be removed
    strange = set(element.attrib) - ({"key", "nil"} if is_null else {"key"})
    if (
        element.tag != "meta"
        or "key" not in element.attrib
        or strange
        or len(element)
        or (is_null and element.text)
    ):
        raise invalid({"metadata": _META_FORM})
    return {str(element.get("key")): None if is_null else element.text or ""}


_XML_MAPS: dict[str, Callable[[etree._Element], Fields]] = {
    "metadata": _xml_metadata,
    "meta": _xml_meta,
}
_XML_READERS: dict[str, Callable[[etree._Element], Any]] = {
    "metadata": _xml_metadata,
    "affinities": _xml_list,
    "avoid": _xml_list,
}


def _problems(messages: Mapping[str, Any], schema: Schema) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, what in messages.items():
        if name == "_schema":
            found["body"] = describe(what)
        elif isinstance(what, Mapping):
            found.update({f"{name}[{key}]": describe(inner) for key, inner in what.items()})
        elif describe(what) == UNKNOWN:
            found[name] = f"unknown parameter; valid: {', '.join(schema.fields) or 'none'}"
        else:
            found[name] = describe(what)
    return found
