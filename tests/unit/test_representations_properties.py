"""What holds for any snapshot and any volume: both formats carry the same facts."""

import json as stdlib_json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.core.actions import snapshot_actions, volume_actions
from gateway.driver import Capability, Owner, StorageSnapshot, StorageVolume
from gateway.representations import json, xml
from gateway.representations.documents import Links, ListEnd, Row, capacity_gib, rfc3339
from tests.unit.reading import read_xml

LINKS = Links("http://127.0.0.1:3001/api;provider=a-1")
ILLEGAL = [*map(chr, range(9)), "\x0b", "\x0c", *map(chr, range(0x0E, 0x20)), "\ufffe", "\uffff"]
TRICKY = [
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\x7f",
    "\x85",
    "\u2028",
    "'",
    '"',
    "<",
    "&",
    ">",
    "]]>",
    "&#10;",
]
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters=ILLEGAL), max_size=12),
    st.lists(st.sampled_from([*TRICKY, " ", "a", "\U0001f4be"]), max_size=6).map("".join),
)
IDS = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/"), min_size=1)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
OWNERS = st.builds(Owner, TEXTS, is_self=st.booleans())
CAPABILITIES = st.lists(st.sampled_from(list(Capability))).map(
    lambda flags: Capability(sum({flag.value for flag in flags}))
)
COMMON: dict[str, Any] = {
    "id": IDS,
    "native_state": TEXTS,
    "name": st.none() | TEXTS,
    "description": st.none() | TEXTS,
    "state_reason": st.none() | TEXTS,
    "created": st.none() | TIMES,
    "metadata": st.dictionaries(TEXTS, TEXTS, max_size=3),
    "owner": st.none() | OWNERS,
    "native": st.none(),
}
SNAPSHOTS = st.builds(
    StorageSnapshot,
    completed=st.none() | TIMES,
    updated=st.none() | TIMES,
    volume_id=st.none() | IDS,
    labels=st.lists(TEXTS, max_size=3).map(tuple),
    group_id=st.none() | TEXTS,
    location=st.none() | TEXTS,
    tier=st.none() | TEXTS,
    **COMMON,
)
VOLUMES = st.builds(StorageVolume, zone=st.none() | TEXTS, snapshot_id=st.none() | IDS, **COMMON)


def as_xml_says(document: dict[str, Any]) -> dict[str, Any]:
    """The one difference that is meant: in XML the id stands for a missing name."""
    return {**document, "name": document["name"] or document["id"]}


@given(st.lists(SNAPSHOTS, max_size=3), CAPABILITIES)
def test_xml_and_json_carry_the_same_facts_of_snapshots(
    snapshots: list[StorageSnapshot], capabilities: Capability
) -> None:
    def row(snapshot: StorageSnapshot) -> Row:
        return Row(LINKS, snapshot_actions(snapshot, capabilities))

    pages = [tuple(snapshots)]
    in_json = stdlib_json.loads(b"".join(json.storage_snapshots(pages, row, lambda: ListEnd(0))))
    in_xml = read_xml(b"".join(xml.storage_snapshots(pages, row, lambda: ListEnd(0))))
    assert in_xml["storage_snapshots"] == list(map(as_xml_says, in_json["storage_snapshots"]))
    for snapshot in snapshots:
        alone = stdlib_json.loads(json.storage_snapshot(snapshot, row(snapshot)))
        assert alone["storage_snapshot"] in in_json["storage_snapshots"]
        alone = read_xml(xml.storage_snapshot(snapshot, row(snapshot)))
        assert alone["storage_snapshot"] in in_xml["storage_snapshots"]


@given(st.lists(VOLUMES, max_size=3), CAPABILITIES, st.none() | st.lists(IDS, max_size=2))
def test_xml_and_json_carry_the_same_facts_of_volumes(
    volumes: list[StorageVolume], capabilities: Capability, snapshot_ids: list[str] | None
) -> None:
    def row(volume: StorageVolume) -> Row:
        return Row(LINKS, volume_actions(volume, capabilities), snapshot_ids)

    pages = [(volume,) for volume in volumes]
    in_json = stdlib_json.loads(b"".join(json.storage_volumes(pages, row, lambda: ListEnd(0))))
    in_xml = read_xml(b"".join(xml.storage_volumes(pages, row, lambda: ListEnd(0))))
    assert in_xml["storage_volumes"] == list(map(as_xml_says, in_json["storage_volumes"]))


@given(SNAPSHOTS)
def test_json_says_what_the_model_says(snapshot: StorageSnapshot) -> None:
    found = stdlib_json.loads(json.storage_snapshot(snapshot, Row(LINKS)))["storage_snapshot"]
    same = [
        "id",
        "name",
        "description",
        "state",
        "native_state",
        "ready",
        "state_reason",
        "progress",
        "size_bytes",
        "stored_bytes",
        "stored_kind",
        "metadata",
        "visibility",
        "group_id",
        "encrypted",
        "location",
        "tier",
    ]
    assert {key: found[key] for key in same} == {key: getattr(snapshot, key) for key in same}
    assert found["labels"] == list(snapshot.labels)
    told = set(found) | {
        "volume_id",
        "volume_exists",
        "native",
        "deletable",
        "created_by",
    }
    assert set(StorageSnapshot.__slots__) <= told, "a fact of the model is not told"


@given(TEXTS)
def test_text_survives_xml_exactly(text: str) -> None:
    document = xml.metadata({text: text})
    assert [(m.get("key"), m.text or "") for m in _parse(document)] == [(text, text)]
    assert stdlib_json.loads(json.metadata({text: text})) == {"metadata": {text: text}}


@pytest.mark.parametrize("text", TRICKY)
def test_tricky_text_survives_xml_exactly(text: str) -> None:
    for given_text in (text, f"a{text}b", f" {text} ", text * 3):
        (meta,) = _parse(xml.metadata({given_text: given_text}))
        assert (meta.get("key"), meta.text) == (given_text, given_text)


@pytest.mark.parametrize("character", [*ILLEGAL, "\ud800"])
def test_what_xml_cannot_carry_becomes_the_replacement_character(character: str) -> None:
    (meta,) = _parse(xml.metadata({f"a{character}b": f"<{character}>"}))
    assert (meta.get("key"), meta.text) == ("a\ufffdb", "<\ufffd>")


@pytest.mark.parametrize("character", ILLEGAL)
def test_json_shows_such_a_character_as_it_is(character: str) -> None:
    assert stdlib_json.loads(json.metadata({"k": character})) == {"metadata": {"k": character}}


@given(TIMES)
def test_times_are_rfc3339_in_utc_with_milliseconds_unless_they_are_zero(moment: datetime) -> None:
    text = rfc3339(moment)
    assert text.endswith("Z")
    assert not text.endswith(".000Z")
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert datetime.fromisoformat(text) == whole


@pytest.mark.parametrize(
    ("size_bytes", "capacity"),
    [(0, 0), (1, 1), (1 << 30, 1), ((1 << 30) + 1, 2), ((1 << 63) - 1, 1 << 33)],
)
def test_capacity_is_whole_gib_rounded_up(size_bytes: int, capacity: int) -> None:
    assert capacity_gib(size_bytes) == capacity


@given(IDS)
def test_a_link_ends_in_the_id_and_has_no_other_separators(resource_id: str) -> None:
    collection, _, last = LINKS.member("storage_snapshots", resource_id).rpartition("/")
    assert collection == LINKS.collection("storage_snapshots")
    assert unquote(last) == resource_id
    assert not set(last) & set(";?#& <>'\"")


def _parse(document: bytes) -> Any:
    return etree.fromstring(document)
