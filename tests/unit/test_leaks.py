"""What a driver says never shows its caller's credentials, whatever form it puts them in."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from gateway.core.collection import ListSettings
from gateway.core.core import Core
from gateway.core.guard import DriverBug, Guard
from gateway.core.registry import Providers
from gateway.core.secrecy import Secrets
from gateway.core.sessions import Sessions
from gateway.driver import Credentials, DriverError, ErrorCode
from tests.unit.fakes import Backend, FakeDriver, SlackDriver, provider

PASSWORD, TOKEN, SESSION = 'pa ss/wörd"1', "t0ken-c51ce410c124a10e", "sess1on=aab3238922bcc25a"
WHO = Credentials("alicia", PASSWORD, TOKEN, SESSION)
LISTS = ListSettings(b"any secret of ours", max_sorted_rows=10)
SPOKEN: list[Callable[[str], str]] = [
    str,
    lambda secret: f"login with {secret} refused",
    lambda secret: quote(secret, safe=""),
    quote,
    repr,
    json.dumps,
    lambda secret: base64.b64encode(secret.encode()).decode(),
]


def error_of(
    error: DriverError, base: type[FakeDriver] = FakeDriver, who: Any = WHO
) -> DriverError:
    def get_snapshot(self: Any, snapshot_id: str, *, deadline: Any) -> Any:
        raise error from OSError("the cause")

    driver = type("Leaking", (base,), {"get_snapshot": get_snapshot})
    one = provider(Backend(), driver)
    providers = Providers((one,), one.name)
    core = Core(providers, Sessions(providers), Guard(timeout_s=5), LISTS)
    with pytest.raises(DriverError) as caught:
        core.account(one, who).get_snapshot("s")
    return caught.value


@pytest.mark.parametrize("base", [FakeDriver, SlackDriver])
@pytest.mark.parametrize("spoken", SPOKEN)
@pytest.mark.parametrize("secret", [PASSWORD, TOKEN, SESSION])
def test_a_message_with_a_secret_is_withheld(
    secret: str, spoken: Callable[[str], str], base: type[FakeDriver]
) -> None:
    error = error_of(DriverError(ErrorCode.UNAVAILABLE, spoken(secret), retry_after_s=7), base)
    assert isinstance(error, DriverBug)
    assert (error.code, error.retry_after_s) == (ErrorCode.UNAVAILABLE, 7)
    assert "its message (unavailable) is withheld" in error.message
    assert spoken(secret) not in error.message
    assert isinstance(error.__cause__, OSError)


def test_a_basic_header_is_a_secret_too() -> None:
    header = base64.b64encode(f"alicia:{PASSWORD}".encode()).decode()
    assert "withheld" in error_of(DriverError(ErrorCode.DENIED, f"Basic {header}")).message


@pytest.mark.parametrize(
    "said",
    [
        {"fields": {"name": f"{TOKEN}!"}},
        {"fields": {TOKEN: "bad"}},
        {"backend_code": f"Bad{TOKEN}"},
    ],
)
def test_a_secret_in_fields_or_in_the_backends_code_is_withheld(said: dict[str, Any]) -> None:
    error = error_of(DriverError(ErrorCode.INVALID, "no", **said))
    assert "withheld" in error.message
    assert (error.fields, error.backend_code) == ({}, None)


def test_a_secret_that_comes_out_of_open_is_withheld() -> None:
    class Opening(FakeDriver):
        @classmethod
        def open(cls, options: Any, credentials: Credentials, **kw: Any) -> Any:
            raise DriverError(ErrorCode.UNAUTHENTICATED, f"{credentials.password} is wrong")

    one = provider(Backend(), Opening)
    providers = Providers((one,), one.name)
    core = Core(providers, Sessions(providers), Guard(timeout_s=5), LISTS)
    with pytest.raises(DriverError, match="withheld") as caught:
        core.account(one, WHO)
    assert caught.value.code is ErrorCode.UNAUTHENTICATED
    assert PASSWORD not in caught.value.message


@pytest.mark.parametrize(
    ("who", "message"),
    [
        (WHO, "alicia may not do this"),
        (Credentials("alice", "disk"), "the disk is full"),
        (Credentials("alice", ""), "no"),
    ],
)
def test_what_holds_no_secret_is_told_as_it_is(who: Credentials, message: str) -> None:
    error = DriverError(ErrorCode.DENIED, message, fields={"f": "x"}, backend_code="Nope")
    assert error_of(error, who=who) is error


def test_a_secret_that_no_encoding_carries_is_looked_for_all_the_same() -> None:
    secrets = Secrets(Credentials(token="\udcff" * 8))
    assert secrets.are_in(DriverError(ErrorCode.DENIED, "\udcff" * 9))
    assert not secrets.are_in(DriverError(ErrorCode.DENIED, "no"))
