"""/api/storage_volumes: list, show, create (empty or from a snapshot), delete."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from flask import Blueprint, Response

from gateway.core import endings, fields
from gateway.core.actions import volume_actions
from gateway.core.idempotency import Made
from gateway.driver import Capability, CreateVolume, StorageVolume
from gateway.http import deletion, lists, schemas, waits
from gateway.http.etags import if_match, refuse_if_match, state_of
from gateway.http.exchange import Exchange, current
from gateway.http.terms import made_response, terms_of
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
    terms = terms_of(exchange.request)
    refuse_if_match(exchange.request)
    request = exchange.load(schemas.CreateVolumeSchema(), "storage_volume")
    if isinstance(request, CreateVolume):
        return made_volume(exchange, account.make_volume(request, terms), is_clone=False)
    snapshot_id, clone = request
    return made_volume(exchange, account.make_clone(snapshot_id, clone, terms), is_clone=True)


@blueprint.get("/<volume_id>")
def show(volume_id: str) -> Response:
    """Return one volume with its snapshots."""
    exchange = current()
    view = lists.read_view(exchange, (*SHOWN, "snapshots"))
    volume, row = _with_snapshots(exchange, volume_id)
    row = replace(row, fields=view.fields, native=view.native)
    body = exchange.format.storage_volume(volume, row)
    if view != lists.View():
        return exchange.respond(body, is_partial=True)
    return exchange.respond(body, state=_state(volume, row.snapshot_ids or ()))


@blueprint.delete("/<volume_id>")
def delete(volume_id: str) -> Response:
    """Delete a volume."""
    exchange = current()
    exchange.parameters(deletion.MISSING)
    account = exchange.account
    missing_ok = deletion.read_missing(exchange)
    only_if = if_match(exchange.request, partial(_present_state, exchange))
    return deletion.delete(
        exchange,
        partial(account.delete_volume, volume_id, missing_ok=missing_ok, only_if=only_if),
        partial(endings.volume_deleted, account, volume_id),
        lambda volume: exchange.respond(_render(exchange, volume), status=202),
    )


def made_volume(exchange: Exchange, made: Made[StorageVolume], *, is_clone: bool) -> Response:
    """Return the answer to a request that made a volume, or found what it made before."""
    href = exchange.links.member("storage_volumes", made.item.id)
    ending = partial(endings.volume_made, exchange.account)
    made, is_over = waits.made(exchange, made, href, ending)
    is_new = made.found is None  # a repeat shows what has come of it, with a 200
    accepts = Capability.CLONE_ACCEPTED in exchange.capabilities
    if is_over is None and is_clone and is_new and accepts:
        is_over = False
    body, state = _render(exchange, made.item), _state(made.item, ())
    return made_response(exchange, made, body, href, state=state, is_over=is_over)


def volume_row(exchange: Exchange, volume: StorageVolume) -> Row:
    """Return what accompanies a volume into its representation."""
    return Row(exchange.links, volume_actions(volume, exchange.capabilities))


def _render(exchange: Exchange, volume: StorageVolume) -> bytes:
    body: bytes = exchange.format.storage_volume(volume, volume_row(exchange, volume))
    return body


def _with_snapshots(exchange: Exchange, volume_id: str) -> tuple[StorageVolume, Row]:
    volume = exchange.account.get_volume(volume_id)
    ids = _snapshots_of(exchange, volume_id)
    return volume, replace(volume_row(exchange, volume), snapshot_ids=ids)


def _snapshots_of(exchange: Exchange, volume_id: str) -> tuple[str, ...]:
    return tuple(snapshot.id for snapshot in exchange.account.snapshots_of(volume_id).items())


def _state(volume: StorageVolume, snapshot_ids: Iterable[str]) -> str:
    """Return the state of a volume with its snapshots: some clouds delete them together."""
    return state_of(volume, sorted(snapshot_ids))


def _present_state(exchange: Exchange, volume: StorageVolume) -> str:
    return _state(volume, _snapshots_of(exchange, volume.id))
