"""Who speaks to the cloud: one transport for a provider, one session for an account."""

import re
from collections.abc import Mapping
from typing import Any

import requests
from keystoneauth1.access import AccessInfo, AccessInfoV3
from keystoneauth1.exceptions import InvalidResponse
from keystoneauth1.identity import BaseIdentityPlugin, v3
from keystoneauth1.session import Session
from marshmallow import fields, validate
from openstack.connection import Connection

from gateway.driver import (
    ConfigurationError,
    Credentials,
    DriverError,
    EndpointField,
    ErrorCode,
    HttpOptions,
    Transport,
    check_ca_file,
)

APPLICATION_CREDENTIAL = "application_credential"
"""The user name that stands for an application credential: ``application_credential+ID``."""
_NAMED = validate.Regexp(r"(?!id:\Z).+\Z", error="give a name, or id:ID")
_ID = re.compile("[0-9a-f]{32}")
"""Keystone's ids of projects: HTTP Basic takes no colon in a user name, and so no ``id:``."""
_OLD = re.compile(r"/v2(\.[0-9]+)?/?\Z")
_TOKEN = re.compile(r"[\x21-\x7e]+")


class CinderOptions(HttpOptions):
    """The options of the Cinder driver."""

    auth_url = EndpointField(
        required=True,
        metadata={"help": "URL of Keystone, e.g. https://cloud.example.org:5000/v3"},
    )
    region_name = fields.String(
        validate=validate.Length(min=1),
        metadata={"help": "region in the catalogue; needed where there are several"},
    )
    interface = fields.String(
        load_default="public",
        validate=validate.OneOf(("public", "internal", "admin")),
        metadata={"help": "which endpoint of the catalogue: public, internal or admin"},
    )
    user_domain = fields.String(
        load_default="Default",
        validate=_NAMED,
        metadata={"help": "domain of the users, by name or as id:ID"},
    )
    project_domain = fields.String(
        validate=_NAMED,
        metadata={"help": "domain of the projects, by name or as id:ID; that of the users if none"},
    )
    project = fields.String(
        validate=_NAMED,
        metadata={"help": "project, by name or as id:ID, of callers who name none"},
    )
    all_projects = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata={"help": "list the snapshots of all projects to administrators"},
    )
    cacert = fields.String(
        validate=validate.Length(min=1),
        metadata={"help": "file of CA certificates to trust instead of the usual ones"},
    )


class ReadyToken(v3.base.BaseAuth):
    """A token that the caller has got already, with the project that it carries.

    keystoneauth's own plug-in would ask for a new token, which Keystone scopes
    to the user's default project, and which it may refuse to give for a token.
    """

    def __init__(self, auth_url: str, token: str) -> None:
        super().__init__(auth_url=auth_url, reauthenticate=False)
        self._token = token

    def get_auth_ref(self, session: Session) -> AccessInfo:
        """Return what Keystone knows of the token; 401 when it is not valid."""
        headers = {"X-Auth-Token": self._token, "X-Subject-Token": self._token}
        response = session.get(self.token_url, headers=headers, authenticated=False, log=False)
        return AccessInfoV3(auth_token=self._token, body=_token_body(response))


def _token_body(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError as exc:
        raise InvalidResponse(response=response) from exc
    if not isinstance(body, dict) or not isinstance(body.get("token"), dict):
        raise InvalidResponse(response=response)
    return body


class Cloud:
    """One configured OpenStack cloud; shared by all accounts in it."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        check_ca_file("cacert", options.get("cacert"))
        if _OLD.search(options["auth_url"]):
            raise ConfigurationError("auth_url: version 2 of Keystone is gone; give the URL of /v3")
        self.options = options
        self.allowed_filters: frozenset[str] | None = None
        """By which of its fields Cinder filters snapshots; None until it has been asked."""
        self._transport = Transport(options)
        self._discovered: dict[str, Any] = {}

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def forget(self) -> None:
        """Forget the versions that the services have told."""
        self._discovered.clear()

    def connect(self, credentials: Credentials) -> tuple[BaseIdentityPlugin, Connection]:
        """Return what logs in with these credentials, and a connection that uses it.

        Nothing has been sent yet.

        Raises:
            DriverError: ``unauthenticated`` for what cannot be credentials.
        """
        login = self._plugin(credentials)
        session = Session(
            auth=login,
            session=self._transport,
            verify=self.options.get("cacert", True),
            discovery_cache=self._discovered,
            redirect=False,  # Transport follows the harmless ones
            app_name="snapgate",
        )
        connection = Connection(
            session=session,
            region_name=self.options.get("region_name"),
            interface=self.options["interface"],
            block_storage_api_version="3",
        )
        return login, connection

    def _plugin(self, credentials: Credentials) -> BaseIdentityPlugin:
        auth_url = self.options["auth_url"].rstrip("/")
        auth_url = auth_url if auth_url.endswith("/v3") else f"{auth_url}/v3"
        if credentials.token and _TOKEN.fullmatch(credentials.token):
            return ReadyToken(auth_url, credentials.token)
        user, plus, project = (credentials.username or "").rpartition("+")
        if not plus:
            user, project = project, ""
        password = credentials.password
        is_application = user == APPLICATION_CREDENTIAL
        if not user or not password or (is_application and not project):
            raise DriverError(
                ErrorCode.UNAUTHENTICATED,
                "give user+project and the password as HTTP Basic, or "
                f"{APPLICATION_CREDENTIAL}+ID and its secret, or a token in X-Auth-Token",
            )
        if is_application:
            return v3.ApplicationCredential(
                auth_url,
                application_credential_id=project,
                application_credential_secret=password,
            )
        return self._password(auth_url, user, password, project)

    def _password(
        self, auth_url: str, user: str, password: str, project: str
    ) -> BaseIdentityPlugin:
        user_domain = self.options["user_domain"]
        where = _named("user_domain", user_domain)
        project = project or self.options.get("project", "")
        if project:  # without one it is the user's default project
            project_domain = self.options.get("project_domain", user_domain)
            project = f"id:{project}" if _ID.fullmatch(project) else project
            where |= {**_named("project", project), **_named("project_domain", project_domain)}
        return v3.Password(auth_url, username=user, password=password, **where)


def _named(what: str, name: str) -> dict[str, Any]:
    """Return keystoneauth's argument for a name, or for ``id:ID``."""
    if name.startswith("id:"):
        return {f"{what}_id": name.removeprefix("id:")}
    return {f"{what}_name": name}
