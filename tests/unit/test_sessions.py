import gc
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway.core.guard import DriverBug
from gateway.core.registry import Providers
from gateway.core.sessions import Sessions
from gateway.driver import Credentials, Deadline, DriverError, ErrorCode
from tests.unit.fakes import ALICE, BOB, Backend, Clock, FakeDriver, SdkError, provider


@pytest.fixture
def backend() -> Backend:
    return Backend()


def sessions(
    backend: Backend, *, maxsize: int = 8, ttl_s: float = 60, clock: Clock | None = None
) -> Sessions:
    providers = Providers((provider(backend),), "fake")
    return Sessions(providers, maxsize=maxsize, ttl_s=ttl_s, clock=clock or Clock())


def closed(backend: Backend, count: int) -> list[Credentials]:
    """Return what has been closed, which happens soon and in another thread."""
    end = time.monotonic() + 10
    while len(backend.closed) < count and time.monotonic() < end:
        time.sleep(0.001)
    return backend.closed


def test_the_same_account_is_opened_once(backend: Backend) -> None:
    found = sessions(backend)
    first = found.get(provider(backend), ALICE, Deadline(1))
    again = found.get(provider(backend), Credentials("alice", "hunter2"), Deadline(1))
    assert first is again
    assert backend.opened == [ALICE]


def test_many_threads_with_a_new_account_open_it_once(backend: Backend) -> None:
    everybody_asks = threading.Barrier(16)
    backend.on_open = lambda: threading.Event().wait(0.05)
    found = sessions(backend)

    def get(_: int) -> object:
        everybody_asks.wait(5)
        return found.get(provider(backend), ALICE, Deadline(5))

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(get, range(16)))) == 1
    assert backend.opened == [ALICE]


@pytest.mark.parametrize(
    "other",
    [
        Credentials("alice", "wrong"),
        Credentials("bob", "hunter2"),
        Credentials("alice"),
        Credentials("alice", ""),
        Credentials("alice", "hunter2", session_token="t"),
        Credentials("alice", "hunter2", token="t"),
        Credentials(username="alicehunter2", password=""),
        Credentials(token="alice", session_token="hunter2"),
        Credentials(),
    ],
)
def test_other_credentials_are_another_account(backend: Backend, other: Credentials) -> None:
    found = sessions(backend)
    first = found.get(provider(backend), ALICE, Deadline(1))
    assert found.get(provider(backend), other, Deadline(1)) is not first
    assert backend.opened == [ALICE, other]


def test_the_same_credentials_at_another_provider_are_another_account(backend: Backend) -> None:
    one, other = provider(backend), provider(backend, name="other")
    found = Sessions(Providers((one, other), "fake"))
    assert found.get(one, ALICE, Deadline(1)) is not found.get(other, ALICE, Deadline(1))


def test_an_account_is_opened_anew_when_its_time_is_up(backend: Backend) -> None:
    clock = Clock()
    found = sessions(backend, ttl_s=60, clock=clock)
    first = found.get(provider(backend), ALICE, Deadline(1))
    clock.now += 59
    assert found.get(provider(backend), ALICE, Deadline(1)) is first
    clock.now += 2
    assert found.get(provider(backend), ALICE, Deadline(1)) is not first
    assert backend.opened == [ALICE, ALICE]


def test_no_more_accounts_are_kept_than_configured(backend: Backend) -> None:
    found = sessions(backend, maxsize=1)
    found.get(provider(backend), ALICE, Deadline(1))
    found.get(provider(backend), BOB, Deadline(1))
    gc.collect()
    assert closed(backend, 1) == [ALICE]
    found.get(provider(backend), ALICE, Deadline(1))
    assert backend.opened == [ALICE, BOB, ALICE]


def test_an_evicted_driver_is_closed_when_its_last_user_lets_go(backend: Backend) -> None:
    found = sessions(backend, maxsize=1)
    user = found.get(provider(backend), ALICE, Deadline(1))
    second_user = found.get(provider(backend), ALICE, Deadline(1))
    found.get(provider(backend), BOB, Deadline(1))
    del user
    gc.collect()
    assert backend.closed == []
    assert second_user.driver.capabilities
    del second_user
    gc.collect()
    assert closed(backend, 1) == [ALICE]


def test_closing_lets_go_of_every_driver_once(backend: Backend) -> None:
    found = sessions(backend)
    found.get(provider(backend), ALICE, Deadline(1))
    found.get(provider(backend), BOB, Deadline(1))
    found.close()
    gc.collect()
    found.close()
    assert sorted(str(who.username) for who in closed(backend, 2)) == ["alice", "bob"]


def test_a_failed_opening_is_not_kept(backend: Backend) -> None:
    def refuse() -> None:
        raise SdkError

    backend.on_open = refuse
    found = sessions(backend)
    with pytest.raises(SdkError):
        found.get(provider(backend), ALICE, Deadline(1))
    backend.on_open = lambda: None
    assert found.get(provider(backend), ALICE, Deadline(1)).driver
    assert backend.opened == [ALICE, ALICE]


def test_who_waits_for_another_opening_waits_until_the_deadline(backend: Backend) -> None:
    opening, release = threading.Event(), threading.Event()

    def hang() -> None:
        opening.set()
        release.wait(5)

    backend.on_open = hang
    found = sessions(backend)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(found.get, provider(backend), ALICE, Deadline(5))
        assert opening.wait(5)
        with pytest.raises(DriverError) as caught:
            found.get(provider(backend), ALICE, Deadline(0.05))
        release.set()
        assert slow.result(5)
    assert caught.value.code is ErrorCode.TIMEOUT


def test_no_credential_can_be_seen_in_the_cache(backend: Backend) -> None:
    found = sessions(backend)
    who = Credentials("alice", "hunter2", "t0ken", "sess1on")
    opened = found.get(provider(backend), who, Deadline(1))
    shown = repr(found) + repr(vars(found)) + repr(opened)
    assert not [word for word in ("alice", "hunter2", "t0ken", "sess1on") if word in shown]


def test_keys_of_two_processes_are_not_alike(backend: Backend) -> None:
    digests = {sessions(backend)._digest(ALICE) for _ in range(3)}
    assert len(digests) == 3


def test_what_accounts_share_is_made_once_a_provider_and_closed_at_the_end() -> None:
    class Shared:
        closed = 0

        def close(self) -> None:
            self.closed += 1

    shared, backend = Shared(), Backend()
    providers = (provider(backend, shared=shared), provider(backend, name="b", shared=object()))
    found = Sessions(Providers(providers, "b"))
    found.get(providers[0], ALICE, Deadline(1))
    assert shared.closed == 0
    found.close()
    assert shared.closed == 1


def test_a_driver_that_cannot_close_is_told_without_its_words_and_holds_up_no_other(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    class Clinging(FakeDriver):
        def close(self) -> None:
            super().close()
            if self.credentials == ALICE:
                raise SystemExit("hunter2")

    one = provider(backend, Clinging)
    found = Sessions(Providers((one,), one.name))
    found.get(one, ALICE, Deadline(1))
    found.get(one, BOB, Deadline(1))
    found.close()
    assert closed(backend, 2) == [ALICE, BOB]
    (record,) = caplog.records
    assert "providers.fake: driver 'Clinging' (class tests.unit.test_sessions:" in record.message
    assert "close raised SystemExit" in record.message
    assert "hunter2" not in caplog.text


def test_a_driver_that_hangs_when_it_is_closed_holds_up_neither_requests_nor_the_end_for_long(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()

    class Hanging(FakeDriver):
        def close(self) -> None:
            release.wait(20)
            super().close()

    monkeypatch.setattr("gateway.core.sessions._CLOSE_S", 0.2)
    one = provider(backend, Hanging)
    found = Sessions(Providers((one,), one.name), maxsize=1)
    start = time.monotonic()
    for who in (ALICE, BOB, ALICE):
        found.get(one, who, Deadline(1))
    found.close()
    assert time.monotonic() - start < 10
    assert "closing did not end within 0.2 seconds" in caplog.text
    assert backend.closed == []
    release.set()
    assert closed(backend, 3) == [ALICE, BOB, ALICE]


def test_what_is_closed_when_the_process_ends_is_closed_all_the_same(tmp_path: Path) -> None:
    program = f"""
import time
from pathlib import Path
from tests.unit.fakes import ALICE, Backend, FakeDriver, account
class Writing(FakeDriver):
    def close(self):
        time.sleep(0.3)  # a thread of its own would not live so long
        Path({str(tmp_path / "closed")!r}).touch()
kept = account(Backend(), Writing)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
    assert (tmp_path / "closed").exists()


@pytest.mark.parametrize("answer", [None, "a driver", {}, object(), FakeDriver])
def test_what_open_returns_must_be_an_object_of_the_class(backend: Backend, answer: Any) -> None:
    class Opening(FakeDriver):
        @classmethod
        def open(cls, *args: Any, **kw: Any) -> Any:
            return answer

    one = provider(backend, Opening)
    with pytest.raises(DriverBug, match="open returned ") as caught:
        Sessions(Providers((one,), one.name)).get(one, ALICE, Deadline(1))
    assert "not an object of its class" in caught.value.message
