"""Lists that contradict themselves or each other: an error, and never a wrong list."""

from typing import Any
from unittest.mock import patch

import pytest

from drivers.cloudsigma import account
from drivers.cloudsigma.wire import DRIVES
from gateway.driver import DriverError, ErrorCode
from tests.unit.cloudsigma_lists import BOTH, page, query, row, uid
from tests.unit.cloudsigma_samples import Prepared, Row


class Lying(Prepared):
    """An account whose lists count what they want.

    Args:
        total: what they count.
        repeats: what a list gives wherever it begins.
    """

    def __init__(self, total: Any, *repeats: Row, whole: bool = True) -> None:
        super().__init__({"drives": list(repeats)})
        self.total, self.whole = total, whole

    def _listed(self, every: list[Any], asked: Any) -> Any:
        given = every if self.whole else super()._listed(every, asked)["objects"]
        return {"meta": {"total_count": self.total}, "objects": given}


@pytest.mark.parametrize("total", [0, 1, -1, True, 2.0, "2", None])
@pytest.mark.parametrize("cursor", [None, f'["{uid(0)}"]'])
def test_a_list_whose_count_is_none_is_the_backends_fault(total: Any, cursor: str | None) -> None:
    with pytest.raises(DriverError) as caught:
        page(Lying(total, row(1), row(2)), [DRIVES], query(), cursor=cursor)
    assert caught.value.code is ErrorCode.BACKEND


@pytest.mark.parametrize("cursor", [None, f'["{uid(0)}"]'])
@pytest.mark.parametrize("again", ["0a", "0A"])
def test_an_object_that_comes_twice_is_the_backends_fault(again: str, cursor: str | None) -> None:
    with pytest.raises(DriverError) as caught:
        page(Lying(3, row("0a"), row(2), row(again)), [DRIVES], query(), cursor=cursor)
    assert caught.value.code is ErrorCode.BACKEND


@pytest.mark.parametrize("page_size", [1, 9])
def test_an_object_of_two_collections_is_the_backends_fault(page_size: int) -> None:
    ours = Prepared({kind.collection: [row(1)] for kind in BOTH})
    with pytest.raises(DriverError) as caught:
        page(ours, BOTH, query(), page_size=page_size)
    assert caught.value.code is ErrorCode.BACKEND


def test_a_count_that_is_too_large_does_not_multiply_the_calls() -> None:
    ours = Lying(10**9, *map(row, range(200)))
    with pytest.raises(DriverError) as caught:
        page(ours, [DRIVES], query(), page_size=1000)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert len(ours.asked) == 1 + 2 * account._ROUNDS


class Filtering(Prepared):
    """An account whose filter ``uuid`` gives something else.

    Args:
        given: from what it should give to what it does.
        alive: what can be shown all the same.
    """

    def __init__(self, count: int, given: Any, alive: Any = ()) -> None:
        super().__init__({"drives": [row(n) for n in range(count)]})
        self.given, self.alive, self.shown = given, set(alive), 0

    def _listed(self, every: list[Any], asked: Any) -> Any:
        found = super()._listed(every, asked)
        if "uuid" in asked:
            found["objects"] = self.given(found["objects"], every)
            found["meta"]["total_count"] = len(found["objects"])
        return found

    def exists(self, kind: Any, resource_id: str) -> bool:
        self.shown += 1
        return resource_id in self.alive


@pytest.mark.parametrize(
    "given",
    [
        lambda right, every: every,
        lambda right, every: [*right, row(999)],
        lambda right, every: [*right, row(1)],
    ],
    ids=["ignored", "one too many", "one of another page"],
)
def test_a_filter_that_gives_others_is_the_backends_fault(given: Any) -> None:
    with pytest.raises(DriverError) as caught:
        page(Filtering(5, given), [DRIVES], query("-id"), page_size=2)
    assert caught.value.code is ErrorCode.BACKEND


@pytest.mark.parametrize(
    ("left_out", "shown"), [(1, 1), (5, 1), (40, 1)], ids=["one", "few", "many"]
)
def test_a_filter_that_leaves_out_what_exists_is_the_backends_fault(
    left_out: int, shown: int
) -> None:
    ours = Filtering(50, lambda right, _: right[left_out:], map(uid, range(50)))
    with pytest.raises(DriverError) as caught:
        page(ours, [DRIVES], query(), page_size=49)
    assert (caught.value.code, "complete" in caught.value.message) == (ErrorCode.BACKEND, True)
    assert ours.shown == shown


@pytest.mark.parametrize(("gone", "shown", "indexes"), [(0, 0, 1), (1, 1, 1), (10, 10, 1)])
def test_what_is_gone_is_asked_for_one_by_one(gone: int, shown: int, indexes: int) -> None:
    ours = Filtering(50, lambda right, _: right[gone:])
    found, _ = page(ours, [DRIVES], query(), page_size=49)
    assert len(found) == 49 - gone
    assert (ours.shown, sum("fields" in asked for _, asked in ours.asked)) == (shown, indexes)


def test_many_that_are_gone_are_looked_for_in_one_call() -> None:
    ours = Filtering(50, lambda right, _: right[40:])
    everything = ours.everything
    indexes: list[Any] = []

    def read(kind: Any, asked: Any) -> Any:
        found = everything(kind, asked)
        if "fields" in asked:
            indexes.append(found)
            return found if len(indexes) == 1 else {}
        return found

    with patch.object(ours, "everything", read):
        found, _ = page(ours, [DRIVES], query(), page_size=49)
    assert (len(found), ours.shown, len(indexes)) == (9, 0, 2)


def test_ids_are_the_same_in_upper_and_lower_case() -> None:
    ours = Filtering(5, lambda right, _: [{**one, "uuid": one["uuid"].upper()} for one in right])
    ours.collections["drives"].append(row("abc"))
    ours.collections["drives"].append(row("abd"))
    assert page(ours, [DRIVES], query("-id"), page_size=2)[0] == ["ABD", "ABC"]
