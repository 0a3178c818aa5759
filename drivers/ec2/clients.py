"""Boto3 clients: one small session for a process, two clients for an account."""

import logging
import os
import re
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, UnknownRegionError
from botocore.loaders import Loader
from marshmallow import fields, validate

from drivers.ec2.pace import INTERVAL_S, Pace
from drivers.ec2.parser import ParserFactory
from gateway.driver import (
    ConfigurationError,
    Credentials,
    DriverError,
    EndpointField,
    ErrorCode,
    HttpOptions,
    check_ca_file,
    count_call,
    time_left_s,
)

OPERATIONS = (
    "CopySnapshot",
    "CreateSnapshot",
    "CreateTags",
    "CreateVolume",
    "DeleteSnapshot",
    "DeleteTags",
    "DeleteVolume",
    "DescribeSnapshots",
    "DescribeVolumes",
)
_CONNECTIONS = 50
"""Kept per client; botocore's 10 would be thrown away and made anew under load."""
_USER_AGENT = f"snapgate boto3/{boto3.__version__}"
"""botocore would make one anew for each request, at 7 % of the request's time."""
_KEY = re.compile(r"[\x21-\x7e]+")
_NOWHERE = (None, None, os.devnull, None)
_SESSION_VARIABLES = {
    "profile": (None, None, None, None),
    "config_file": _NOWHERE,
    "credentials_file": _NOWHERE,
}
"""What ~/.aws and AWS_PROFILE say is for the operator's own tools, not for a gateway."""
_making = threading.Lock()
"""Held while a client is made: a session is not safe for threads."""


class Ec2Options(HttpOptions):
    """The options of the EC2 driver."""

    region = fields.String(
        required=True,
        validate=validate.Regexp(
            r"[A-Za-z0-9]+([-_.][A-Za-z0-9]+)*\Z", error="give a region code, e.g. eu-west-1"
        ),
        metadata={"help": "region code, e.g. eu-west-1"},
    )
    endpoint_url = EndpointField(
        metadata={"help": "URL of another EC2 API than the region's, e.g. https://ec2.example.org"},
    )
    owner = fields.String(
        load_default="all",
        validate=validate.Regexp(r"(all|self|[0-9]{12})\Z", error="all, self or an account number"),
        metadata={
            "help": "whose snapshots a list shows that names no owner: all, self or a number"
        },
    )
    default_zone = fields.String(
        validate=validate.Length(min=1),
        metadata={"help": "zone of new volumes when a request names none, e.g. eu-west-1a"},
    )
    page_size = fields.Integer(
        load_default=1000,
        strict=True,
        validate=validate.Range(5, 1000),
        metadata={"help": "rows asked for at once, 5 to 1000"},
    )
    snapshot_interval_s = fields.Float(
        validate=validate.Range(min=0, max=3600),
        metadata={
            "help": "seconds between two snapshots of one volume that EC2 takes; 15, or 0 with "
            "endpoint_url, if not given"
        },
    )
    ca_bundle = fields.String(
        validate=validate.Length(min=1),
        metadata={"help": "file of CA certificates to trust instead of the usual ones"},
    )


class _Excerpt(Loader):  # type: ignore[misc]
    """Loads of the EC2 model only what is used.

    The whole model has 830 operations, for each of which every client gets a
    method: 14 ms and 1.4 MB a client against 1.1 ms and 0.1 MB (measured with
    botocore 1.44.5), and half a million objects that the garbage collector walks.
    """

    _excerpt: dict[str, Any] | None = None

    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Any:
        """Return a model; of EC2's, the operations in OPERATIONS and their shapes."""
        if (service_name, type_name) != ("ec2", "service-2"):
            return super().load_service_model(service_name, type_name, api_version)
        if self._excerpt is None:
            # A loader keeps what it loads: this one goes, and the whole model with it.
            whole = Loader(extra_search_paths=self.search_paths).load_service_model(
                service_name, type_name, api_version
            )
            operations = {name: whole["operations"][name] for name in OPERATIONS}
            shapes: dict[str, Any] = {}
            _collect_shapes(operations, whole["shapes"], shapes)
            self._excerpt = {**whole, "operations": operations, "shapes": shapes}
        return self._excerpt


def _collect_shapes(part: Any, all_shapes: Mapping[str, Any], found: dict[str, Any]) -> None:
    """Add to ``found`` every shape that ``part`` of a model names, directly or not."""
    if isinstance(part, list):
        for item in part:
            _collect_shapes(item, all_shapes, found)
    elif isinstance(part, dict):
        if isinstance(part.get("documentation"), str):
            del part["documentation"]  # four fifths of it
        name = part.get("shape")
        if isinstance(name, str) and name not in found:
            found[name] = all_shapes[name]
            _collect_shapes(found[name], all_shapes, found)
        for item in part.values():
            _collect_shapes(item, all_shapes, found)


@lru_cache(maxsize=1)
def _one_session() -> boto3.Session:
    """Return the one session of this process, with EC2's model and our parser."""
    _keep_tokens_out_of_logs()
    core = botocore.session.Session(session_vars=_SESSION_VARIABLES)
    core.register_component("data_loader", _Excerpt(core.get_config_variable("data_path")))
    core.register_component("response_parser_factory", ParserFactory())
    return boto3.Session(botocore_session=core)


def _keep_tokens_out_of_logs() -> None:
    """Let botocore not log what it sends: at DEBUG that includes session tokens."""
    logging.getLogger("botocore").setLevel(logging.INFO)


class Clients:
    """Makes the clients of one provider's accounts; shared by all of them.

    The clients, unlike the session that makes them, are safe for threads.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options
        self.pace = Pace()
        self._session = _one_session()
        if "endpoint_url" not in options:
            self._session.get_partition_for_region(options["region"])
        # What the first client of a session loads takes a tenth of a second: not in a request.
        with _making:
            self._make("-", "-", None, attempts=1).close()

    @property
    def snapshot_interval_s(self) -> float:
        """The seconds between two snapshots of a volume; other clouds than AWS know none."""
        usual = 0.0 if "endpoint_url" in self.options else INTERVAL_S
        return float(self.options.get("snapshot_interval_s", usual))

    def open(self, credentials: Credentials) -> tuple[Any, Any]:
        """Return two clients: one that tries again, and one that sends every call once.

        Without credentials of the caller botocore would look for the operator's.
        """
        key, secret = credentials.username, credentials.password
        token = credentials.session_token
        if not (key and secret and _KEY.fullmatch(key) and _KEY.fullmatch(token or "-")):
            raise DriverError(
                ErrorCode.UNAUTHENTICATED,
                "give an access key and its secret as HTTP Basic, and the session token, if "
                "there is one, in X-Amz-Security-Token",
            )
        with _making:
            return (
                self._make(key, secret, token, attempts=self.options["read_attempts"]),
                self._make(key, secret, token, attempts=1),
            )

    def _make(self, key: str, secret: str, token: str | None, *, attempts: int) -> Any:
        options = self.options
        client = self._session.client(
            "ec2",
            region_name=options["region"],
            endpoint_url=options.get("endpoint_url"),
            verify=options.get("ca_bundle", True),
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(
                connect_timeout=options["connect_timeout_s"],
                read_timeout=options["read_timeout_s"],
                retries={"mode": "standard", "total_max_attempts": attempts},
                max_pool_connections=_CONNECTIONS,
                ignore_configured_endpoint_urls=True,
                use_fips_endpoint=False,
                use_dualstack_endpoint=False,
                user_agent=_USER_AGENT,
            ),
        )
        client.meta.events.register("before-send.ec2", self._limit_time)
        return client

    def _limit_time(self, request: Any, **_: Any) -> None:
        """Let one attempt wait no longer than its call may still take."""
        count_call()
        request.context["read_timeout"] = min(self.options["read_timeout_s"], time_left_s())


def open_clients(options: Mapping[str, Any]) -> Clients:
    """Return the clients' maker, or say which option cannot work.

    Raises:
        ConfigurationError: naming the option.
    """
    check_ca_file("ca_bundle", options.get("ca_bundle"))
    try:
        return Clients(options)
    except UnknownRegionError as exc:
        raise ConfigurationError(
            f"region = {options['region']!r}: AWS has no such region; give one like eu-west-1, "
            "or with endpoint_url the name that this endpoint uses"
        ) from exc
    except (BotoCoreError, ValueError) as exc:
        raise ConfigurationError(f"boto3 refuses the options ({type(exc).__name__})") from exc
