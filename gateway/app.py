"""create_app(): the only place where parts are wired together."""

import ipaddress
from functools import lru_cache

from flask import Flask, Response, g
from flask.globals import request_ctx
from werkzeug.routing import BaseConverter

from gateway import observability
from gateway.core.collection import ListSettings
from gateway.core.core import Core
from gateway.core.guard import Guard
from gateway.core.sessions import Sessions
from gateway.core.waiting import Polls
from gateway.http import (
    drivers,
    entry_point,
    errors,
    snapshot_metadata,
    storage_snapshots,
    storage_volumes,
)
from gateway.http.exchange import Answer, Exchange
from gateway.http.problems import HttpProblem
from gateway.http.target import MatrixParameters
from gateway.settings import Settings

MAX_BODY_BYTES = 1 << 20


class Gateway(Flask):
    """Flask with our own answer to OPTIONS."""

    def make_default_options_response(self) -> Response:
        """Return the methods that a URL knows; no credentials are needed."""
        adapter = request_ctx.url_adapter
        allow = ", ".join(sorted(adapter.allowed_methods())) if adapter else ""
        headers = [*g.exchange.headers(), ("Allow", allow), ("Content-Length", "0")]
        return Answer(status=200, headers=headers)


class MetadataKey(BaseConverter):
    """Any text in a path, slashes and line ends too."""

    regex = "(?s:.+)"
    part_isolating = False


def create_app(settings: Settings, *, log: observability.Log | None = None) -> Gateway:
    """Return a WSGI application that serves the configured providers.

    Raises:
        ConfigurationError: when a provider's options cannot work on this machine.
    """
    log = log or observability.Log()
    app = Gateway("gateway", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_BODY_BYTES
    app.url_map.converters["key"] = MetadataKey
    app.url_map.merge_slashes = False  # a redirected POST would lose its body
    core = _core_of(settings)
    app.extensions["snapgate_core"] = core
    demo_only = any(provider.demo_credentials() for provider in settings.providers)

    @app.before_request
    def begin() -> None:
        actual = request_ctx.request  # not the proxy: it is asked dozens of times
        g.exchange = exchange = Exchange(
            actual, core, public_url=settings.public_url, log=log.write
        )
        exchange.settle_format()
        if demo_only and not _is_local(actual.environ.get("REMOTE_ADDR", "")):
            raise HttpProblem(403, "denied", "the demo account works on loopback only")
        exchange.settle_target()

    observability.install(app, log)
    errors.register(app)
    for module in (entry_point, drivers, storage_snapshots, snapshot_metadata, storage_volumes):
        app.register_blueprint(module.blueprint)
    app.wsgi_app = MatrixParameters(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _core_of(settings: Settings) -> Core:
    return Core(
        settings.providers,
        Sessions(settings.providers, maxsize=settings.session_cache, ttl_s=settings.session_ttl_s),
        Guard(timeout_s=settings.call_timeout_s),
        ListSettings(settings.marker_key, settings.max_sorted_rows),
        polls=Polls(settings.polls_per_s),
        max_wait_s=settings.max_wait_s,
    )


@lru_cache(maxsize=256)
def _is_local(address: str) -> bool:
    """Return whether a peer is on this machine; a Unix socket has no address."""
    return not address or ipaddress.ip_address(address).is_loopback
