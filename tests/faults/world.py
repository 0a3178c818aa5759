"""A backend in trouble and two gateways in front of it, and what must be true whatever happens.

- Of one request, and of one key, the backend has at most one snapshot, volume or copy; of
  a request for several, at most one for each.
- What it has is named: by the answer, or it is found by the marker that the answer names.
- No answer tells of a success that there was not, and none of a failure with nothing done
  where something was.
- The same request again, with the same key, ends well, with exactly one.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any, Self

from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.core.registry import Provider, Providers
from tests.creations.clouds import settings_of
from tests.faults.answers import GOOD, document, statuses
from tests.faults.backends import Backend

ROOT = "/storage_snapshots"
VOLUMES = "/storage_volumes"
_TRIES, _PAUSE_S = 40, 0.1
PASSING = frozenset({409, 429, 503, 504})
"""What may be answered while something else is under way."""
Send = Callable[..., Any]


class World:
    """A backend, and gateways that know nothing of each other; the end of the block closes them."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.proxy = backend.proxy
        me = backend.credentials
        assert me.username
        assert me.password
        self.auth = (me.username, me.password)
        self.session_token = me.session_token
        self._running = contextlib.ExitStack()
        self._gateways: dict[float, Send] = {}

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the gateways."""
        self._running.close()

    def gateway(self, call_timeout_s: float) -> Send:
        """Return what sends requests to the gateway, in this process, that waits so long."""
        if call_timeout_s not in self._gateways:
            self._gateways[call_timeout_s] = self._new_gateway(call_timeout_s)
        return self._gateways[call_timeout_s]

    def _new_gateway(self, call_timeout_s: float) -> Send:
        backend = self.backend
        given = [Provider("main", backend.name, backend.kind, backend.options)]
        if backend.other is not None:
            options = {**backend.options, **backend.other}
            given.append(Provider("other", backend.name, backend.kind, options))
        app = create_app(
            settings_of(Providers(tuple(given), "main"), call_timeout_s=call_timeout_s)
        )
        self._running.callback(app.extensions["snapgate_core"].close)

        def send(
            method: str, path: str, *, key: str | None = None, provider: str = "main", **kw: Any
        ) -> TestResponse:
            headers = {**self.headers(key), "X-Deltacloud-Provider": provider}
            client = app.test_client()
            return client.open(f"/api{path}", method=method, headers=headers, auth=self.auth, **kw)

        return send

    def headers(self, key: str | None = None) -> dict[str, str]:
        """Return what is sent beside the password."""
        found = {"Accept": "application/json"}
        if self.session_token:
            found["X-Amz-Security-Token"] = self.session_token
        return found if key is None else {**found, "Idempotency-Key": key}


def sent_again(send: Send, *asked: Any, good: tuple[int, ...] = GOOD, **kw: Any) -> Any:
    """Return the good answer to a request that is sent until something else is over."""
    for _ in range(_TRIES):
        answer = send(*asked, **kw)
        if PASSING.isdisjoint(statuses(answer)):
            break
        time.sleep(_PAUSE_S)
    assert set(statuses(answer)) <= set(good), answer.text
    return answer


def ready(send: Send, snapshot_id: str, **asked: Any) -> dict[str, Any]:
    """Return a snapshot once it is ready."""
    for _ in range(200):
        found = document(send("GET", f"{ROOT}/{snapshot_id}", **asked))
        if found["ready"]:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{snapshot_id} does not get ready: {found}")
