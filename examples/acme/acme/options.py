"""Where Acme is: the options of one provider, and the connections that its accounts share."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from gateway.driver import EndpointField, HttpOptions, Transport, check_ca_file


class AcmeOptions(HttpOptions):
    """The options of the Acme driver."""

    endpoint = EndpointField(required=True, metadata={"help": "URL of the API: https://HOST/v1"})
    ca_file = fields.String(
        load_default=None, metadata={"help": "file of CA certificates to trust, in PEM"}
    )


class Endpoint:
    """One configured Acme; it keeps nothing of an account."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        check_ca_file("ca_file", options["ca_file"])
        self.url = options["endpoint"].rstrip("/")
        self.verify = options["ca_file"] or True
        self.transport = Transport(options)

    def close(self) -> None:
        """Close all connections."""
        self.transport.close()
