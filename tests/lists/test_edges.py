"""Values and situations at the edge, each with the answer that the contract gives."""

from pathlib import Path
from typing import Any

import pytest

from tests.lists import backends
from tests.lists.backends import LIST, Backend, cloudsigma, ec2, labels, local
from tests.lists.facts import FACTS
from tests.lists.filling import add_rows
from tests.lists.queries import expected
from tests.servers import local_config, running
from tests.simulators.openstack_state import Message

NOBODYS = "5b4a7c1e-93d2-4b8f-8f5e-0d9c6c1f2a33"
HUGE = ("9223372036854775808", "99999999999999999999", "1000000EiB")
"""Sizes and numbers above what 64 bits hold."""


@pytest.mark.parametrize("field", ["size_bytes", "progress__lt", "stored_bytes__in"])
@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize("limit", [{}, {"limit": "3"}], ids=["whole", "page"])
def test_a_number_above_63_bits_is_refused(
    backend: Backend, field: str, number: str, limit: dict[str, str]
) -> None:
    if number.endswith("EiB") and field.startswith("progress"):
        number = "9223372036854775808"
    with pytest.raises(AssertionError, match=rf"400 .*'{field}': '(too large|not a)"):
        backend.answers.ask({field: number, **limit})


@pytest.mark.parametrize("part", ["e", "self", "SEL"])
def test_a_part_of_the_word_self_is_no_part_of_an_owner(backend: Backend, part: str) -> None:
    """``owner=self`` names the caller; the word is no part of anybody's id."""
    items = backend.answers.whole({})
    wanted = {
        i["id"] for i in items if i["owner"] and part.casefold() in i["owner"]["id"].casefold()
    }
    assert {item["id"] for item in backend.answers.whole({"owner__contains": part})} == wanted


@pytest.mark.parametrize(
    ("parameter", "owners"),
    [("owner", "self"), ("owner__in", "self"), ("owner__in", "self,nobody")],
)
def test_self_is_the_caller_whichever_process_serves_the_page(
    backend: Backend, parameter: str, owners: str
) -> None:
    items = backend.answers.whole({})
    wanted = {item["id"] for item in items if item["owner"] and item["owner"]["self"]}
    assert backend.stateless is not None
    found = [item["id"] for item in backend.stateless.walk({parameter: owners}, 100)]
    assert len(found) == len(set(found))
    assert set(found) == wanted


def test_who_owns_a_snapshot_is_the_same_on_every_page(backend: Backend) -> None:
    shown = {item["id"]: item["owner"] for item in backend.answers.whole({})}
    assert backend.stateless is not None
    paged = {item["id"]: item["owner"] for item in backend.stateless.walk({}, 100)}
    assert paged == shown


def test_filters_of_more_values_than_a_backend_takes_at_once(backend: Backend) -> None:
    """A filter has 200 values at the most; several filters have more together."""
    numbers = [f"<s{n:03}>" for n in range(150)]
    names = ["nightly", "weekly", *(f"name {n}" for n in range(150))]
    query = {"id__in": ",".join(numbers), "name__in": ",".join(names), "sort": "id"}
    assert labels(backend.answers.whole(backend.params(query))) == expected(query)


@pytest.mark.parametrize("query", ["limit=1", "sort=-created&limit=1", "sort=name&marker=x"])
def test_head_refuses_what_get_refuses(every: dict[str, Backend], query: str) -> None:
    answers = every["local"].answers
    assert answers.head is not None
    link = f"{LIST}?{query}&marker=forged" if "marker" not in query else f"{LIST}?{query}"
    answers.follow(link, status=400)
    assert answers.head(link) == 400


def test_a_backslash_before_a_comma_is_a_part_of_the_value(backend: Backend) -> None:
    query = {"id__in": "nothing\\,<s005>,<s006>", "sort": "id"}
    assert labels(backend.answers.whole(backend.params(query))) == expected(query)
    query = {"volume_id__in": "nothing\\,<v3>", "sort": "id"}
    assert labels(backend.answers.whole(backend.params(query))) == expected(query)


@pytest.mark.parametrize("text", ["€" * 4000, "💾" * 4000], ids=["3 bytes", "4 bytes"])
def test_a_marker_that_was_given_out_is_taken(tmp_path: Path, text: str) -> None:
    """``local`` takes descriptions of 4096 characters, and lists are sorted by them."""
    with local(tmp_path, filled=False) as found:
        rows = [_row(number, description=f"{text}{number}") for number in range(3)]
        add_rows(tmp_path / "store", rows)
        walked = found.answers.walk({"sort": "description"}, 1)
    assert [item["id"] for item in walked] == [row["id"] for row in rows]


def test_the_link_to_the_next_page_is_one_that_the_server_takes(tmp_path: Path) -> None:
    """The real server: what it writes into a link must fit the line that it reads."""
    with running(local_config(tmp_path), "--workers", "1") as server:
        rows = [_row(number, description=f"{'€' * 1100}{number}") for number in range(2)]
        add_rows(server.store, rows)
        first = server.request("GET", "/storage_snapshots?sort=description&limit=1").json()
        second = server.request("GET", first["next"].removeprefix(server.api))
    assert second.status_code == 200
    assert [item["id"] for item in second.json()["storage_snapshots"]] == [rows[1]["id"]]


@pytest.mark.parametrize("params", [{"size_bytes__gte": "1"}, {"state": "available"}], ids=str)
def test_explain_of_volumes_tells_of_no_filter_that_the_backend_is_not_asked(
    every: dict[str, Backend], params: dict[str, str]
) -> None:
    """The drivers answer volumes by id and some by name; local answers by id alone."""
    link = "&".join(f"{name}={value}" for name, value in params.items())
    told = every["local"].answers.follow(f"/api/storage_volumes?{link}&explain=true")["explain"]
    assert told["backend"]["filters"] == []
    assert told["gateway"]["filters"] == list(params)


@pytest.mark.parametrize("column", ["name", "description"])
def test_volumes_are_not_said_to_be_filtered_by_sql(every: dict[str, Backend], column: str) -> None:
    link = f"/api/storage_volumes?{column}=x&explain=true"
    told = every["local"].answers.follow(link)["explain"]
    assert told["gateway"]["filters"] == [column]


def test_rows_and_calls_of_short_pages_are_told(tmp_path: Path) -> None:
    with ec2(short_pages=True) as found:
        query = {"name": "weekly", "sort": "-created"}
        assert labels(found.answers.whole(query)) == expected(query)
        for limit in (1, 3, 7):
            assert labels(found.answers.walk(query, limit)) == expected(query)
            walked = labels(found.answers.walk({"name": "weekly"}, limit))
            assert sorted(walked) == sorted(expected({"name": "weekly"}))


@pytest.mark.parametrize("settings", [{"order": "reshuffled"}, {"limit_maximum": 50}], ids=str)
def test_cloudsigma_in_any_order_and_any_pages(settings: dict[str, Any]) -> None:
    with cloudsigma(**settings) as found:
        for query in ({"sort": "-created"}, {"sort": "name,-created"}, {"state": "error"}):
            walked = labels(found.answers.walk(query, 50))
            wanted = expected(query)
            assert sorted(walked) == sorted(wanted)
            assert "sort" not in query or walked == wanted


@pytest.mark.parametrize("maximum", ["3.71", "3.59", "3.30", "3.21", "3.0"])
def test_cinder_of_any_age(maximum: str) -> None:
    with backends.cinder(maximum=maximum, page_maximum=70) as found:
        for query in (
            {"sort": "-created"},
            {"sort": "size_bytes,-created"},
            {"metadata[tier]": "gold", "state": "available"},
            {"name": "it's", "sort": "-id"},
        ):
            walked = labels(found.answers.walk(query, 40))
            assert sorted(walked) == sorted(expected(query))
            assert "sort" not in query or walked == expected(query)


def test_cinder_tells_the_same_of_a_failure_with_and_without_an_id() -> None:
    """Cinder's messages say why; a list does not hold them, a look at one snapshot does."""
    with backends.cinder(filled=False) as found:
        region = found.cloud.region()
        one = region.add_snapshot(id=FACTS[0].uuid, status="error")
        told = {
            "event_id": "e",
            "text": "No room.",
            "request_id": "r",
            "created_at": one.created_at,
        }
        told |= {"id": NOBODYS, "project_id": one.project_id, "resource_uuid": one.id}
        region.messages.append(Message(**told))
        whole = found.answers.whole({"state_reason__isnull": "true"})
        alone = found.answers.whole({"state_reason__isnull": "true", "id": FACTS[0].uuid})
    assert whole == alone


def _row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"snap-{number:016x}",
        "state": "available",
        "name": None,
        "metadata_json": "{}",
        "source_id": "vol-0.img",
        "size_bytes": 0,
        "created_ms": 1_700_000_000_000 + number,
        **more,
    }


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("cinder", {"state": "busy"}),  # several of Cinder's, which filters by one
        ("ec2", {"state": "unknown"}),
        (
            "ec2",
            {"id__in": ",".join(map(str, range(150))), "name__in": ",".join(map(str, range(60)))},
        ),
        ("cloudsigma", {"name__contains": "fist"}),  # other characters fold to all of these
        ("cloudsigma", {"name": "a\\b"}),
    ],
    ids=str,
)
def test_explain_tells_what_a_driver_keeps_from_its_backend(
    every: dict[str, Backend], name: str, params: dict[str, str]
) -> None:
    told = every[name].answers.ask({**params, "explain": "true"})["explain"]
    *others, last = params
    assert told["backend"]["filters"] == others
    assert last in told["gateway"]["filters"]
