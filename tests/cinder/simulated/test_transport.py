"""The connections that all accounts share keep nothing of one, and lead nowhere else."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.core.snapshots import Account
from gateway.driver import CreateSnapshot, ErrorCode, Query
from tests.cinder.simulated.tools import (
    DEMO,
    LIST,
    OTHER,
    TOKEN,
    Gateway,
    at_once,
    listed,
    of_cinder,
    refused,
)
from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_state import Region, Volume

COOKIE = {"Set-Cookie": "session=of-demo; Path=/"}


class Elsewhere(HTTPServer):
    """Another host, which says yes to everything and remembers what it was told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Elsewhere

    def _answer(self) -> None:
        self.server.seen.append({name.lower(): value for name, value in self.headers.items()})
        body = b'{"snapshots": []}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.005,))
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def test_cookies_are_not_sent_back(openstack: OpenStack, gateway: Gateway, region: Region) -> None:
    region.add_snapshot()
    for target in (TOKEN, "GET /"):
        openstack.garble(target, b"", 503, headers=COOKIE)
        with contextlib.suppress(Exception):
            gateway.account()
    account = gateway.account()
    openstack.garble(LIST, b'{"snapshots": []}', headers=COOKIE)
    for credentials in (DEMO, OTHER):
        listed(gateway.account(credentials))
        listed(account)
    assert len(openstack.requests) > 8
    assert not [one for one in openstack.requests if "cookie" in one.headers]


def test_the_operators_netrc_is_not_read(
    openstack: OpenStack, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login operator password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text(netrc.read_text())
    listed(gateway.account())
    assert len(openstack.requests) == 5
    assert not [one for one in openstack.requests if "authorization" in one.headers]


def test_the_operators_own_cloud_stands_in_for_no_callers(
    openstack: OpenStack, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"AUTH_URL": openstack.auth_url, "USERNAME": "demo", "PASSWORD": "secret"}
    for name, value in (given | {"PROJECT_NAME": "demo", "CLOUD": "envvars"}).items():
        monkeypatch.setenv(f"OS_{name}", value)
    for credentials in (DEMO.__class__(), DEMO.__class__(username="demo", password="")):
        assert refused(gateway.account, credentials).code is ErrorCode.UNAUTHENTICATED
    assert openstack.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", [LIST, "POST /snapshots", "DELETE /snapshots/*"])
def test_a_redirection_to_another_host_gets_nothing(
    openstack: OpenStack,
    account: Account,
    volume: Volume,
    elsewhere: Elsewhere,
    *,
    status: int,
    target: str,
) -> None:
    to = {"Location": f"{elsewhere.url}/v3/snapshots/detail"}
    openstack.garble(target, b"", status, headers=to, times=9, executed=False)
    calls = {
        LIST: lambda: account.list_snapshots(Query()),
        "POST /snapshots": lambda: account.create_snapshot(CreateSnapshot(volume.id)),
        "DELETE /snapshots/*": lambda: account.delete_snapshot(volume.id),
    }
    assert refused(calls[target]).code is ErrorCode.BACKEND
    assert elsewhere.seen == []
    assert openstack.count(target) == 1


@pytest.mark.parametrize("target", [TOKEN, "GET /"])
def test_nor_does_one_at_login(
    openstack: OpenStack, gateway: Gateway, elsewhere: Elsewhere, target: str
) -> None:
    to = {"Location": f"{elsewhere.url}/v3/auth/tokens"}
    openstack.garble(target, b"", 307, headers=to, times=9, executed=False)
    assert refused(gateway.account).code in {ErrorCode.BACKEND, ErrorCode.UNAVAILABLE}
    assert elsewhere.seen == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_one_at_the_same_host_is_followed_for_reads(
    openstack: OpenStack, account: Account, region: Region, scheme: str
) -> None:
    """Behind a proxy Cinder often does not know by which scheme it is called."""
    own = region.add_snapshot().id
    netloc = urlsplit(openstack.volume_url()).netloc
    to = {"Location": f"{scheme}://{netloc}/v3/snapshots/detail?limit=5"}
    openstack.garble(LIST, b"", 302, headers=to)
    assert listed(account) == {own}
    assert of_cinder(openstack) == [LIST, LIST]


def test_but_never_for_changes_and_not_for_ever(
    openstack: OpenStack, account: Account, volume: Volume
) -> None:
    to = {"Location": f"{openstack.volume_url()}/v3/snapshots"}
    openstack.garble("POST /snapshots", b"", 307, headers=to, times=9, executed=False)
    assert refused(account.create_snapshot, CreateSnapshot(volume.id)).code is ErrorCode.BACKEND
    assert openstack.count("POST /snapshots") == 1
    openstack.garble(LIST, b"", 302, headers={"Location": "/v3/snapshots/detail"}, times=99)
    assert refused(account.list_snapshots, Query()).code is ErrorCode.BACKEND
    assert openstack.count(LIST) == 2


def test_many_threads_share_few_connections(openstack: OpenStack, gateway: Gateway) -> None:
    server = openstack._servers[openstack.settings.regions[0]]
    accounts = [gateway.account(one) for one in (DEMO, OTHER)]
    for _ in range(3):
        at_once(8, lambda number: listed(accounts[number % 2]))
    assert len(server._connections) <= 9
