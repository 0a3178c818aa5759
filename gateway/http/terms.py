"""On which terms a request makes something: its Idempotency-Key, and how the answer tells."""

import re
from typing import Any
from urllib.parse import quote

from flask import Response
from werkzeug.wrappers import Request

from gateway.core.creations import Terms
from gateway.core.idempotency import Made
from gateway.driver import invalid
from gateway.http.exchange import Exchange

HEADER = "Idempotency-Key"
_ENVIRON = "HTTP_IDEMPOTENCY_KEY"
_LONGEST = 255
_BARE = re.compile(rf"[!-+\--~]{{1,{_LONGEST}}}")
"""No comma: a server makes one header of two with it, and which of the keys would count?"""
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
"""A string of structured fields (RFC 8941, 3.3.3), as the draft of the header wants it."""
_ESCAPED = re.compile(r'\\(["\\])')
_FOUND = {"key": "Idempotency-Replayed", "age": "X-Snapshot-Reused"}
"""Why nothing new was made -> the header that says so."""
_DUPLICATES = "Idempotency-Duplicates"
_NAMED = 20
"""Duplicates in one header at the most: proxies refuse answers with long ones."""


def terms_of(request: Request) -> Terms:
    """Return the terms that the headers of a request set.

    Raises:
        DriverError: ``invalid`` naming the header.
    """
    given = request.environ.get(_ENVIRON)
    if given is None:
        return Terms()
    quoted = _QUOTED.fullmatch(given)
    key = _ESCAPED.sub(r"\1", quoted[1]) if quoted else given
    is_text = quoted is not None or _BARE.fullmatch(given) is not None
    if not is_text or not 0 < len(key) <= _LONGEST or given.startswith('"') is not bool(quoted):
        raise invalid(
            {
                HEADER: f"give one of 1 to {_LONGEST} visible ASCII characters, as a quoted string "
                "or bare without a comma"
            }
        )
    return Terms(key)


def refuse_key(request: Request) -> None:
    """Raise ``invalid`` for a key where nothing is made that it could stand for."""
    if _ENVIRON in request.environ:
        raise invalid({HEADER: "this makes nothing that could be found again by a key"})


def found_headers(made: Made[Any]) -> dict[str, str]:
    """Return the headers that tell why nothing new was made, none for something new.

    And which duplicates there are, percent-encoded as in URLs: ids may have any character.
    """
    found = {} if made.found is None else {_FOUND[made.found]: "true"}
    if made.others:
        found[_DUPLICATES] = ", ".join(quote(one, safe="") for one in made.others[:_NAMED])
    return found


def made_response(
    exchange: Exchange,
    made: Made[Any],
    body: bytes,
    href: str,
    *,
    state: str,
    is_over: bool | None,
) -> Response:
    """Return the answer to a request that made something, or found what was there.

    202 for what is known to be unfinished; else 201, and 200 for what was there.
    ``state`` is that of what was made.
    """
    found = found_headers(made)
    done = 200 if found else 201
    status = 202 if is_over is False else done
    headers = {**found, "Location": href}
    return exchange.respond(body, status=status, headers=headers, state=state)
