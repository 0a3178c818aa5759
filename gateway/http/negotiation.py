"""Which format an answer has: settled before anything else happens."""

from functools import lru_cache
from types import ModuleType
from urllib.request import parse_http_list

from werkzeug.http import parse_options_header

from gateway.http.problems import HttpProblem
from gateway.representations import json, ndjson, xml

FORMATS: dict[str, ModuleType] = {"xml": xml, "json": json, "ndjson": ndjson}
"""Value of ``?format=`` -> its representation. The first serves who has no wish."""
DEFAULT = FORMATS["xml"]
_NAMES: dict[ModuleType, tuple[str, ...]] = {
    xml: (xml.CONTENT_TYPE, "text/xml"),
    json: (json.CONTENT_TYPE,),
    ndjson: (ndjson.CONTENT_TYPE,),
}
"""What a client may call a format."""
_NAMED = 2


def negotiate(wanted: str | None, accept: str | None) -> ModuleType:
    """Return the representation for a request.

    Args:
        wanted: the ``format`` parameter, which beats the header.
        accept: the Accept header.

    Raises:
        HttpProblem: 406 when nothing that the client takes can be made.
    """
    if wanted is not None:
        if wanted not in FORMATS:
            raise _not_acceptable(f"format={wanted!r} is unknown")
        return FORMATS[wanted]
    if not accept or accept == "*/*":
        return DEFAULT
    found = _by_accept(accept)
    if found is None:
        raise _not_acceptable("no type in Accept can be made")
    return found


@lru_cache(maxsize=256)
def _by_accept(accept: str) -> ModuleType | None:
    """Return the best format by q-value, then by how exactly it was named, then XML."""
    ranges = [_media_range(part) for part in parse_http_list(accept) if part]
    if not ranges:
        return DEFAULT
    best: tuple[float, int] = (0.0, -1)
    found = None
    for module, names in _NAMES.items():
        # The most exact range decides the quality of a type (RFC 9110, 12.5.1).
        exactness, quality = max(
            ((_exactness(media_range, names), q) for media_range, q in ranges),
            default=(-1, 0.0),
        )
        if module is ndjson and exactness < _NAMED:
            continue  # who takes anything wants a document
        if exactness >= 0 and quality > 0 and (quality, exactness) > best:
            best, found = (quality, exactness), module
    return found


def _media_range(part: str) -> tuple[str, float]:
    media_range, parameters = parse_options_header(part)
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        quality = 0.0
    return media_range.lower(), quality


def _exactness(media_range: str, names: tuple[str, ...]) -> int:
    """Return _NAMED for a name, 1 for its type with any subtype, 0 for anything, else -1."""
    if media_range in names:
        return _NAMED
    if media_range in {f"{name.partition('/')[0]}/*" for name in names}:
        return 1
    return 0 if media_range == "*/*" else -1


def _not_acceptable(why: str) -> HttpProblem:
    known = ", ".join(f"{module.CONTENT_TYPE} (format={name})" for name, module in FORMATS.items())
    return HttpProblem(406, "not_acceptable", f"{why}; possible: {known}")
