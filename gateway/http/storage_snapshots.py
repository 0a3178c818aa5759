"""/api/storage_snapshots: list, show, create, change, delete, clone, copy, revert.

Several at once are created and deleted at the collection.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from flask import Blueprint, Response

from gateway.core import endings, fields
from gateway.core.actions import snapshot_actions
from gateway.core.creations import Condition, Terms
from gateway.core.descriptions import limits_of, pushed_down
from gateway.driver import (
    Capability,
    Driver,
    StorageSnapshot,
    StorageVolume,
)
from gateway.http import bulk, deletion, lists, schemas, waits
from gateway.http.bulk import DRY_RUN
from gateway.http.bulk_body import read_creates, read_ids
from gateway.http.deletion import MISSING
from gateway.http.etags import if_match, refuse_if_match, state_of
from gateway.http.exchange import Exchange, current
from gateway.http.lists import View
from gateway.http.storage_volumes import made_volume, volume_row
from gateway.http.terms import made_response, refuse_key, terms_of
from gateway.representations.documents import Native, ResourceSchema, Row

blueprint = Blueprint("storage_snapshots", __name__, url_prefix="/api/storage_snapshots")
_AT_CREATION = frozenset({"in_use", "unless_newer_than", "volume_id"})
SHOWN = tuple(f.name for f in schemas.SNAPSHOT_FIELDS if f.name not in _AT_CREATION)
"""The fields of a snapshot's document."""
LIST_METHODS = ("get", "post", "delete")
DETAIL_METHODS = ("get", "put", "patch", "delete")
_ROOT = "storage_snapshot"


@blueprint.get("")
def index() -> Response:
    """Return all snapshots, streamed."""
    exchange = current()
    request = lists.read_list(exchange, fields.SNAPSHOTS, SHOWN, expandable=True)
    account, volumes = exchange.account, _Volumes(exchange)
    collection = lists.Collection(
        name="storage_snapshots",
        begin=account.begin_snapshots,
        list=account.list_snapshots,
        count=account.count_snapshots,
        write=exchange.format.storage_snapshots,
        row=_rows(exchange, request.view, volumes.found),
        before_page=volumes.find if request.view.expand_volume else None,
    )
    return lists.answer(exchange, request, collection)


@blueprint.post("")
def create() -> Response:
    """Make a snapshot of a volume, or several."""
    exchange = current()
    account = exchange.account
    dry_run, terms = exchange.flag(DRY_RUN), terms_of(exchange.request)
    refuse_if_match(exchange.request)
    asked = read_creates(exchange.request, exchange.pairs)
    if isinstance(asked, list) or dry_run:
        wanted = asked if isinstance(asked, list) else [asked]
        return bulk.create(exchange, wanted, terms, _rows(exchange), dry_run=dry_run)
    made = account.make_snapshot(asked.request, asked.terms(terms))
    href = exchange.links.member("storage_snapshots", made.item.id)
    made, is_over = waits.made(exchange, made, href, partial(endings.snapshot_made, account))
    body = _render(exchange, made.item)
    return made_response(exchange, made, body, href, state=state_of(made.item), is_over=is_over)


@blueprint.delete("")
def delete_several() -> Response:
    """Delete the snapshots that the request names."""
    exchange = current()
    dry_run = exchange.flag(DRY_RUN)
    exchange.parameters("id", DRY_RUN, MISSING)
    exchange.account  # noqa: B018 - who asks comes before what is asked
    refuse_if_match(exchange.request)
    ids, missing_ok = read_ids(exchange.request, exchange.pairs)
    return bulk.delete(exchange, ids, _rows(exchange), dry_run=dry_run, missing_ok=missing_ok)


@blueprint.get("/schema")
def schema() -> Response:
    """Return the fields, methods, filters, sort keys and limits."""
    exchange = current()
    exchange.parameters()
    exchange.account.check_credentials()
    driver = exchange.target.driver
    document = ResourceSchema(
        fields=schemas.SNAPSHOT_FIELDS,
        list_methods=LIST_METHODS,
        detail_methods=DETAIL_METHODS,
        filters=fields.lookups(fields.SNAPSHOTS),
        sort_keys=fields.sortable(fields.SNAPSHOTS),
        native=native_of(driver),
        limits=limits_of(driver),
    )
    return exchange.respond(exchange.format.schema(document))


@blueprint.get("/<snapshot_id>")
def show(snapshot_id: str) -> Response:
    """Return one snapshot."""
    exchange = current()
    view = lists.read_view(exchange, SHOWN, expandable=True)
    snapshot, volumes = exchange.account.get_snapshot(snapshot_id), _Volumes(exchange)
    if view.expand_volume:
        volumes.find((snapshot,))
    row = _rows(exchange, view, volumes.found)(snapshot)
    body = exchange.format.storage_snapshot(snapshot, row)
    if view != View():
        return exchange.respond(body, is_partial=True)
    return exchange.respond(body, state=state_of(snapshot))


@blueprint.put("/<snapshot_id>")
@blueprint.patch("/<snapshot_id>")
def update(snapshot_id: str) -> Response:
    """Change name, description and metadata."""
    exchange = current()
    account = exchange.account
    is_put = exchange.request.method == "PUT"
    request = exchange.load(schemas.UpdateSnapshotSchema(replace=is_put), _ROOT)
    request = replace(request, only_if=_condition(exchange))
    return _shown(exchange, account.update_snapshot(snapshot_id, request))


@blueprint.delete("/<snapshot_id>")
def delete(snapshot_id: str) -> Response:
    """Delete a snapshot."""
    exchange = current()
    dry_run = exchange.flag(DRY_RUN)
    exchange.parameters(DRY_RUN, MISSING)
    account = exchange.account
    missing_ok = deletion.read_missing(exchange)
    only_if = _condition(exchange)
    if dry_run:
        if only_if is not None:
            account.check_condition(snapshot_id, only_if, missing_ok=missing_ok)
        one = [snapshot_id]
        return bulk.delete(exchange, one, _rows(exchange), dry_run=True, missing_ok=missing_ok)
    return deletion.delete(
        exchange,
        partial(account.delete_snapshot, snapshot_id, missing_ok=missing_ok, only_if=only_if),
        partial(endings.snapshot_deleted, account, snapshot_id),
        partial(_shown, exchange, status=202),
    )


@blueprint.post("/<snapshot_id>/clone")
def clone(snapshot_id: str) -> Response:
    """Restore a snapshot to a new volume."""
    exchange = current()
    account = exchange.account
    terms = _terms_of_one(exchange)
    request = exchange.load(schemas.CloneSnapshotSchema(), "clone")
    made = account.make_clone(snapshot_id, request, terms)
    return made_volume(exchange, made, is_clone=True)


@blueprint.post("/<snapshot_id>/copy")
def copy(snapshot_id: str) -> Response:
    """Copy a snapshot to another provider of the same driver."""
    exchange = current()
    account = exchange.account
    terms = _terms_of_one(exchange)
    name, request = exchange.load(schemas.CopySnapshotSchema(), "copy")
    destination, links = exchange.destination(name)
    made = account.make_copy(snapshot_id, request, destination, terms)
    href = links.member("storage_snapshots", made.item.id)
    ending = partial(endings.snapshot_made, destination)
    made, is_over = waits.made(exchange, made, href, ending, destination.provider)
    row = replace(_row(exchange, made.item), links=links)
    body = exchange.format.storage_snapshot(made.item, row)
    return made_response(exchange, made, body, href, state=state_of(made.item), is_over=is_over)


@blueprint.post("/<snapshot_id>/revert")
def revert(snapshot_id: str) -> Response:
    """Set a snapshot's volume back to it."""
    exchange = current()
    account = exchange.account
    refuse_key(exchange.request)
    exchange.load(schemas.RevertSnapshotSchema(), "revert")
    snapshot = account.revert_snapshot(snapshot_id, only_if=_condition(exchange))
    wait = waits.wait_of(exchange)
    if wait is None:
        return _shown(exchange, snapshot, status=202)
    waited = endings.reverted(account, snapshot, wait)
    if not waited.is_over:
        waits.tell_unfinished(exchange, waited)
    snapshot = waited.item.snapshot if waited.item else snapshot
    return _shown(exchange, snapshot, status=200 if waited.is_over else 202)


def native_of(driver: type[Driver]) -> Native:
    """Return what of a list a driver's backend does itself."""
    return Native(
        filters=pushed_down(driver.pushdown),
        sort_keys=tuple(sorted(driver.sort_keys)),
        count=Capability.SNAPSHOT_COUNT in driver.capabilities,
    )


class _Volumes:
    """The volumes of the snapshots of one page, for those who want to see them whole."""

    def __init__(self, exchange: Exchange) -> None:
        self.found: dict[str, tuple[StorageVolume, Row]] = {}
        self._exchange = exchange

    def find(self, page: Sequence[StorageSnapshot]) -> None:
        """Find the volumes of these snapshots."""
        ids = {s.volume_id for s in page if s.volume_id and s.volume_exists is not False}
        volumes = self._exchange.account.find_volumes(ids)
        self.found.clear()
        self.found.update({v.id: (v, volume_row(self._exchange, v)) for v in volumes})


def _rows(
    exchange: Exchange,
    view: View | None = None,
    volumes: Mapping[str, tuple[StorageVolume, Row]] | None = None,
) -> Callable[[StorageSnapshot], Row]:
    """Return what accompanies a snapshot; in a list a few kinds come again and again."""
    view = view or View()
    shown = Row(exchange.links, fields=view.fields, native=view.native, volumes=volumes)
    row = lru_cache(lambda actions: replace(shown, actions=actions))
    capabilities = exchange.capabilities
    return lambda snapshot: row(snapshot_actions(snapshot, capabilities))


def _row(exchange: Exchange, snapshot: StorageSnapshot) -> Row:
    return _rows(exchange)(snapshot)


def _render(exchange: Exchange, snapshot: StorageSnapshot) -> bytes:
    body: bytes = exchange.format.storage_snapshot(snapshot, _row(exchange, snapshot))
    return body


def _condition(exchange: Exchange) -> Condition | None:
    return if_match(exchange.request, state_of)


def _terms_of_one(exchange: Exchange) -> Terms:
    """Return the terms on which something is made of one snapshot."""
    return replace(terms_of(exchange.request), only_if=_condition(exchange))


def _shown(exchange: Exchange, snapshot: StorageSnapshot, *, status: int = 200) -> Response:
    body = _render(exchange, snapshot)
    return exchange.respond(body, status=status, state=state_of(snapshot))
