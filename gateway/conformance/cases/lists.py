"""Lists: complete, each snapshot once, whatever the size of the pages and whatever happens."""

import itertools

import pytest

from gateway.conformance.gates import requires
from gateway.conformance.limits import Threads
from gateway.conformance.subject import Subject, account_of
from gateway.driver import Capability, Filter, Query, StorageSnapshot

CREATE, DELETE = Capability.SNAPSHOT_CREATE, Capability.SNAPSHOT_DELETE


class ListCases:
    """list_snapshots and its pages."""

    def test_a_list_holds_every_snapshot(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        listed = subject.listed()
        for snapshot in trio:
            assert listed[snapshot.id].id == snapshot.id

    def test_a_list_tells_what_a_single_answer_tells(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        listed = subject.listed()
        for snapshot in trio:
            assert listed[snapshot.id] == subject.get(snapshot.id)

    def test_a_list_by_id(self, subject: Subject, trio: list[StorageSnapshot]) -> None:
        assert list(subject.listed(Filter("id", trio[1].id))) == [trio[1].id]

    def test_a_list_by_an_unknown_id_is_empty(self, subject: Subject) -> None:
        assert subject.listed(Filter("id", subject.harness.missing_id())) == {}

    def test_a_list_by_volume(self, subject: Subject, trio: list[StorageSnapshot]) -> None:
        found = subject.of_volume(trio[0].volume_id or "")
        assert sorted(found) == sorted(snapshot.id for snapshot in trio)

    def test_a_list_by_an_unknown_volume_is_empty(self, subject: Subject) -> None:
        assert subject.of_volume(subject.harness.missing_volume_id()) == {}

    def test_a_list_by_two_conditions(self, subject: Subject, trio: list[StorageSnapshot]) -> None:
        by_volume = Filter("volume_id", trio[0].volume_id or "")
        if trio[1].name is None:
            pytest.skip(f"{subject.kind.__name__} names no snapshots")
        same = {snapshot.id for snapshot in trio if snapshot.name == trio[1].name}
        assert set(subject.listed(by_volume, Filter("name", trio[1].name))) == same
        assert subject.listed(by_volume, Filter("name", "nobody's")) == {}

    @requires(CREATE)
    def test_a_new_snapshot_shows_up(self, subject: Subject, volume: str) -> None:
        snapshot = subject.ready(volume, "new")
        assert subject.listed()[snapshot.id].name == snapshot.name

    @pytest.mark.parametrize("size", [1, 2, 7])
    def test_pages_of_any_size_hold_each_snapshot_once(
        self, subject: Subject, trio: list[StorageSnapshot], size: int
    ) -> None:
        size = min(size, subject.kind.page_size)
        found = [snapshot.id for snapshot in subject.walk(Query(), size)]
        assert len(found) == len(set(found)), "a snapshot comes twice"
        assert set(found) == set(subject.listed())
        assert {snapshot.id for snapshot in trio} <= set(found)

    def test_pages_of_one_make_a_whole_list(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        account = account_of(subject.driver, timeout_s=subject.harness.wait_s, page_size=1)
        found = [snapshot.id for snapshot in account.list_snapshots(Query()).items()]
        assert sorted(found) == sorted(subject.listed())

    def test_pages_follow_their_markers(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        query = Query((Filter("volume_id", trio[0].volume_id or ""),))
        found: list[str] = []
        marker = None
        while True:
            page = subject.account.list_snapshots(query, limit=1, marker=marker)
            found += [snapshot.id for snapshot in page.items()]
            marker = page.marker
            if marker is None:
                break
        assert sorted(found) == sorted(snapshot.id for snapshot in trio)

    def test_the_order_stays_the_same(self, subject: Subject, trio: list[StorageSnapshot]) -> None:
        once, again = (subject.walk(Query(), 1) for _ in range(2))
        assert [snapshot.id for snapshot in once] == [snapshot.id for snapshot in again]

    def test_a_cursor_is_text_and_leads_to_the_same_page_twice(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        first = next(subject.pages(Query(), 1))
        assert isinstance(first.next_cursor, str)
        assert first.next_cursor
        pages = [self._page(subject, first.next_cursor) for _ in range(2)]
        assert pages[0] == pages[1]

    def test_a_cursor_works_in_another_process(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        """A client may show it to another worker: it must not need what one driver remembers."""
        first = next(subject.pages(Query(), 1))
        other = subject.harness.open_driver()
        try:
            page = other.list_snapshots(
                Query(),
                page_size=1,
                cursor=first.next_cursor,
                deadline=subject.harness.deadline(),
            )
        finally:
            other.close()
        assert page.items == self._page(subject, first.next_cursor)

    def test_many_can_walk_at_once(self, subject: Subject, trio: list[StorageSnapshot]) -> None:
        """One walk of another size, and one with another filter, are not in the way."""

        def pages(number: int) -> list[str]:
            if number > 2:
                by_id = Query((Filter("id", trio[number % 3].id),))
                return [one.id for one in subject.account.list_snapshots(by_id).items()]
            walk = itertools.islice(subject.pages(Query(), min(number, subject.kind.page_size)), 3)
            return [one.id for page in walk for one in page.items]

        numbers = [1, 2, 3, 4, 5] * 2
        wanted = {number: pages(number) for number in set(numbers)}
        with Threads() as pool:
            assert list(pool.map(pages, numbers)) == [wanted[number] for number in numbers]

    def test_a_list_of_nothing_ends_at_once(self, subject: Subject) -> None:
        assert list(subject.account.list_snapshots(_of("none"), limit=5).items()) == []

    @requires(CREATE)
    def test_a_walk_survives_a_creation(
        self, subject: Subject, trio: list[StorageSnapshot], volume: str
    ) -> None:
        before = set(subject.listed())
        found: list[str] = []
        for number, page in enumerate(subject.pages(Query(), 1)):
            found += [snapshot.id for snapshot in page.items]
            if number == 0:
                subject.create(volume, "meanwhile")
        assert len(found) == len(set(found)), "a snapshot comes twice"
        assert before <= set(found), "a snapshot is missing"

    @pytest.mark.parametrize("which", ["seen", "here", "next", "last"])
    @requires(CREATE, DELETE)
    def test_a_walk_survives_a_deletion(self, subject: Subject, volume: str, which: str) -> None:
        """The one seen first, the one where the walk stands, the one to come, or the last."""
        ours = {subject.ready(volume, f"walk-{n}").id for n in range(4)}
        order = [s.id for s in subject.walk(Query(), 1) if s.id in ours]
        victim = {"seen": order[0], "here": order[1], "next": order[2], "last": order[3]}[which]
        found: list[str] = []
        for page in subject.pages(Query(), 1):
            found += [snapshot.id for snapshot in page.items]
            if found and found[-1] == order[1]:
                subject.account.delete_snapshot(victim)
                subject.harness.wait_gone(victim)
        assert len(found) == len(set(found)), "a snapshot comes twice"
        assert ours - {victim} <= set(found), "a snapshot is missing"

    @requires(Capability.SNAPSHOT_COUNT)
    def test_a_count_is_what_the_list_holds(
        self, subject: Subject, trio: list[StorageSnapshot]
    ) -> None:
        for query in (Query(), _of(trio[0].volume_id or ""), _of("none")):
            number, _ = subject.account.count_snapshots(query)
            if number is not None:
                assert number == len(list(subject.account.list_snapshots(query).items()))

    def _page(self, subject: Subject, cursor: str | None) -> tuple[StorageSnapshot, ...]:
        deadline = subject.harness.deadline()
        found = subject.driver.list_snapshots(
            Query(), page_size=1, cursor=cursor, deadline=deadline
        )
        return found.items


def _of(volume_id: str) -> Query:
    return Query((Filter("volume_id", volume_id),))
