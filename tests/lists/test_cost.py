"""What a list costs at the backend, counted there."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from drivers.local.facts import Facts
from tests.lists.backends import Backend, labels
from tests.lists.facts import COUNT
from tests.lists.queries import expected
from tests.simulators import cloudsigma_lists, ec2_describe, openstack_lists

CURSORS = ("local", "ec2", "cinder")
"""Backends whose own cursors begin a page; CloudSigma has none that holds under change."""


@dataclass
class Counted:
    """How many rows each answer of a backend held, in the order of the answers."""

    rows: list[int] = field(default_factory=list)

    def take(self) -> list[int]:
        """Return the numbers so far, and forget them."""
        found, self.rows[:] = list(self.rows), []
        return found


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, every: dict[str, Backend]) -> Counted:
    """Count what all simulators and the local database answer."""
    assert every
    found = Counted()
    _count_ec2(monkeypatch, found)
    _count_cinder(monkeypatch, found)
    _count_cloudsigma(monkeypatch, found)
    _count_local(monkeypatch, found)
    return found


def _count_ec2(monkeypatch: pytest.MonkeyPatch, found: Counted) -> None:
    cut = ec2_describe.Page.cut

    def counting(self: Any, *args: Any) -> Any:
        page, token = cut(self, *args)
        found.rows.append(len(page))
        return page, token

    monkeypatch.setattr(ec2_describe.Page, "cut", counting)


def _count_cinder(monkeypatch: pytest.MonkeyPatch, found: Counted) -> None:
    in_order = openstack_lists._in_order

    def counting(*args: Any) -> Any:
        page = in_order(*args)
        found.rows.append(len(page))
        return page

    monkeypatch.setattr(openstack_lists, "_in_order", counting)


def _count_cloudsigma(monkeypatch: pytest.MonkeyPatch, found: Counted) -> None:
    listing, fields_of = cloudsigma_lists.listing, cloudsigma_lists.fields_of

    def counting_list(*args: Any) -> Any:
        found.rows.append(0)
        return listing(*args)

    def counting_row(*args: Any) -> Any:
        if found.rows:
            found.rows[-1] += 1
        return fields_of(*args)

    monkeypatch.setattr(cloudsigma_lists, "fields_of", counting_row)
    for module in ("cloudsigma_snapshots", "cloudsigma_remote"):
        name = f"tests.simulators.{module}"
        monkeypatch.setattr(f"{name}.listing", counting_list, raising=True)


def _count_local(monkeypatch: pytest.MonkeyPatch, found: Counted) -> None:
    rows = Facts.rows

    def counting(self: Facts, *args: Any) -> Any:
        page = rows(self, *args)
        found.rows.append(len(page))
        return page

    monkeypatch.setattr(Facts, "rows", counting)


def costs(backend: Backend, counted: Counted, query: dict[str, str], limit: int) -> list[list[int]]:
    """Return for each page of a walk how many rows each answer held."""
    backend.answers.ask({"limit": "1"})  # what is learnt once is learnt now
    counted.take()
    return [counted.take() for _ in backend.answers.pages(query, limit)]


@pytest.mark.parametrize("limit", [5, 20, 50])
@pytest.mark.parametrize("name", CURSORS)
def test_every_page_costs_as_much_as_the_second(
    every: dict[str, Backend], counted: Counted, name: str, limit: int
) -> None:
    pages = costs(every[name], counted, {}, limit)
    whole_pages = [page for page in pages if sum(page)]
    assert len(whole_pages) == COUNT // limit
    assert [page for page in whole_pages[1:] if page != whole_pages[1]] == []
    assert whole_pages[1] == [limit]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_page_below_ec2s_least_costs_two_answers_of_five(
    every: dict[str, Backend], counted: Counted, limit: int
) -> None:
    """EC2 gives five rows at the least; a page lies in one of its answers or in two."""
    pages = costs(every["ec2"], counted, {"volume_id": every["ec2"].volumes[1]}, limit)
    assert all(sum(page) <= 10 and len(page) <= 2 for page in pages)


@pytest.mark.parametrize("limit", [20, 50])
@pytest.mark.parametrize("query", [{}, {"sort": "-created"}], ids=str)
def test_a_page_of_cloudsigma_costs_the_index_and_its_rows(
    every: dict[str, Backend], counted: Counted, limit: int, query: dict[str, str]
) -> None:
    """The index of all ids, of both kinds, is read for every page: only the rows are few."""
    pages = costs(every["cloudsigma"], counted, query, limit)
    locals_, remotes = COUNT * 4 // 5, COUNT // 5
    first, *others = pages
    assert sum(first) == limit + COUNT + limit, "tried as a short list, then the index, the rows"
    for page in others:
        assert page[:2] == [locals_, remotes]
        assert sum(page[2:]) == limit


COST_OF_NEWEST = {
    "local": [[1]],
    "cinder": [[1]],
    "ec2": [[COUNT]],
    "cloudsigma": [[1, 240, 60, 1]],
}
"""EC2 has no order, so all is read; CloudSigma's index is, and then one row."""


@pytest.mark.parametrize("name", COST_OF_NEWEST)
def test_what_the_newest_one_costs(every: dict[str, Backend], counted: Counted, name: str) -> None:
    backend = every[name]
    backend.answers.ask({"limit": "1"})
    counted.take()
    document = backend.answers.ask({"sort": "-created", "limit": "1"})
    assert labels(document["storage_snapshots"]) == expected({"sort": "-created"})[:1]
    assert [counted.take()] == COST_OF_NEWEST[name]


PUSHED = {
    "local": [
        {"name": "weekly"}, {"name__in": "weekly,nightly"}, {"name__isnull": "true"},
        {"created__gte": "2025-03-02"}, {"size_bytes__lt": "3GiB"}, {"volume_id": "<v1>"},
        {"id__in": "<s001>,<s002>"}, {"description__isnull": "true"},
    ],
    "ec2": [
        {"name": "weekly"}, {"name__in": "weekly,nightly"}, {"volume_id__in": "<v1>,<v2>"},
        {"state": "error"}, {"state__in": "error,creating"}, {"metadata[tier]": "gold"},
        {"metadata[tier]__in": "gold,Gold"}, {"metadata__has": "tier"}, {"id__in": "<s001>,<s002>"},
        {"id": "<s001>"}, {"name": "weekly", "state": "available"},
    ],
    "cinder": [
        {"name": "weekly"}, {"state": "creating"}, {"volume_id": "<v1>"},
        {"metadata[tier]": "gold"}, {"name": "weekly", "state": "available"},
        {"metadata[tier]": "gold", "metadata[label]": "s001"},
    ],
    "cloudsigma": [
        {"name": "weekly"}, {"name__contains": "week"}, {"volume_id": "<v1>"},
        {"id__in": "<s001>,<s002>"}, {"name": "weekly", "volume_id": "<v1>"},
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "query"), [(n, q) for n in PUSHED for q in PUSHED[n]], ids=str)
def test_a_filter_that_is_pushed_down_reads_what_matches(
    every: dict[str, Backend], counted: Counted, name: str, query: dict[str, str]
) -> None:
    backend = every[name]
    backend.answers.ask({"limit": "1"})
    counted.take()
    asked = backend.params(query)
    document = backend.answers.ask({**asked, "explain": "true"})
    rows, told = counted.take(), document["explain"]
    wanted = len(expected(query))
    assert sum(rows) == wanted
    assert (told["rows"], told["matched"]) == (wanted, wanted)
    assert told["backend"]["filters"] == list(query)


EC2_FEWEST = 5
ASKED = [
    {},
    {"sort": "-created"},
    {"limit": "50"},
    {"limit": "7", "sort": "-created"},
    {"limit": "7", "name__contains": "night"},
    {"limit": "3"},
    {"description__contains": "night"},
    {"metadata[tier]": "gold", "limit": "2"},
]


@pytest.mark.parametrize("query", ASKED, ids=str)
def test_explain_tells_the_rows_and_calls_that_are_counted(
    backend: Backend, counted: Counted, query: dict[str, str]
) -> None:
    backend.answers.ask({**query, "limit": "1"})  # the first one asks for more
    counted.take()
    document = backend.answers.ask({**query, "explain": "true"})
    rows, told = counted.take(), document["explain"]
    assert told["calls"] == len(rows), "calls of the backend"
    # CloudSigma's index and what is beyond three rows of EC2's five never become snapshots.
    is_more = backend.name == "cloudsigma" or int(query.get("limit", 50)) < EC2_FEWEST
    assert told["rows"] <= sum(rows) if is_more else told["rows"] == sum(rows)


@pytest.mark.parametrize("query", ASKED, ids=str)
def test_explain_names_every_filter_and_every_key_once(
    backend: Backend, query: dict[str, str]
) -> None:
    document = backend.answers.ask({**query, "explain": "true"})
    told = document["explain"]
    names = [name for name in query if name not in {"sort", "limit"}]
    assert set(told["backend"]["filters"]) | set(told["gateway"]["filters"]) == set(names)
    keys = [query["sort"]] if "sort" in query else []
    assert told["backend"]["sort"] + told["gateway"]["sort"] == keys
    shown = len(document["storage_snapshots"])
    assert told["matched"] == shown or "limit" in query
