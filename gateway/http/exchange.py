"""One request and its answer: what every view is given."""

import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlencode

from flask import Response, g
from marshmallow import Schema
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request

from gateway.core.core import Core
from gateway.core.guard import bug
from gateway.core.registry import Provider
from gateway.core.snapshots import Account
from gateway.driver import Capability, DriverError, invalid
from gateway.http import etags
from gateway.http.body import (
    CONTROL_PARAMETERS,
    Fields,
    load,
    parse_query,
    read_fields,
    wsgi_text,
)
from gateway.http.negotiation import DEFAULT, negotiate
from gateway.http.problems import HttpProblem
from gateway.http.target import credentials_of, select_provider, unauthenticated
from gateway.representations.documents import Links

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FORMAT = re.compile("(?:^|&)format=([a-z]+)(?:&|$)")
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_VARY = (
    "Accept, Accept-Encoding, Authorization, X-Amz-Security-Token, X-Auth-Token, "
    "Prefer, X-Deltacloud-Driver, X-Deltacloud-Provider"
)
_LONGEST_QUERY = 7500
"""Characters; a request line, which holds the path too, can have 8192."""
_CACHE_CONTROL = "private, max-age=0, must-revalidate"
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_REPEATED = frozenset({("DELETE", "id")})
"""What may come again and again: the ids to delete, which no other DELETE takes at all."""


class Answer(Response):
    """A response that has a content type only when it has content."""

    default_mimetype = None

    def get_wsgi_headers(self, environ: Any) -> Headers:
        """Return our headers as they are: they are complete, and copying them costs 3 %."""
        return self.headers


class Exchange:
    """A request, understood step by step; each step fails before the next begins.

    Made before routing, so that every error has a format and a request id.
    """

    def __init__(
        self, request: Request, core: Core, *, public_url: str | None, log: Callable[..., None]
    ) -> None:
        self._start = time.perf_counter()
        self.request = request
        self.core = core
        self.log = log
        self.format = DEFAULT
        self.provider: Provider | None = None
        self._root = public_url
        self._account: Account | None = None
        self._query: list[tuple[str, str]] = []
        self._told: list[tuple[str, str]] = []
        given = request.environ.get("HTTP_X_REQUEST_ID", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)

    @property
    def age_s(self) -> float:
        """How long ago the request came."""
        return time.perf_counter() - self._start

    def settle_format(self) -> None:
        """Read the query string and settle the format of the answer.

        Raises:
            HttpProblem: 406, or 404 for a path that is not UTF-8.
            DriverError: ``invalid`` for a query string that is not UTF-8.
        """
        environ = self.request.environ
        accept = environ.get("HTTP_ACCEPT")
        try:
            self._query = parse_query(wsgi_text(environ.get("QUERY_STRING", "")))
        except DriverError:
            named = _FORMAT.search(environ["QUERY_STRING"])
            self.format = negotiate(named[1] if named else None, accept)
            raise
        wanted = [value for name, value in self._query if name == "format"]
        self.format = negotiate(wanted[0] if wanted else None, accept)
        if not _is_utf8(environ["PATH_INFO"]):
            # Werkzeug would put U+FFFD for the bad bytes, and so lead to another resource.
            raise HttpProblem(404, "not_found", "no such URL: its path is not valid UTF-8")

    def settle_target(self) -> None:
        """Settle the provider, and with ``force_auth=1`` the account.

        Raises:
            HttpProblem: 401.
            DriverError: ``invalid`` or ``unauthenticated``.
        """
        environ = self.request.environ
        self.provider, selection = select_provider(self.request, self.core.providers)
        root = self._root or f"{environ['wsgi.url_scheme']}://{_checked_host(self.request.host)}"
        self._base = f"{root}/api"
        self.links = Links(self._base + selection)
        if ("force_auth", "1") in self._query:
            self.account.check_credentials()
        if self.request.method not in _BODY_METHODS:
            method = self.request.method
            self._check_once(pair for pair in self._query if (method, pair[0]) not in _REPEATED)

    @property
    def target(self) -> Provider:
        """The provider that the request is for."""
        assert self.provider is not None, "settle_target() comes first"  # noqa: S101 - for the type checker
        return self.provider

    @property
    def capabilities(self) -> Capability:
        """What the provider's driver can do."""
        return self.target.driver.capabilities

    @cached_property
    def account(self) -> Account:
        """The caller's account.

        Raises:
            HttpProblem: 401 when the request does not say who asks.
            DriverError: ``unauthenticated`` when the backend refuses it.
        """
        credentials = credentials_of(self.request)
        if credentials is None:
            raise unauthenticated(
                "this needs credentials: HTTP Basic, or a token where the driver takes one"
            )
        self._account = self.core.account(self.target, credentials)
        return self._account

    def destination(self, provider_name: str) -> tuple[Account, Links]:
        """Return the caller's account at another provider of the same driver, and its links.

        Raises:
            DriverError: ``unsupported`` or ``invalid``, or ``unauthenticated``.
        """
        provider = self.core.destination(self.target, provider_name)
        credentials = credentials_of(self.request)
        assert credentials is not None, "account comes first"  # noqa: S101 - for the type checker
        links = Links(f"{self._base};provider={provider.name}")
        return self.core.account(provider, credentials), links

    def parameters(self, *known: str) -> dict[str, str]:
        """Return the query parameters, of which only ``known`` ones may be given."""
        given = {n: v for n, v in self._query if n not in CONTROL_PARAMETERS}
        unknown = [name for name in given if name not in known]
        if unknown:
            valid = ", ".join((*known, *sorted(CONTROL_PARAMETERS)))
            raise invalid(dict.fromkeys(unknown, f"unknown parameter; valid: {valid}"))
        return given

    def flag(self, name: str) -> bool:
        """Return whether a query parameter is true, and leave it out of what is read later."""
        given = [value for found, value in self._query if found == name]
        if given not in ([], ["true"], ["false"]):
            raise invalid({name: "give true or false, once"})
        self._query = [pair for pair in self._query if pair[0] != name]
        return given == ["true"]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The query parameters that are about the request and not about the answer."""
        return [pair for pair in self._query if pair[0] not in CONTROL_PARAMETERS]

    def page_href(self, collection: str, marker: str) -> str:
        """Return the URL of another page of the list that this request asks for."""
        given = [(name, value) for name, value in self._query if name != "marker"]
        query = urlencode([*given, ("marker", marker)], safe=",:")
        if len(query) > _LONGEST_QUERY:
            longest = max(given, key=lambda pair: len(pair[1]))[0]
            raise invalid({longest: "too long: the URL of the next page would be refused"})
        return f"{self.links.collection(collection)}?{query}"

    def load(self, schema: Schema, root: str) -> Any:
        """Return the request's fields as the schema's object."""
        fields: Fields = read_fields(self.request, self._query, root)
        return load(schema, fields)

    def tell(self, name: str, value: str) -> None:
        """Let the answer have one header more, also if it becomes an error."""
        self._told.append((name, value))

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers that every answer carries, and what is told."""
        found = [
            *self._told,
            ("Cache-Control", _CACHE_CONTROL),
            ("Vary", _VARY),
            ("X-Request-Id", self.request_id),
        ]
        if self.provider is not None:
            found.append(("X-Deltacloud-Driver", self.provider.driver_name))
            found.append(("X-Deltacloud-Provider", self.provider.name))
        if self._account is not None:
            found.append(("X-Backend-Runtime", f"{self.backend_s:.6f}"))
        return found

    @property
    def backend_s(self) -> float:
        """Seconds spent in the backend so far."""
        return self._account.stopwatch.seconds if self._account else 0.0

    def blame(self, exc: Exception) -> DriverError:
        """Return what clients are told of an unexpected exception, and whose bug it is."""
        return self._account.blame(exc) if self._account else bug(exc)

    def respond(
        self,
        body: bytes,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        state: str | None = None,
        is_partial: bool = False,
    ) -> Response:
        """Return the answer with ``body``, or 304 when the client has it already.

        ``state`` is that of the resource, for changes that depend on it. What shows one in
        part, or more than it, has a weak ETag: no change can depend on it.
        """
        headers_ = self.headers()
        headers_ += (headers or {}).items()
        if status < 400:  # noqa: PLR2004 - errors are no representations
            etag = etags.of(body, state)
            headers_.append(("ETag", f"W/{etag}" if is_partial else etag))
            if status == 200 and etags.is_known(self.request, etag):  # noqa: PLR2004
                shown = [header for header in headers_ if header[0] != "Content-Encoding"]
                return Answer(status=304, headers=shown)
        return self._complete(body, status, headers_)

    def report(self, body: bytes, *, status: int) -> Response:
        """Return what has come of a request; it shows no resource, so it has no ETag."""
        return self._complete(body, status, self.headers())

    def no_content(self) -> Response:
        """Return 204."""
        return Answer(status=204, headers=self.headers())

    def _complete(self, body: bytes, status: int, headers: list[tuple[str, str]]) -> Response:
        headers.append(("Content-Type", self.format.CONTENT_TYPE))
        headers.append(("Content-Length", str(len(body))))
        return Answer(body, status, headers)

    @staticmethod
    def _check_once(pairs: Iterable[tuple[str, str]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise invalid({name: "given more than once"})
            seen.add(name)


def _is_utf8(path: str) -> bool:
    try:
        wsgi_text(path)
    except DriverError:
        return False
    return True


@lru_cache(maxsize=256)
def _checked_host(host: str) -> str:
    """Return the host of the request, which all links will name."""
    if not _HOST.fullmatch(host):
        raise invalid({"Host": "not a host name, optionally with a port"})
    return host


def current() -> Exchange:
    """Return the exchange of the request being served."""
    exchange: Exchange = g.exchange
    return exchange
