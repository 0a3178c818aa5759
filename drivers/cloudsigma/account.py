"""One account's calls of CloudSigma."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import requests
from requests.auth import AuthBase

from drivers.cloudsigma import errors, wire
from drivers.cloudsigma.clients import Cloud, digest, login
from drivers.cloudsigma.wire import Kind, Row
from gateway.driver import Credentials, DriverError, ErrorCode, was_sent

_DELETED = frozenset({requests.codes.no_content, requests.codes.accepted})
_IDS_AT_ONCE = 100
"""Asked for in one URL of 4 KiB."""
_ROUNDS = 4
"""How often a list is read at most that comes in several answers."""


class Account:
    """The calls of one account; what it takes to sign them is here and nowhere else."""

    def __init__(self, cloud: Cloud, credentials: Credentials) -> None:
        self._cloud = cloud
        self._login: AuthBase | None = login(credentials)
        self._digest = digest(credentials)
        self._remote_locations: frozenset[str] | None = None

    def close(self) -> None:
        """Let go of the secrets."""
        self._login = self._digest = None

    def get(self, kind: Kind, resource_id: str) -> Row:
        """Return one object."""
        return wire.check_row(self._read(f"{kind.collection}/{resource_id}/"))

    def page(
        self, kind: Kind, asked: Mapping[str, str], *, limit: int, offset: int = 0
    ) -> tuple[list[Row], int]:
        """Return a page of a collection, and how many objects there are in all.

        Args:
            kind: which collection.
            asked: filters, and ``fields``.
            limit: objects at most; 0 for all.
            offset: how many to leave out; CloudSigma tells no order.
        """
        params = {**asked, "limit": str(limit), "offset": str(offset)}
        document = self._read(f"{kind.collection}/detail/", params)
        rows, meta = document.get("objects"), document.get("meta")
        total = meta.get("total_count") if isinstance(meta, dict) else None
        if not isinstance(rows, list) or not isinstance(total, int):
            raise wire.not_cloudsigma()
        return rows, total

    def everything(self, kind: Kind, asked: Mapping[str, str]) -> list[Row]:
        """Return all objects of a collection, each once.

        All are asked for at once. A server that gives fewer all the same is asked
        for the rest, and everything again until two rounds agree: by offsets alone
        a row can slip through when another one is deleted.
        """
        former: set[str] | None = None
        for _ in range(_ROUNDS):
            found, is_one_answer = self._round(kind, asked)
            if found is not None and (is_one_answer or found.keys() == former):
                return list(found.values())
            former = None if found is None else set(found)
        raise DriverError(
            ErrorCode.UNAVAILABLE, "the list changed again and again while it was read; list again"
        )

    def _round(self, kind: Kind, asked: Mapping[str, str]) -> tuple[dict[str, Row] | None, bool]:
        """Return all objects by id, None if they changed meanwhile; and if one answer held all."""
        rows, total = self.page(kind, asked, limit=0)
        is_one_answer = len(rows) >= total
        while len(rows) < total:
            more, total = self.page(kind, asked, limit=0, offset=len(rows))
            if not more:
                return None, False
            rows += more
        found = {self._id_of(row): row for row in rows}
        return (found if len(found) == len(rows) >= total else None), is_one_answer

    def rows(self, kind: Kind, ids: Sequence[str]) -> Iterator[Row]:
        """Yield the objects of these ids that still exist, in no order."""
        for start in range(0, len(ids), _IDS_AT_ONCE):
            asked = {"uuid": ",".join(ids[start : start + _IDS_AT_ONCE])}
            for row in self.everything(kind, asked):
                yield wire.check_row(row)

    def has_remote_snapshots(self) -> bool:
        """Return whether the location has remote snapshots at all."""
        return bool(self.remote_locations())

    def remote_locations(self) -> frozenset[str]:
        """Return where remote snapshots can go; none where the location has no such thing."""
        if self._remote_locations is None:
            remote = self._read("capabilities/").get("remote_snapshots")
            found = (remote.get("remote_locations") if isinstance(remote, dict) else None) or []
            if not isinstance(found, list):
                raise wire.not_cloudsigma()
            self._remote_locations = frozenset(str(code).upper() for code in found)
        return self._remote_locations

    def job_progress(self, job_id: str) -> int | None:
        """Return how far a job is, in percent, if it tells."""
        data = self._read(f"jobs/{job_id}/").get("data")
        progress = data.get("progress") if isinstance(data, dict) else None
        return min(max(progress, 0), 100) if isinstance(progress, int) else None

    def create(self, kind: Kind, definition: Mapping[str, Any]) -> Row:
        """Make an object and return it."""
        return _made(self._change("POST", f"{kind.collection}/", {"objects": [definition]}))

    def replace(self, kind: Kind, row: Row) -> Row:
        """Replace all of an object that can be changed by ``row`` and return it."""
        return _made(self._change("PUT", f"{kind.collection}/{row['uuid']}/", row))

    def clone(
        self, kind: Kind, resource_id: str, definition: Mapping[str, Any], avoid: Sequence[str]
    ) -> Row:
        """Start a drive with the content of a snapshot and return it."""
        params = {"do": "clone", **({"avoid": ",".join(avoid)} if avoid else {})}
        path = f"{kind.collection}/{resource_id}/action/"
        return _made(self._change("POST", path, definition, params))

    def delete(self, kind: Kind, resource_id: str) -> None:
        """Start the deletion of an object."""
        response = self._change("DELETE", f"{kind.collection}/{resource_id}/")
        if response.status_code not in _DELETED:  # a proxy's page, say
            raise wire.not_cloudsigma(maybe_done=True)

    @staticmethod
    def _id_of(row: object) -> str:
        if not isinstance(row, dict) or not isinstance(row.get("uuid"), str):
            raise wire.not_cloudsigma()
        return str(row["uuid"])

    def _read(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        response = self._send("GET", path, params=params)
        response.raise_for_status()
        document = _json(response)
        if not isinstance(document, dict):
            raise wire.not_cloudsigma()
        return document

    def _change(
        self,
        method: str,
        path: str,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Return the answer to a call that changes something; it is sent once.

        Raises:
            DriverError: with ``maybe_done`` where the answer was lost.
        """
        response = None
        try:
            response = self._send(method, path, json=json, params=params)
            response.raise_for_status()
        except requests.RequestException as exc:
            error = errors.classify(exc)
            lost = was_sent(exc) if response is None else response.status_code >= 500  # noqa: PLR2004
            if error is None or not lost or error.code is ErrorCode.RATE_LIMITED:
                raise
            raise error.as_maybe_done() from exc
        return response

    def _send(self, method: str, path: str, **kw: Any) -> requests.Response:
        """Return the answer to a request, signed as the server wants it."""
        url = self._cloud.base + path
        kw["verify"] = self._cloud.verify  # each time: else the environment would count more
        response = self._cloud.transport.request(method, url, auth=self._login, **kw)
        wanted = response.headers.get("WWW-Authenticate", "").lower()
        if (
            response.status_code != requests.codes.unauthorized
            or not wanted.startswith("digest")
            or self._digest is None
            or self._login is self._digest
        ):
            return response
        try:
            response = self._cloud.transport.request(method, url, auth=self._digest, **kw)
        except KeyError as exc:  # requests, of a challenge that lacks a part
            raise wire.not_cloudsigma() from exc
        if response.status_code != requests.codes.unauthorized:
            self._login = self._digest  # from now on
        return response


def _json(response: requests.Response) -> Any:
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError as exc:
        raise wire.not_cloudsigma() from exc


def _made(response: requests.Response) -> Row:
    """Return the object that an answer to a change holds, bare or as the only one of a list."""
    try:
        document = _json(response)
        if isinstance(document, dict) and "objects" in document:
            (document,) = document["objects"]
        return wire.check_row(document)
    except (DriverError, ValueError, TypeError) as exc:
        raise wire.not_cloudsigma(maybe_done=True) from exc
