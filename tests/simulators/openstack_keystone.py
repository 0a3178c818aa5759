"""Keystone: who there is, and the tokens they get.

Recorded from Keystone 30: a token that is unknown or revoked is answered with 404 when
it is to be exchanged or looked at, and with 401 when it is the one to authenticate with.
"""

import json
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.simulators.openstack_state import DEMO_PROJECT, DEMO_USER, Settings

MEMBER = ("member", "reader")
READER = ("reader",)
ADMIN = ("manager", "member", "admin", "reader")
PASSWORD = "secret"
_ROLE_IDS = {
    "manager": "1203c5573485486e890998e56662d80f",
    "member": "3b76b46451c743fe88ca3e82cb65d72d",
    "admin": "d472a6bc4e95436bb584478ad1154da0",
    "reader": "67ffa9749e0344cab5764c68668413a6",
}


@dataclass(frozen=True)
class Domain:
    """Where names of users and projects are unique."""

    id: str = "default"
    name: str = "Default"


@dataclass(kw_only=True)
class Project:
    """What owns volumes and snapshots."""

    id: str
    name: str
    domain: Domain


@dataclass(kw_only=True)
class User:
    """Someone with a password, and roles by the id of a project."""

    id: str
    name: str
    password: str
    domain: Domain
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    default_project: Project | None = None
    """The scope of a token for which none was asked."""
    enabled: bool = True


@dataclass(kw_only=True)
class ApplicationCredential:
    """A secret of a user for one project."""

    id: str
    name: str
    secret: str
    user: User
    project: Project
    roles: tuple[str, ...]
    expires_at: datetime | None = None


@dataclass(kw_only=True)
class Token:
    """A token. Tests may end it by ``revoked`` or ``expires_at``."""

    id: str
    user: User
    project: Project | None
    roles: tuple[str, ...]
    methods: list[str]
    audit_ids: list[str]
    issued_at: datetime
    expires_at: datetime
    credential: ApplicationCredential | None = None
    revoked: bool = False

    @property
    def is_admin(self) -> bool:
        """Say whether its roles are an administrator's."""
        return "admin" in self.roles


class Identity:
    """The users, projects and tokens: demo, demo-reader, other and admin to begin with."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.users: list[User] = []
        self.projects: list[Project] = []
        self.credentials: dict[str, ApplicationCredential] = {}
        self.tokens: dict[str, Token] = {}
        demo = self.add_project("demo", id=DEMO_PROJECT)
        other = self.add_project("other", id="58618c6f219643c28a3517e681a3272b")
        admin = self.add_project("admin", id="4b156201304740bb82156960647280a9")
        self.demo = self.add_user("demo", demo, MEMBER, id=DEMO_USER)
        self.add_user("demo-reader", demo, READER, id="7df0047fd0cc4488aa8b204538117593")
        self.add_user("other", other, MEMBER, id="0967a71cc4ad43d0992c666407eaea27")
        self.add_user("admin", admin, ADMIN, id="6066c3b5b81e48b9b59f6df13c524000")

    def add_project(self, name: str, **fields: Any) -> Project:
        """Add a project, in the default domain unless told otherwise."""
        given: dict[str, Any] = {"id": uuid.uuid4().hex, "domain": Domain()}
        project = Project(name=name, **given | fields)
        self.projects.append(project)
        return project

    def add_user(
        self, name: str, project: Project, roles: tuple[str, ...] = MEMBER, **fields: Any
    ) -> User:
        """Add a user with roles in a project and, unless told otherwise, the usual password."""
        given: dict[str, Any] = {
            "id": uuid.uuid4().hex,
            "password": PASSWORD,
            "domain": Domain(),
        }
        user = User(name=name, roles={project.id: roles}, **given | fields)
        self.users.append(user)
        return user

    def add_application_credential(
        self, user: User | None = None, *, roles: tuple[str, ...] | None = None, **fields: Any
    ) -> ApplicationCredential:
        """Add a credential, of demo for the first project of its roles unless told otherwise."""
        user = user or self.demo
        project = fields.pop("project", None) or self.project(next(iter(user.roles)))
        fields = {"id": uuid.uuid4().hex, "name": "snapgate", "secret": "s3cret"} | fields
        credential = ApplicationCredential(
            user=user, project=project, roles=roles or user.roles[project.id], **fields
        )
        self.credentials[credential.id] = credential
        return credential

    def user(self, name: str) -> User:
        """Return a user by name."""
        return next(user for user in self.users if user.name == name)

    def project(self, name_or_id: str) -> Project:
        """Return a project by name or id."""
        return next(one for one in self.projects if name_or_id in (one.id, one.name))

    def revoke_tokens(self, user: str | None = None) -> None:
        """End all tokens, or those of a user."""
        for token in self.tokens.values():
            if user in (None, token.user.name):
                token.revoked = True

    def issue(self, user: User, project: Project | None, **fields: Any) -> Token:
        """Give out a token."""
        now = self.settings.clock.now().replace(microsecond=0)
        roles = user.roles.get(project.id, ()) if project else ()
        given: dict[str, Any] = {
            "id": "gAAAAAB" + secrets.token_urlsafe(132),
            "roles": roles,
            "methods": ["password"],
            "audit_ids": [],
            "expires_at": now + timedelta(seconds=self.settings.token_lifetime_s),
        } | fields
        given["audit_ids"] = [secrets.token_urlsafe(16), *given["audit_ids"][:1]]
        token = Token(user=user, project=project, issued_at=now, **given)
        self.tokens[token.id] = token
        return token

    def valid(self, token_id: str | None) -> Token | None:
        """Return a token that is still good."""
        token = self.tokens.get(token_id or "")
        if token is None or token.revoked or token.expires_at <= self.settings.clock.now():
            return None
        return token


def token_body(token: Token, catalog: list[dict[str, Any]] | None) -> bytes:
    """Return a token as Keystone writes it, with the catalogue of its project."""
    user = token.user
    body: dict[str, Any] = {
        "methods": token.methods,
        "user": {
            "domain": {"id": user.domain.id, "name": user.domain.name},
            "id": user.id,
            "name": user.name,
            "password_expires_at": None,
        },
        "audit_ids": token.audit_ids,
        "expires_at": _time_text(token.expires_at),
        "issued_at": _time_text(token.issued_at),
    }
    if token.project is not None:
        body |= _scope(token, token.project)
    if token.project is not None and catalog is not None:
        body["catalog"] = catalog
    if token.credential is not None:
        credential = token.credential
        body["application_credential"] = {
            "id": credential.id,
            "name": credential.name,
            "restricted": True,
        }
    return json.dumps({"token": body}).encode()


def _scope(token: Token, project: Project) -> dict[str, Any]:
    domain = {"id": project.domain.id, "name": project.domain.name}
    return {
        "project": {"domain": domain, "id": project.id, "name": project.name},
        "is_domain": False,
        "roles": [{"id": _ROLE_IDS.get(role, role), "name": role} for role in token.roles],
    }


def _time_text(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
