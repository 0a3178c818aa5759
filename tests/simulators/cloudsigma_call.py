"""A request that is being answered: who asks, of what, and how answers are made."""

from collections.abc import Iterable
from typing import Any, TypeVar

import orjson
from flask import Response, g

from tests.simulators.cloudsigma_errors import HTML, JSON, error, foreign, not_exist
from tests.simulators.cloudsigma_http import PREFIX, Request
from tests.simulators.cloudsigma_settings import Settings
from tests.simulators.cloudsigma_state import Account, Drive, RemoteSnapshot, Resource, Snapshot
from tests.simulators.cloudsigma_store import Store

_Found = TypeVar("_Found", bound=Resource)


class Call:
    """A request of somebody who is let in."""

    def __init__(self, store: Store, request: Request, account: Account) -> None:
        self.store = store
        self.request = request
        self.account = account

    @property
    def settings(self) -> Settings:
        """How the cloud behaves."""
        return self.store.settings

    @property
    def query(self) -> dict[str, str]:
        """The query; the last of what is there several times."""
        return dict(self.request.parameters)

    def visible(self, objects: Iterable[_Found]) -> list[_Found]:
        """Return the objects which the account may list; not those of the library."""
        mine = self.account.uuid
        return [one for one in objects if one.owner and "LIST" in one.rights_of(mine)]

    def find(self, where: dict[str, _Found], uuid: str, right: str = "LIST") -> _Found:
        """Return an object with which the account may do that.

        Raises:
            ApiError: 404 or 403.
        """
        found = where.get(uuid)
        if found is None:
            raise not_exist(uuid)
        if right not in found.rights_of(self.account.uuid):
            raise foreign(self.settings, self.account.uuid, right, uuid)
        return found

    def drive(self, uuid: str, right: str = "LIST") -> Drive:
        """Return a drive with which the account may do that."""
        return self.find(self.store.drives, uuid, right)

    def snapshot(self, uuid: str, right: str = "LIST") -> Snapshot:
        """Return a snapshot with which the account may do that."""
        return self.find(self.store.snapshots, uuid, right)

    def remote_snapshot(self, uuid: str, right: str = "LIST") -> RemoteSnapshot:
        """Return a remote snapshot with which the account may do that."""
        return self.find(self.store.remote_snapshots, uuid, right)

    def pay(self) -> None:
        """Refuse whoever has no funds."""
        if not self.account.has_funds:
            raise error(402)

    def answer(self, body: Any, status: int = 200, **headers: str) -> Response:
        """Return an answer without the fields that this release lacks."""
        for name in self.settings.lacks:
            _drop(body, name)
        return Response(orjson.dumps(body), status, headers, content_type=JSON)

    def created(self, views: list[dict[str, Any]]) -> Response:
        """Answer with new objects."""
        headers = {"Location": views[0]["resource_uri"]} if len(views) == 1 else {}
        return self.answer({"objects": views}, 201, **headers)

    def done(self) -> Response:
        """Answer that a deletion has begun."""
        return Response(b"", 204, content_type=HTML)


def current() -> Call:
    """Return the call that is being answered."""
    found: Call = g.call
    return found


def reference(kind: str, uuid: str) -> dict[str, str]:
    """Return what points to an object."""
    return {"resource_uri": f"{PREFIX}/{kind}/{uuid}/", "uuid": uuid}


def references(kind: str, uuids: Iterable[str]) -> list[dict[str, str]]:
    """Return what points to objects."""
    return [reference(kind, uuid) for uuid in uuids]


def _drop(body: Any, name: str) -> None:
    """Take a field out of objects; ``a.b`` is field b of the object in field a."""
    if isinstance(body, list):
        for one in body:
            _drop(one, name)
    elif isinstance(body, dict):
        head, _, rest = name.partition(".")
        if rest:
            _drop(body.get(head), rest)
        else:
            body.pop(name, None)
        if "objects" in body:
            _drop(body["objects"], name)
