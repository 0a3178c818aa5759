from pathlib import Path

import pytest
from marshmallow import ValidationError
from werkzeug.security import check_password_hash, generate_password_hash

from drivers.local import accounts
from drivers.local.accounts import Accounts, BadCredentials
from drivers.local.driver import LocalDriver
from gateway.driver import Credentials, ErrorCode, Visibility
from tests.local.stores import CHEAP_HASH, Local, deadline, load_options, opened, refused


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each stored hash that a password was compared with."""
    compared: list[str] = []

    def check(stored: str, password: str) -> bool:
        compared.append(stored)
        return check_password_hash(stored, password)

    monkeypatch.setattr(accounts, "check_password_hash", check)
    return compared


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("demo", "wrong"),
        ("demo", ""),
        ("nobody", "demo"),
        ("", ""),
        ("demo", None),
        (None, "demo"),
        (None, None),
        ("d", "emodemo"),
        ("demo", "\udcff"),
        ("demo", "demo\0"),
    ],
)
def test_wrong_credentials_are_unauthenticated(
    local: Local, username: str | None, password: str | None
) -> None:
    credentials = Credentials(username, password)
    for _ in range(2):
        with refused(ErrorCode.UNAUTHENTICATED, "wrong account name or password"):
            LocalDriver.open({}, credentials, shared=local.store, deadline=deadline())


def test_a_token_is_no_password(local: Local) -> None:
    with refused(ErrorCode.UNAUTHENTICATED):
        LocalDriver.open({}, Credentials(token="demo"), shared=local.store, deadline=deadline())


def test_a_wrong_password_costs_one_hash_however_often_it_comes(hashes: list[str]) -> None:
    known = Accounts({"demo": CHEAP_HASH})
    for _ in range(5):
        with pytest.raises(BadCredentials):
            known.check("demo", "wrong")
    assert hashes == [CHEAP_HASH]
    known.check("demo", "demo")  # and keeps nobody out
    with pytest.raises(BadCredentials):
        known.check("demo", "other")
    assert len(hashes) == 3


def test_an_unknown_name_costs_a_hash_as_well(hashes: list[str]) -> None:
    known = Accounts({"demo": CHEAP_HASH})
    with pytest.raises(BadCredentials):
        known.check("nobody", "demo")
    (compared,) = hashes
    assert compared.startswith("scrypt:")


def test_attempts_whose_parts_meet_elsewhere_are_told_apart() -> None:
    known = Accounts({"ab": generate_password_hash("c", "pbkdf2:sha256:1")})
    with pytest.raises(BadCredentials):
        known.check("a", "bc")
    known.check("ab", "c")


def test_hashes_are_salted() -> None:
    assert generate_password_hash("demo") != generate_password_hash("demo")


@pytest.mark.parametrize(
    "value",
    [
        "demo",
        "",
        "plain:demo",
        "scrypt:only",
        "md5$salt$0123",
        "scrypt:a:b:c$salt$0123",
        "pbkdf2:nohash:1$salt$0123",
        "pbkdf2:sha256:x$salt$0123",
    ],
)
def test_what_is_no_hash_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(ValidationError, match="not a password hash"):
        load_options(Path("store"), accounts={"anna": value})


def test_accounts_cannot_be_missing() -> None:
    with pytest.raises(ValidationError):
        load_options(Path("store"), accounts={})
    with pytest.raises(ValidationError):
        load_options(Path("store"), accounts={"": CHEAP_HASH})


def test_the_demo_account_is_found_by_its_password() -> None:
    def demo(hashed: dict[str, str]) -> Credentials | None:
        return LocalDriver.demo_credentials(load_options(Path("store"), accounts=hashed))

    assert demo({"demo": CHEAP_HASH}) == Credentials("demo", "demo")
    assert demo({"demo": generate_password_hash("safe", "pbkdf2:sha256:1")}) is None
    assert demo({"anna": CHEAP_HASH}) is None


def test_accounts_share_the_disks_and_see_whose_they_are(tmp_path: Path) -> None:
    both = {"demo": CHEAP_HASH, "anna": CHEAP_HASH}
    with opened(tmp_path, accounts=both) as local:
        found = local.whole_snapshot(local.put("disk.img"))
        anna = LocalDriver.open(
            {}, Credentials("anna", "demo"), shared=local.store, deadline=deadline()
        )
        anna.check_credentials(deadline=deadline())
        shown = anna.get_snapshot(found.id, deadline=deadline())
        assert shown.visibility is Visibility.SHARED
        assert shown.owner is not None
        assert (shown.owner.id, shown.owner.is_self) == ("demo", False)
        assert local.get(found.id).owner != shown.owner
        anna.delete_snapshot(found.id, deadline=deadline())
        assert local.snapshots() == []
