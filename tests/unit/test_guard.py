import threading
import time
from collections.abc import Callable, Iterator

import pytest

from gateway.core.guard import Guard, Stopwatch, classified
from gateway.core.registry import Provider
from gateway.driver import Deadline, Driver, DriverError, ErrorCode
from tests.unit.fakes import FakeDriver, SdkError, SlackDriver

BOTH = pytest.mark.parametrize("driver", [FakeDriver, SlackDriver])


def at(driver: type[Driver]) -> Provider:
    return Provider("somewhere", "fake", driver, {})


@pytest.fixture
def guard() -> Iterator[Guard]:
    found = Guard(timeout_s=5)
    yield found
    found.close()


@pytest.fixture
def hanging() -> Iterator[Callable[..., object]]:
    """A call that ends with the test only; left alone, it would hold up the interpreter's end."""
    release = threading.Event()
    yield lambda *, deadline: release.wait(10)
    release.set()


def failing(exc: BaseException) -> Callable[..., None]:
    def call(*, deadline: Deadline) -> None:
        raise exc

    return call


@BOTH
def test_a_call_gets_its_arguments_and_a_deadline(guard: Guard, driver: type[Driver]) -> None:
    def call(a: int, *, b: int, deadline: Deadline) -> tuple[int, int, bool]:
        return a, b, 0 < deadline.remaining_s() <= 5

    assert guard.call(at(driver), call, 1, b=2) == (1, 2, True)


@BOTH
def test_an_sdk_exception_is_wrapped_once_and_kept_as_cause(
    guard: Guard, driver: type[Driver]
) -> None:
    cause = SdkError("secret of the SDK")
    with pytest.raises(DriverError) as caught:
        guard.call(at(driver), failing(cause))
    assert (caught.value.code, caught.value.backend_code) == (ErrorCode.CONFLICT, "Nope")
    assert caught.value.__cause__ is cause
    assert "secret" not in str(caught.value)


@BOTH
def test_a_driver_error_passes_as_it_is(guard: Guard, driver: type[Driver]) -> None:
    error = DriverError(ErrorCode.QUOTA, "full", retry_after_s=3)
    error.__cause__ = SdkError()
    with pytest.raises(DriverError) as caught:
        guard.call(at(driver), failing(error))
    assert caught.value is error
    assert isinstance(caught.value.__cause__, SdkError)


@BOTH
def test_an_exception_that_the_driver_does_not_know_is_internal(
    guard: Guard, driver: type[Driver]
) -> None:
    with pytest.raises(DriverError, match="KeyError") as caught:
        guard.call(at(driver), failing(KeyError("hunter2")))
    assert caught.value.code is ErrorCode.INTERNAL
    assert isinstance(caught.value.__cause__, KeyError)
    assert "hunter2" not in str(caught.value)


def test_an_interrupt_is_no_failure_of_the_driver(guard: Guard) -> None:
    with pytest.raises(KeyboardInterrupt):
        guard.call(at(FakeDriver), failing(KeyboardInterrupt()))


@BOTH
def test_an_sdk_that_ends_the_process_ends_its_request_only(
    guard: Guard, driver: type[Driver]
) -> None:
    with pytest.raises(DriverError) as caught:
        guard.call(at(driver), failing(SystemExit(3)))
    assert caught.value.code is ErrorCode.INTERNAL
    assert isinstance(caught.value.__cause__, SystemExit)


def test_a_classify_that_raises_does_not_hide_the_failure(guard: Guard) -> None:
    class Broken(FakeDriver):
        @staticmethod
        def classify(exc: Exception) -> DriverError | None:
            raise ZeroDivisionError

    cause = SdkError()
    with pytest.raises(DriverError, match="SdkError") as caught:
        guard.call(at(Broken), failing(cause))
    assert caught.value.code is ErrorCode.INTERNAL
    assert caught.value.__cause__ is cause
    assert classified(at(Broken), cause).code is ErrorCode.INTERNAL


def test_a_driver_that_hangs_is_a_timeout_at_the_deadline(hanging: Callable[..., object]) -> None:
    guard = Guard(timeout_s=0.1)
    start = time.monotonic()
    with pytest.raises(DriverError, match=r"within 0\.1 seconds") as caught:
        guard.call(at(SlackDriver), hanging)
    assert caught.value.code is ErrorCode.TIMEOUT
    assert 0.1 <= time.monotonic() - start < 3
    guard.close()


def test_calls_that_hang_do_not_hold_up_the_next_one(hanging: Callable[..., object]) -> None:
    guard = Guard(timeout_s=0.05)
    for _ in range(3):
        with pytest.raises(DriverError):
            guard.call(at(SlackDriver), hanging)
    assert guard.call(at(SlackDriver), lambda *, deadline: "done") == "done"
    guard.close()


def test_a_promise_to_keep_deadlines_saves_the_thread(guard: Guard) -> None:
    def thread(*, deadline: Deadline) -> threading.Thread:
        return threading.current_thread()

    assert guard.call(at(FakeDriver), thread) is threading.current_thread()
    assert guard.call(at(SlackDriver), thread) is not threading.current_thread()


def test_each_call_has_a_deadline_of_its_own(guard: Guard) -> None:
    def deadline_of(*, deadline: Deadline) -> Deadline:
        return deadline

    first, second = guard.call(at(FakeDriver), deadline_of), guard.call(at(FakeDriver), deadline_of)
    assert first is not second
    assert first.limit_s == guard.timeout_s


def test_the_stopwatch_adds_up() -> None:
    stopwatch = Stopwatch()
    now = time.perf_counter()
    stopwatch.add_since(now - 2)
    stopwatch.add_since(now - 3)
    assert stopwatch.seconds == pytest.approx(5, abs=0.5)


def test_a_provider_that_hangs_leaves_the_others_their_threads(
    hanging: Callable[..., object],
) -> None:
    guard = Guard(timeout_s=0.01)
    for _ in range(70):  # more than the threads of one provider
        with pytest.raises(DriverError):
            guard.call(at(SlackDriver), hanging)
    other = Provider("elsewhere", "fake", SlackDriver, {})
    guard.timeout_s = 5
    assert guard.call(other, lambda *, deadline: "done") == "done"
