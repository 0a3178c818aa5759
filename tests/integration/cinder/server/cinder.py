"""The real Cinder as tests use it: as its users, as its admin, and behind its back."""

import contextlib
import itertools
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import requests

from tests.integration.cinder.server import rows
from tests.integration.cinder.server.pair import REGION, USERS, Pair, User

_WAIT_S = 30


class Token(NamedTuple):
    """A token and the project it is for."""

    id: str
    project_id: str


class Caller:
    """Requests of one user to Cinder."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def request(
        self, method: str, path: str, *, microversion: str = "latest", **kw: Any
    ) -> requests.Response:
        """Send a request.

        Args:
            method: the HTTP method.
            path: the path below /v3, or a link from an answer.
            microversion: the version of the API to ask for.
            kw: what requests.request() takes.
        """
        given = {"X-Auth-Token": self.token, "OpenStack-API-Version": f"volume {microversion}"}
        headers = {"Accept": "application/json", **given, **kw.pop("headers", {})}
        url = path if path.startswith("http") else self.url + path
        return send(method, url, headers=headers, **kw)

    def __call__(self, method: str, path: str, json: object = None, **kw: Any) -> Any:
        """Send a request that must succeed and return what the answer holds, if anything."""
        answer = self.request(method, path, json=json, **kw)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


class RealCinder(Pair):
    """Keystone and Cinder, and what a test may do to them.

    What stands in the way of a test can be put into ``with`` blocks (hold, fail, quota, filled);
    all else goes on until the servers stop. Names of users are those in ``users``.

    Attributes:
        region: the only region of the catalogue.
        users: who may ask for tokens, by their names.
    """

    region = REGION
    users: Mapping[str, User] = USERS

    def __init__(self, folder: Path, *, max_limit: int = 1000) -> None:
        super().__init__(folder, max_limit=max_limit)
        self._callers: dict[str, Caller] = {}
        self._projects: dict[str, str] = {}
        self._numbers = itertools.count()

    # Keystone

    def token(self, user: str) -> Token:
        """Return a new token of a user."""
        answer = self._authenticate(user)
        project = answer.json()["token"]["project"]["id"]
        return Token(answer.headers["X-Subject-Token"], project)

    def project_id(self, project: str) -> str:
        """Return the id of the project with a name."""
        if project not in self._projects:
            user = next(user for user in self.users.values() if user.project == project)
            self._projects[project] = self.token(user.name).project_id
        return self._projects[project]

    def revoke(self, token: str) -> None:
        """Make a token from ``token`` invalid, and wait until Cinder has heard of it."""
        self._keystone("DELETE", "/auth/tokens", token, headers={"X-Subject-Token": token})
        end = time.monotonic() + _WAIT_S
        while Caller(self.cinder_url, token).request("GET", "/limits").status_code != 401:
            assert time.monotonic() < end, "Cinder still takes a revoked token"
            time.sleep(0.05)

    def application_credential(self, user: str, **fields: Any) -> tuple[str, str]:
        """Make an application credential and return its id and its secret.

        Args:
            user: whose it is.
            fields: what else Keystone is told about it: roles, expires_at, ...
        """
        answer = self._authenticate(user)
        owner = answer.json()["token"]["user"]["id"]
        made = self._keystone(
            "POST",
            f"/users/{owner}/application_credentials",
            answer.headers["X-Subject-Token"],
            json={"application_credential": {"name": uuid.uuid4().hex, **fields}},
        ).json()["application_credential"]
        return made["id"], made["secret"]

    # Cinder

    def as_user(self, user: str) -> Caller:
        """Return the calls of a user, with a token of their own that lasts as long as the tests."""
        if user not in self._callers:
            self._callers[user] = Caller(self.cinder_url, self.token(user).id)
        return self._callers[user]

    def admin(self, method: str, path: str, json: object = None) -> Any:
        """Send a request below /v3 as the admin and return what the answer holds."""
        return self.as_user("admin")(method, path, json)

    def volume(self, kind: str = "nfs", user: str = "demo", **fields: Any) -> str:
        """Make a volume of 1 GiB of a volume type, and return its id when it is available."""
        fields = {"size": 1, "volume_type": kind, **fields}
        made = self.as_user(user)("POST", "/volumes", {"volume": fields})["volume"]
        self.wait("volumes", made["id"], "available")
        return str(made["id"])

    def snapshot(self, volume_id: str, user: str = "demo", **fields: Any) -> str:
        """Make a snapshot and return its id when it is available."""
        fields = {"volume_id": volume_id, **fields}
        made = self.as_user(user)("POST", "/snapshots", {"snapshot": fields})["snapshot"]
        self.wait("snapshots", made["id"], "available")
        return str(made["id"])

    def wait(self, kind: str, id_: str, status: str | None, limit_s: float = _WAIT_S) -> None:
        """Wait until something has a status.

        Args:
            kind: the collection: volumes, snapshots, groups, group_snapshots.
            id_: its id.
            status: the status to wait for; None if it shall be gone.
            limit_s: how long to wait.
        """
        end = time.monotonic() + limit_s
        while (found := self.status(kind, id_)) != status:
            assert time.monotonic() < end, f"{kind}/{id_} is still {found}\n{self.log()}"
            time.sleep(0.02)

    def status(self, kind: str, id_: str) -> str | None:
        """Return the status of something of any project; None if it is not there."""
        answer = self.as_user("admin").request("GET", f"/{kind}/{id_}")
        if answer.status_code == 404:
            return None
        (found,) = answer.json().values()
        return str(found["status"])

    def reset_snapshot(self, id_: str, status: str) -> None:
        """Set the status of a snapshot, and do nothing else to it."""
        self.admin("POST", f"/snapshots/{id_}/action", {"os-reset_status": {"status": status}})

    def reset_volume(self, id_: str, status: str) -> None:
        """Set the status of a volume, and do nothing else to it."""
        self.admin("POST", f"/volumes/{id_}/action", {"os-reset_status": {"status": status}})

    def attach(self, volume_id: str, user: str = "demo") -> str:
        """Make a volume (of the type fake) be in use and return the id of the attachment."""
        connector = {
            "host": "h1",
            "initiator": "iqn.x",
            "ip": "127.0.0.1",
            "platform": "x86_64",
            "os_type": "linux",
            "multipath": False,
            "mountpoint": "/dev/vdb",
            "mode": "rw",
        }
        fields = {"volume_uuid": volume_id, "connector": connector}
        call = self.as_user(user)
        made = call("POST", "/attachments", {"attachment": fields})["attachment"]
        call("POST", f"/attachments/{made['id']}/action", {"os-complete": {}})
        self.wait("volumes", volume_id, "in-use")
        return str(made["id"])

    def detach(self, attachment_id: str, user: str = "demo") -> None:
        """Remove an attachment."""
        self.as_user(user)("DELETE", f"/attachments/{attachment_id}")

    def group(self, user: str = "demo") -> tuple[str, str]:
        """Make a group of one volume and a snapshot of the group.

        Returns:
            The ids of the volume's snapshot and of the group snapshot that it is part of.
        """
        name = f"group-{next(self._numbers)}"
        kind = self.admin("POST", "/group_types", {"group_type": {"name": name}})["group_type"]
        call = self.as_user(user)
        types = {found["name"]: found["id"] for found in call("GET", "/types")["volume_types"]}
        fields = {"name": name, "group_type": kind["id"], "volume_types": [types["fake"]]}
        group = call("POST", "/groups", {"group": fields})["group"]["id"]
        self.wait("groups", group, "available")
        volume = self.volume("fake", user, group_id=group)
        asked = {"group_snapshot": {"group_id": group, "name": name}}
        made = call("POST", "/group_snapshots", asked)["group_snapshot"]["id"]
        self.wait("group_snapshots", made, "available")
        (snapshot,) = call("GET", f"/snapshots?volume_id={volume}")["snapshots"]
        return snapshot["id"], made

    # What stands in a test's way

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Keep operations on nfs from ending: what a test asks for stays creating or deleting."""
        with self._present("hold"):
            yield

    @contextlib.contextmanager
    def fail(self) -> Iterator[None]:
        """Make operations on nfs fail: what a test asks for gets to be in an error state."""
        with self._present("fail"):
            yield

    def set_quota(self, project: str, **limits: int) -> dict[str, int]:
        """Set limits of a project (snapshots, gigabytes, volumes) and return the former ones."""
        path = f"/os-quota-sets/{self.project_id(project)}"
        former = self.admin("GET", path)["quota_set"]
        self.admin("PUT", path, {"quota_set": limits})
        return {name: former[name] for name in limits}

    def usage(self, project: str) -> dict[str, dict[str, int]]:
        """Return ``{"in_use": ..., "limit": ..., ...}`` for each limit of a project."""
        found = self.admin("GET", f"/os-quota-sets/{self.project_id(project)}?usage=True")
        return {key: value for key, value in found["quota_set"].items() if key != "id"}

    @contextlib.contextmanager
    def quota(self, project: str, **limits: int) -> Iterator[None]:
        """Have other limits of a project until the block ends."""
        former = self.set_quota(project, **limits)
        try:
            yield
        finally:
            self.set_quota(project, **former)

    def fill(self, number: int, project: str = "demo") -> list[str]:
        """Insert rows of snapshots behind Cinder's back and return their ids, oldest first.

        All are of one volume of the type fake. They are named bulk-00000 and so on, each has the
        metadata ``n`` from "0" to "9", and they were created one second after another in 2025.
        No quota counts them. A snapshot, made by Cinder, is there for the time of this call.
        """
        user = next(found.name for found in self.users.values() if found.project == project)
        volume = self.volume("fake", user)
        pattern = self.snapshot(volume, user)
        with rows.opened(self.folder / "cinder.sqlite") as database:
            made = rows.insert(database, pattern, number)
        self.as_user(user)("DELETE", f"/snapshots/{pattern}")
        self.wait("snapshots", pattern, None)
        return made

    def forget(self, ids: list[str]) -> None:
        """Remove the rows of snapshots behind Cinder's back."""
        with rows.opened(self.folder / "cinder.sqlite") as database:
            rows.remove(database, ids)

    @contextlib.contextmanager
    def filled(self, number: int, project: str = "demo") -> Iterator[list[str]]:
        """Have rows as ``fill`` makes them until the block ends."""
        made = self.fill(number, project)
        try:
            yield made
        finally:
            self.forget(made)

    @contextlib.contextmanager
    def _present(self, name: str) -> Iterator[None]:
        path = self.folder / name
        path.touch()
        try:
            yield
        finally:
            path.unlink()

    def _authenticate(self, user: str) -> requests.Response:
        who, domain = self.users[user], {"id": "default"}
        identity = {"name": who.name, "domain": domain, "password": who.password}
        auth = {
            "identity": {"methods": ["password"], "password": {"user": identity}},
            "scope": {"project": {"name": who.project, "domain": domain}},
        }
        return self._keystone("POST", "/auth/tokens", None, json={"auth": auth})

    def _keystone(self, method: str, path: str, token: str | None, **kw: Any) -> requests.Response:
        headers = {"X-Auth-Token": token, **kw.pop("headers", {})}
        answer = send(method, self.auth_url + path, headers=headers, **kw)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}\n{self.log()}"
        return answer


def send(method: str, url: str, **kw: Any) -> requests.Response:
    """Send one request, past any proxy that the machine has."""
    with requests.Session() as session:
        session.trust_env = False
        kw.setdefault("timeout", 60)
        return session.request(method, url, **kw)
