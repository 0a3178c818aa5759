import socket
from pathlib import Path
from typing import Any

import pytest

from gateway.driver import ConfigurationError
from gateway.settings import check_demo_stays_home, is_loopback
from tests.unit.configs import DEMO_HASH, HASH, Write, load, problem, provider


def database(value: str) -> str:
    return provider(more=f'database = "{value}"')


def test_a_database_without_a_password_stands_in_the_file(write: Write) -> None:
    found = load(write(database("postgresql://alice@db/x"))).providers.default
    assert found.options["database"].reveal() == "postgresql://alice@db/x"


def test_a_secret_is_read_by_reference(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://alice:hunter2@db/x"
    monkeypatch.setenv("SNAPGATE_TEST_URL", url)
    (tmp_path / "url").write_text(f"{url}\n")
    for reference in ("env:SNAPGATE_TEST_URL", f"file:{tmp_path / 'url'}"):
        found = load(write(database(reference))).providers.default
        assert found.options["database"].reveal() == url


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("postgresql://alice:hunter2@db/x", "by reference: env:NAME or file:PATH"),
        ("hunter2", "by reference: env:NAME or file:PATH"),
        ("env:", "by reference: env:NAME or file:PATH"),
        ("env:SNAPGATE_TEST_NONE", "environment variable SNAPGATE_TEST_NONE is not set"),
        ("file:no-such-file", "cannot read no-such-file: No such file"),
        ("file:/", "cannot read /: "),
    ],
)
def test_a_secret_that_is_no_good_reference_is_refused_and_not_shown(
    write: Write, value: str, expected: str
) -> None:
    message = problem(write(database(value)))
    assert "providers.local.options.database: " in message
    assert expected in message
    assert "hunter2" not in message


def test_a_file_that_is_no_text_is_no_secret(write: Write, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\xff\xfe\x00")
    assert "options.database: " in problem(write(database(f"file:{tmp_path / 'secret'}")))


@pytest.mark.parametrize(
    "stored",
    [
        "hunter2",
        "",
        "scrypt:32768:8:1$salt",
        "sha256$salt$hunter2",
        "scrypt:1:2$salt$hunter2",
        "scrypt:x:8:1$salt$hunter2",
        "pbkdf2:nonsense:1$salt$hunter2",
        "pbkdf2:sha256:x$salt$hunter2",
        "pbkdf2:sha256:0$salt$hunter2",
    ],
)
def test_a_password_hash_that_cannot_work_stops_the_start_and_is_not_shown(
    write: Write, stored: str
) -> None:
    message = problem(write(provider(user="demo", hashed=stored)))
    assert "options.accounts: demo: not a password hash" in message
    assert "snapgate hash-password" in message
    assert "hunter2" not in message


def test_no_repr_shows_a_hash_or_a_secret(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAPGATE_TEST_URL", "postgresql://alice:hunter2@db/x")
    settings = load(write(database("env:SNAPGATE_TEST_URL")))
    default = settings.providers.default
    things = [settings, settings.providers, default, default.options["database"], [default]]
    for shown in [text for thing in things for text in (repr(thing), str(thing), f"{thing}")]:
        assert HASH not in shown
        assert "hunter2" not in shown


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_the_demo_account_is_served_on_loopback_only(write: Write, host: str) -> None:
    settings = load(
        write(
            provider("mine")
            + provider("open", "demo", DEMO_HASH)
            + '[gateway]\ndefault_provider = "mine"\n'
        ),
        host=host,
    )
    with pytest.raises(ConfigurationError) as caught:
        check_demo_stays_home(settings)
    message = str(caught.value)
    assert f"host {host}" in message
    assert "open" in message
    assert "mine" not in message
    assert "snapgate hash-password" in message


@pytest.mark.parametrize(
    ("user", "hashed", "host"),
    [
        ("demo", DEMO_HASH, "127.0.0.1"),
        ("demo", DEMO_HASH, "::1"),
        ("demo", HASH, "0.0.0.0"),
        ("alice", DEMO_HASH, "0.0.0.0"),
        ("alice", HASH, "0.0.0.0"),
    ],
    ids=["demo v4", "demo v6", "demo with another password", "another name", "another account"],
)
def test_accounts_of_ones_own_are_served_anywhere(
    write: Write, user: str, hashed: str, host: str
) -> None:
    check_demo_stays_home(load(write(provider(user=user, hashed=hashed)), host=host))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("10.0.0.1", False),
        ("fe80::1", False),
        ("", False),
        ("*", False),
        ("127.0.0.1 ", False),
        ("127..0.1", False),
        ("x" * 70, False),
    ],
)
def test_only_loopback_addresses_are_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["127.0.0.1"], True),
        (["127.0.0.1", "::1"], True),
        (["127.0.0.1", "192.0.2.1"], False),
        (["192.0.2.1", "127.0.0.1"], False),
        (None, False),
    ],
)
def test_a_name_is_loopback_when_all_its_addresses_are(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str] | None, expected: bool
) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        if addresses is None:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 0)) for a in addresses]

    monkeypatch.setattr("gateway.settings.socket.getaddrinfo", getaddrinfo)
    assert is_loopback("some.name") is expected
