"""One table of queries, the same answers from every backend."""

from typing import Any

import pytest

from gateway.core import fields
from tests.lists import naive
from tests.lists.backends import Backend, Params, labels
from tests.lists.facts import COUNT, FACTS
from tests.lists.queries import BOTH, TABLE, WALKED, expected, fields_of

LIMITS = (1, 2, 3, 7, 50, 1000)
_MOST_PAGES = 6
"""Of a longer list only a part is asked for: it would only take longer."""
_PARTS: tuple[dict[str, str], ...] = (
    {},
    {"volume_id": "<v0>"},
    {"volume_id": "<v0>", "metadata[label]__contains": "7"},
    {"volume_id": "<v0>", "metadata[label]__contains": "27"},
    {"volume_id": "<v0>", "metadata[label]__contains": "277"},
)


def name_of(query: Params) -> str:
    """Return a short name of a query for pytest."""
    return (
        ("&".join(f"{k}={v}" for k, v in query.items()) or "all")
        .encode("ascii", "replace")
        .decode()[:60]
    )


@pytest.fixture(scope="module")
def shown(every: dict[str, Backend]) -> dict[str, list[dict[str, Any]]]:
    """What each backend's whole list shows."""
    return {
        name: [naive.item_of(item) for item in one.answers.whole({})] for name, one in every.items()
    }


def test_every_backend_holds_the_facts(backend: Backend) -> None:
    shown = {item["metadata"]["label"]: naive.item_of(item) for item in backend.answers.whole({})}
    assert len(shown) == COUNT
    for fact in FACTS:
        found = shown[fact.label]
        wanted = {
            "id": backend.ids[fact.label],
            "name": fact.name,
            "description": fact.description,
            "state": fact.state,
            "volume_id": backend.volumes[fact.volume],
            "metadata": fact.metadata,
            "size_bytes": fact.size_gib << 30,
        }
        wanted = {name: value for name, value in wanted.items() if name not in backend.lacks}
        assert {name: found[name] for name in wanted} == wanted
        assert naive.milliseconds(found["created"]) == naive.milliseconds(fact.created.isoformat())
    assert sorted(backend.ids, key=lambda label: backend.ids[label]) == expected({"sort": "id"})


@pytest.mark.parametrize("query", TABLE, ids=name_of)
def test_a_query_finds_the_same_everywhere(
    backend: Backend, shown: dict[str, list[dict[str, Any]]], query: Params
) -> None:
    params = backend.params(query)
    found, wanted = labels(backend.answers.whole(params)), expected(query)
    if fields_of(query) & backend.lacks.keys():  # not the shared facts, but what it shows
        items = naive.answer(shown[backend.name], params.items())
        wanted = labels([dict(item) for item in items])
    if "sort" not in query:
        found, wanted = sorted(found), sorted(wanted)
    assert found == wanted


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("query", WALKED, ids=name_of)
def test_pages_of_every_size_hold_the_same(backend: Backend, query: Params, limit: int) -> None:
    parts = ({**query, **part} for part in _PARTS)
    query = next(one for one in parts if len(expected(one)) <= limit * _MOST_PAGES)
    wanted = expected(query)
    found = labels(backend.answers.walk(backend.params(query), limit))
    if "sort" not in query:
        found, wanted = sorted(found), sorted(wanted)
    assert found == wanted


@pytest.mark.parametrize("query", [q for q in WALKED if q], ids=name_of)
def test_pages_are_the_same_whichever_process_serves_them(backend: Backend, query: Params) -> None:
    assert backend.stateless is not None
    query = {**query, "volume_id": query.get("volume_id", "<v4>")}
    found = labels(backend.stateless.walk(backend.params(query), 9))
    wanted = expected(query)
    assert (found if "sort" in query else sorted(found)) == (
        wanted if "sort" in query else sorted(wanted)
    )


@pytest.mark.parametrize("query", [*BOTH, *WALKED[:2]], ids=name_of)
def test_counts_are_exact_or_absent_with_the_reason(backend: Backend, query: Params) -> None:
    wanted = len(expected(query))
    params = backend.params(query)
    cheap = backend.answers.ask({**params, "limit": "2", "with_count": "true"})
    if cheap["count"] is None:
        assert "with_count=scan" in cheap["count_missing"]
    else:
        assert cheap["count"] == wanted
    scanned = backend.answers.ask({**params, "limit": "2", "with_count": "scan"})
    assert scanned["count"] == wanted
    assert backend.answers.ask({**params, "with_count": "true"})["count"] == wanted


SHOWN = [name for name in fields.SNAPSHOTS if name != "created_by"]
"""The fields that answers show; what finds markers is tested in tests/creations."""


def values_of(items: list[dict[str, Any]], field: str) -> list[Any]:
    """Return two values of a field: one in the middle and the largest."""
    if field == "label":
        found = sorted({one for item in items for one in item["label"]})
    elif field == "metadata":
        found = sorted({one for item in items for one in item["metadata"]})
    else:
        found = sorted({item[field] for item in items if item[field] is not None})
    return list(dict.fromkeys([found[len(found) // 2], found[-1]])) if found else []


def text_of(value: Any) -> str:
    """Return a value as a query string has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def queries_on(items: list[dict[str, Any]], name: str, lookup: str) -> list[dict[str, str]]:
    """Return queries on a field with a lookup, about values that there are."""
    parameter = name if lookup == "exact" else f"{name}__{lookup}"
    if lookup == "isnull":
        return [{parameter: "true"}, {parameter: "false"}]
    texts = [text_of(value) for value in values_of(items, name)]
    if lookup == "in":
        return [{parameter: ",".join(texts)}] if texts else []
    if lookup == "contains":
        return [{parameter: text[:3].upper()} for text in texts if text]
    return [{parameter: text} for text in texts]


@pytest.mark.parametrize("name", SHOWN)
def test_every_lookup_of_every_field_finds_what_is_shown(
    backend: Backend, shown: dict[str, list[dict[str, Any]]], name: str
) -> None:
    items = shown[backend.name]
    asked = 0
    for lookup in fields.SNAPSHOTS[name].lookups:
        for query in queries_on(items, name, lookup):
            found = sorted(item["id"] for item in backend.answers.whole(query))
            wanted = sorted(item["id"] for item in naive.answer(items, query.items()))
            assert found == wanted, query
            asked += 1
    assert asked


@pytest.mark.parametrize("name", fields.sortable(fields.SNAPSHOTS))
def test_every_sort_key_sorts_what_is_shown(
    backend: Backend, shown: dict[str, list[dict[str, Any]]], name: str
) -> None:
    items = shown[backend.name]
    second = ",-created" if name != "created" else ",-id"
    for sort in (name, f"-{name}", f"-{name}{second}"):
        limit = {} if sort == name else {"limit": "20"}
        found = [item["id"] for item in backend.answers.whole({"sort": sort, **limit})]
        wanted = [item["id"] for item in naive.answer(items, [("sort", sort)])]
        assert found == (wanted[:20] if limit else wanted), sort


@pytest.mark.parametrize("name", SHOWN)
def test_some_backend_has_data_for_the_field(
    shown: dict[str, list[dict[str, Any]]], name: str
) -> None:
    """Each field is filtered by, in one of the tests above, where it has a value."""
    assert any(values_of(items, name) for items in shown.values())
