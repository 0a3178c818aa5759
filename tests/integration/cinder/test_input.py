"""What is refused, by which name, and that nothing comes of it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.http.tools import FORMATS, Raw, basic, send
from tests.integration.cinder.gateway import NOBODYS, SNAPSHOTS, Api, nothing_made, pair
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]
CHARACTERS = (
    "a\u00a0\u00ad\u0085\u200b\u200d\u2028\u202e\u3000é☃漢\u0301\u0378\ue000\ufffd\ufdd0\t\n😀"
)
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"description": "a rocket 🚀"}, "description"),
    ({"description": "line\nbreak"}, "description"),
    ({"description": "tab\tstop"}, "description"),
    ({"description": "x" * 256}, "description"),
    ({"description": 7}, "description"),
    ({"name": "x" * 256}, "name"),
    ({"name": "é" * 256}, "name"),
    ({"name": " " + "x" * 255}, "name"),
    ({"name": "x" * 127 + "  " + "x" * 127}, "name"),
    ({"name": "x" * 255 + " "}, "name"),
    ({"name": "nul \x00"}, "name"),
    ({"name": "\ud800"}, "name"),
    ({"name": ["x"]}, "name"),
    ({"metadata": {"ü": "1"}}, "metadata[ü]"),
    ({"metadata": {"a/b": "1"}}, "metadata[a/b]"),
    ({"metadata": {"a\n": "1"}}, "metadata[a\n]"),
    ({"metadata": {"": "1"}}, "metadata[]"),
    ({"metadata": {"k" * 256: "1"}}, f"metadata[{'k' * 60}]"),
    ({"metadata": {"k": "v" * 256}}, "metadata[k]"),
    ({"metadata": {"k": 1}}, "metadata[k]"),
    ({"metadata": {"k": None}}, "metadata[k]"),
    ({"metadata": {"k": "\x00"}}, "metadata[k]"),
    ({"metadata": "k=v"}, "metadata"),
    ({"metadata": {f"k{n}": "v" for n in range(1001)}}, "metadata"),
    ({"metadata": {f"k{n}": "v" * 255 for n in range(600)}}, "metadata"),
    ({"volume_id": ""}, "volume_id"),
    ({"volume_id": None}, "volume_id"),
    ({"volume_id": 1}, "volume_id"),
    ({"location": "elsewhere"}, "location"),
    ({"in_use": "maybe"}, "in_use"),
    ({"force": True}, "force"),
    ({"nosuch": "1"}, "nosuch"),
    ({"id": NOBODYS}, "id"),
]


@pytest.fixture(scope="module")
def old(make: Make) -> str:
    """The path of a snapshot that nothing here can change."""
    return make(name="old", description="old")


@pytest.mark.parametrize(("fields", "name"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_what_cannot_be_made_is_refused_by_its_name(
    api: Api, cinder: RealCinder, volume: str, fields: dict[str, Any], name: str
) -> None:
    with nothing_made(cinder):
        found = api.refusal("POST", SNAPSHOTS, json={"volume_id": volume, **fields})
    assert found["error"] == "invalid"
    assert [key.removesuffix(".k") for key in found["fields"]] == [name]
    assert found["retryable"] is False


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"description": "a rocket 🚀"}, "description"),
        ({"description": "x" * 256}, "description"),
        ({"name": " " + "x" * 255}, "name"),
        ({"name": "new", "metadata": {"ü": "1"}}, "metadata[ü]"),
        ({"name": "new", "description": "line\nbreak"}, "description"),
        ({"name": "new", "nosuch": "x"}, "nosuch"),
        ({"name": "new", "volume_id": NOBODYS}, "volume_id"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_cannot_be_changed_is_refused_and_changes_nothing(
    api: Api, old: str, fields: dict[str, Any], name: str
) -> None:
    before = api.get(old)
    for format_ in FORMATS:
        found = api.refusal("PATCH", old, json=fields, format_=format_)
        assert list(found["fields"]) == [name]
    assert api.get(old) == before


@pytest.mark.parametrize("unknown", [NOBODYS, "nosuch", "ä &", "detail", "x" * 256, "../volumes"])
def test_a_snapshot_of_an_unknown_volume_is_a_404_that_names_it(
    api: Api, cinder: RealCinder, format_: str, unknown: str
) -> None:
    with nothing_made(cinder):
        fields = {"volume_id": unknown}
        found = api.refusal("POST", SNAPSHOTS, 404, json=fields, format_=format_)
    assert found["error"] == "not_found"
    assert found["message"].startswith("no volume ")
    assert unknown[:50] in found["message"]


def test_all_that_is_wrong_is_told_at_once(api: Api, cinder: RealCinder, volume: str) -> None:
    fields = {"volume_id": volume, "name": "x" * 256, "metadata": {"ü": "1", "k": "v" * 256}}
    with nothing_made(cinder):
        found = api.refusal("POST", SNAPSHOTS, json=fields)
    assert set(found["fields"]) == {"name", "metadata[ü]", "metadata[k]"}


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        ("application/json", b"", 400),
        ("application/json", b"{", 400),
        ("application/json", b"[]", 400),
        ("application/json", b"null", 400),
        ("application/json", b'{"volume_id": "\xff"}', 400),
        ("application/xml", b"", 400),
        ("application/xml", b"<storage_snapshot>", 400),
        ("application/xml", b"<other><volume_id>x</volume_id></other>", 400),
        ("application/x-www-form-urlencoded", b"", 400),
        ("application/x-www-form-urlencoded", b"volume_id=%ff", 400),
        ("text/plain", b"volume_id=x", 415),
    ],
)
def test_a_body_that_cannot_be_read_makes_nothing(
    api: Api, cinder: RealCinder, kind: str, data: bytes, status: int
) -> None:
    with nothing_made(cinder):
        headers = {"Content-Type": kind}
        api.refusal("POST", SNAPSHOTS, status, data=data, headers=headers)


def test_a_change_of_nothing_is_refused(api: Api, make: Make, format_: str) -> None:
    path = make()
    for method in ("PUT", "PATCH"):
        assert pair(api.request(method, path, json={}, format_=format_)) == (400, "invalid")


def test_the_gateway_takes_the_descriptions_that_cinder_takes(
    api: Api, cinder: RealCinder, volume: str
) -> None:
    path = f"/snapshots/{cinder.snapshot(volume)}"
    verdicts = {}
    for character in CHARACTERS:
        body = {"snapshot": {"description": f"a{character}b"}}
        theirs = cinder.as_user("demo").request("PUT", path, json=body).status_code
        ours = api.request("PATCH", f"/storage_{path[1:]}", json=body["snapshot"]).status_code
        verdicts[f"U+{ord(character):04X}"] = (theirs, ours)
    assert {name: found for name, found in verdicts.items() if len(set(found)) > 1} == {}


@pytest.mark.parametrize("text", ["  both  ", " ", "a\u00a0", "\u3000x"])
def test_texts_that_cinder_would_cut_are_refused(
    api: Api, cinder: RealCinder, volume: str, text: str
) -> None:
    """Its own answer shows that it does: a text comes back as it was given, or not at all."""
    path = f"/snapshots/{cinder.snapshot(volume, name=text, description=text)}"
    kept = cinder.as_user("demo")("GET", path)["snapshot"]
    assert (kept["name"], kept["description"]) == (text.strip(), text.strip())
    given = {"name": text, "description": text}
    for answer in (
        api.request("POST", "/storage_snapshots", json={"volume_id": volume, **given}),
        api.request("PATCH", f"/storage_{path[1:]}", json=given),
    ):
        assert answer.status_code == 400
        assert sorted(answer.json()["fields"]) == ["description", "name"]
    assert cinder.as_user("demo")("GET", path)["snapshot"] == kept


def test_spaces_within_a_text_are_kept(api: Api, volume: str) -> None:
    made = api.make(json={"volume_id": volume, "name": "a  b", "description": "a  b"})
    shown = api.get(made["href"])
    assert (shown["name"], shown["description"]) == ("a  b", "a  b")


def test_the_longest_texts_are_taken(api: Api, volume: str) -> None:
    fields = {
        "name": "😀" * 255,
        "description": "é" * 255,
        "metadata": {"k" * 255: "☃" * 255},
    }
    made = api.make(json={"volume_id": volume, **fields})
    shown = api.get(made["href"])
    assert {name: shown[name] for name in fields} == fields


def test_parameters_in_the_query_of_a_post_with_no_body(api: Api, volume: str) -> None:
    """As Deltacloud's Ruby client sends them."""
    query = f"volume_id={volume}&name=a+b%20c&description=d&metadata%5Bk%5D=v"
    headers = {"Authorization": basic(*api.login("demo")), "Accept": "application/xml"}
    answer: Raw = send(api.server, "POST", f"/api{SNAPSHOTS}?{query}", headers=headers, body=b"")
    assert answer.status == 201, answer.body
    shown = api.get(answer.headers["Location"])
    assert (shown["name"], shown["description"]) == ("a b c", "d")
    assert shown["metadata"] == {"k": "v"}


def test_the_body_beats_the_query(api: Api, volume: str) -> None:
    params = {"volume_id": NOBODYS, "name": "query"}
    made = api.make(params=params, data={"volume_id": volume})
    assert (made["name"], made["storage_volume"]["id"]) == ("query", volume)
