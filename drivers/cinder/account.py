"""One account's calls of Cinder: sent once, or again after its token was renewed."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import openstack.exceptions as sdk
import orjson
import requests
from keystoneauth1 import exceptions as keystone
from keystoneauth1.identity import BaseIdentityPlugin
from openstack.connection import Connection

from drivers.cinder import errors, queries, wire
from drivers.cinder.wire import Microversion, Row
from gateway.driver import DriverError, ErrorCode, is_uuid, time_left_s, was_sent

_SAFE_MARKERS = 16
"""How many of a page's last rows a cursor names: while one exists, nothing is read again."""
_JSON = {"Accept": "application/json"}
"""Without it what refuses a request before Cinder's own code does so by a page."""
_REQUEST_IDS = ("x-openstack-request-id", "x-compute-request-id")
"""One of these is in every answer of Cinder's."""


class Account:
    """A connection that has logged in.

    Args:
        login: what gets the tokens.
        connection: what uses them, for every call.

    Raises:
        Exception: what ``errors.classify`` understands.
    """

    def __init__(self, login: BaseIdentityPlugin, connection: Connection) -> None:
        self._login = login
        self._session = connection.session
        self._connection = connection
        self._renewing = threading.Lock()
        self.microversion = wire.OLDEST
        self.project = self._log_in()

    def find_service(self) -> None:
        """Find the block storage, and the newest microversion that it and the driver share."""
        with _reading(wire.NOT_CINDER):
            self._api = self._connection.block_storage
            data = self._api.get_endpoint_data()
            if data is None or data.status is None:  # keystoneauth would go on with 3.0
                time_left_s()  # it hides a time-out too
                raise DriverError(
                    ErrorCode.UNAVAILABLE,
                    "the block storage endpoint does not tell its API versions",
                )
            offered = data.max_microversion or wire.OLDEST
            self.microversion = min((int(offered[0]), int(offered[1])), wire.NEWEST)

    def close(self) -> None:
        """Let go of the secrets: openstacksdk itself keeps references to closed connections."""
        self._session.auth = None

    def supports(self, needed: Microversion) -> bool:
        """Return whether the cloud offers a microversion."""
        return self.microversion >= needed

    def require(self, needed: Microversion, what: str) -> None:
        """Raise ``unsupported`` unless the cloud is new enough for ``what``."""
        if not self.supports(needed):
            raise DriverError(
                ErrorCode.UNSUPPORTED,
                f"{what} needs the block storage API {_dotted(needed)}; this cloud offers "
                f"{_dotted(self.microversion)}",
            )

    def read(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to a GET, which is sent again when it fails for the moment."""
        response = self._send("GET", path, params=params)
        _check_status(response)
        return _document(response)

    def get(self, key: str, path: str) -> Row:
        """Return the snapshot or volume at a path; ``key`` is the word that it is below."""
        return wire.check_row(self.read(path).get(key))

    def change(
        self, method: str, path: str, json: Mapping[str, Any] | None = None, **kw: Any
    ) -> requests.Response:
        """Return the answer to a call that changes something; it is sent once.

        Raises:
            DriverError: with ``maybe_done`` where the answer was lost or is not Cinder's.
        """
        response = self._send(method, path, json=json, **kw)
        try:
            _check_status(response)
        except sdk.HttpException as exc:
            if response.status_code >= 500:  # noqa: PLR2004 - it may have failed on the way back
                raise errors.maybe_done(exc) from exc
            raise
        if not any(name in response.headers for name in _REQUEST_IDS):  # a proxy's page, say
            answer = sdk.SDKException(f"status {response.status_code} without a request id")
            raise wire.not_cinder(maybe_done=True) from answer
        return response

    def changed(self, key: str, method: str, path: str, json: Mapping[str, Any], **kw: Any) -> Any:
        """Return what a change answers below ``key``."""
        response = self.change(method, path, json, **kw)
        try:
            return _document(response)[key]
        except (DriverError, KeyError) as exc:
            raise wire.not_cinder(maybe_done=True) from exc

    def allowed_filters(self) -> frozenset[str]:
        """Return the filters on snapshots that the cloud's operator lets everybody use."""
        if not self.supports(wire.METADATA_FILTER):
            return queries.DEFAULT_FILTERS - {"metadata"}
        if not self.supports(wire.RESOURCE_FILTERS):
            return queries.DEFAULT_FILTERS
        found = self.read("/resource_filters", {"resource": "snapshot"}).get("resource_filters")
        with _reading(wire.NOT_CINDER):
            rows = [row for row in found or () if row.get("resource") == "snapshot"]
            return frozenset(str(name) for row in rows for name in row.get("filters", ()))

    def messages(self, resource_id: str) -> list[str]:
        """Return what Cinder has told users of a resource, the newest first."""
        if not self.supports(wire.MESSAGES_OF_RESOURCE):
            return []
        asked = {"resource_uuid": resource_id, "sort": "created_at:desc", "limit": 1}
        found = self.read("/messages", asked).get("messages") or ()
        with _reading(wire.NOT_CINDER):
            return [str(row["user_message"]) for row in found]

    def page(
        self,
        collection: str,
        filters: Mapping[str, str],
        always: Mapping[str, str],
        *,
        page_size: int,
        cursor: str | None,
    ) -> tuple[Sequence[Row], str | None]:
        """Return a page of ``collection`` and the cursor after it.

        What the operator does not let everybody filter by is left to the core.
        """
        try:
            return self._page(collection, {**filters, **always}, page_size, cursor)
        except sdk.BadRequestException as exc:
            if not filters or not errors.is_unknown_filter(exc):
                raise
        return self._page(collection, always, page_size, cursor)

    def _page(
        self, collection: str, asked: Mapping[str, str], page_size: int, cursor: str | None
    ) -> tuple[Sequence[Row], str | None]:
        """Return a page and the cursor after it.

        Cinder continues after a row that it calls the marker, and knows only rows
        that exist. A cursor therefore names several, and the place of the last one:
        when that has been deleted meanwhile, the list goes on after the one before,
        leaving out what it has given already; when all of them have, it is read
        from its beginning up to that place.
        """
        path, params = f"/{collection}/detail", {**asked, "limit": page_size}
        given, place = orjson.loads(cursor) if cursor else ([], None)
        document, is_new = self._after(path, params, given, place)
        rows = wire.check_rows(document.get(collection))
        following = None
        if _has_next(document, collection):
            if not rows:
                raise wire.not_cinder()
            last = [row["id"] for row in rows[: -_SAFE_MARKERS - 1 : -1]]
            named = (last + given)[:_SAFE_MARKERS]
            following = orjson.dumps([named, queries.place(asked, rows[-1])]).decode()
        return [row for row in rows if is_new(row)], following

    def _after(
        self, path: str, params: Mapping[str, Any], given: list[str], place: list[Any] | None
    ) -> tuple[dict[str, Any], Callable[[Row], bool]]:
        """Return the page after the first marker that exists, and which of its rows are new."""
        for number, marker in enumerate(given):
            try:
                document = self.read(path, {**params, "marker": marker})
            except sdk.NotFoundException as exc:
                if not errors.is_not_found(exc):
                    raise
                continue
            return document, partial(_is_none_of, frozenset(given[:number]))
        if place is None:
            return self.read(path, params), lambda _: True
        return self._behind(path, params, queries.behind(params, place))

    def _behind(
        self, path: str, params: Mapping[str, Any], is_behind: Callable[[Row], bool]
    ) -> tuple[dict[str, Any], Callable[[Row], bool]]:
        """Return the first page that has a row behind a place, or else the last one."""
        collection = path.split("/")[1]
        marker: dict[str, str] = {}
        while True:
            document = self.read(path, {**params, **marker})
            rows = wire.check_rows(document.get(collection))
            if not rows or is_behind(rows[-1]) or not _has_next(document, collection):
                return document, is_behind
            marker = {"marker": rows[-1]["id"]}

    def _log_in(self) -> str:
        with _reading(errors.NOT_KEYSTONE):
            project: str | None = self._login.get_access(self._session).project_id
        if project is None:
            raise DriverError(
                ErrorCode.UNAUTHENTICATED,
                "the user or token has no project; give one as user+project",
            )
        return project

    def _send(self, method: str, path: str, **kw: Any) -> requests.Response:
        """Return the answer to a request, with a new token if the old one is refused."""
        response = self._send_once(method, path, **kw)
        if response.status_code != requests.codes.unauthorized:
            return response
        self._renew(response.request.headers.get("X-Auth-Token"))
        return self._send_once(method, path, **kw)

    def _send_once(
        self, method: str, path: str, *, microversion: Microversion | None = None, **kw: Any
    ) -> requests.Response:
        self._token()  # first: what fails here has sent nothing to Cinder
        try:
            return self._api.request(
                path,
                method,
                headers=_JSON,
                microversion=_dotted(microversion or self.microversion),
                allow_reauth=False,
                **kw,
            )
        except keystone.ConnectionError as exc:
            if method != "GET" and was_sent(exc):
                raise errors.maybe_done(exc) from exc
            raise

    def _renew(self, refused: str | bytes | None) -> None:
        """Get a new token, once for all threads whose token was refused together."""
        used = refused.decode() if isinstance(refused, bytes) else refused
        with self._renewing:
            if self._token() == used:
                self._session.invalidate()
            self._token()

    def _token(self) -> str | None:
        """Return the token, a new one if it has expired.

        Where Keystone takes too long and the call has time left, that is no time-out of the
        call: nothing has been sent to Cinder.
        """
        try:
            with _reading(errors.NOT_KEYSTONE):
                access = self._login.get_access(self._session)
                return access.auth_token if access.expires else None
        except keystone.ConnectTimeout as exc:
            time_left_s()  # else it depends on who is faster, this or the core, what is told
            raise DriverError(ErrorCode.UNAVAILABLE, "Keystone did not answer in time") from exc


def _document(response: requests.Response) -> dict[str, Any]:
    try:
        document = orjson.loads(response.content)
    except orjson.JSONDecodeError as exc:
        raise wire.not_cinder() from exc
    if not isinstance(document, dict):
        raise wire.not_cinder()
    return document


def _check_status(response: requests.Response) -> None:
    if not 200 <= response.status_code < 300 and response.status_code < 400:  # noqa: PLR2004
        raise wire.not_cinder()
    sdk.raise_from_response(response)


def _is_none_of(ids: frozenset[str], row: Row) -> bool:
    return row["id"] not in ids


def _has_next(document: Mapping[str, Any], collection: str) -> bool:
    with _reading(wire.NOT_CINDER):
        links = document.get(f"{collection}_links") or ()
        return any(link.get("rel") == "next" for link in links)


@contextmanager
def _reading(complaint: str) -> Iterator[None]:
    """Say so when an answer is made otherwise than the block, or keystoneauth, takes it to be."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise DriverError(ErrorCode.BACKEND, complaint) from exc


def _dotted(version: Microversion) -> str:
    return f"{version[0]}.{version[1]}"


def path_of(collection: str, resource_id: str) -> str:
    """Return the path of a snapshot or volume.

    All ids are UUIDs, and nothing else gets into a path: ``/snapshots/detail``
    is a list, and Cinder takes what follows a dot for a format.

    Raises:
        DriverError: ``not_found`` for anything else.
    """
    if not is_uuid(resource_id):
        word = collection.removesuffix("s")
        raise DriverError(ErrorCode.NOT_FOUND, f"no {word} {resource_id!r}")
    return f"/{collection}/{resource_id}"
