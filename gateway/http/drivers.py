"""/api/drivers: the drivers in use, their providers, and what each can do."""

from flask import Blueprint, Response

from gateway.core import fields
from gateway.core.checks import not_found
from gateway.core.descriptions import capabilities_of, limits_of
from gateway.core.registry import Provider, Providers
from gateway.driver import Driver
from gateway.http.exchange import current
from gateway.http.storage_snapshots import native_of
from gateway.representations.documents import DriverDescription

blueprint = Blueprint("drivers", __name__, url_prefix="/api/drivers")


@blueprint.get("")
def index() -> Response:
    """Return the drivers in use."""
    exchange = current()
    exchange.parameters()
    names = dict.fromkeys(provider.driver_name for provider in exchange.core.providers)
    found = [_describe(exchange.core.providers, name) for name in names]
    return exchange.respond(exchange.format.drivers(found, exchange.links))


@blueprint.get("/<driver_id>")
def show(driver_id: str) -> Response:
    """Return one driver."""
    exchange = current()
    exchange.parameters()
    if not exchange.core.providers.of_driver(driver_id):
        raise not_found("driver", driver_id)
    description = _describe(exchange.core.providers, driver_id)
    return exchange.respond(exchange.format.driver(description, exchange.links))


def _describe(configured: Providers, driver_name: str) -> DriverDescription:
    providers: list[Provider] = configured.of_driver(driver_name)
    driver: type[Driver] = providers[0].driver
    return DriverDescription(
        id=driver_name,
        name=providers[0].title,
        providers=tuple(provider.name for provider in providers),
        capabilities=capabilities_of(driver),
        filters=fields.lookups(fields.SNAPSHOTS),
        sort_keys=fields.sortable(fields.SNAPSHOTS),
        native=native_of(driver),
        limits={**limits_of(driver), "page_size": driver.page_size},
    )
