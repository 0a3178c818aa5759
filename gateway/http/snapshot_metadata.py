"""/api/storage_snapshots/:id/metadata: all of it, and one key, as in Cinder."""

from flask import Blueprint, Response

from gateway.core.creations import Condition
from gateway.driver import StorageSnapshot, UpdateSnapshot
from gateway.http import schemas
from gateway.http.etags import if_match, state_of
from gateway.http.exchange import Exchange, current
from gateway.http.terms import refuse_key

blueprint = Blueprint(
    "snapshot_metadata", __name__, url_prefix="/api/storage_snapshots/<snapshot_id>/metadata"
)


@blueprint.get("")
def index(snapshot_id: str) -> Response:
    """Return all metadata of a snapshot."""
    exchange = current()
    exchange.parameters()
    return _all(exchange, exchange.account.get_snapshot(snapshot_id))


@blueprint.post("")
@blueprint.put("")
def change(snapshot_id: str) -> Response:
    """Merge metadata (POST) or replace all of it (PUT)."""
    exchange = current()
    account = exchange.account
    is_put = exchange.request.method == "PUT"
    if not is_put:
        refuse_key(exchange.request)
    change = exchange.load(schemas.MetadataSchema(replace=is_put), "metadata")
    only_if = if_match(exchange.request, _state)
    request = UpdateSnapshot(metadata=change, only_if=only_if)
    return _all(exchange, account.update_snapshot(snapshot_id, request))


@blueprint.get("/<key:key>")
def show(snapshot_id: str, key: str) -> Response:
    """Return one metadata value."""
    exchange = current()
    exchange.parameters()
    return _one(exchange, key, exchange.account.get_metadata_value(snapshot_id, key))


@blueprint.put("/<key:key>")
def set_value(snapshot_id: str, key: str) -> Response:
    """Set one metadata value."""
    exchange = current()
    account = exchange.account
    change = exchange.load(schemas.MetadataValueSchema(key), "meta")
    request = UpdateSnapshot(metadata=change, only_if=_condition(exchange, key))
    account.update_snapshot(snapshot_id, request)
    # What was set here: by now somebody else may have set another value.
    return _one(exchange, key, change.set[key])


@blueprint.delete("/<key:key>")
def delete(snapshot_id: str, key: str) -> Response:
    """Remove one metadata key."""
    exchange = current()
    exchange.parameters()
    account = exchange.account
    account.delete_metadata_key(snapshot_id, key, only_if=_condition(exchange, key))
    return exchange.no_content()


def _state(snapshot: StorageSnapshot) -> str:
    return state_of("metadata", snapshot.metadata)


def _condition(exchange: Exchange, key: str) -> Condition | None:
    def state(found: StorageSnapshot) -> str | None:
        value = found.metadata.get(key)
        return None if value is None else state_of("meta", key, value)

    return if_match(exchange.request, state)


def _all(exchange: Exchange, snapshot: StorageSnapshot) -> Response:
    body = exchange.format.metadata(snapshot.metadata)
    return exchange.respond(body, state=_state(snapshot))


def _one(exchange: Exchange, key: str, value: str) -> Response:
    body = exchange.format.metadata_value(key, value)
    return exchange.respond(body, state=state_of("meta", key, value))
