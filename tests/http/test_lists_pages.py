"""Pages of lists: limits, the links between them, and markers, which lead into no other list."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.http.listed import (
    ALL,
    CONTENT_TYPES,
    ROWS,
    SNAPSHOTS,
    VOLUMES,
    accept,
    calls,
    follow,
    forget,
    listed_server,
    marker_of,
    query_of,
    read,
    walk,
)
from tests.http.tools import problem
from tests.servers import Server

IDS = [item.id for item in ALL]
LATE = datetime(2026, 1, 1, 23, tzinfo=UTC)
PROVIDERS = {"listed": {"rows": 12}}


def bad(server: Server, path: str, format_: str = "json", **kw: Any) -> dict[str, Any]:
    """Return the fields of the 400 that a GET must be answered with."""
    answer = server.request("GET", path, headers=accept(format_), **kw)
    assert answer.status_code == 400, answer.text
    if format_ == "ndjson":
        assert answer.headers["Content-Type"] == CONTENT_TYPES["ndjson"]
        found = answer.json()
    else:
        found = problem(answer)
    assert (found["code"], found["error"]) == (400, "invalid")
    return dict(found["fields"])


@pytest.mark.parametrize("limit", [1, 2, 49, 50, 51, 99, 119, 120, 121, 999, 1000])
def test_a_page_has_so_many_rows(listed: Server, limit: int, list_format: str) -> None:
    path = f";provider=listed{SNAPSHOTS}"
    found = read(listed.request("GET", path, params={"limit": limit}, headers=accept(list_format)))
    assert found.ids == IDS[:limit]
    assert (found.next is None) is (limit >= ROWS)
    assert found.rows in {None, len(found.ids)}


@pytest.mark.parametrize("collection", [SNAPSHOTS, VOLUMES])
@pytest.mark.parametrize(
    "limit",
    ["0", "1001", "-1", "1.5", "%D9%A3", "", "+1", "%2B1", "1e2", "0x10", "5%20", "%005", "1,2"],
)
def test_a_bad_limit_is_named(
    listed: Server, collection: str, limit: str, list_format: str
) -> None:
    fields = bad(listed, f";provider=listed{collection}?limit={limit}", list_format)
    assert fields == {"limit": "give a whole number from 1 to 1000"}


@pytest.mark.parametrize("name", ["limit", "marker", "sort", "fields", "with_count", "name"])
def test_a_parameter_comes_once(listed: Server, name: str, list_format: str) -> None:
    fields = bad(listed, f";provider=listed{SNAPSHOTS}?{name}=1&{name}=1", list_format)
    assert fields == {name: "given more than once"}


WALKS: list[tuple[str, Callable[[Any], bool]]] = [
    ("", lambda s: True),
    ("&sort=-created,name", lambda s: True),
    ("&sort=name&fields=id,name", lambda s: True),
    ("&metadata[a[b].%C3%A9]=%3C%26%3E+%C3%A9", lambda s: "a[b].é" in s.metadata),
    ("&name__contains=NAME%201&sort=-stored_bytes", lambda s: "name 1" in (s.name or "")),
    ("&state=error&owner=self", lambda s: s.state == "error" and s.owner.is_self),
    ("&created__gte=2026-01-02T00:00:00%2B01:00&native=true", lambda s: s.created >= LATE),
]


@pytest.mark.parametrize("number", range(len(WALKS)))
@pytest.mark.parametrize(
    "selection", [";provider=listed", ";driver=listed_cloud:ListedDriver;provider=twin"]
)
def test_links_lead_to_every_row_once(
    listed: Server, number: int, selection: str, list_format: str
) -> None:
    more, _ = WALKS[number]
    start = f"{selection}{SNAPSHOTS}?limit=17{more}"
    whole = read(listed.request("GET", start.replace("limit=17", ""), headers=accept(list_format)))
    pages = list(walk(listed, start, headers=accept(list_format)))
    assert [item for page in pages for item in page.items] == whole.items
    assert len(set(whole.ids)) == len(whole.ids) > 10
    for page in pages[:-1]:
        assert page.next is not None
        assert urlsplit(page.next).path == f"/api{selection}{SNAPSHOTS}"
        assert page.next.startswith(listed.base)
        assert query_of(page.next) == query_of(listed.api + start)
    assert pages[-1].next is None


@pytest.mark.parametrize("number", range(len(WALKS)))
def test_a_whole_list_has_what_matches(listed: Server, number: int, list_format: str) -> None:
    more, matches = WALKS[number]
    found = read(
        listed.request("GET", f";provider=listed{SNAPSHOTS}?{more}", headers=accept(list_format))
    )
    assert sorted(found.ids) == [item.id for item in ALL if matches(item)]


def test_links_keep_the_format_of_the_query(listed: Server, list_format: str) -> None:
    path = f";provider=listed{SNAPSHOTS}?format={list_format}&limit=50"
    for page in walk(listed, path, headers={"Accept": "text/html"}):
        assert page.items


def test_links_keep_a_selection_by_header(listed: Server, list_format: str) -> None:
    headers = {**accept(list_format), "X-Deltacloud-Provider": "twin"}
    first = read(listed.request("GET", f"{SNAPSHOTS}?limit=50", headers=headers))
    assert first.next is not None
    assert urlsplit(first.next).path == f"/api;provider=twin{SNAPSHOTS}"
    assert read(follow(first.next, headers=accept(list_format))).ids == IDS[50:100]


@pytest.mark.parametrize("sort", ["", "&sort=-size_bytes,name", "&sort=zone,-progress,-name"])
def test_volumes_have_pages_too(listed: Server, sort: str, list_format: str) -> None:
    path = f";provider=listed{VOLUMES}?limit=1{sort}"
    pages = list(walk(listed, path, headers=accept(list_format)))
    ids = [volume_id for page in pages for volume_id in page.ids]
    assert ids == ["vol-1", "vol-2", "vol-4", "vol-5"][:: -1 if sort else 1]


def test_the_limit_may_change_in_mid_walk(listed: Server, list_format: str) -> None:
    for sort in ("", "&sort=-id"):
        path = f";provider=listed{SNAPSHOTS}?limit=7{sort}"
        page = read(listed.request("GET", path, headers=accept(list_format)))
        ids = list(page.ids)
        for limit in (1, 30, 1000):
            assert page.next is not None
            path = f";provider=listed{SNAPSHOTS}?limit={limit}{sort}&marker={marker_of(page.next)}"
            page = read(listed.request("GET", path, headers=accept(list_format)))
            assert len(page.ids) == min(limit, ROWS - len(ids))
            ids += page.ids
        assert ids == (IDS[::-1] if sort else IDS)


def test_fields_format_and_count_may_change_in_mid_walk(listed: Server) -> None:
    first = read(listed.request("GET", f";provider=listed{SNAPSHOTS}?limit=5"))
    path = f";provider=listed{SNAPSHOTS}?format=ndjson&with_count=scan&explain=true&fields=id"
    second = read(
        listed.request("GET", f"{path}&native=true&limit=5&marker={marker_of(first.next)}")
    )
    assert second.ids == IDS[5:10]


def test_the_order_of_filters_does_not_matter_to_a_marker(listed: Server) -> None:
    one, other = "state=error", "owner=self"
    path = f";provider=listed{SNAPSHOTS}?limit=2&"
    first = read(listed.request("GET", f"{path}{one}&{other}"))
    second = listed.request("GET", f"{path}{other}&{one}&marker={marker_of(first.next)}")
    assert read(second).ids == read(follow(first.next)).ids != first.ids


@pytest.mark.parametrize("sort", ["", "&sort=name"])
def test_a_marker_needs_a_limit(listed: Server, sort: str, list_format: str) -> None:
    marker = marker_of(read(listed.request("GET", f";provider=few{SNAPSHOTS}?limit=1{sort}")).next)
    fields = bad(listed, f";provider=few{SNAPSHOTS}?marker={marker}{sort}", list_format)
    assert list(fields) == ["marker"]
    assert "limit" in fields["marker"]


SPOILT: dict[str, Callable[[str], str]] = {
    "empty": lambda m: "",
    "a word": lambda m: "next",
    "a number": lambda m: "5",
    "cut at the end": lambda m: m[:-4],
    "cut at the start": lambda m: m[4:],
    "cut to its version": lambda m: m[:2],
    "half": lambda m: m[: len(m) // 2],
    "twice": lambda m: m + m,
    "another signature": lambda m: m[:8] + ("A" if m[8] != "A" else "B") + m[9:],
    "another position": lambda m: m[:24] + ("A" if m[24] != "A" else "B") + m[25:],
    "another version": lambda m: "Ag" + m[2:],
    "longer": lambda m: m + "AAAA",
    "not base64": lambda m: m[:5] + "!" + m[6:],
    "a digit of another script": lambda m: m[:5] + "٣" + m[6:],
    "with NUL": lambda m: m + "\0",
    "with a line end": lambda m: m + "\n",
    "very long": lambda m: "A" * 7000,
    "JSON": lambda m: '["50",null]',
}


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("sort", ["", "&sort=-name"])
def test_a_spoilt_marker_is_refused(listed: Server, how: str, sort: str, list_format: str) -> None:
    for collection in (SNAPSHOTS, VOLUMES):
        path = f";provider=listed{collection}?limit=2{sort}"
        marker = marker_of(read(listed.request("GET", path)).next)
        forget(listed, "listed")
        fields = bad(listed, f"{path}&marker={quote(SPOILT[how](marker))}", list_format)
        assert list(fields) == ["marker"]
        assert "follow the link" in fields["marker"]
        assert calls(listed, "listed") == []


OTHER = {
    "provider": (";provider=twin", SNAPSHOTS, "limit=2&state=error&sort=-name"),
    "collection": (";provider=listed", VOLUMES, "limit=2&sort=-name"),
    "value": (";provider=listed", SNAPSHOTS, "limit=2&state=creating&sort=-name"),
    "lookup": (";provider=listed", SNAPSHOTS, "limit=2&state__in=error&sort=-name"),
    "no filter": (";provider=listed", SNAPSHOTS, "limit=2&sort=-name"),
    "one more filter": (";provider=listed", SNAPSHOTS, "limit=2&state=error&ready=true&sort=-name"),
    "direction": (";provider=listed", SNAPSHOTS, "limit=2&state=error&sort=name"),
    "no order": (";provider=listed", SNAPSHOTS, "limit=2&state=error"),
    "one more key": (";provider=listed", SNAPSHOTS, "limit=2&state=error&sort=-name,id"),
}


@pytest.mark.parametrize("what", OTHER)
def test_a_marker_of_another_list_is_refused(listed: Server, what: str, list_format: str) -> None:
    path = f";provider=listed{SNAPSHOTS}?limit=2&state=error&sort=-name"
    marker = marker_of(read(listed.request("GET", path)).next)
    assert len(read(listed.request("GET", f"{path}&marker={marker}")).ids) == 2
    selection, collection, query = OTHER[what]
    fields = bad(listed, f"{selection}{collection}?{query}&marker={marker}", list_format)
    assert list(fields) == ["marker"]


def test_a_marker_serves_whoever_may_read_the_list(listed: Server) -> None:
    first = read(listed.request("GET", f";provider=listed{SNAPSHOTS}?limit=2"))
    assert first.next is not None
    path = first.next.removeprefix(listed.api)
    assert listed.request("GET", path, auth=("other", "demo")).status_code == 200
    assert listed.request("GET", path, auth=("other", "wrong")).status_code == 401


def test_any_worker_reads_the_markers_of_the_others(listed: Server) -> None:
    assert len(listed.worker_pids()) == 2
    for sort in ("", "&sort=id"):
        path = f";provider=listed{SNAPSHOTS}?limit=2&fields=id{sort}"
        ids = [i for page in walk(listed, path, headers={"Connection": "close"}) for i in page.ids]
        assert ids == IDS


def test_a_marker_does_not_outlive_a_server_that_made_up_its_key(folder: Path) -> None:
    paths = [f";provider=listed{SNAPSHOTS}?limit=5{sort}" for sort in ("", "&sort=-name")]
    for name in ("one", "other"):
        (folder / name).mkdir()
    with listed_server(folder / "one", PROVIDERS) as server:
        markers = [marker_of(read(server.request("GET", path)).next) for path in paths]
    with listed_server(folder / "other", PROVIDERS) as server:
        for path, marker in zip(paths, markers, strict=True):
            assert list(bad(server, f"{path}&marker={marker}")) == ["marker"]


@pytest.mark.parametrize("sort", ["", "&sort=-name"])
def test_servers_with_one_key_read_each_others_markers(folder: Path, sort: str) -> None:
    (folder / "key").write_text("sixteen or more characters")
    key = f'marker_key = "file:{folder / "key"}"'
    for name in ("one", "other", "third"):
        (folder / name).mkdir()
    path = f";provider=listed{SNAPSHOTS}?limit=5{sort}"
    with (
        listed_server(folder / "one", PROVIDERS, gateway=key, arguments=("--workers", "2")) as one,
        listed_server(folder / "other", PROVIDERS, gateway=key) as other,
    ):
        whole = read(one.request("GET", path.replace("limit=5", ""))).ids
        first = read(one.request("GET", path))
        second = read(other.request("GET", f"{path}&marker={marker_of(first.next)}"))
        third = read(one.request("GET", f"{path}&marker={marker_of(second.next)}"))
        assert first.ids + second.ids + third.ids == whole
        assert (len(whole), third.next) == (12, None)
        assert "sixteen" not in one.log + other.log
    with listed_server(folder / "third", PROVIDERS, gateway=key) as restarted:
        assert read(restarted.request("GET", f"{path}&marker={marker_of(first.next)}")).ids == (
            second.ids
        )


def test_a_page_behind_what_is_gone_goes_on(
    server: Server, make_image: Callable[..., str], list_format: str
) -> None:
    word = uuid.uuid4().hex
    made = []
    for number in range(9):
        fields = {"volume_id": make_image(), "name": f"{word} {number % 3}"}
        answer = server.request("POST", SNAPSHOTS, json=fields)
        made.append(answer.json()["storage_snapshot"]["id"])
    for snapshot_id in made:
        server.wait_until(f"{SNAPSHOTS}/{snapshot_id}")
    for sort in ("", "&sort=-name", "&sort=description,name", "&sort=-created"):
        path = f"{SNAPSHOTS}?limit=2&name__contains={word.upper()}{sort}"
        pages = walk(server, path, headers=accept(list_format))
        first = next(pages)
        ids = list(first.ids)
        server.request("DELETE", f"{SNAPSHOTS}/{ids[-1]}")  # the one behind which it goes on
        made.remove(ids[-1])
        ids += [snapshot_id for page in pages for snapshot_id in page.ids]
        assert len(ids) == len(set(ids))
        assert set(made) <= set(ids)
    for snapshot_id in made:
        server.request("DELETE", f"{SNAPSHOTS}/{snapshot_id}")


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_links_can_be_followed_however_long_the_texts_are(
    server: Server, make_image: Callable[..., str], letter: str
) -> None:
    word = uuid.uuid4().hex
    made = []
    for _ in range(3):
        fields = {"volume_id": make_image(), "name": word, "description": letter * 4096}
        answer = server.request("POST", SNAPSHOTS, json=fields)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["storage_snapshot"]["id"])
    for snapshot_id in made:
        server.wait_until(f"{SNAPSHOTS}/{snapshot_id}")
    path = f"{SNAPSHOTS}?limit=1&name={word}&sort=description,-name&fields=id"
    assert [i for page in walk(server, path) for i in page.ids] == sorted(made)


def test_links_can_be_followed_for_as_many_ids_as_may_be_asked_for(listed: Server) -> None:
    ids = [*IDS[:60], *(str(uuid.uuid4()) for _ in range(140))]
    path = f";provider=listed{SNAPSHOTS}?limit=50&fields=id&id__in={','.join(ids)}"
    assert [i for page in walk(listed, path) for i in page.ids] == IDS[:60]


def test_pages_of_a_backend_with_cursors_are_not_read_from_the_start(listed: Server) -> None:
    forget(listed, "listed")
    for _ in walk(listed, f";provider=listed{SNAPSHOTS}?limit=40"):
        pass
    assert calls(listed, "listed") == [["snapshots", first, 40] for first in (0, 40, 80)]


def test_an_empty_list_has_no_pages(listed: Server, list_format: str) -> None:
    for query in ("limit=1", "limit=1&sort=-name", "sort=name", ""):
        path = f";provider=empty{SNAPSHOTS}?{query}"
        found = read(listed.request("GET", path, headers=accept(list_format)))
        assert (found.items, found.end, found.rows in {None, 0}) == ([], {}, True)


def test_a_marker_holds_no_secret(listed: Server) -> None:
    first = read(listed.request("GET", f";provider=listed{SNAPSHOTS}?limit=2", auth=("me", "demo")))
    assert "demo" not in json.dumps(first.end)


def test_a_page_whose_next_link_would_be_refused_is_refused_at_once(
    listed: Server, list_format: str
) -> None:
    query = f"limit=1&id__in={','.join([IDS[0], IDS[1], 'x' * 7600])}"
    found = bad(listed, f";provider=listed{SNAPSHOTS}?{query}", list_format)
    assert list(found) == ["id__in"]
    assert "URL of the next page" in found["id__in"]
