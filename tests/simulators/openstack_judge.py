"""What the tests ask of the simulated OpenStack: by a stock openstacksdk, and by hand."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from openstack.connection import Connection

from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_keystone import PASSWORD, Token


def connect(openstack: OpenStack, user: str = "demo", **config: Any) -> Connection:
    """Return a stock connection of a user for its project.

    The SDK warns of itself (PendingDeprecationWarning) with every use.
    """
    project = {"demo-reader": "demo"}.get(user, user)
    auth = {
        "auth_url": openstack.auth_url,
        "username": user,
        "password": PASSWORD,
        "project_name": project,
        "user_domain_id": "default",
        "project_domain_id": "default",
    }
    given: dict[str, Any] = {
        "auth": auth,
        "auth_type": "v3password",
        "region_name": openstack.settings.regions[0],
        "block_storage_default_microversion": "3.66",
    }
    return Connection(**given | config)


def token_of(openstack: OpenStack, user: str = "demo") -> Token:
    """Return a new token without asking for it."""
    found = openstack.identity.user(user)
    return openstack.identity.issue(found, openstack.identity.project(next(iter(found.roles))))


class Answer:
    """What came back, read."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """What a fault says."""
        return str(next(iter(self.json.values()))["message"])


class Caller:
    """Sends requests to Cinder as a user, with a token of its own."""

    def __init__(
        self, openstack: OpenStack, user: str = "demo", version: str | None = "3.71"
    ) -> None:
        self.token = token_of(openstack, user)
        self.version = version
        self._openstack = openstack

    def __call__(
        self, method: str, path: str, body: Any = None, *, version: str | None = None
    ) -> Answer:
        """Send a request; the path is without /v3."""
        asked = version or self.version
        headers = {"X-Auth-Token": self.token.id, "Accept": "application/json"}
        headers |= {"OpenStack-API-Version": f"volume {asked}"} if asked else {}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        netloc = urlsplit(self._openstack.volume_url()).netloc
        text = json.dumps(body) if body is not None else None
        return send(netloc, method, f"/v3{path}", text, headers)


def send(netloc: str, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
    """Send a request over a connection of its own."""
    connection = HTTPConnection(netloc, timeout=5)
    try:
        connection.request(method, path, body, headers)
        with connection.getresponse() as response:
            return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()
