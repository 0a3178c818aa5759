from types import SimpleNamespace

import pytest
from werkzeug.security import check_password_hash, generate_password_hash

from drivers.local import accounts
from drivers.local.accounts import Accounts, BadCredentials, accepts_demo
from tests.unit.fakes import Clock

# One round: these passwords protect nothing, and the tests shall be fast.
METHOD = "pbkdf2:sha256:1"
HASHES = {
    "alice": generate_password_hash("hunter2", METHOD),
    "b": generate_password_hash("", METHOD),
}
GOOD = ("alice", "hunter2")
BAD = ("alice", "wrong")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(accounts, "time", SimpleNamespace(monotonic=found))
    return found


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Each hash that was computed: what it was compared with, and the password."""
    found: list[tuple[str, str]] = []

    def counted(stored: str, password: str) -> bool:
        found.append((stored, password))
        return check_password_hash(stored, password)

    monkeypatch.setattr(accounts, "check_password_hash", counted)
    return found


def is_refused(found: Accounts, attempt: tuple[str, str]) -> bool:
    try:
        found.check(*attempt)
    except BadCredentials:
        return True
    return False


@pytest.mark.parametrize("attempt", [GOOD, ("b", "")])
def test_the_right_password_is_accepted(attempt: tuple[str, str]) -> None:
    assert not is_refused(Accounts(HASHES), attempt)


@pytest.mark.parametrize(
    "attempt",
    [
        BAD,
        ("alice", ""),
        ("alice", "hunter2 "),
        ("alice", "HUNTER2"),
        ("alice", HASHES["alice"]),
        ("Alice", "hunter2"),
        ("nobody", "hunter2"),
        ("nobody", ""),
        ("", ""),
        ("b", "hunter2"),
        ("alice", "\ud800"),
    ],
)
def test_anything_else_is_refused_again_and_again(attempt: tuple[str, str]) -> None:
    found = Accounts(HASHES)
    assert [is_refused(found, attempt) for _ in range(3)] == [True] * 3


def test_a_wrong_password_costs_a_hash_once_in_some_seconds(
    clock: Clock, computed: list[tuple[str, str]]
) -> None:
    found = Accounts(HASHES)
    assert [is_refused(found, BAD) for _ in range(5)] == [True] * 5
    assert len(computed) == 1
    clock.now += 60
    assert is_refused(found, BAD)
    assert len(computed) == 2


def test_a_remembered_failure_stands_in_nobody_elses_way(clock: Clock) -> None:
    found = Accounts(HASHES)
    # The name and the password of one attempt run together are those of the other.
    assert is_refused(found, ("alicehunter", "2"))
    assert is_refused(found, ("alic", "ehunter2"))
    assert is_refused(found, BAD)
    assert not is_refused(found, GOOD)


def test_a_success_is_not_remembered_here(computed: list[tuple[str, str]]) -> None:
    found = Accounts(HASHES)
    assert not is_refused(found, GOOD)
    assert not is_refused(found, GOOD)
    assert len(computed) == 2


def test_an_unknown_name_costs_a_hash_too(computed: list[tuple[str, str]]) -> None:
    assert is_refused(Accounts(HASHES), ("nobody", "hunter2"))
    ((stored, password),) = computed
    assert stored not in HASHES.values()
    assert password == "hunter2"


def test_an_unknown_name_is_refused_even_with_a_password_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accounts, "check_password_hash", lambda stored, password: True)
    assert is_refused(Accounts(HASHES), ("nobody", "hunter2"))


def test_failures_are_remembered_without_the_passwords() -> None:
    found = Accounts(HASHES)
    is_refused(found, ("alice", "almost-hunter2"))
    assert "almost" not in repr(vars(found)["_failed"])


def test_accounts_are_counted() -> None:
    assert len(Accounts(HASHES)) == 2


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [("demo", "demo", True), ("demo", "other", False), ("Demo", "demo", False)],
)
def test_the_demo_account_is_known_by_name_and_password(
    name: str, password: str, expected: bool
) -> None:
    hashes = {**HASHES, name: generate_password_hash(password, METHOD)}
    assert accepts_demo(hashes) is expected
