"""Claims: one at a time works on a key, in all threads and processes of a server."""

import multiprocessing
import threading
from typing import Any

import pytest

from gateway.core.attempts import Attempt, Attempts
from gateway.driver import DriverError, ErrorCode, Marker

FORK = multiprocessing.get_context("fork")


def test_a_claim_keeps_others_out_while_it_lasts_and_not_longer() -> None:
    attempts = Attempts()
    for _ in range(2):
        with attempts.claim(b"a"):
            with pytest.raises(DriverError) as caught, attempts.claim(b"a"):
                pass
            assert caught.value.code is ErrorCode.CONFLICT
            assert caught.value.retry_after_s == 1
            with attempts.claim(b"b"):
                pass


def test_a_claim_ends_with_an_error_too() -> None:
    attempts = Attempts()
    with pytest.raises(ZeroDivisionError), attempts.claim(b"a"):
        raise ZeroDivisionError
    with attempts.claim(b"a"):
        pass


def claimed(answer: Any, name: bytes) -> None:
    """Tell from another process whether a name could be claimed there."""
    try:
        with Attempts().claim(name):
            answer.send(True)
    except DriverError:
        answer.send(False)


def claimed_elsewhere(name: bytes) -> bool:
    here, there = FORK.Pipe()
    process = FORK.Process(target=claimed, args=(there, name))
    process.start()
    found = bool(here.recv())
    process.join()
    here.close()
    there.close()
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_claim_keeps_other_processes_of_the_server_out() -> None:
    attempts = Attempts()
    with attempts.claim(b"a"):
        assert not claimed_elsewhere(b"a")
        assert claimed_elsewhere(b"b")
    assert claimed_elsewhere(b"a")


def hold(begun: Any, name: bytes) -> None:
    with Attempts().claim(name):
        begun.send(True)
        threading.Event().wait(60)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_process_that_is_killed_claims_nothing_any_more() -> None:
    here, there = FORK.Pipe()
    process = FORK.Process(target=hold, args=(there, b"a"))
    process.start()
    assert here.recv()
    attempts = Attempts()
    with pytest.raises(DriverError), attempts.claim(b"a"):
        pass
    process.kill()
    process.join()
    with attempts.claim(b"a"):
        pass
    here.close()
    there.close()


def test_what_has_come_of_an_attempt_is_remembered_until_it_is_forgotten() -> None:
    attempts, attempt = Attempts(), Attempt(Marker("m", "r"), "snap-1")
    assert attempts.recall(b"a") is None
    attempts.remember(b"a", attempt)
    assert attempts.recall(b"a") == attempt
    attempts.forget(b"a")
    attempts.forget(b"a")
    assert attempts.recall(b"a") is None
