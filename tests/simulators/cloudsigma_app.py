"""The Flask application of the simulator: what is the same for every request."""

import gzip
from collections import Counter
from dataclasses import dataclass
from functools import cache

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from tests.simulators.cloudsigma_accounts import accounts
from tests.simulators.cloudsigma_auth import Gate
from tests.simulators.cloudsigma_call import Call, current
from tests.simulators.cloudsigma_drives import drives
from tests.simulators.cloudsigma_errors import ApiError, error, error_body, form_of, lacks
from tests.simulators.cloudsigma_http import Request
from tests.simulators.cloudsigma_others import others
from tests.simulators.cloudsigma_remote import remote_snapshots
from tests.simulators.cloudsigma_settings import Settings
from tests.simulators.cloudsigma_sizes import capabilities
from tests.simulators.cloudsigma_snapshots import snapshots
from tests.simulators.cloudsigma_state import Account
from tests.simulators.cloudsigma_store import Store

CONTEXT = "cloudsigma.context"
_NOBODY = Account(email="", uuid="")
_ACCEPTED = ("application/json", "application/xml")
_LONG = 1000


class Rates:
    """Counts requests of an account in a minute of the simulated time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._minute = 0
        self._counts: Counter[tuple[str, str]] = Counter()

    def check(self, call: Call) -> None:
        """Count a request, and refuse it if it is one too many."""
        minute = int(call.store.clock.now().timestamp() // 60)
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        key = call.account.uuid, call.request.method
        self._counts[key] += 1
        limit = self._settings.rates_per_minute.get(call.request.method)
        if limit is not None and self._counts[key] > limit:
            raise error(self._settings.rate_status, "Too many requests")


@dataclass(frozen=True)
class Context:
    """What the application needs to know of a request besides what is in it."""

    store: Store
    gate: Gate
    rates: Rates
    request: Request


@cache
def application() -> Flask:
    """Return the application, which all simulators share: what is theirs is in the context."""
    app = Flask("cloudsigma")
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.config["PROPAGATE_EXCEPTIONS"] = True
    for noun in (drives, snapshots, remote_snapshots, capabilities, accounts, others):
        app.register_blueprint(noun)
    app.before_request(_enter)
    app.register_error_handler(ApiError, _refusal)
    app.register_error_handler(HTTPException, _http_refusal)
    app.after_request(_compressed)
    return app


def _context() -> Context:
    found: Context = request.environ[CONTEXT]
    return found


def _enter() -> Response | None:
    """Find out who asks, and let pass what came to its end meanwhile."""
    here = _context()
    asked, store = here.request, here.store
    store.bring_to(store.clock.now())
    is_login = asked.route == "/accounts/action/" and ("do", "login") in asked.parameters
    account = _NOBODY if is_login else here.gate.account_of(asked)
    asked.user = account.email or None
    g.call, g.gate = Call(store, asked, account), here.gate
    here.rates.check(current())
    if request.accept_mimetypes and not request.accept_mimetypes.best_match(_ACCEPTED):
        raise error(406)
    wanted = request.args.get("format") or request.accept_mimetypes.best_match(_ACCEPTED) or "json"
    if wanted not in ("json", "application/json"):
        raise lacks(wanted)
    return _options() if request.method == "OPTIONS" else None


def _options() -> Response:
    routes = current_app.create_url_adapter(request)
    known = routes.allowed_methods() if routes else ()
    if not known:
        raise error(404)
    names = [one for one in ("GET", "PUT", "DELETE", "POST") if one in known]
    return Response(",".join(names), 200, content_type="text/plain; charset=utf-8")


def _refusal(found: ApiError) -> Response:
    form = form_of(_context().store.settings, found.status)
    body, content_type = error_body(form, found)
    return Response(body, found.status, found.headers, content_type=content_type)


def _http_refusal(found: HTTPException) -> Response:
    if isinstance(found, RequestRedirect):
        return _refusal(error(404))
    headers = dict(found.get_headers())
    allow = {"Allow": headers["Allow"]} if "Allow" in headers else {}
    return _refusal(ApiError(found.code or 500, headers=allow))


def _compressed(response: Response) -> Response:
    data = response.get_data()
    accepts = _context().store.settings.gzips and request.accept_encodings["gzip"]
    if accepts and len(data) >= _LONG:
        response.set_data(gzip.compress(data, 1))
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
    return response
