"""One account's calls of CloudSigma."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

import requests
from requests.auth import AuthBase

from drivers.cloudsigma import answers, errors
from drivers.cloudsigma.clients import Cloud, digest, login
from drivers.cloudsigma.wire import REMOTE, Kind, Row
from gateway.driver import Credentials, DriverError, ErrorCode, was_sent

T = TypeVar("T")
MOST_IDS = 100
"""Asked for in one URL of 4 KiB."""
_DELETED = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.ACCEPTED})
_ROUNDS = 4
"""How often a list is read at most that comes in several answers."""
_ABSENT = frozenset(
    {
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.NOT_IMPLEMENTED,
    }
)
"""What a collection may answer that a location has not; undocumented."""
_WITHOUT_REMOTE_S = 60
"""How long a location counts as one without remote snapshots before it is asked again."""
_QUOTED = re.compile('"[^"]*"')
_DIGEST = re.compile(r"(?:^|,)\s*digest(?:\s|$)", re.IGNORECASE)


class Account:
    """The calls of one account; what it takes to sign them is here and nowhere else."""

    def __init__(self, cloud: Cloud, credentials: Credentials) -> None:
        self._cloud = cloud
        self._login: AuthBase | None = login(credentials)
        self._digest = digest(credentials)
        self._without_remote_until = 0.0

    def close(self) -> None:
        """Let go of the secrets."""
        self._login = self._digest = None

    def get(self, kind: Kind, resource_id: str) -> Row:
        """Return one object."""
        return answers.the_one(self._read(f"{kind.collection}/{resource_id}/"), resource_id)

    def exists(self, kind: Kind, resource_id: str) -> bool:
        """Return whether an object can be shown."""
        try:
            self.get(kind, resource_id)
        except requests.HTTPError as exc:
            if errors.status_of(exc) != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    def page(
        self, kind: Kind, asked: Mapping[str, str], *, limit: int, offset: int = 0
    ) -> tuple[dict[str, Row], int]:
        """Return a page of a collection by ids in lower case, and how many there are in all.

        Args:
            kind: which collection.
            asked: filters, and ``fields``.
            limit: objects at most; 0 for all.
            offset: how many to leave out; CloudSigma tells no order.
        """
        if kind is REMOTE and time.monotonic() < self._without_remote_until:
            return {}, 0
        params = {**asked, "limit": str(limit), "offset": str(offset)}
        try:
            document = self._read(f"{kind.collection}/detail/", params)
        except requests.HTTPError as exc:
            if kind is REMOTE and self.lacks_remote_snapshots(exc):
                return {}, 0
            if errors.status_of(exc) == HTTPStatus.NOT_FOUND:  # a collection is always there
                raise errors.not_cloudsigma() from exc
            raise
        return answers.listed(document, offset=offset, are_whole="fields" not in asked)

    def everything(self, kind: Kind, asked: Mapping[str, str]) -> dict[str, Row]:
        """Return all objects of a collection by their ids in lower case.

        All are asked for at once. A server that gives fewer all the same is asked
        for the rest, and everything again until two rounds agree: by offsets alone
        a row can slip through when another one is deleted.
        """
        former: set[str] | None = None
        for _ in range(_ROUNDS):
            found, is_one_answer = self._round(kind, asked)
            if found is not None and (is_one_answer or found.keys() == former):
                return found
            former = None if found is None else set(found)
        raise DriverError(
            ErrorCode.UNAVAILABLE, "the list changed again and again while it was read; list again"
        )

    def _round(self, kind: Kind, asked: Mapping[str, str]) -> tuple[dict[str, Row] | None, bool]:
        """Return all objects by id, None if they changed meanwhile; and if one answer held all."""
        found, total = self.page(kind, asked, limit=0)
        is_one_answer = len(found) == total
        read = len(found)
        while read < total:
            more, total = self.page(kind, asked, limit=0, offset=read)
            if more.keys() <= found.keys():  # nothing new: all has moved, or the count is wrong
                return None, False
            read += len(more)
            found |= more
        return (found if len(found) == read else None), is_one_answer

    def rows(self, kind: Kind, ids: Sequence[str]) -> dict[str, Row]:
        """Return those objects of these ids that CloudSigma lists, by ids in lower case.

        Raises:
            DriverError: ``backend`` where it lists others.
        """
        found: dict[str, Row] = {}
        for start in range(0, len(ids), MOST_IDS):
            wanted = ids[start : start + MOST_IDS]
            listed = self.everything(kind, {"uuid": ",".join(wanted)})
            if not listed.keys() <= {one.lower() for one in wanted}:
                raise errors.not_cloudsigma()
            found |= listed
        return found

    def lacks_remote_snapshots(self, refusal: requests.HTTPError) -> bool:
        """Return whether a read is refused because the location has no remote snapshots.

        Documented is that the capabilities do not name them then. They are asked only
        now: where there are some, they are listed whatever the capabilities say.
        """
        status = errors.status_of(refusal)
        if status not in _ABSENT:
            return False
        try:
            lacks = "remote_snapshots" not in self._read("capabilities/")
        except requests.HTTPError as exc:
            lacks = status == errors.status_of(exc) == HTTPStatus.NOT_FOUND
        if lacks:
            self._without_remote_until = time.monotonic() + _WITHOUT_REMOTE_S
        return lacks

    def remote_locations(self) -> frozenset[str]:
        """Return where remote snapshots can go now; nowhere if the location has no such thing."""
        try:
            remote = self._read("capabilities/").get("remote_snapshots")
        except requests.HTTPError as exc:
            if errors.status_of(exc) != HTTPStatus.NOT_FOUND:
                raise
            remote = None
        found = (remote.get("remote_locations") if isinstance(remote, dict) else None) or []
        if not isinstance(found, list):
            raise errors.not_cloudsigma()
        return frozenset(code.upper() for code in found if isinstance(code, str))

    def job_progress(self, job_id: str) -> int | None:
        """Return how far a job is, in percent, if it tells."""
        data = self._read(f"jobs/{job_id}/").get("data")
        progress = data.get("progress") if isinstance(data, dict) else None
        return min(max(progress, 0), 100) if isinstance(progress, int) else None

    def create(self, kind: Kind, definition: Mapping[str, Any], model: Callable[[Row], T]) -> T:
        """Make an object and return its model."""
        response = self._change("POST", f"{kind.collection}/", {"objects": [definition]})
        return answers.made(response, model)

    def replace(self, kind: Kind, resource_id: str, row: Row, model: Callable[[Row], T]) -> T:
        """Replace all of an object that can be changed by ``row`` and return its model."""
        try:
            response = self._change("PUT", f"{kind.collection}/{resource_id}/", row)
        except RecursionError as exc:  # meta that is too deep to be sent back
            raise errors.not_cloudsigma() from exc
        return answers.made(response, model, resource_id)

    def clone(
        self,
        kind: Kind,
        resource_id: str,
        definition: Mapping[str, Any],
        *,
        avoid: Sequence[str],
        model: Callable[[Row], T],
    ) -> T:
        """Start a drive with the content of a snapshot and return its model."""
        params = {"do": "clone", **({"avoid": ",".join(avoid)} if avoid else {})}
        path = f"{kind.collection}/{resource_id}/action/"
        return answers.made(self._change("POST", path, definition, params), model)

    def delete(self, kind: Kind, resource_id: str) -> None:
        """Start the deletion of an object."""
        response = self._change("DELETE", f"{kind.collection}/{resource_id}/")
        if response.status_code not in _DELETED:  # a proxy's page, say
            raise errors.not_cloudsigma(maybe_done=True)

    def _read(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        response = self._send("GET", path, params=params)
        errors.check_status(response)
        document = answers.document_of(response)
        if not isinstance(document, dict):
            raise errors.not_cloudsigma()
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
            errors.check_status(response)
        except requests.RequestException as exc:
            error = errors.classify(exc)
            lost = was_sent(exc) if response is None else errors.is_lost(response)
            if error is None or not lost or error.code is ErrorCode.RATE_LIMITED:
                raise
            raise error.as_maybe_done() from exc
        return response

    def _send(self, method: str, path: str, **kw: Any) -> requests.Response:
        """Return the answer to a request, signed as the server wants it."""
        url = self._cloud.base + path
        kw["verify"] = self._cloud.verify  # each time: else the environment would count more
        response = self._cloud.transport.request(method, url, auth=self._login, **kw)
        if (
            response.status_code != HTTPStatus.UNAUTHORIZED
            or self._digest is None
            or self._login is self._digest
            or not _wants_digest(response)
        ):
            return response
        try:
            response = self._cloud.transport.request(method, url, auth=self._digest, **kw)
        except KeyError as exc:  # requests, of a challenge that lacks a part
            raise errors.not_cloudsigma() from exc
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            self._login = self._digest  # from now on
        return response


def _wants_digest(response: requests.Response) -> bool:
    """Return whether Digest is among the schemes that a server asks for, first or not."""
    schemes = _QUOTED.sub("", response.headers.get("WWW-Authenticate", ""))
    return _DIGEST.search(schemes) is not None
