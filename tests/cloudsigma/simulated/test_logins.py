"""Who asks: e-mail and password by Basic or Digest, or a token; and who is refused."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import CreateSnapshot, Credentials, ErrorCode, Query
from tests.cloudsigma.simulated.conftest import Build
from tests.cloudsigma.simulated.faults import CHANGES, READS, renew
from tests.cloudsigma.simulated.tools import (
    MINE,
    THEIRS,
    ids,
    listed,
    refused,
)
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_state import OTHER, OTHER_ID, PASSWORD, USER, Drive, Snapshot

Open = Callable[[Credentials], Account]
AWKWARD = (
    "pässwörd",
    "\u043f\u0430\u0440\u043e\u043b\u044c",
    "a:b:c",
    " x ",
    'q"uo\\te',
    "\u20ac" * 40,
)


@pytest.fixture
def opened(cloud: CloudSigma, build: Build) -> Open:
    """Open accounts, of which nothing is known yet."""
    return lambda credentials: build(cloud).account(credentials)


@pytest.fixture
def digest_only(cloud: CloudSigma, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server take no password by Basic."""
    monkeypatch.setattr(cloud._gate, "_basic", lambda _: None)


def schemes(cloud: CloudSigma) -> list[str]:
    """Return how each request so far was signed, and forget it."""
    found = [one.secrets.get("authorization", "none").partition(" ")[0] for one in cloud.asked()]
    cloud.requests.clear()
    return found


def test_basic_comes_with_the_first_request(
    cloud: CloudSigma, opened: Open, local: Snapshot
) -> None:
    account = opened(MINE)
    assert not cloud.requests
    assert listed(account) == {local.uuid}
    assert schemes(cloud) == ["Basic"] * 2


def test_a_token_is_sent_as_bearer(cloud: CloudSigma, opened: Open, local: Snapshot) -> None:
    token = cloud.issue_token(USER)
    account = opened(Credentials(token=token))
    assert listed(account) == {local.uuid}
    assert schemes(cloud) == ["Bearer"] * 2
    cloud.revoke_tokens()
    assert refused(listed, account).code is ErrorCode.UNAUTHENTICATED
    assert schemes(cloud) == ["Bearer"]


@pytest.mark.usefixtures("digest_only")
def test_a_server_may_ask_for_digest(cloud: CloudSigma, opened: Open) -> None:
    there = renew(cloud)
    account = opened(MINE)
    assert listed(account) == {there.local.uuid, there.remote.uuid}
    assert schemes(cloud)[:3] == ["Basic", "none", "Digest"]
    for name, operation in (CHANGES | READS).items():
        now = renew(cloud)
        operation.call(account, now)
        assert set(schemes(cloud)) == {"Digest"}, name


@pytest.mark.usefixtures("digest_only")
def test_a_change_by_digest_happens_once(cloud: CloudSigma, opened: Open, drive: Drive) -> None:
    opened(MINE).create_snapshot(CreateSnapshot(drive.uuid))
    assert schemes(cloud) == ["Basic", "none", "Digest"]
    assert len(cloud.snapshots) == 1


@pytest.mark.usefixtures("digest_only")
def test_a_nonce_that_is_no_longer_good_is_replaced(
    cloud: CloudSigma, opened: Open, drive: Drive
) -> None:
    account = opened(MINE)
    listed(account)
    cloud.requests.clear()
    cloud._gate._nonces.clear()
    account.create_snapshot(CreateSnapshot(drive.uuid))
    assert schemes(cloud) == ["Digest", "Digest"]
    assert len(cloud.snapshots) == 1


@pytest.mark.parametrize("password", AWKWARD)
@pytest.mark.parametrize("by", ["basic", "digest"])
def test_a_password_may_be_any_text(
    cloud: CloudSigma,
    opened: Open,
    monkeypatch: pytest.MonkeyPatch,
    *,
    password: str,
    by: str,
) -> None:
    cloud.add_account("x@example.com", password=password)
    if by == "digest":
        monkeypatch.setattr(cloud._gate, "_basic", lambda _: None)
    given = Credentials(username="x@example.com", password=password)
    assert listed(opened(given)) == set()
    wrong = Credentials(username="x@example.com", password=password[:-1] + "?")
    assert refused(listed, opened(wrong)).code is ErrorCode.UNAUTHENTICATED


@pytest.mark.parametrize("name", ["ü@example.com", "\u0436@example.com", 'a"b', "a\\", "a\tb"])
def test_an_address_may_be_any_text(cloud: CloudSigma, opened: Open, name: str) -> None:
    given = Credentials(username=name, password="x")
    assert refused(listed, opened(given)).code is ErrorCode.UNAUTHENTICATED
    cloud.add_account(name, password="pässwörd")
    assert listed(opened(Credentials(username=name, password="pässwörd"))) == set()


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(username=USER, password="wrong"),
        Credentials(username="nobody@example.com", password=PASSWORD),
        Credentials(username=USER, password=""),
        Credentials(username="", password=PASSWORD),
        Credentials(username=USER),
        Credentials(),
        Credentials(token="wrong"),
        Credentials(token=""),
        Credentials(token="a b"),
        Credentials(token="a\r\nX-Evil: 1"),
        Credentials(token="\u0436"),
        Credentials(session_token="x"),
    ],
)
@pytest.mark.parametrize("is_digest", [False, True])
def test_wrong_ones_are_refused_and_change_nothing(
    cloud: CloudSigma,
    opened: Open,
    monkeypatch: pytest.MonkeyPatch,
    *,
    credentials: Credentials,
    is_digest: bool,
) -> None:
    there = renew(cloud)
    if is_digest:
        monkeypatch.setattr(cloud._gate, "_basic", lambda _: None)
    for name in ("create", "delete remote", "list"):
        call = (CHANGES | READS)[name].call
        error = refused(lambda call=call: call(opened(credentials), there))
        assert (error.code, error.maybe_done) == (ErrorCode.UNAUTHENTICATED, False), name
    assert (len(cloud.snapshots), len(cloud.remote_snapshots)) == (1, 1)
    assert {one.status for one in cloud.asked()} <= {401}


def test_accounts_do_not_see_each_others_objects(cloud: CloudSigma, build: Build) -> None:
    gateway = build(cloud)
    mine, theirs = cloud.add_snapshot(), cloud.add_snapshot(owner=OTHER_ID)
    token = Credentials(token=cloud.issue_token(OTHER))
    for _ in range(2):
        assert listed(gateway.account(MINE)) == {mine.uuid}
        assert listed(gateway.account(THEIRS)) == listed(gateway.account(token)) == {theirs.uuid}
    assert ids(gateway.account(THEIRS).list_volumes(Query())) == [theirs.drive]


def test_no_cookie_is_kept(cloud: CloudSigma, build: Build, local: Snapshot) -> None:
    gateway = build(cloud)
    cookie = {"Set-Cookie": "sessionid=hunter2; Path=/"}
    for credentials in (MINE, THEIRS):
        cloud.garble("GET /snapshots/*", b"{}", 500, headers=cookie)
        refused(listed, gateway.account(credentials))
        listed(gateway.account(credentials))
    assert not [one for one in cloud.asked() if "cookie" in one.headers]
    assert not gateway.driver()._account._cloud.transport.cookies


@pytest.mark.usefixtures("as_the_driver_tells")
def test_a_redirection_elsewhere_takes_no_secret_along(cloud: CloudSigma, account: Account) -> None:
    there = renew(cloud)
    for name, operation in (CHANGES | READS).items():
        cloud.garble(operation.target, b"", 302, headers={"Location": "http://127.0.0.2:9/x"})
        error = refused(operation.call, account, there)
        assert error.code is ErrorCode.BACKEND, name
        there = renew(cloud)


def test_what_is_sent_is_the_secret_of_the_caller(cloud: CloudSigma, account: Account) -> None:
    listed(account)
    expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    given: Any = {one.secrets["authorization"] for one in cloud.asked()}
    assert given == {f"Basic {expected}"}
