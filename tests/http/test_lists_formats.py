"""What lists tell beside their rows, and how rows are shown: the same in every format."""

import json
from typing import Any

import pytest

from tests.http.listed import (
    ALL,
    CONTENT_TYPES,
    ROWS,
    SNAPSHOTS,
    VOLUMES,
    Listed,
    accept,
    calls,
    follow,
    forget,
    one_resource,
    read,
)
from tests.http.test_lists_pages import bad
from tests.http.tools import FORMATS, problem, tree
from tests.servers import Server

SCAN = "with_count=scan"


def ask(
    server: Server, provider: str, query: str, format_: str, path: str = SNAPSHOTS, **headers: str
) -> Listed:
    """Return a list of a provider."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f";provider={provider}{path}?{query}"
    return read(server.request("GET", url, headers={**accept(format_), **given}))


COUNTS: list[tuple[str, str, int | None]] = [
    # The backend counts.
    ("serving", "limit=5&with_count=true", ROWS),
    ("serving", "limit=5&with_count=true&sort=-size_bytes", ROWS),
    ("serving", "limit=5&with_count=true&volume_id=vol-1", 17),
    ("serving", "limit=5&with_count=scan&volume_id=vol-1", 17),
    # It would count too many.
    ("serving", "limit=5&with_count=true&state=error", None),
    ("serving", "limit=5&with_count=true&volume_id=vol-1&label=red", 2),
    ("serving", "limit=1&with_count=true&volume_id=vol-1&label=red", None),
    ("serving", "limit=5&with_count=scan&state=error", 40),
    # It does not count.
    ("plain", "limit=5&with_count=true", None),
    ("plain", "limit=5&with_count=scan", ROWS),
    ("plain", "limit=5&with_count=scan&label=red", 15),
    ("plain", "limit=5&with_count=scan&sort=-name&label=red", 15),
    # The page is the whole list, or there are no pages.
    ("plain", "limit=1000&with_count=true", ROWS),
    ("plain", "limit=50&with_count=true&label=red", 15),
    ("plain", "with_count=true", ROWS),
    ("plain", "with_count=scan&label=red", 15),
    ("plain", "with_count=true&sort=name", ROWS),
    ("few", "with_count=true", 5),
    ("empty", "with_count=true", 0),
    ("empty", "limit=1&with_count=true", 0),
]


@pytest.mark.parametrize(("provider", "query", "count"), COUNTS)
def test_a_count_is_exact_or_missing_with_its_reason(
    listed: Server, provider: str, query: str, count: int | None, list_format: str
) -> None:
    found = ask(listed, provider, query, list_format)
    assert found.end.get("count") == count
    if count is None:
        assert SCAN in found.end["count_missing"]
    else:
        assert "count_missing" not in found.end


def test_what_is_missing_is_null_in_json(listed: Server) -> None:
    path = f";provider=plain{SNAPSHOTS}?limit=5&with_count=true"
    assert listed.request("GET", path).json()["count"] is None
    last = listed.request("GET", f"{path}&format=ndjson").text.splitlines()[-1]
    assert json.loads(last)["total"] is None
    assert tree(listed.request("GET", f"{path}&format=xml")).find("count") is None


@pytest.mark.parametrize("query", ["", "with_count=false", "limit=5", "limit=5&with_count=false"])
def test_nobody_counts_for_those_who_did_not_ask(
    listed: Server, query: str, list_format: str
) -> None:
    forget(listed, "serving")
    found = ask(listed, "serving", query, list_format)
    assert not found.end.keys() & {"count", "count_missing"}
    assert [call for call in calls(listed, "serving") if call[0] == "count"] == []


def test_every_page_tells_the_count_of_all(listed: Server, list_format: str) -> None:
    page = ask(listed, "serving", "limit=50&with_count=true", list_format)
    for rows in (50, 20):
        page = read(follow(page.next, headers=accept(list_format)))
        assert (len(page.ids), page.end["count"]) == (rows, ROWS)


def test_volumes_are_counted(listed: Server, list_format: str) -> None:
    for query, count in {
        "with_count=true": 4,
        "limit=2&with_count=scan": 4,
        "limit=1&with_count=scan&size_bytes__gt=2GiB": 2,
        "limit=4&with_count=true": 4,
        "limit=2&with_count=true": None,
    }.items():
        found = ask(listed, "serving", query, list_format, VOLUMES)
        assert found.end.get("count") == count
        assert ("count_missing" in found.end) is (count is None)


@pytest.mark.parametrize("query", ["limit=7", "limit=7&sort=name", "limit=7&sort=-size_bytes"])
@pytest.mark.parametrize("provider", ["plain", "serving"])
def test_the_last_line_counts_the_lines(listed: Server, provider: str, query: str) -> None:
    page = ask(listed, provider, f"{query}&state=error&with_count=scan", "ndjson")
    assert (page.rows, len(page.items), page.end["count"]) == (7, 7, 40)
    page = read(follow(page.next, headers=accept("ndjson")))
    assert (page.rows, len(page.items), page.end["count"]) == (7, 7, 40)


EXPLAINED: list[tuple[str, str, Any, Any]] = [
    ("plain", "", ([], []), ([], [])),
    ("plain", "limit=5", ([], []), ([], [])),
    ("plain", "limit=5&state=error&sort=-name,id", ([], []), (["state"], ["-name", "id"])),
    ("serving", "limit=5&sort=-size_bytes", ([], ["-size_bytes"]), ([], [])),
    ("serving", "sort=-size_bytes,name", ([], []), ([], ["-size_bytes", "name"])),
    ("serving", "volume_id=vol-1&state=error", (["volume_id", "state"], []), (["state"], [])),
    (
        "serving",
        "limit=2&id=snap-00001&name__contains=n&metadata[a[b].%C3%A9]__in=%3C%26%3E+%C3%A9,x",
        (["id"], []),
        (["name__contains", "metadata[a[b].é]__in"], []),
    ),
]


@pytest.mark.parametrize(("provider", "query", "backend", "gateway"), EXPLAINED)
def test_explain_tells_who_did_what(
    *, listed: Server, provider: str, query: str, backend: Any, gateway: Any, list_format: str
) -> None:
    forget(listed, provider)
    asked = ask(listed, provider, f"{query}&explain=true", list_format).end["explain"]
    made = calls(listed, provider)
    preferred = ask(listed, provider, query, list_format, Prefer="explain").end["explain"]
    assert asked == preferred
    assert asked.pop("calls") == len(made)
    assert set(asked) == {"backend", "gateway", "rows", "matched"}
    assert (asked["backend"]["filters"], asked["backend"]["sort"]) == backend
    assert (asked["gateway"]["filters"], asked["gateway"]["sort"]) == gateway
    assert asked["rows"] >= asked["matched"]


@pytest.mark.parametrize(
    "prefer",
    ["explain", "respond-async, explain", "explain, wait=10", "Explain", "explain; why=not"],
)
def test_a_preference_is_applied(listed: Server, prefer: str, list_format: str) -> None:
    for query in ("", "?limit=2"):
        path = f";provider=plain{SNAPSHOTS}{query}"
        headers = {**accept(list_format), "Prefer": prefer}
        answer = listed.request("GET", path, headers=headers)
        assert answer.headers.get("Preference-Applied") == "explain"
        assert "explain" in read(answer).end


def test_caches_know_that_an_answer_depends_on_a_preference(listed: Server) -> None:
    for query in ("", "?limit=2"):
        answer = listed.request("GET", f";provider=plain{SNAPSHOTS}{query}")
        assert "prefer" in [name.strip().lower() for name in answer.headers["Vary"].split(",")]


@pytest.mark.parametrize("prefer", ["", "respond-async", "explained", "wait=explain", '"', ",;="])
def test_another_preference_is_none_of_ours(listed: Server, prefer: str, list_format: str) -> None:
    headers = {**accept(list_format), "Prefer": prefer}
    answer = listed.request("GET", f";provider=plain{SNAPSHOTS}?limit=2", headers=headers)
    assert "Preference-Applied" not in answer.headers
    assert "explain" not in read(answer).end


def test_volumes_are_explained(listed: Server, list_format: str) -> None:
    query = "explain=true&size_bytes__gt=1GiB&sort=-name&limit=1"
    explain = ask(listed, "listed", query, list_format, VOLUMES).end["explain"]
    assert explain["gateway"] == {"filters": ["size_bytes__gt"], "sort": ["-name"]}


def test_every_format_shows_the_same(listed: Server) -> None:
    query = "limit=20&native=true&with_count=scan&explain=true&sort=-name"
    for path, more in ((SNAPSHOTS, "&expand=volume&state=error"), (VOLUMES, "&state=in-use")):
        xml, as_json, ndjson = (
            ask(listed, "listed", query + more, format_, path) for format_ in CONTENT_TYPES
        )
        assert xml.items == as_json.items == ndjson.items != []
        assert xml.end == as_json.end == ndjson.end


def fields_of(server: Server, path: str) -> list[str]:
    """Return the fields that the answer to a bad ``fields`` names."""
    fields = bad(server, f";provider=listed{path}?fields=nosuch,id")
    return str(fields["fields"]).partition("there are: ")[2].split(", ")


@pytest.mark.parametrize(
    "path", [SNAPSHOTS, VOLUMES, f"{SNAPSHOTS}/snap-00008", f"{VOLUMES}/vol-4"]
)
def test_only_the_fields_asked_for_are_shown(listed: Server, path: str, list_format: str) -> None:
    def items(query: str) -> list[dict[str, Any]]:
        answer = listed.request(
            "GET", f";provider=listed{path}?{query}", headers=accept(list_format)
        )
        return [one_resource(answer)] if path.count("/") > 1 else read(answer).items

    always = {"id", "href"} if list_format == "xml" else set()  # they are the element's attributes
    whole = items("native=true")
    names = fields_of(listed, path)
    assert set(whole[0]) <= {*names, "native"}
    for chosen in (*([name] for name in names), ["name", "id", "metadata"], names):
        for query, more in (("", set()), ("&native=true", {"native"})):
            wanted = {*chosen, *always, *more}
            shown = items(f"fields={','.join(chosen)}{query}")
            expected = [{n: v for n, v in item.items() if n in wanted} for item in whole]
            if list_format != "xml" and "id" not in chosen:
                # Without its id nobody knows what stands for a missing name.
                expected = [{n: v for n, v in item.items() if n != "name"} for item in expected]
                shown = [{n: v for n, v in item.items() if n != "name"} for item in shown]
            assert shown == expected


@pytest.mark.parametrize(
    "path", [SNAPSHOTS, VOLUMES, f"{SNAPSHOTS}/snap-00008", f"{VOLUMES}/vol-4"]
)
@pytest.mark.parametrize("names", ["nosuch", "id,nosuch", "", "id,,name", "id, name", "in_use"])
def test_an_unknown_field_is_named(listed: Server, path: str, names: str, list_format: str) -> None:
    fields = bad(listed, f";provider=listed{path}?fields={names}", list_format)
    assert list(fields) == ["fields"]
    assert ", metadata, " in fields["fields"]


def test_a_missing_name_is_null_in_json_and_the_id_in_xml(listed: Server) -> None:
    path = f";provider=few{SNAPSHOTS}?fields=name&limit=1"
    assert listed.request("GET", path).json()["storage_snapshots"] == [{"name": None}]
    xml = listed.request("GET", f"{path}&format=xml")
    assert tree(xml).findtext("storage_snapshot/name") == "snap-00000"


def test_the_backends_own_record_is_shown_on_request(listed: Server, list_format: str) -> None:
    headers = accept(list_format)
    for number, item in enumerate(ask(listed, "listed", "native=true", list_format).items):
        assert item["native"] == {"Number": number, "Tags": ["<a>", {"b": None}]}
    for item in ask(listed, "listed", "native=true", list_format, VOLUMES).items:
        assert item["native"] == {"Volume": int(item["id"][-1])}
    for path, native in (
        (f"{SNAPSHOTS}/snap-00007", ALL[7].native),
        (f"{VOLUMES}/vol-2", {"Volume": 2}),
    ):
        for query, shown in (("", None), ("?native=false", None), ("?native=true", native)):
            answer = listed.request("GET", f";provider=listed{path}{query}", headers=headers)
            assert one_resource(answer).get("native") == shown
    assert not [i for i in ask(listed, "listed", "", list_format).items if "native" in i]


@pytest.mark.parametrize("number", range(6))
def test_an_odd_record_is_shown_as_well_as_can_be(
    listed: Server, number: int, list_format: str
) -> None:
    for path in (f"/snap-0000{number}?native=true", f"?native=true&id=snap-0000{number}"):
        answer = listed.request(
            "GET", f";provider=odd{SNAPSHOTS}{path}", headers=accept(list_format)
        )
        assert answer.status_code == 200, answer.text
        found = read(answer).items[0] if path.startswith("?") else one_resource(answer)
        if number == 0:
            assert found["native"]["big"] in {1 << 70, str(1 << 70), float(1 << 70)}
        elif number == 2:
            assert found["native"]["time"].startswith("2026-01-01")
        else:
            assert isinstance(found["native"], dict)


def test_an_odd_record_does_not_end_a_list(listed: Server, list_format: str) -> None:
    assert len(ask(listed, "odd", "native=true", list_format).items) == 6


@pytest.mark.parametrize("more", ["", "&limit=30", "&sort=-name", "&fields=id,storage_volume"])
def test_volumes_are_shown_whole_on_request(listed: Server, more: str, list_format: str) -> None:
    volumes = {v["id"]: v for v in ask(listed, "listed", "", list_format, VOLUMES).items}
    seen = set()
    for item in ask(listed, "listed", f"expand=volume{more}", list_format).items:
        source, number = item["storage_volume"], int(item["id"][5:])
        seen.add(source["id"])
        if source["id"] in volumes:
            assert source == {**volumes[source["id"]], "rel": "storage_volume"}
        else:  # it is gone: known for even rows, only found out for odd ones
            assert source.pop("href", None) is None or number % 2 == 1
            assert source == {"id": f"vol-{number % 7}", "rel": "storage_volume"}
    assert len(seen) == 7
    alone = f";provider=listed{SNAPSHOTS}/snap-00001?expand=volume"
    shown = one_resource(listed.request("GET", alone, headers=accept(list_format)))
    assert shown["storage_volume"] == {**volumes["vol-1"], "rel": "storage_volume"}


@pytest.mark.parametrize("number", [0, 3, 6, 7])
def test_a_snapshot_whose_volume_is_gone_is_shown_all_the_same(
    listed: Server, number: int, list_format: str
) -> None:
    path = f";provider=listed{SNAPSHOTS}/snap-0000{number}"
    headers = accept(list_format)
    plain, expanded = (
        one_resource(listed.request("GET", path + query, headers=headers))
        for query in ("", "?expand=volume")
    )
    assert expanded == plain


@pytest.mark.parametrize(
    "path",
    [
        f"{SNAPSHOTS}/snap-00001?expand=volume",
        f"{SNAPSHOTS}?expand=volume&limit=5",
        f"{SNAPSHOTS}?expand=volume&sort=name",
        f"{SNAPSHOTS}?expand=volume&id=nosuch",
        f"{SNAPSHOTS}?expand=volume",
        VOLUMES,
        f"{VOLUMES}?limit=1&sort=name&with_count=scan",
        f"{VOLUMES}/vol-1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_driver_without_volumes_says_so(
    listed: Server, path: str, method: str, list_format: str
) -> None:
    answer = listed.request(method, f";provider=plain{path}", headers=accept(list_format))
    assert answer.status_code == 501
    if method == "GET" and list_format in FORMATS:
        assert problem(answer)["error"] == "unsupported"


@pytest.mark.parametrize("more", ["&limit=5", "&sort=name", ""])
def test_volumes_that_cannot_be_had_are_a_proper_error(
    listed: Server, more: str, list_format: str
) -> None:
    path = f";provider=no-volume{SNAPSHOTS}?expand=volume{more}"
    answer = listed.request("GET", path, headers=accept(list_format))
    assert answer.status_code == 503, answer.text
    assert answer.headers["Content-Type"] == accept(list_format)["Accept"]
    assert "unavailable" in answer.text


def test_the_volumes_of_a_page_are_found_with_few_calls(listed: Server) -> None:
    forget(listed, "few")
    ask(listed, "few", "expand=volume", "json")
    assert len(calls(listed, "few")) <= 1 + 5
    forget(listed, "listed")
    ask(listed, "listed", "expand=volume&limit=50", "json")
    assert len(calls(listed, "listed")) <= 1 + 7


def test_one_resource_can_be_asked_for_as_a_line(listed: Server) -> None:
    for path in (f"{SNAPSHOTS}/snap-00001", f"{VOLUMES}/vol-1", "", "/drivers"):
        as_json, line = (
            listed.request("GET", f";provider=listed{path}", headers=accept(format_))
            for format_ in ("json", "ndjson")
        )
        assert line.headers["Content-Type"] == "application/x-ndjson"
        assert line.json() == as_json.json()
        assert b"\n" not in line.content.rstrip(b"\n")


def test_lines_hold_no_line_ends_of_names(server: Server, make_snapshot: Any) -> None:
    name = "a\nb\r\nc\u2028d\x85e"
    made = make_snapshot(name=name)
    answer = server.request("GET", f"{SNAPSHOTS}?format=ndjson&id={made['id']}")
    (found,) = read(answer).items
    assert found["name"] == name


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/x-ndjson; charset=utf-8", "application/x-ndjson"),
        ("APPLICATION/X-NDJSON", "application/x-ndjson"),
        ("application/x-ndjson, application/json;q=0.9", "application/x-ndjson"),
        ("application/x-ndjson;q=0.5, application/json", "application/json"),
        ("application/x-ndjson;q=0.5, */*;q=0.1", "application/x-ndjson"),
        ("application/*", "application/xml"),
        ("*/*", "application/xml"),
        ("application/x-ndjson;q=0, */*", "application/xml"),
    ],
)
def test_lines_come_to_who_names_them(listed: Server, accepted: str, expected: str) -> None:
    for path in (SNAPSHOTS, f"{SNAPSHOTS}?limit=1", VOLUMES):
        answer = listed.request("GET", f";provider=listed{path}", headers={"Accept": accepted})
        assert answer.headers["Content-Type"] == expected
        assert read(answer).items


@pytest.mark.parametrize("path", [SNAPSHOTS, f"{SNAPSHOTS}?limit=0", f"{SNAPSHOTS}?nosuch=1"])
def test_options_need_no_credentials(listed: Server, path: str, list_format: str) -> None:
    answer = listed.request(
        "OPTIONS", f";provider=listed{path}", auth=None, headers=accept(list_format)
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("path", [SNAPSHOTS, VOLUMES])
@pytest.mark.parametrize("query", ["", "?limit=1", "?sort=-id", "?with_count=scan&limit=1"])
def test_a_list_needs_credentials(listed: Server, path: str, query: str, list_format: str) -> None:
    for auth in (None, ("demo", "wrong")):
        for method in ("GET", "HEAD"):
            url = f"{listed.api};provider=listed{path}{query}"
            answer = listed.request(
                method, url.removeprefix(listed.api), auth=auth, headers=accept(list_format)
            )
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
            assert answer.headers["Content-Type"] == accept(list_format)["Accept"]


@pytest.mark.parametrize("view", ["fields=id,name", "native=true", "expand=volume"])
def test_what_is_shown_in_part_has_a_weak_etag(listed: Server, list_format: str, view: str) -> None:
    path = f";provider=listed{SNAPSHOTS}/snap-00001?{view}"
    headers = accept(list_format)
    tag = listed.request("GET", path, headers=headers).headers["ETag"]
    assert tag.startswith('W/"')
    again = listed.request("GET", path, headers={**headers, "If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    plain = listed.request("GET", path.partition("?")[0], headers=headers)
    assert plain.headers["ETag"].startswith('"')


def test_a_bad_query_string_is_answered_in_the_format_that_it_names(listed: Server) -> None:
    answer = listed.request("GET", f"{SNAPSHOTS}?name=%ff&format=json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/json")
