import copy
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, StructureShape

from drivers.ec2 import clients as clients_module
from drivers.ec2.account import Account
from drivers.ec2.clients import OPERATIONS, Clients, Ec2Options, open_clients
from drivers.ec2.driver import Ec2Driver
from gateway.driver import Credentials, Deadline, DriverError, ErrorCode, within

SECRET, TOKEN = "wJalrXUtnFEMI+secret", "FwoGZXIvYXdzEJr+token"
ALICE = Credentials(username="AKIAALICE", password=SECRET, session_token=TOKEN)
BOB = Credentials(username="AKIABOB", password="other")
EMPTY = b'<a xmlns="u"><snapshotSet/></a>'
DOWN = b"<Response><Errors><Error><Code>InternalError</Code></Error></Errors></Response>"
OPERATORS = {
    "AWS_ACCESS_KEY_ID": "AKIAOPERATOR",
    "AWS_SECRET_ACCESS_KEY": "operator",
    "AWS_SESSION_TOKEN": "operator-token",
    "AWS_PROFILE": "missing",
    "AWS_DEFAULT_PROFILE": "missing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://operator.example",
    "AWS_ENDPOINT_URL_EC2": "http://operator.example",
    "AWS_MAX_ATTEMPTS": "7",
    "AWS_RETRY_MODE": "legacy",
}
OPERATORS_FILES = {
    "config": "[default]\nregion = us-east-1\nuse_dualstack_endpoint = true\nmax_attempts = 7\n",
    "credentials": "no such syntax",
}


@pytest.fixture(scope="module")
def clients() -> Clients:
    return open_clients(options())


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment in which the AWS command line works as somebody else."""
    (tmp_path / ".aws").mkdir()
    for name, content in OPERATORS_FILES.items():
        (tmp_path / ".aws" / name).write_text(content)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in OPERATORS.items():
        monkeypatch.setenv(name, value)


class Raw(io.BytesIO):
    """The body of an answer, as urllib3 gives it."""

    def stream(self) -> Iterator[bytes]:
        yield self.getvalue()


class Wire:
    """Stands where a client's requests go out, and answers each in the same way."""

    def __init__(self, client: Any, body: bytes = EMPTY, status: int = 200) -> None:
        self.client, self.body, self.status = client, body, status
        self.sent: list[Any] = []
        self.failure: Exception | None = None
        client.meta.events.register("before-send.ec2", self.answer)

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        self.sent.append(request)
        if self.failure:
            raise self.failure
        return AWSResponse(request.url, self.status, {}, Raw(self.body))

    def call(self, limit_s: float = 60) -> Any:
        with within(Deadline(limit_s)):
            return self.client.describe_snapshots()


def options(**given: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = Ec2Options().load({"region": "eu-west-1", **given})
    return loaded


def other(clients: Clients, **given: Any) -> Clients:
    """Clients with other options, without loading EC2's model once more."""
    found = copy.copy(clients)
    found.options = options(**given)
    return found


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(),
        Credentials(username="key"),
        Credentials(password="hunter2"),
        Credentials(username="", password="hunter2"),
        Credentials(username="key", password=""),
        Credentials(token="hunter2"),
        Credentials(token="hunter2", session_token="hunter2"),
        Credentials(username="key\n", password="hunter2"),
        Credentials(username="key\r\nX: y", password="hunter2"),
        Credentials(username="k y", password="hunter2"),
        Credentials(username="k\xe9y", password="hunter2"),
        Credentials(username="k\0y", password="hunter2"),
        Credentials(username="key", password="hunter2", session_token="a\nb"),
        Credentials(username="key", password="hunter2", session_token="t\xf6ken"),
        Credentials(username="key", password="hunter2", session_token=" "),
    ],
    ids=range(15),
)
@pytest.mark.usefixtures("operator")
def test_without_good_keys_nobody_elses_are_taken(
    clients: Clients, credentials: Credentials
) -> None:
    with pytest.raises(DriverError) as caught:
        clients.open(credentials)
    assert caught.value.code is ErrorCode.UNAUTHENTICATED
    assert "hunter2" not in repr(caught.value)


@pytest.mark.parametrize("secret", ["s", "s/e+c=", "\xe9\u20ac", "a b\n"])
@pytest.mark.parametrize("token", [None, "", "T/o+k=="])
def test_any_secret_will_do(clients: Clients, secret: str, token: str | None) -> None:
    keys = Credentials(username="AKIA", password=secret, session_token=token)
    for client in clients.open(keys):
        wire = Wire(client)
        wire.call()
        [request] = wire.sent
        assert b"Credential=AKIA/" in request.headers["Authorization"]
        assert request.headers.get("X-Amz-Security-Token") == (token.encode() if token else None)


@pytest.mark.usefixtures("operator")
def test_a_request_has_the_callers_keys_and_goes_where_the_options_say() -> None:
    clients = open_clients(options())
    for client in clients.open(ALICE):
        wire = Wire(client)
        assert wire.call()["Snapshots"] == []
        [request] = wire.sent
        assert request.url == "https://ec2.eu-west-1.amazonaws.com/"
        signed = request.headers["Authorization"].decode()
        assert "Credential=AKIAALICE/" in signed
        assert "/eu-west-1/ec2/aws4_request" in signed
        assert request.headers["X-Amz-Security-Token"] == TOKEN.encode()
        assert "operator" not in f"{request.headers} {request.body}".lower()
        assert client.meta.config.retries["mode"] == "standard"


@pytest.mark.usefixtures("operator")
def test_a_request_goes_to_the_endpoint_that_is_configured(clients: Clients) -> None:
    endpoint = "http://127.0.0.1:8773/services/Cloud"
    wire = Wire(other(clients, endpoint_url=endpoint).open(BOB)[0])
    wire.call()
    assert wire.sent[0].url == endpoint
    assert "X-Amz-Security-Token" not in wire.sent[0].headers


def test_each_account_has_its_own_keys(clients: Clients) -> None:
    wires = [Wire(clients.open(who)[0]) for who in (ALICE, BOB, ALICE)]
    for wire in [*wires, *wires]:
        wire.call()
    signed = [wire.sent[-1].headers["Authorization"].decode() for wire in wires]
    assert ["AKIAALICE/" in one for one in signed] == [True, False, True]


def test_all_accounts_share_one_session_and_one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    session = botocore.session.Session

    def counted(*args: Any, **kw: Any) -> Any:
        made.append(session(*args, **kw))
        return made[-1]

    monkeypatch.setattr(botocore.session, "Session", counted)
    clients_module._one_session.cache_clear()
    providers = [open_clients(options()) for _ in range(2)]
    opened = [
        client
        for who, clients in zip((ALICE, BOB), providers, strict=True)
        for client in clients.open(who)
    ]
    assert len(made) == 1
    assert len({id(client.meta.service_model.metadata) for client in opened}) == 1
    assert len({id(client) for client in opened}) == 4


def described(shape: Any) -> Any:
    """All that a shape says about how requests and answers look."""
    if isinstance(shape, StructureShape):
        content: Any = {name: described(member) for name, member in shape.members.items()}
    else:
        content = described(shape.member) if isinstance(shape, ListShape) else None
    return shape and (shape.name, shape.type_name, shape.serialization, shape.metadata, content)


def test_the_model_is_botocores_for_what_is_used_and_nothing_else(clients: Clients) -> None:
    client, _ = clients.open(ALICE)
    excerpt = client.meta.service_model
    whole = ServiceModel(Loader().load_service_model("ec2", "service-2"), "ec2")
    assert sorted(excerpt.operation_names) == sorted(OPERATIONS)
    assert not hasattr(client, "run_instances")
    for name in OPERATIONS:
        mine, full = excerpt.operation_model(name), whole.operation_model(name)
        assert described(mine.input_shape) == described(full.input_shape)
        assert described(mine.output_shape) == described(full.output_shape)
        assert (mine.http, mine.metadata) == (full.http, full.metadata)


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    pause = "botocore.retries.standard.ExponentialBackoff.delay_amount"
    monkeypatch.setattr(pause, lambda *_: 0)


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize(("given", "attempts"), [({}, 3), ({"read_attempts": 5}, 5)])
def test_only_one_of_the_two_clients_tries_again(
    clients: Clients, given: dict[str, int], attempts: int
) -> None:
    again, once = other(clients, **given).open(ALICE)
    for client, expected in ((again, attempts), (once, 1)):
        assert client.meta.config.retries["total_max_attempts"] == expected
        wire = Wire(client, DOWN, 503)
        with pytest.raises(ClientError):
            wire.call()
        assert len(wire.sent) == expected
        wire.failure = ConnectionClosedError(endpoint_url="x")
        with pytest.raises(ConnectionClosedError):
            wire.call()
        assert len(wire.sent) == 2 * expected


def test_what_cannot_change_is_not_tried_again(clients: Clients) -> None:
    wire = Wire(clients.open(ALICE)[0], DOWN.replace(b"InternalError", b"AuthFailure"), 401)
    with pytest.raises(ClientError):
        wire.call()
    assert len(wire.sent) == 1


@pytest.mark.parametrize(("read_timeout_s", "limit_s", "longest"), [(20, 3, 3), (2, 30, 2)])
def test_no_attempt_waits_longer_than_its_call_may_take(
    clients: Clients, read_timeout_s: float, limit_s: float, longest: float
) -> None:
    wire = Wire(other(clients, read_timeout_s=read_timeout_s).open(ALICE)[0])
    wire.call(limit_s)
    assert longest - 1 < wire.sent[0].context["read_timeout"] <= longest


def test_nothing_is_sent_after_the_deadline(clients: Clients) -> None:
    wire = Wire(clients.open(ALICE)[0])
    with pytest.raises(DriverError) as caught:
        wire.call(limit_s=0)
    assert (caught.value.code, wire.sent) == (ErrorCode.TIMEOUT, [])


def reachable(root: Any) -> Iterator[Any]:
    """Walk over the objects below ``root``, through attributes and plain containers."""
    seen: dict[int, Any] = {}
    left = [root]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, str | bytes | type):
            continue
        seen[id(one)] = one
        if type(one) is dict:
            left += [*one.keys(), *one.values()]
        elif type(one) in (list, tuple, set):
            left += one
        else:
            yield one
            left += vars(one).values() if hasattr(one, "__dict__") else []


def test_no_log_shows_a_secret(clients: Clients, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG botocore would log the headers that it signs, with the session token."""
    caplog.set_level(logging.DEBUG)
    driver = Ec2Driver.open(options(), ALICE, shared=clients, deadline=Deadline(9))
    Wire(driver._account._again).call()
    assert not [text for text in (SECRET, TOKEN) if text in caplog.text]


def test_no_repr_of_anything_shows_a_secret(clients: Clients) -> None:
    driver = Ec2Driver.open(options(), ALICE, shared=clients, deadline=Deadline(9))
    Wire(driver._account._again).call()
    types = set()
    for one in [*reachable(driver), *reachable(clients)]:
        types.add(type(one).__name__)
        assert SECRET not in repr(one)
        assert TOKEN not in repr(one)
    assert {Account.__name__, Clients.__name__, "EC2", "RequestSigner", "Credentials"} <= types
