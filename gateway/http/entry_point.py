"""/api: where everything begins; and the probes of the machine that runs it."""

import importlib.metadata

from flask import Blueprint, Response

from gateway.driver import Capability
from gateway.http.exchange import current
from gateway.representations.documents import EntryPoint, Feature

blueprint = Blueprint("entry_point", __name__)
VERSION = importlib.metadata.version("snapgate")
_FEATURES = {
    "storage_snapshots": (
        (
            Capability.SNAPSHOT_CREATE,
            Feature("create", "create", ("volume_id", "name", "description", "metadata")),
        ),
        (
            Capability.SNAPSHOT_CREATE,
            Feature("bulk_create", "create", ("storage_snapshots", "dry_run")),
        ),
        (
            Capability.SNAPSHOT_CREATE,
            Feature("unless_newer_than", "create", ("unless_newer_than",)),
        ),
        (Capability.SNAPSHOT_MARKER, Feature("idempotency_key", "create")),
        (Capability.IN_USE_REFUSE, Feature("in_use", "create", ("in_use",))),
        (Capability.LOCATION, Feature("location", "create", ("location",))),
        (
            Capability.SNAPSHOT_UPDATE,
            Feature("update", "update", ("name", "description", "metadata")),
        ),
        (Capability.SNAPSHOT_DELETE, Feature("delete", "delete")),
        (Capability.SNAPSHOT_DELETE, Feature("bulk_delete", "delete", ("id", "dry_run"))),
        (Capability.SNAPSHOT_CLONE, Feature("clone", "clone", ("name", "description"))),
        (
            Capability.SNAPSHOT_COPY,
            Feature("copy", "copy", ("destination", "name", "description", "metadata")),
        ),
        (Capability.SNAPSHOT_REVERT, Feature("revert", "revert")),
        (Capability.CLONE_SIZE, Feature("clone_size", "clone", ("size_bytes",))),
        (Capability.ZONE, Feature("clone_zone", "clone", ("zone",))),
        (Capability.CLONE_MEDIA, Feature("clone_media", "clone", ("media",))),
        (Capability.CLONE_AFFINITIES, Feature("clone_affinities", "clone", ("affinities",))),
        (Capability.CLONE_AVOID, Feature("clone_avoid", "clone", ("avoid",))),
    ),
    "storage_volumes": (
        (
            Capability.VOLUME_CREATE,
            Feature("create", "create", ("capacity", "size_bytes", "name", "description")),
        ),
        (Capability.VOLUME_MARKER, Feature("idempotency_key", "create")),
        (Capability.SNAPSHOT_CLONE, Feature("from_snapshot", "create", ("snapshot_id",))),
        (Capability.ZONE, Feature("zone", "create", ("zone",))),
        (Capability.VOLUME_DELETE, Feature("delete", "delete")),
    ),
}


@blueprint.get("/api")
def index() -> Response:
    """Return the entry point."""
    exchange = current()
    exchange.parameters()
    document = EntryPoint(
        version=VERSION,
        driver=exchange.target.driver_name,
        provider=exchange.target.name,
        collections={"drivers": (), **_collections(exchange.capabilities)},
    )
    return exchange.respond(exchange.format.entry_point(document, exchange.links))


@blueprint.get("/healthz")
@blueprint.get("/readyz")
def healthz() -> Response:
    """Return 200: a process that answers has opened all its providers."""
    return Response("ok\n", content_type="text/plain")


def _collections(capabilities: Capability) -> dict[str, tuple[Feature, ...]]:
    return {
        name: tuple(feature for capability, feature in features if capability in capabilities)
        for name, features in _FEATURES.items()
        if name != "storage_volumes" or Capability.VOLUME_READ in capabilities
    }
