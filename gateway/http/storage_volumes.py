"""/api/storage_volumes: list, show, create (empty or from a snapshot), delete."""

from dataclasses import replace

from flask import Blueprint, Response

from gateway.core import fields
from gateway.core.actions import volume_actions
from gateway.driver import Capability, CreateVolume, StorageVolume
from gateway.http import lists, schemas
from gateway.http.etags import check_if_match
from gateway.http.exchange import Exchange, current
from gateway.representations.documents import Row

blueprint = Blueprint("storage_volumes", __name__, url_prefix="/api/storage_volumes")
SHOWN = (
    "id",
    "href",
    "name",
    "description",
    "state",
    "native_state",
    "state_reason",
    "progress",
    "created",
    "capacity",
    "size_bytes",
    "stored_bytes",
    "metadata",
    "zone",
    "source_snapshot_id",
    "owner",
    "actions",
)
"""The fields of a volume's document in a list."""


@blueprint.get("")
def index() -> Response:
    """Return all volumes, streamed."""
    exchange = current()
    request = lists.read_list(exchange, fields.VOLUMES, SHOWN, expandable=False)
    account, view = exchange.account, request.view
    collection = lists.Collection(
        name="storage_volumes",
        begin=account.begin_volumes,
        list=account.list_volumes,
        count=account.count_volumes,
        write=exchange.format.storage_volumes,
        row=lambda v: replace(volume_row(exchange, v), fields=view.fields, native=view.native),
    )
    return lists.answer(exchange, request, collection)


@blueprint.post("")
def create() -> Response:
    """Make a volume, empty or from a snapshot."""
    exchange = current()
    account = exchange.account
    request = exchange.load(schemas.CreateVolumeSchema(), "storage_volume")
    if isinstance(request, CreateVolume):
        volume, accepted = account.create_volume(request), False
    else:
        volume = account.clone_snapshot(*request)
        accepted = Capability.CLONE_ACCEPTED in exchange.capabilities
    body = exchange.format.storage_volume(volume, volume_row(exchange, volume))
    href = exchange.links.member("storage_volumes", volume.id)
    return exchange.created(body, href, accepted=accepted)


@blueprint.get("/<volume_id>")
def show(volume_id: str) -> Response:
    """Return one volume with its snapshots."""
    exchange = current()
    view = lists.read_view(exchange, (*SHOWN, "snapshots"))
    volume, row = _with_snapshots(exchange, volume_id)
    row = replace(row, fields=view.fields, native=view.native)
    body = exchange.format.storage_volume(volume, row)
    return exchange.respond(body, is_partial=view != lists.View())


@blueprint.delete("/<volume_id>")
def delete(volume_id: str) -> Response:
    """Delete a volume."""
    exchange = current()
    exchange.parameters()
    account = exchange.account
    check_if_match(
        exchange.request,
        lambda: _with_snapshots(exchange, volume_id),
        lambda module, found: module.storage_volume(*found),
    )
    account.delete_volume(volume_id)
    return exchange.no_content()


def volume_row(exchange: Exchange, volume: StorageVolume) -> Row:
    """Return what accompanies a volume into its representation."""
    return Row(exchange.links, volume_actions(volume, exchange.capabilities))


def _with_snapshots(exchange: Exchange, volume_id: str) -> tuple[StorageVolume, Row]:
    volume = exchange.account.get_volume(volume_id)
    snapshots = exchange.account.snapshots_of(volume_id)
    ids = tuple(snapshot.id for snapshot in snapshots.items())
    return volume, replace(volume_row(exchange, volume), snapshot_ids=ids)
