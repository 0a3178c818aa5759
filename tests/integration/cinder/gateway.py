"""A gateway in front of the real Cinder, and the requests of Cinder's users to it."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from tests.http.tools import CONTENT_TYPES, accept, basic, facts, facts_of_list, problem
from tests.integration.cinder.server import rows
from tests.integration.cinder.server.cinder import RealCinder
from tests.servers import Server

SNAPSHOTS = "/storage_snapshots"
VOLUMES = "/storage_volumes"
GIB = 1 << 30
NOBODYS = "5b4a7c1e-93d2-4b8f-8f5e-0d9c6c1f2a33"
"""An id as Cinder's are, which nothing has."""
_SETTLED_S = 30


def cinder_config(folder: Path, providers: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write a configuration with providers of the driver, the first the default; its path."""
    lines = ["[gateway]", f"default_provider = {json.dumps(next(iter(providers)))}"]
    for name, options in providers.items():
        lines += [f"[providers.{name}]", 'driver = "cinder"', f"[providers.{name}.options]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in options.items()]
    config = folder / "gateway.toml"
    config.write_text("\n".join(lines) + "\n")
    return config


class Api:
    """The requests of Cinder's users to a gateway; no answer may hold their credentials."""

    def __init__(self, server: Server, cinder: RealCinder) -> None:
        self.server = server
        self._cinder = cinder

    def login(self, user: str) -> tuple[str, str]:
        """Return what a user gives as HTTP Basic: with the project of the name in ``users``."""
        found = self._cinder.users[user]
        return f"{found.name}+{found.project}", found.password

    def request(
        self,
        method: str,
        path: str,
        *,
        format_: str = "json",
        user: str = "demo",
        token: str | None = None,
        provider: str | None = None,
        headers: Mapping[str, str] | None = None,
        **kw: Any,
    ) -> requests.Response:
        """Send a request.

        Args:
            method: the HTTP method.
            path: the path below /api, or a link from an answer.
            format_: the format to ask for.
            user: who asks, with password and project, unless there is ``auth`` in ``kw``.
            token: the token to send instead.
            provider: the provider to name in the URL, if any.
            headers: more headers.
            kw: what requests.request() takes.
        """
        if path.startswith("http"):
            assert path.startswith(self.server.api)
        path = path.removeprefix(self.server.api)
        given = {**accept(format_), **({"X-Auth-Token": token} if token else {}), **(headers or {})}
        auth = kw.setdefault("auth", None if token else self.login(user))
        selection = f";provider={provider}" if provider else ""
        answer = self.server.request(method, selection + path, headers=given, **kw)
        shown = f"{answer.headers}{answer.text}"
        assert "gAAAA" not in shown  # every token of Keystone's begins so
        assert not auth or basic(*auth).removeprefix("Basic ") not in shown
        return answer

    def get(self, path: str, **kw: Any) -> dict[str, Any]:
        """Return a resource that must be there."""
        return facts(self._expect(200, "GET", path, **kw))

    def all(self, path: str = SNAPSHOTS, **kw: Any) -> list[dict[str, Any]]:
        """Return a list; ``params`` are its filters."""
        return facts_of_list(self._expect(200, "GET", path, **kw))

    def ids(self, path: str = SNAPSHOTS, **kw: Any) -> list[str]:
        """Return the ids in a list, of which no one may be there twice."""
        found = [item["id"] for item in self.all(path, **kw)]
        assert len(found) == len(set(found))
        return found

    def make(self, path: str = SNAPSHOTS, status: int = 201, **kw: Any) -> dict[str, Any]:
        """Return what a POST has made."""
        return facts(self._expect(status, "POST", path, **kw))

    def change(self, method: str, path: str, **kw: Any) -> dict[str, Any]:
        """Return a resource after a change."""
        return facts(self._expect(200, method, path, **kw))

    def delete(self, path: str, **kw: Any) -> None:
        """Delete something."""
        assert self._expect(204, "DELETE", path, **kw).content == b""

    def refusal(self, method: str, path: str, status: int = 400, **kw: Any) -> dict[str, Any]:
        """Return the error with which a request is refused, in the format that it asked for."""
        answer = self._expect(status, method, path, **kw)
        assert answer.headers["Content-Type"] == CONTENT_TYPES[kw.get("format_", "json")]
        found = problem(answer)
        assert found["code"] == status
        return found

    def settled(self, path: str, state: str, **kw: Any) -> dict[str, Any]:
        """Wait until a resource is in a state and return it."""
        end = time.monotonic() + _SETTLED_S
        while (found := self.get(path, **kw))["state"] != state:
            assert time.monotonic() < end, found
            time.sleep(0.02)
        return found

    def gone(self, path: str) -> None:
        """Wait until there is a 404."""
        end = time.monotonic() + _SETTLED_S
        while self.request("GET", path).status_code != 404:
            assert time.monotonic() < end, f"{path} is still there"
            time.sleep(0.02)

    def _expect(self, status: int, method: str, path: str, **kw: Any) -> requests.Response:
        answer = self.request(method, path, **kw)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer


def rels(found: Mapping[str, Any]) -> list[str]:
    """Return what may be done to a resource."""
    return [action["rel"] for action in found["actions"]]


def pair(answer: requests.Response) -> tuple[int, str]:
    """Return status and kind of an error."""
    return answer.status_code, str(problem(answer)["error"])


@contextlib.contextmanager
def nothing_made(cinder: RealCinder) -> Iterator[None]:
    """Fail when the block makes a snapshot or a volume, in whatever project; others may go."""
    before = _made(cinder)
    yield
    assert _made(cinder) == before


def _made(cinder: RealCinder) -> Sequence[int]:
    """Return how many snapshots and volumes have ever been made: Cinder keeps all rows."""
    with rows.opened(cinder.folder / "cinder.sqlite") as database:
        counts = [
            database.execute(f"SELECT count(*) FROM {table}").fetchone()
            for table in ("snapshots", "volumes")
        ]
    return [number for (number,) in counts]
