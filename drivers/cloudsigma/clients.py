"""Which CloudSigma, and who asks it."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth
from requests.models import PreparedRequest

from gateway.driver import (
    Credentials,
    DriverError,
    EndpointField,
    ErrorCode,
    HttpOptions,
    Transport,
    check_ca_file,
)

_HOSTS = {
    "ADB": "siaflex.cloud",
    "DUB": "ec.servecentric.com",
    "RUH": "ruh.cld.v2.sa",
    "WDC": "wdc.alpha3cloud.com",
    **{
        code: f"{code.lower()}.cloudsigma.com"
        for code in (
            *("CRK", "CWL", "DUS", "FRA", "GVA", "HNL", "LON", "MNL", "MNL2", "PER", "TYO", "ZRH"),
        )
    },
}
"""Location -> API host. Source: the documentation's table of locations, January 2026."""
_TOKEN = re.compile(r"[\x21-\x7e]+")
_QUOTED = re.compile(r"[ !#-\[\]-~]+")
"""What can stand between quotes in a header as it is."""


class CloudSigmaOptions(HttpOptions):
    """The options of the CloudSigma driver."""

    location = fields.String(
        validate=validate.OneOf(sorted(_HOSTS)),
        metadata={"help": f"code of the location: {', '.join(sorted(_HOSTS))}"},
    )
    endpoint = EndpointField(
        metadata={"help": "URL of another API than the location's: https://HOST/api/2.0/"},
    )
    verify = fields.Raw(
        load_default=True,
        metadata={"help": "false: no check of certificates; or a file of CA certificates to trust"},
    )

    @validates_schema
    def _has_one_place(self, data: Mapping[str, Any], **_: Any) -> None:
        if ("location" in data) == ("endpoint" in data):
            raise ValidationError("give either the location or an endpoint", "location")
        verify = data.get("verify")
        if not isinstance(verify, bool) and not (isinstance(verify, str) and verify):
            raise ValidationError("true, false or the path of a file", "verify")


class Cloud:
    """One configured location; shared by all accounts in it."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        verify = options["verify"]
        check_ca_file("verify", verify if isinstance(verify, str) else None)
        endpoint = options.get("endpoint") or f"https://{_HOSTS[options['location']]}/api/2.0/"
        self.base = endpoint.rstrip("/") + "/"
        self.transport = Transport(options)
        self.verify = verify

    def close(self) -> None:
        """Close all connections."""
        self.transport.close()


class Bearer(AuthBase):
    """A token, as the official Go client sends it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign a request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def login(credentials: Credentials) -> AuthBase:
    """Return what signs the requests of an account.

    Raises:
        DriverError: ``unauthenticated`` for what cannot be credentials.
    """
    if credentials.token and _TOKEN.fullmatch(credentials.token):
        return Bearer(credentials.token)
    if not (credentials.username and credentials.password):
        raise DriverError(
            ErrorCode.UNAUTHENTICATED,
            "give the e-mail address and the password as HTTP Basic, or a Bearer token",
        )
    return HTTPBasicAuth(credentials.username.encode(), credentials.password.encode())


def digest(credentials: Credentials) -> AuthBase | None:
    """Return what answers a server that asks for HTTP Digest; a token cannot, nor any name."""
    if not (credentials.username and credentials.password):
        return None
    if not _QUOTED.fullmatch(credentials.username):
        return None  # requests would send the name as it is
    return HTTPDigestAuth(credentials.username, credentials.password)
