"""/api/storage_snapshots: list, show, create, change, delete, metadata, clone, copy, revert.

Several at once are created and deleted at the collection.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import ModuleType

from flask import Blueprint, Response

from gateway.core import fields
from gateway.core.actions import snapshot_actions
from gateway.core.descriptions import limits_of, pushed_down
from gateway.core.snapshots import value_of
from gateway.driver import (
    Capability,
    Driver,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
)
from gateway.http import bulk, lists, schemas
from gateway.http.bulk import DRY_RUN
from gateway.http.bulk_body import read_creates, read_ids
from gateway.http.etags import check_if_match, refuse_if_match
from gateway.http.exchange import Exchange, current
from gateway.http.lists import View
from gateway.http.storage_volumes import volume_row
from gateway.representations.documents import Native, ResourceSchema, Row

blueprint = Blueprint("storage_snapshots", __name__, url_prefix="/api/storage_snapshots")
SHOWN = tuple(f.name for f in schemas.SNAPSHOT_FIELDS if f.name not in {"in_use", "volume_id"})
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
    dry_run = exchange.flag(DRY_RUN)
    asked = read_creates(exchange.request, exchange.pairs)
    if isinstance(asked, list):
        refuse_if_match(exchange.request)
    if isinstance(asked, list) or dry_run:
        requests = asked if isinstance(asked, list) else [asked]
        return bulk.create(exchange, requests, _rows(exchange), dry_run=dry_run)
    snapshot = account.create_snapshot(asked)
    href = exchange.links.member("storage_snapshots", snapshot.id)
    return exchange.created(_render(exchange, snapshot), href)


@blueprint.delete("")
def delete_several() -> Response:
    """Delete the snapshots that the request names."""
    exchange = current()
    dry_run = exchange.flag(DRY_RUN)
    exchange.parameters("id", DRY_RUN)
    exchange.account  # noqa: B018 - who asks comes before what is asked
    refuse_if_match(exchange.request)
    ids = read_ids(exchange.request, exchange.pairs)
    return bulk.delete(exchange, ids, dry_run=dry_run)


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
    return exchange.respond(body, is_partial=view != View())


@blueprint.put("/<snapshot_id>")
@blueprint.patch("/<snapshot_id>")
def update(snapshot_id: str) -> Response:
    """Change name, description and metadata."""
    exchange = current()
    account = exchange.account
    is_put = exchange.request.method == "PUT"
    request = exchange.load(schemas.UpdateSnapshotSchema(replace=is_put), _ROOT)
    request = replace(request, if_revision=_check_if_match(exchange, snapshot_id))
    return exchange.respond(_render(exchange, account.update_snapshot(snapshot_id, request)))


@blueprint.delete("/<snapshot_id>")
def delete(snapshot_id: str) -> Response:
    """Delete a snapshot."""
    exchange = current()
    dry_run = exchange.flag(DRY_RUN)
    exchange.parameters(DRY_RUN)
    account = exchange.account
    _check_if_match(exchange, snapshot_id)
    if dry_run:
        return bulk.delete(exchange, [snapshot_id], dry_run=True)
    account.delete_snapshot(snapshot_id)
    return exchange.no_content()


@blueprint.post("/<snapshot_id>/clone")
def clone(snapshot_id: str) -> Response:
    """Restore a snapshot to a new volume."""
    exchange = current()
    account = exchange.account
    request = exchange.load(schemas.CloneSnapshotSchema(), "clone")
    volume = account.clone_snapshot(snapshot_id, request)
    href = exchange.links.member("storage_volumes", volume.id)
    return exchange.created(
        exchange.format.storage_volume(volume, volume_row(exchange, volume)),
        href,
        accepted=Capability.CLONE_ACCEPTED in exchange.capabilities,
    )


@blueprint.post("/<snapshot_id>/copy")
def copy(snapshot_id: str) -> Response:
    """Copy a snapshot to another provider of the same driver."""
    exchange = current()
    account = exchange.account
    name, request = exchange.load(schemas.CopySnapshotSchema(), "copy")
    destination, links = exchange.destination(name)
    snapshot = account.copy_snapshot(snapshot_id, request, destination)
    row = replace(_row(exchange, snapshot), links=links)
    body = exchange.format.storage_snapshot(snapshot, row)
    return exchange.created(body, links.member("storage_snapshots", snapshot.id))


@blueprint.post("/<snapshot_id>/revert")
def revert(snapshot_id: str) -> Response:
    """Set a snapshot's volume back to it."""
    exchange = current()
    account = exchange.account
    exchange.load(schemas.RevertSnapshotSchema(), "revert")
    _check_if_match(exchange, snapshot_id)
    snapshot = account.revert_snapshot(snapshot_id)
    return exchange.respond(_render(exchange, snapshot), status=202)


@blueprint.get("/<snapshot_id>/metadata")
def metadata(snapshot_id: str) -> Response:
    """Return all metadata of a snapshot."""
    exchange = current()
    exchange.parameters()
    snapshot = exchange.account.get_snapshot(snapshot_id)
    return exchange.respond(exchange.format.metadata(snapshot.metadata))


@blueprint.post("/<snapshot_id>/metadata")
@blueprint.put("/<snapshot_id>/metadata")
def change_metadata(snapshot_id: str) -> Response:
    """Merge metadata (POST) or replace all of it (PUT)."""
    exchange = current()
    account = exchange.account
    is_put = exchange.request.method == "PUT"
    change = exchange.load(schemas.MetadataSchema(replace=is_put), "metadata")
    revision = check_if_match(
        exchange.request,
        lambda: account.get_snapshot(snapshot_id),
        lambda module, snapshot: module.metadata(snapshot.metadata),
    )
    request = UpdateSnapshot(metadata=change, if_revision=revision)
    snapshot = account.update_snapshot(snapshot_id, request)
    return exchange.respond(exchange.format.metadata(snapshot.metadata))


@blueprint.get("/<snapshot_id>/metadata/<key:key>")
def metadata_value(snapshot_id: str, key: str) -> Response:
    """Return one metadata value."""
    exchange = current()
    exchange.parameters()
    value = exchange.account.get_metadata_value(snapshot_id, key)
    return exchange.respond(exchange.format.metadata_value(key, value))


@blueprint.put("/<snapshot_id>/metadata/<key:key>")
def set_metadata_value(snapshot_id: str, key: str) -> Response:
    """Set one metadata value."""
    exchange = current()
    account = exchange.account
    change = exchange.load(schemas.MetadataValueSchema(key), "meta")
    revision = _check_value_if_match(exchange, snapshot_id, key)
    request = UpdateSnapshot(metadata=change, if_revision=revision)
    account.update_snapshot(snapshot_id, request)
    # What was set here: by now somebody else may have set another value.
    return exchange.respond(exchange.format.metadata_value(key, change.set[key]))


@blueprint.delete("/<snapshot_id>/metadata/<key:key>")
def delete_metadata_key(snapshot_id: str, key: str) -> Response:
    """Remove one metadata key."""
    exchange = current()
    exchange.parameters()
    account = exchange.account
    revision = _check_value_if_match(exchange, snapshot_id, key)
    account.delete_metadata_key(snapshot_id, key, if_revision=revision)
    return exchange.no_content()


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


def _check_if_match(exchange: Exchange, snapshot_id: str) -> str | None:
    return check_if_match(
        exchange.request,
        lambda: exchange.account.get_snapshot(snapshot_id),
        lambda module, snapshot: module.storage_snapshot(snapshot, _row(exchange, snapshot)),
    )


def _check_value_if_match(exchange: Exchange, snapshot_id: str, key: str) -> str | None:
    def show(module: ModuleType, snapshot: StorageSnapshot) -> bytes:
        body: bytes = module.metadata_value(key, value_of(snapshot, key))
        return body

    return check_if_match(
        exchange.request, lambda: exchange.account.get_snapshot(snapshot_id), show
    )
