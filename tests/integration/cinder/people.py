"""Users of Keystone that a test makes, changes and takes away."""

import uuid
from dataclasses import dataclass
from typing import Any

from tests.integration.cinder.server.cinder import RealCinder, send


@dataclass(frozen=True)
class Person:
    """A user whom a test has made."""

    cinder: RealCinder
    id: str
    name: str
    password: str

    @property
    def login(self) -> tuple[str, str]:
        """What the user gives as HTTP Basic, with demo's project."""
        return f"{self.name}+demo", self.password

    def token(self, scope: object) -> str:
        """Return a new token, scoped as Keystone's API has it: {"project": {...}}, "unscoped"."""
        user = {"id": self.id, "password": self.password}
        identity = {"methods": ["password"], "password": {"user": user}}
        auth = {"auth": {"identity": identity, "scope": scope}}
        answer = send("POST", f"{self.cinder.auth_url}/auth/tokens", json=auth)
        assert answer.ok, answer.text
        return answer.headers["X-Subject-Token"]

    def change(self, **fields: Any) -> None:
        """Change what Keystone knows of the user."""
        keystone(self.cinder, "PATCH", f"/users/{self.id}", {"user": fields})

    def grant(self, project_id: str, role: str) -> None:
        """Give the user a role in a project."""
        _role(self, "PUT", project_id, role)

    def withdraw(self, project_id: str, role: str) -> None:
        """Take a role in a project from the user."""
        _role(self, "DELETE", project_id, role)


def new_person(
    cinder: RealCinder, project: str | None = "demo", role: str = "member", **fields: Any
) -> Person:
    """Make a user with a password that is in no other text.

    Args:
        cinder: where.
        project: the name of the project in which the user has the role; in none if None.
        role: the role.
        fields: what else Keystone is told: default_project_id, ...
    """
    name, password = (f"{what}-{uuid.uuid4().hex}" for what in ("who", "pass"))
    given = {"name": fields.pop("name", name), "password": password, **fields}
    made = keystone(cinder, "POST", "/users", {"user": given})["user"]
    person = Person(cinder, made["id"], made["name"], password)
    if project:
        person.grant(cinder.project_id(project), role)
    return person


def keystone(cinder: RealCinder, method: str, path: str, json: object = None) -> Any:
    """Ask Keystone for something as the admin."""
    headers = {"X-Auth-Token": cinder.as_user("admin").token}
    answer = send(method, cinder.auth_url + path, json=json, headers=headers)
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def _role(person: Person, method: str, project_id: str, role: str) -> None:
    (found,) = keystone(person.cinder, "GET", f"/roles?name={role}")["roles"]
    path = f"/projects/{project_id}/users/{person.id}/roles/{found['id']}"
    keystone(person.cinder, method, path)
