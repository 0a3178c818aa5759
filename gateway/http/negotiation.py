"""Which format an answer has: settled before anything else happens."""

from functools import lru_cache
from types import ModuleType

from werkzeug.http import parse_options_header

from gateway.http.problems import HttpProblem
from gateway.representations import json, xml

FORMATS: dict[str, ModuleType] = {"xml": xml, "json": json}
"""Value of ``?format=`` -> its representation. The first serves who has no wish."""
DEFAULT = FORMATS["xml"]
_MEDIA_TYPES = {"application/xml": xml, "text/xml": xml, "application/json": json}


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
    ranges = [_media_range(part) for part in accept.split(",") if part.strip()]
    best: tuple[float, int] = (0.0, -1)
    found = None
    for media_type, module in _MEDIA_TYPES.items():
        # The most exact range decides the quality of a type (RFC 9110, 12.5.1).
        exactness, quality = max(
            ((_exactness(media_range, media_type), q) for media_range, q in ranges),
            default=(-1, 0.0),
        )
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


def _exactness(media_range: str, media_type: str) -> int:
    if media_range == media_type:
        return 2
    if media_range == media_type.split("/", maxsplit=1)[0] + "/*":
        return 1
    return 0 if media_range == "*/*" else -1


def _not_acceptable(why: str) -> HttpProblem:
    known = ", ".join(f"{module.CONTENT_TYPE} (format={name})" for name, module in FORMATS.items())
    return HttpProblem(406, "not_acceptable", f"{why}; possible: {known}")
