"""One opened driver serves many requests at once: nobody is answered what another asked."""

from collections.abc import Callable
from typing import TypeVar

from gateway.conformance.gates import requires
from gateway.conformance.limits import Threads
from gateway.conformance.subject import Subject, refused
from gateway.driver import Capability, ErrorCode, StorageSnapshot

T = TypeVar("T")
THREADS = 8


class ThreadCases:
    """Eight threads on one driver."""

    def test_many_can_read_at_once(self, subject: Subject, trio: list[StorageSnapshot]) -> None:
        def look(number: int) -> None:
            for turn in range(3):
                wanted = trio[(number + turn) % len(trio)]
                assert subject.get(wanted.id) == wanted
                assert wanted.id in subject.of_volume(wanted.volume_id or "")

        _at_once(look)

    def test_a_failure_of_one_is_not_that_of_another(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        missing = subject.harness.missing_id()

        def look(number: int) -> None:
            for _ in range(3):
                if number % 2:
                    assert refused(subject.get, missing).code is ErrorCode.NOT_FOUND
                else:
                    assert subject.get(trio[0].id).id == trio[0].id

        _at_once(look)

    @requires(Capability.SNAPSHOT_CREATE, Capability.SNAPSHOT_DELETE)
    def test_many_can_create_and_delete_at_once(self, subject: Subject) -> None:
        volumes = [subject.volume() for _ in range(THREADS)]

        def live(number: int) -> str:
            made = subject.create(volumes[number], f"{number} thread")
            ready = subject.harness.wait_ready(made.id)
            assert subject.is_named(ready, f"{number} thread")
            assert ready.volume_id == volumes[number]
            if number % 2:
                subject.account.delete_snapshot(made.id)
                subject.harness.wait_gone(made.id)
            return made.id

        made = _at_once(live)
        assert len(set(made)) == THREADS
        listed = subject.listed()
        assert [id_ in listed for id_ in made] == [n % 2 == 0 for n in range(THREADS)]


def _at_once(work: Callable[[int], T]) -> list[T]:
    with Threads() as pool:
        return list(pool.map(work, range(THREADS)))
