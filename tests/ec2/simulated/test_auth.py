"""Who may do what: wrong credentials are 401, a missing permission is 403, nothing is done."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from drivers.ec2.clients import Ec2Options, open_clients
from gateway.core.snapshots import Account
from gateway.driver import (
    CloneSnapshot,
    CreateSnapshot,
    CreateVolume,
    Credentials,
    ErrorCode,
    MetadataChange,
    Query,
    UpdateSnapshot,
)
from tests.ec2.simulated.tools import GIB, KEYS, REGIONS, Connect, listed, refused, texts
from tests.simulators.ec2 import ACCESS_KEY, SECRET, Simulator
from tests.simulators.ec2_state import Region, Snapshot, Volume

TOKEN = "FwoGZXIvYXdzEBYaD/session+token=="
WRONG = {
    "wrong secret": replace(KEYS, password="wrong"),
    "secret of another case": replace(KEYS, password=SECRET.upper()),
    "secret beyond ASCII": replace(KEYS, password="sécret\u2028"),
    "unknown key": replace(KEYS, username="AKIANOBODY0000000000"),
    "key with a slash": replace(KEYS, username=f"{ACCESS_KEY}/20260101"),
    "key with a comma": replace(KEYS, username=f"{ACCESS_KEY}, Signature=0"),
    "key with a line end": replace(KEYS, username=f"{ACCESS_KEY}\r\nX: y"),
    "key beyond ASCII": replace(KEYS, username="schlüssel"),
    "token that is not asked for": replace(KEYS, session_token="x"),
    "token with a line end": replace(KEYS, session_token="x\r\nX: y"),
    "token beyond ASCII": replace(KEYS, session_token="ü"),
    "no secret": replace(KEYS, password=""),
    "no key": replace(KEYS, username=""),
    "only a bearer token": Credentials(token=SECRET),
    "nothing": Credentials(),
}
OPERATIONS: dict[str, Callable[[Account, str, str], Any]] = {
    "DescribeSnapshots": lambda a, s, v: a.get_snapshot(s),
    "CreateSnapshot": lambda a, s, v: a.create_snapshot(CreateSnapshot(v)),
    "CreateTags": lambda a, s, v: a.update_snapshot(s, UpdateSnapshot(name="new")),
    "DeleteTags": lambda a, s, v: a.update_snapshot(s, UpdateSnapshot(name=None)),
    "DeleteSnapshot": lambda a, s, v: a.delete_snapshot(s),
    "CreateVolume": lambda a, s, v: a.clone_snapshot(s, CloneSnapshot(zone="eu-west-1a")),
    "DescribeVolumes": lambda a, s, v: a.get_volume(v),
    "DeleteVolume": lambda a, s, v: a.delete_volume(v),
}


@pytest.fixture
def snapshot(region: Region) -> Snapshot:
    return region.add_snapshot(tags={"Name": "old"})


def state(region: Region) -> Any:
    return {s.id: s.tags for s in region.snapshots.values()}, set(region.volumes)


def attempt(connect: Connect, credentials: Credentials, operation: str, *given: str) -> Any:
    return OPERATIONS[operation](connect(credentials), *given)


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_credentials_are_unauthenticated_and_change_nothing(
    connect: Connect, region: Region, snapshot: Snapshot, volume: Volume, wrong: str
) -> None:
    before, given = state(region), WRONG[wrong]
    for operation in ("DescribeSnapshots", "CreateSnapshot", "DeleteSnapshot"):
        error = refused(attempt, connect, given, operation, snapshot.id, volume.id)
        assert error.code is ErrorCode.UNAUTHENTICATED
        told = "\n".join(texts(error))
        for secret in (SECRET, given.password, given.session_token):
            assert not secret or len(secret) < 3 or secret not in told
    assert state(region) == before


def test_credentials_are_checked_on_request(connect: Connect) -> None:
    connect().check_credentials()
    error = refused(connect(replace(KEYS, password="wrong")).check_credentials)
    assert error.code is ErrorCode.UNAUTHENTICATED
    assert "SignatureDoesNotMatch" in (error.backend_code or "")


@pytest.mark.parametrize("given", [None, "another"])
def test_temporary_credentials_need_their_own_token(
    simulator: Simulator, connect: Connect, region: Region, given: str | None
) -> None:
    own = region.add_snapshot().id
    simulator.add_account("ASIATEMPORARY", "temporary", session_token=TOKEN)
    right = Credentials(username="ASIATEMPORARY", password="temporary", session_token=TOKEN)
    assert listed(connect(right)) == {own}
    wrong = connect(replace(right, session_token=given))
    assert refused(wrong.list_snapshots, Query()).code is ErrorCode.UNAUTHENTICATED


def test_one_gateway_tells_tokens_of_one_key_apart(simulator: Simulator, connect: Connect) -> None:
    simulator.add_account("ASIATEMPORARY", "temporary", session_token=TOKEN)
    right = Credentials(username="ASIATEMPORARY", password="temporary", session_token=TOKEN)
    opened = connect(right)
    assert listed(opened) == set()
    assert refused(connect(replace(right, session_token="old")).check_credentials)
    assert listed(opened) == set()


def test_expired_credentials_say_so(simulator: Simulator, connect: Connect, volume: Volume) -> None:
    simulator.add_account("ASIAOLD", "old", session_token=TOKEN, expired=True)
    account = connect(Credentials(username="ASIAOLD", password="old", session_token=TOKEN))
    error = refused(account.create_snapshot, CreateSnapshot(volume.id))
    assert (error.code, error.backend_code) == (ErrorCode.UNAUTHENTICATED, "RequestExpired")
    assert "expired" in error.message
    assert not simulator.region("eu-west-1").snapshots


def test_credentials_that_expire_between_two_pages_end_the_list(
    simulator: Simulator, connect: Connect, region: Region
) -> None:
    for _ in range(12):
        region.add_snapshot()
    pages = connect(page_size=5).list_snapshots(Query()).pages()
    assert len(next(pages)) == 5
    simulator.default_account.expired = True
    # The second page is on its way while the first is read, so it may be the third that fails.
    assert refused(list, pages).code is ErrorCode.UNAUTHENTICATED


def test_a_region_that_does_not_know_the_key_is_unauthenticated(
    connect: Connect, simulator: Simulator, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REGIONS, "west", "ap-south-1")
    account = connect()
    for call in (
        lambda: account.list_snapshots(Query()),
        lambda: account.create_snapshot(CreateSnapshot(volume.id)),
    ):
        assert refused(call).code is ErrorCode.UNAUTHENTICATED
    assert not simulator.region("eu-west-1").snapshots


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_the_account_may_not_do_is_denied_and_not_done(
    simulator: Simulator,
    connect: Connect,
    region: Region,
    snapshot: Snapshot,
    volume: Volume,
    *,
    operation: str,
) -> None:
    simulator.add_account("AKIALITTLE", "little", denied={operation})
    before = state(region)
    little = Credentials(username="AKIALITTLE", password="little")
    error = refused(attempt, connect, little, operation, snapshot.id, volume.id)
    assert (error.code, error.backend_code) == (ErrorCode.DENIED, "UnauthorizedOperation")
    assert state(region) == before


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """The operator of the gateway has credentials of an own that would work."""
    file = tmp_path / "credentials"
    file.write_text(f"[default]\naws_access_key_id={ACCESS_KEY}\naws_secret_access_key={SECRET}\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of the operator")
    monkeypatch.setenv("AWS_PROFILE", "default")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("wrong", WRONG)
def test_the_operators_own_credentials_stand_in_for_no_callers(
    simulator: Simulator, connect: Connect, region: Region, volume: Volume, wrong: str
) -> None:
    error = refused(attempt, connect, WRONG[wrong], "CreateSnapshot", "", volume.id)
    assert error.code is ErrorCode.UNAUTHENTICATED
    assert not region.snapshots


@pytest.mark.usefixtures("operator")
def test_the_operators_environment_changes_nothing_for_a_caller(
    simulator: Simulator, connect: Connect, region: Region
) -> None:
    """Neither its token, which would be wrong with the caller's key, nor its endpoint."""
    simulator.add_account("AKIACALLER", "caller", account_id="444455556666")
    own = region.add_snapshot(owner_id="444455556666").id
    caller = Credentials(username="AKIACALLER", password="caller")
    assert listed(connect(caller), owner="self") == {own}


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "https://ec2.eu-west-1.amazonaws.com"),
        ({"endpoint_url": "http://127.0.0.1:2"}, "http://127.0.0.1:2"),
    ],
)
def test_the_endpoint_is_that_of_the_options(options: dict[str, str], url: str) -> None:
    given = Ec2Options().load({"region": "eu-west-1", **options})
    for client in open_clients(given).open(KEYS):
        assert client.meta.endpoint_url == url
        client.close()


def test_denied_metadata_changes_nothing(
    simulator: Simulator, connect: Connect, snapshot: Snapshot
) -> None:
    simulator.default_account.denied = {"CreateTags"}
    change = UpdateSnapshot(metadata=MetadataChange({"k": "v"}))
    assert refused(connect().update_snapshot, snapshot.id, change).code is ErrorCode.DENIED
    assert snapshot.tags == {"Name": "old"}


def test_a_denied_empty_volume_is_not_made(
    simulator: Simulator, connect: Connect, region: Region
) -> None:
    simulator.default_account.denied = {"CreateVolume"}
    request = CreateVolume(GIB, zone="eu-west-1a")
    assert refused(connect().create_volume, request).code is ErrorCode.DENIED
    assert not region.volumes
