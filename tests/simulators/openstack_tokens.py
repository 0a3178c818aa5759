"""Keystone's API as far as a client needs it: discovery, and tokens by every common method.

The wordings are recorded from Keystone 30.
"""

import json
from collections.abc import Callable
from typing import Any

from tests.simulators.openstack_errors import DENIED
from tests.simulators.openstack_http import Reply, Request
from tests.simulators.openstack_keystone import Domain, Identity, Project, Token, User, token_body

Catalog = Callable[[Project], list[dict[str, Any]]]
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_METHODS = (
    "external",
    "password",
    "token",
    "oauth1",
    "mapped",
    "application_credential",
    "ec2credential",
)
_BASE = {"Server": "waitress", "Vary": "X-Auth-Token", "Content-Type": "application/json"}
_CLIENT = (
    "The server could not comply with the request since it is either malformed or otherwise "
    "incorrect. The client is assumed to be in error."
)
_MISSING_PAGE = (
    "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
    "<p>The requested URL was not found on the server. If you entered the URL manually "
    "please check your spelling and try again.</p>\n"
)


class KeystoneError(Exception):
    """A request is answered with an error."""

    def __init__(self, status: int, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details


def keystone_fault(url: str, status: int, message: str, **details: Any) -> Reply:
    """Return an error as Keystone words it.

    Args:
        url: Keystone's own, without a path.
        status: the HTTP status.
        message: what the error says; unless given, what is usual.
        details: further fields of the error.
    """
    title = _TITLES.get(status, "Error")
    error = {"code": status, "message": message or title, "title": title} | details
    text = json.dumps({"error": error}, separators=(",", ":"), sort_keys=True) + "\n"
    challenge = {"Www-Authenticate": f'Keystone uri="{url}/v3"'} if status == 401 else {}
    return Reply(status, _BASE | challenge, text.encode())


class Keystone:
    """Answers the requests to Keystone."""

    def __init__(self, identity: Identity, catalog: Catalog) -> None:
        self._identity = identity
        self._catalog = catalog
        self._routes = {
            ("GET", "/auth/tokens"): self._show,
            ("HEAD", "/auth/tokens"): self._show,
            ("POST", "/auth/tokens"): self._issue,
            ("DELETE", "/auth/tokens"): self._revoke,
            ("GET", "/auth/catalog"): self._show_catalog,
        }

    def respond(self, request: Request, url: str) -> Reply:
        """Answer a request; ``url`` is Keystone's own, without a path."""
        if request.path in ("/", "/v3", "/v3/"):
            return _versions(request.path, url)
        route = self._routes.get((request.method, request.path.removeprefix("/v3")))
        if route is None or not request.path.startswith("/v3"):
            page = _BASE | {"Content-Type": "text/html; charset=utf-8"}
            return Reply(404, page, _MISSING_PAGE.encode())
        try:
            return route(request)
        except KeystoneError as error:
            return keystone_fault(url, error.status, error.message, **error.details)

    def _issue(self, request: Request) -> Reply:
        auth = _auth(request)
        token = self._authenticate(auth)
        request.user = token.user.name
        with_catalog = "nocatalog" not in dict(request.parameters)
        return self._reply(201, token, with_catalog=with_catalog)

    def _show(self, request: Request) -> Reply:
        caller = self._caller(request)
        subject = request.tokens.get("x-subject-token")
        if subject is None:
            raise _unauthorized_to("identity:validate_token")
        token = self._known(subject)
        if token.id != caller.id and token.user is not caller.user and not caller.is_admin:
            raise _unauthorized_to("identity:validate_token")
        with_catalog = "nocatalog" not in dict(request.parameters)
        return self._reply(200, token, with_catalog=with_catalog)

    def _revoke(self, request: Request) -> Reply:
        self._caller(request)
        self._known(request.tokens.get("x-subject-token", "")).revoked = True
        return Reply(204, {name: _BASE[name] for name in ("Server", "Vary")}, b"")

    def _show_catalog(self, request: Request) -> Reply:
        caller = self._caller(request)
        catalog = self._catalog(caller.project) if caller.project else []
        return Reply(200, _BASE, json.dumps({"catalog": catalog}).encode())

    def _reply(self, status: int, token: Token, *, with_catalog: bool) -> Reply:
        is_scoped = with_catalog and token.project is not None
        catalog = self._catalog(token.project) if is_scoped and token.project else None
        headers = _BASE | {"X-Subject-Token": token.id}
        return Reply(status, headers, token_body(token, catalog))

    def _caller(self, request: Request) -> Token:
        token = self._identity.valid(request.tokens.get("x-auth-token"))
        if token is None:
            raise KeystoneError(401, DENIED)
        request.user = token.user.name
        return token

    def _known(self, token_id: str) -> Token:
        if not token_id.startswith("gAAAA"):
            raise KeystoneError(404, "Could not recognize Fernet token")
        token = self._identity.valid(token_id)
        if token is None:
            raise KeystoneError(404, "Failed to validate token")
        return token

    def _authenticate(self, auth: dict[str, Any]) -> Token:
        identity = auth["identity"]
        methods = identity.get("methods") or []
        if not methods:
            raise KeystoneError(401, DENIED)
        if methods[0] not in ("password", "token", "application_credential"):
            text = "Attempted to authenticate with an unsupported method."
            raise KeystoneError(401, text, identity={"methods": list(_METHODS)})
        if methods[0] not in identity:
            raise _expected(methods[0], "identity")
        given = identity[methods[0]]
        if methods[0] == "application_credential":
            return self._by_credential(given, auth)
        if methods[0] == "token":
            return self._by_token(given, auth)
        return self._by_password(given, auth)

    def _by_password(self, given: dict[str, Any], auth: dict[str, Any]) -> Token:
        if "user" not in given:
            raise _expected("user", "None")
        user = self._user(given["user"])
        if given["user"].get("password") != user.password or not user.enabled:
            raise KeystoneError(401, DENIED)
        return self._identity.issue(user, self._scope(auth, user, user.default_project))

    def _by_token(self, given: dict[str, Any], auth: dict[str, Any]) -> Token:
        if "id" not in given:
            text = "Invalid input for field 'identity/token': 'id' is a required property"
            raise KeystoneError(400, text)
        old = self._known(given["id"])
        if old.credential is not None:
            text = "Using a delegated token to create another token is not allowed."
            raise _unauthorized_to(text)
        return self._identity.issue(
            old.user,
            self._scope(auth, old.user, old.project),
            methods=[*(one for one in old.methods if one != "token"), "token"],
            audit_ids=old.audit_ids[-1:],
            expires_at=old.expires_at,
        )

    def _by_credential(self, given: dict[str, Any], auth: dict[str, Any]) -> Token:
        credential = self._identity.credentials.get(given.get("id", ""))
        if "id" not in given and "user" in given:
            user = self._user(given["user"])
            every = self._identity.credentials.values()
            named = [one for one in every if (one.name, one.user) == (given.get("name"), user)]
            credential = named[0] if named else None
        if credential is None:
            name = given.get("id", given.get("name"))
            raise KeystoneError(404, f"Could not find Application Credential: {name}.")
        now = self._identity.settings.clock.now()
        has_expired = credential.expires_at is not None and credential.expires_at <= now
        if given.get("secret") != credential.secret or has_expired:
            raise KeystoneError(401, DENIED)
        if "scope" in auth:
            text = (
                "Error authenticating with application credential: "
                "Application credentials cannot request a scope."
            )
            raise KeystoneError(401, text, identity={})
        return self._identity.issue(
            credential.user,
            credential.project,
            methods=["application_credential"],
            roles=credential.roles,
            credential=credential,
        )

    def _user(self, given: dict[str, Any]) -> User:
        if "id" in given:
            found = [user for user in self._identity.users if user.id == given["id"]]
        else:
            domain = _domain(given, "user")
            every = self._identity.users
            found = [one for one in every if one.name == given.get("name") and domain(one.domain)]
        if not found:
            raise KeystoneError(401, DENIED)
        return found[0]

    def _scope(self, auth: dict[str, Any], user: User, otherwise: Project | None) -> Project | None:
        scope = auth.get("scope")
        if scope is None:
            return otherwise
        if scope == "unscoped" or "unscoped" in scope:
            return None
        if len(scope) != 1:
            text = "system, project, domain, OS-TRUST:trust or unscoped"
            raise _expected(text, "scope")
        given = scope.get("project")
        if given is None:
            raise KeystoneError(401, DENIED)
        every = [one for one in self._identity.projects if one.id in user.roles]
        if "id" in given:
            found = [one for one in every if one.id == given["id"]]
        else:
            domain = _domain(given, "project")
            found = [one for one in every if one.name == given.get("name") and domain(one.domain)]
        if not found:
            raise KeystoneError(401, DENIED)
        return found[0]


def _auth(request: Request) -> dict[str, Any]:
    try:
        auth = json.loads(request.body)["auth"]
    except (ValueError, KeyError, TypeError):
        raise KeystoneError(
            400, f"Expecting to find valid JSON in request body. {_CLIENT}"
        ) from None
    if not isinstance(auth, dict) or not isinstance(auth.get("identity"), dict):
        raise KeystoneError(400, "'identity' is a required property")
    return auth


def _domain(given: dict[str, Any], what: str) -> Callable[[Domain], bool]:
    domain = given.get("domain")
    if not domain:
        raise _expected("domain", what)
    if "id" in domain:
        return lambda one: one.id == domain["id"]
    return lambda one: one.name == domain.get("name")


def _expected(attribute: str, target: str) -> KeystoneError:
    return KeystoneError(400, f"Expecting to find {attribute} in {target}. {_CLIENT}")


def _unauthorized_to(what: str) -> KeystoneError:
    return KeystoneError(403, f"You are not authorized to perform the requested action: {what}.")


def _versions(path: str, url: str) -> Reply:
    version = {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{url}/v3/"}],
        "media-types": [
            {"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}
        ],
    }
    if path == "/":
        body = json.dumps({"versions": {"values": [version]}}).encode()
        return Reply(300, _BASE | {"Location": f"{url}/v3/"}, body)
    return Reply(200, _BASE, json.dumps({"version": version}).encode())
