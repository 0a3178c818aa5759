"""A backend in trouble and two gateways in front of it, and what must be true whatever happens.

- Of one request, and of one key, the backend has at most one snapshot, volume or copy.
- What it has is named: by the answer, or it is found by the marker that the answer names.
- No answer tells of a success that there was not, and none of a failure with nothing done
  where something was.
- The same request again, with the same key, ends well, with exactly one.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.core.registry import Provider, Providers
from tests.creations.clouds import settings_of
from tests.faults.backends import Backend, Held

ROOT = "/storage_snapshots"
GOOD = (200, 201, 202)
_TRIES, _PAUSE_S = 40, 0.1
PASSING = frozenset({409, 429, 503, 504})
"""What may be answered while something else is under way."""
Send = Callable[..., Any]


class World:
    """A backend, and gateways that know nothing of each other."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.proxy = backend.proxy
        me = backend.credentials
        assert me.username
        assert me.password
        self.auth = (me.username, me.password)
        self.session_token = me.session_token

    @contextlib.contextmanager
    def gateway(self, *, call_timeout_s: float = 3.0) -> Iterator[Send]:
        """Run a gateway in this process; what it yields sends requests to it."""
        backend = self.backend
        given = [Provider("main", backend.name, backend.kind, backend.options)]
        if backend.other is not None:
            options = {**backend.options, **backend.other}
            given.append(Provider("other", backend.name, backend.kind, options))
        app = create_app(
            settings_of(Providers(tuple(given), "main"), call_timeout_s=call_timeout_s)
        )

        def send(
            method: str, path: str, *, key: str | None = None, provider: str = "main", **kw: Any
        ) -> TestResponse:
            headers = {**self.headers(key), "X-Deltacloud-Provider": provider}
            client = app.test_client()
            return client.open(f"/api{path}", method=method, headers=headers, auth=self.auth, **kw)

        try:
            yield send
        finally:
            app.extensions["snapgate_core"].close()

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
        if answer.status_code not in PASSING:
            break
        time.sleep(_PAUSE_S)
    assert answer.status_code in good, answer.text
    return answer


def ready(send: Send, snapshot_id: str, **asked: Any) -> dict[str, Any]:
    """Return a snapshot once it is ready."""
    for _ in range(200):
        found = document(send("GET", f"{ROOT}/{snapshot_id}", **asked))
        if found["ready"]:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{snapshot_id} does not get ready: {found}")


def document(answer: Any) -> dict[str, Any]:
    """Return the one thing that an answer shows."""
    (found,) = json_of(answer).values()
    return dict(found)


def json_of(answer: Any) -> dict[str, Any]:
    """Return the document of an answer of Flask's client, or of requests."""
    found = answer.json() if callable(answer.json) else answer.json
    return dict(found)


def check_told(answer: Any, made: Held, find: Callable[[str], list[str]]) -> None:
    """Check that an answer tells the truth of what was made.

    Args:
        answer: what the request was answered.
        made: what the backend has that it had not before.
        find: returns the ids of what carries a marker.
    """
    assert len(made) <= 1, f"{len(made)} of one request: {sorted(made)}"
    if answer.status_code in GOOD:
        assert [document(answer)["id"]] == list(made), "a success that there was not"
        return
    problem = json_of(answer)
    assert problem["code"] == answer.status_code
    assert problem["error"] != "internal", problem
    if problem["outcome"] is None:
        assert not made, f"made, and told as failed: {problem}"
        return
    assert problem["outcome"] == "unknown"
    assert find(problem["marker"]) == list(made), "made, and not found by its marker"
