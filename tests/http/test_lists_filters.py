"""Filters and order of lists: what they mean, and what is said where they mean nothing."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.http.listed import ALL, SNAPSHOTS, THERE, VOLUMES, accept, read, walk
from tests.http.plugins.listed_cloud import START
from tests.http.test_lists_pages import bad
from tests.servers import Server

Matches = Callable[[Any], bool]
GIB = 1 << 30
WORD = "no such {}; one of "
TIME = "not a time; give RFC 3339"
SIZE = "not a size; give bytes"
NUMBER = "not a whole number"
FLAG = "give true or false"
KEY = "a[b].é"
VALUE = "<&> é"

MATCHES: list[tuple[str, Matches]] = [
    ("id=snap-00003", lambda s: s.id == "snap-00003"),
    ("id__exact=snap-00003", lambda s: s.id == "snap-00003"),
    ("id__in=snap-00003,nosuch,snap-00003,snap-00117", lambda s: s.id[-3:] in {"003", "117"}),
    ("id__contains=AP-0000", lambda s: s.id.startswith("snap-0000")),
    ("id__isnull=true", lambda s: False),
    ("name=name%201", lambda s: s.name == "name 1"),
    ("name=name+1", lambda s: s.name == "name 1"),
    ("name=NAME%201", lambda s: False),
    ("name=snap-00000", lambda s: False),
    ("name=", lambda s: False),
    ("name__contains=", lambda s: s.name is not None),
    ("name__contains=ME%201", lambda s: "me 1" in (s.name or "")),
    ("name__contains=%25", lambda s: False),
    ("name__contains=*", lambda s: False),
    ("name__isnull=true", lambda s: s.name is None),
    ("name__isnull=false", lambda s: s.name is not None),
    ("name__in=name%201,,name%202", lambda s: s.name in {"name 1", "name 2"}),
    ("state=error", lambda s: s.state == "error"),
    ("state__in=error,creating", lambda s: s.state != "available"),
    ("state__isnull=true", lambda s: False),
    ("ready=true", lambda s: s.ready),
    ("ready=false", lambda s: not s.ready),
    ("encrypted=true", lambda s: s.encrypted is True),
    ("encrypted=false", lambda s: s.encrypted is False),
    ("encrypted__isnull=true", lambda s: s.encrypted is None),
    ("progress__isnull=true", lambda s: True),
    ("progress__lte=100", lambda s: False),
    ("created=2026-01-01", lambda s: s.created == START),
    ("created=2026-01-01T01:00:00%2B01:00", lambda s: s.created == START),
    ("created=2025-12-31t23:00:00-01:00", lambda s: s.created == START),
    ("created=2026-01-01 00:00:00.000Z", lambda s: s.created == START),
    ("created__in=2026-01-01,2026-01-02", lambda s: s.created.hour == 0 and s.created.day < 3),
    ("created__gte=2026-01-02", lambda s: s.created >= START + timedelta(days=1)),
    ("created__gt=2026-01-02", lambda s: s.created > START + timedelta(days=1)),
    ("created__lte=2026-01-02", lambda s: s.created <= START + timedelta(days=1)),
    ("created__lt=2026-01-02", lambda s: s.created < START + timedelta(days=1)),
    (
        "created__gt=2026-01-01&created__lt=2026-01-01T02:00:00Z",
        lambda s: s.id[-3:] in {"002", "003"},
    ),
    ("created__gte=0001-01-01&created__lte=9999-12-31", lambda s: True),
    ("completed__isnull=true", lambda s: True),
    ("volume_id=vol-3", lambda s: s.volume_id == "vol-3"),
    ("volume_id__in=vol-3,vol-4", lambda s: s.volume_id in {"vol-3", "vol-4"}),
    ("size_bytes=1073741824", lambda s: s.size_bytes == GIB),
    ("size_bytes=1GiB", lambda s: s.size_bytes == GIB),
    ("size_bytes=1%20GiB", lambda s: s.size_bytes == GIB),
    ("size_bytes=1024MiB", lambda s: s.size_bytes == GIB),
    ("size_bytes=1073741.824KB", lambda s: s.size_bytes == GIB),
    ("size_bytes__in=1GiB,2GiB", lambda s: s.size_bytes in {GIB, 2 * GIB}),
    ("size_bytes__gte=1.5GiB", lambda s: s.size_bytes >= 1.5 * GIB),
    ("size_bytes__gt=3GiB&size_bytes__lte=5GiB", lambda s: 3 * GIB < s.size_bytes <= 5 * GIB),
    ("size_bytes__gt=3GB", lambda s: s.size_bytes > 3_000_000_000),
    ("size_bytes__lt=7EiB", lambda s: True),
    ("stored_bytes__isnull=true", lambda s: s.stored_bytes is None),
    ("stored_bytes__lt=10", lambda s: s.stored_bytes is not None and s.stored_bytes < 10),
    ("stored_kind=delta", lambda s: s.stored_kind == "delta"),
    ("stored_kind__isnull=true", lambda s: s.stored_kind is None),
    ("label=red", lambda s: "red" in s.labels),
    ("label=RED", lambda s: False),
    ("label__contains=RE", lambda s: "red" in s.labels),
    ("label__in=red,new,blue", lambda s: bool(s.labels)),
    ("label__isnull=true", lambda s: not s.labels),
    ("owner=self", lambda s: s.owner.is_self),
    ("owner=account%201", lambda s: s.owner.id == "account 1"),
    ("owner__in=self,nobody", lambda s: s.owner.is_self),
    ("visibility=unknown", lambda s: True),
    ("visibility__in=private,public", lambda s: False),
    ("kind=local", lambda s: True),
    ("kind=remote", lambda s: False),
    ("location__isnull=true", lambda s: True),
    ("metadata[turn]=1", lambda s: s.metadata["turn"] == "1"),
    ("metadata%5Bturn%5D=1", lambda s: s.metadata["turn"] == "1"),
    ("metadata[turn]__in=1,3", lambda s: s.metadata["turn"] in "13"),
    ("metadata[nosuch]__isnull=true", lambda s: True),
    (f"metadata[{KEY}]={quote(VALUE)}", lambda s: s.metadata.get(KEY) == VALUE),
    (f"metadata[{quote(KEY)}]__contains=%3C%26", lambda s: KEY in s.metadata),
    (f"metadata%5B{quote(KEY)}%5D__contains=%C3%89", lambda s: KEY in s.metadata),
    (f"metadata[{KEY}]__isnull=false", lambda s: KEY in s.metadata),
    (f"metadata__has={quote(KEY)}", lambda s: KEY in s.metadata),
    ("metadata__has=TURN", lambda s: False),
    ("metadata__has=turn", lambda s: True),
    ("metadata[turn]=1&metadata[turn]__in=1,2&state=error", lambda s: int(s.id[5:]) % 12 == 5),
]


@pytest.mark.parametrize("number", range(len(MATCHES)))
def test_a_filter_finds_what_matches(listed: Server, number: int, list_format: str) -> None:
    query, matches = MATCHES[number]
    wanted = [item.id for item in ALL if matches(item)]
    for provider in ("listed", "serving"):
        path = f";provider={provider}{SNAPSHOTS}?{query}"
        found = read(listed.request("GET", path, headers=accept(list_format)))
        assert found.ids == wanted
        assert found.rows in {None, len(wanted)}


BAD: list[tuple[str, str, str]] = [
    *(("created" + how, value, TIME) for how in ("", "__lt", "__in") for value in ("", "now")),
    ("created", "2026-01-01T00:00:00", TIME),
    ("created", "2026-01-01T00:00:00+01:00", TIME),  # the + is a space
    ("created", "2026-02-30", TIME),
    ("created", "2026-01-01T24:00:00Z", TIME),
    ("created", "2026-01-01T00:00:60Z", TIME),
    ("created", "2026-01-01T00:00:00%2B24:00", TIME),
    ("created", "20260101", TIME),
    ("created", "2026-W01-1", TIME),
    ("created", "2026-01-01T00:00Z", TIME),
    ("created", "0001-01-01T00:00:00%2B14:00", TIME),
    ("created", "9999-12-31T23:59:59-14:00", TIME),
    ("created", "%D9%A2026-01-01", TIME),
    ("updated__gte", "-2026-01-01", TIME),
    ("completed__lte", "1767225600", TIME),
    ("created__in", "2026-01-01,2026-13-01", TIME),
    *(("size_bytes", value, SIZE) for value in ("", "-1", "1e9", "1gib", "GiB", "1KiBB", ".5GiB")),
    *(("size_bytes", value, SIZE) for value in ("1.GiB", "1,5GiB", "%D9%A3", "1ZiB", "0x10")),
    ("stored_bytes__gte", "ten", SIZE),
    ("stored_bytes__in", "1GiB,ten", SIZE),
    *(("progress", value, NUMBER) for value in ("", "1.5", "-1", "%2B1", "fifty", "%D9%A3")),
    ("progress__in", "1,", NUMBER),
    *(("ready", value, FLAG) for value in ("", "1", "yes", "TRUE", "null")),
    ("encrypted", "0", FLAG),
    ("encrypted__isnull", "1", FLAG),
    ("name__isnull", "", FLAG),
    (f"metadata[{KEY}]__isnull", "no", FLAG),
    ("state", "nosuch", WORD.format("state")),
    ("state", "AVAILABLE", WORD.format("state")),
    ("state", "", WORD.format("state")),
    ("state__in", "error,nosuch", WORD.format("state")),
    ("state__in", "error,", WORD.format("state")),
    ("stored_kind", "half", WORD.format("stored_kind")),
    ("visibility", "secret", WORD.format("visibility")),
    ("kind", "both", WORD.format("kind")),
    ("id__in", ",".join(map(str, range(201))), "201 values; at most 200"),
    (f"metadata[{KEY}]__in", ",".join(map(str, range(201))), "201 values; at most 200"),
    ("name", "%00", "holds a character"),
    ("name", "%1b", "holds a character"),
    ("name__contains", "%EF%BF%BF", "holds a character"),
    ("metadata__has", "%00", "holds a character"),
    ("metadata[a][b]", "c", "maps have one level"),
    ("with_count", "yes", "give one of: true, false, scan"),
    ("with_count", "", "give one of: true, false, scan"),
    ("with_count", "SCAN", "give one of: true, false, scan"),
    ("explain", "1", "give one of: true, false"),
    ("native", "yes", "give one of: true, false"),
    ("expand", "owner", "give one of: volume"),
    ("expand", "", "give one of: volume"),
    *(("fields", v, "no such field: ") for v in ("", "id,", "nosuch", "volume_id", "native", "ID")),
    *(("sort", v, "no order by ") for v in ("", "-", "--name", "+name", "name,", "NAME", "nosuch")),
    *(("sort", v, "no order by ") for v in ("label", "metadata", "metadata[turn]", "name__in")),
    *(("sort", v, "give each field once") for v in ("name,name", "name,-name", "-id,name,id")),
]


@pytest.mark.parametrize(("name", "value", "advice"), BAD)
def test_a_bad_value_is_named_with_what_would_be_right(
    listed: Server, name: str, value: str, advice: str, list_format: str
) -> None:
    fields = bad(listed, f";provider=listed{SNAPSHOTS}?{name}={value}", list_format)
    assert list(fields) == [name]
    assert fields[name].startswith(advice)


@pytest.mark.parametrize(
    ("name", "value"),
    [(n, v) for n, v, _ in BAD if n in {"created", "size_bytes", "progress", "name", "sort"}],
)
def test_a_bad_value_is_named_for_volumes_too(
    listed: Server, name: str, value: str, format_: str
) -> None:
    fields = bad(listed, f";provider=listed{VOLUMES}?{name}={value}", format_)
    assert list(fields) == [name]


def test_every_bad_value_is_named(listed: Server, list_format: str) -> None:
    path = f";provider=listed{SNAPSHOTS}?progress=x&state=nosuch&created__gte=now&name=good"
    fields = bad(listed, path, list_format)
    assert set(fields) == {"progress", "state", "created__gte"}


UNKNOWN = [
    "nosuch",
    "name__",
    "__contains",
    "name__nosuch",
    "name__gte",
    "name__contains__in",
    "NAME",
    "state__contains",
    "ready__in",
    "size_bytes__contains",
    "created__contains",
    "label__gte",
    "metadata",
    "metadata__in",
    "metadata[turn",
    "metadata[]",
    "metadata[turn]__has",
    "metadata[turn]__gte",
    "metadata[turn]__nosuch",
    "metadata[turn]contains",
    "metadata__has[turn]",
    "name[turn]",
    "nosuch[turn]",
    "in_use",
    "volume_exists",
    "storage_volume",
    "deletable",
    "native_id",
    "dry_run",
    "é",
    "",
]


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_parameter_is_named_with_all_that_there_are(
    listed: Server, name: str, list_format: str
) -> None:
    fields = bad(listed, f";provider=listed{SNAPSHOTS}?{quote(name)}=x&also-unknown=", list_format)
    assert set(fields) == {name, "also-unknown"}
    schema = listed.request("GET", f";provider=listed{SNAPSHOTS}/schema").json()
    for field, lookups in schema["filtering"].items():
        assert f"{field} ({', '.join(lookups)})" in fields[name]
    for other in ("sort", "limit", "marker", "with_count", "explain", "fields", "native", "expand"):
        assert re.search(rf"\b{other}\b", fields[name].rpartition(";")[2])


def test_an_unknown_parameter_of_volumes_is_named(listed: Server, list_format: str) -> None:
    fields = bad(listed, f";provider=listed{VOLUMES}?volume_id=x&ready=true", list_format)
    assert set(fields) == {"volume_id", "ready"}
    assert "snapshot_id (exact, in, contains, isnull)" in fields["ready"]
    assert "expand" not in fields["ready"]


@pytest.mark.parametrize("path", [SNAPSHOTS, VOLUMES])
@pytest.mark.parametrize("field", ["size_bytes", "size_bytes__lte", "stored_bytes__in", "progress"])
@pytest.mark.parametrize("size", ["9223372036854775807", "9223372036854775808", "99999999999EiB"])
@pytest.mark.parametrize("more", ["", "&limit=1", "&limit=1&with_count=true", "&sort=-name"])
def test_a_number_that_no_disk_has_matches_or_is_refused(
    listed: Server, path: str, field: str, size: str, more: str
) -> None:
    for provider in ("local", "listed"):
        answer = listed.request("GET", f";provider={provider}{path}?{field}={size}{more}")
        if answer.status_code == 400:
            assert list(answer.json()["fields"]) == [field]
        else:
            found = read(answer)
            assert (len(found.ids) > 0) is (field == "size_bytes__lte" and provider == "listed")


def test_a_part_of_a_byte_is_refused(listed: Server) -> None:
    assert list(bad(listed, f";provider=listed{SNAPSHOTS}?size_bytes__lt=1.5")) == [
        "size_bytes__lt"
    ]


SORTS: list[tuple[str, Callable[[Any], Any]]] = [
    ("id", lambda s: s.id),
    ("-id", lambda s: -int(s.id[5:])),
    ("name", lambda s: (s.name is None, s.name or "", s.id)),
    ("size_bytes", lambda s: (s.size_bytes, s.id)),
    ("-size_bytes", lambda s: (-s.size_bytes, s.id)),
    ("-created,-id", lambda s: (-s.created.timestamp(), -int(s.id[5:]))),
    ("stored_bytes", lambda s: (s.stored_bytes is None, s.stored_bytes or 0, s.id)),
    ("-stored_bytes", lambda s: (s.stored_bytes is None, -(s.stored_bytes or 0), s.id)),
    ("encrypted,-ready", lambda s: (s.encrypted is None, bool(s.encrypted), not s.ready, s.id)),
    ("state,owner", lambda s: (s.state, s.owner.id, s.id)),
    ("tier,completed,description,kind", lambda s: s.id),
]


@pytest.mark.parametrize("number", range(len(SORTS)))
@pytest.mark.parametrize("provider", ["listed", "serving"])
def test_the_order_is_total_and_the_same_on_all_drivers(
    listed: Server, number: int, provider: str, list_format: str
) -> None:
    sort, place = SORTS[number]
    wanted = [item.id for item in sorted(ALL, key=place)]
    path = f";provider={provider}{SNAPSHOTS}?sort={sort}&fields=id"
    headers = accept(list_format)
    assert read(listed.request("GET", path, headers=headers)).ids == wanted
    pages = walk(listed, f"{path}&limit=50", headers=headers)
    assert [i for page in pages for i in page.ids] == wanted


def test_names_descend_with_the_unknown_last(listed: Server, list_format: str) -> None:
    path = f";provider=listed{SNAPSHOTS}?sort=-name"
    found = read(listed.request("GET", path, headers=accept(list_format)))
    named = [item["name"] for item in found.items if item["name"] != item["id"]]
    assert named == sorted(named, reverse=True)
    assert found.ids[len(named) :] == [item.id for item in ALL if item.name is None]


def test_volumes_can_be_filtered_and_sorted(listed: Server, list_format: str) -> None:
    headers = accept(list_format)
    for query, ids in {
        "state=in-use&sort=-size_bytes": [v.id for v in reversed(THERE)],
        "name__contains=VOLUME%202": ["vol-2"],
        "zone__contains=%3C1&size_bytes__gte=4GiB": ["vol-4", "vol-5"],
        "metadata[disk]=5": ["vol-5"],
        "metadata__has=nosuch": [],
        "created__lt=2025-12-30&sort=created": ["vol-5", "vol-4"],
        "snapshot_id__isnull=true&id__in=vol-1,vol-0": ["vol-1"],
    }.items():
        path = f";provider=listed{VOLUMES}?{query}"
        assert read(listed.request("GET", path, headers=headers)).ids == ids


def test_more_rows_than_are_sorted_at_once_need_a_limit(listed: Server, list_format: str) -> None:
    path = f";provider=many{SNAPSHOTS}?sort=-id"
    fields = bad(listed, path, list_format)
    assert list(fields) == ["sort"]
    for advice in ("1000", "limit=", "filters"):
        assert advice in fields["sort"]
    headers = accept(list_format)
    found = read(listed.request("GET", f"{path}&limit=2", headers=headers))
    assert found.ids == ["snap-02999", "snap-02998"]
    found = read(listed.request("GET", f"{path}&id__contains=snap-0000", headers=headers))
    assert found.ids == [f"snap-0000{number}" for number in range(9, -1, -1)]


def test_what_matches_counts_and_not_what_is_read_when_sorting(listed: Server) -> None:
    whole = read(listed.request("GET", f";provider=many{SNAPSHOTS}?sort=name&metadata[turn]=1"))
    assert len(whole.ids) == 750
    answer = listed.request("GET", f";provider=many{SNAPSHOTS}?sort=name&metadata[turn]__in=1,2")
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/snap-00001", "/schema", "/snap-00001/metadata", ""])
def test_a_parameter_of_lists_is_unknown_elsewhere(
    listed: Server, path: str, list_format: str
) -> None:
    for query in ("limit=1", "sort=name", "marker=x", "with_count=true", "explain=true", "name=x"):
        name, _, value = query.partition("=")
        if path == "":
            whole = f";provider=listed/drivers?{query}"
        else:
            whole = f";provider=listed{SNAPSHOTS}{path}?{query}"
        assert list(bad(listed, whole, list_format)) == [name]
        assert value


@pytest.mark.parametrize("name", ["fields", "native", "expand"])
def test_what_changes_the_view_is_unknown_where_there_is_none(listed: Server, name: str) -> None:
    value = {"fields": "id", "native": "true", "expand": "volume"}[name]
    for path in (f"{SNAPSHOTS}/schema", f"{SNAPSHOTS}/snap-00001/metadata"):
        assert list(bad(listed, f";provider=listed{path}?{name}={value}")) == [name]
    if name == "expand":
        for path in (VOLUMES, f"{VOLUMES}/vol-1"):
            assert list(bad(listed, f";provider=listed{path}?{name}={value}")) == [name]
