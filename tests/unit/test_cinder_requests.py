"""What is sent to Cinder: bodies, microversions, and texts that it would refuse."""

import ast
import json
import re
import unicodedata
from typing import Any

import pytest

from drivers.cinder import wire
from gateway.driver import CreateSnapshot, DriverError, ErrorCode, UpdateSnapshot
from tests.unit.cinder_samples import named

GIB = 1 << 30
BMP = 0x10000
Offered = tuple[int, int]
WHOLE = CreateSnapshot("v", name="n", description="d", metadata={"k": "w"})


@pytest.mark.parametrize(
    ("offered", "in_use", "force", "sent_with"),
    [
        ((3, 0), "allow", True, (3, 0)),
        ((3, 59), "allow", True, (3, 59)),
        ((3, 65), "allow", True, (3, 65)),
        ((3, 66), "allow", None, (3, 66)),
        ((3, 71), "allow", None, (3, 71)),
        ((3, 0), "refuse", None, (3, 0)),
        ((3, 59), "refuse", None, (3, 59)),
        ((3, 65), "refuse", None, (3, 65)),
        ((3, 66), "refuse", None, (3, 65)),
        ((3, 71), "refuse", None, (3, 65)),
    ],
)
def test_a_volume_in_use_is_snapshotted_unless_the_request_refuses(
    offered: Offered, in_use: Any, force: bool | None, sent_with: Offered
) -> None:
    request = CreateSnapshot("v", name="n", description="d", metadata={"k": "w"}, in_use=in_use)
    body, microversion = wire.new_snapshot(request, offered)
    expected = {"volume_id": "v", "name": "n", "description": "d", "metadata": {"k": "w"}}
    assert body == {"snapshot": expected | ({} if force is None else {"force": force})}
    assert microversion == sent_with


@pytest.mark.parametrize(
    ("name", "in_use", "offered"),
    [
        ("in-use, 3.65, force true", "allow", (3, 65)),
        ("in-use, 3.66, no force", "allow", (3, 66)),
        ("in-use, 3.65, no force", "refuse", (3, 71)),
    ],
)
def test_what_is_sent_was_recorded_to_do_that(name: str, in_use: Any, offered: Offered) -> None:
    exchange = named(name)
    volume = json.loads(exchange.body or "")["snapshot"]["volume_id"]
    body, (major, minor) = wire.new_snapshot(CreateSnapshot(volume, in_use=in_use), offered)
    sent = json.loads(exchange.body or "")["snapshot"]
    assert body["snapshot"].get("force") == sent.get("force")
    assert f"{major}.{minor}" == exchange.microversion
    assert exchange.status == (400 if in_use == "refuse" else 202)


def test_a_request_without_anything_names_the_volume() -> None:
    body, _ = wire.new_snapshot(CreateSnapshot("v"), (3, 71))
    nothing: dict[str, Any] = {"name": None, "description": None, "metadata": {}}
    assert body == {"snapshot": {"volume_id": "v", **nothing}}


def test_the_metadata_sent_is_not_the_callers_own() -> None:
    body, _ = wire.new_snapshot(WHOLE, (3, 71))
    body["snapshot"]["metadata"]["more"] = "x"
    assert WHOLE.metadata == {"k": "w"}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {}),
        ({"name": "n"}, {"name": "n"}),
        ({"name": None}, {"name": None}),
        ({"name": ""}, {"name": ""}),
        ({"description": "d"}, {"description": "d"}),
        ({"description": None}, {"description": None}),
        ({"name": "n", "description": None}, {"name": "n", "description": None}),
    ],
)
def test_only_texts_that_change_are_sent(given: dict[str, Any], sent: dict[str, Any]) -> None:
    assert wire.changed_texts(UpdateSnapshot(**given)) == sent


def refused(text: object) -> str | None:
    """Return what is said against a description; None if nothing is."""
    try:
        wire.check_description(text)
    except DriverError as error:
        return error.message
    return None


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("a\nb", "U+000A"),
        ("a\n", "U+000A"),
        ("hi 🙂", "U+1F642"),
        ("\t", "U+0009"),
        ("\0", "U+0000"),
        ("\x7f", "U+007F"),
        ("\u2028", "U+2028"),
        ("\u200b", "U+200B"),
        ("\uffff", "U+FFFF"),
        ("\xad", "U+00AD"),
        ("\ud800", "U+D800"),
        ("\ue000", "U+E000"),
        ("𠮷", "U+20BB7"),
    ],
)
def test_a_description_that_cinder_refuses_is_refused_before(text: str, character: str) -> None:
    said = refused(text)
    assert said
    assert character in said
    for attempt in (
        lambda: wire.new_snapshot(CreateSnapshot("v", description=text), (3, 71)),
        lambda: wire.changed_texts(UpdateSnapshot(description=text)),
    ):
        with pytest.raises(DriverError) as caught:
            attempt()
        assert caught.value.code is ErrorCode.INVALID
        assert set(caught.value.fields) == {"description"}


@pytest.mark.parametrize(
    "text", ["", "plain", "é 日本 ~!\\", "\xa0", "\u3000", "\ufffd", None, UpdateSnapshot()]
)
def test_a_description_that_cinder_takes_is_taken(text: object) -> None:
    assert refused(text) is None


def test_a_name_may_be_anything() -> None:
    body, _ = wire.new_snapshot(CreateSnapshot("v", name="a\nb 🙂"), (3, 71))
    assert body["snapshot"]["name"] == "a\nb 🙂"
    assert wire.changed_texts(UpdateSnapshot(name="a\n🙂")) == {"name": "a\n🙂"}
    assert named("update: name with control chars").status == 200


def cinders_pattern(name: str) -> re.Pattern[str]:
    """Return the pattern of a description that Cinder printed in an error."""
    message = named(name).answer["badRequest"]["message"]
    printed = message.partition(" does not match ")[2]
    return re.compile(ast.literal_eval(printed))


@pytest.mark.parametrize("name", ["update: description with newline", "update: description emoji"])
def test_cinder_itself_agrees_on_every_character(name: str) -> None:
    pattern = cinders_pattern(name)
    differing = [
        code
        for code in range(BMP + 0x100)
        if (pattern.fullmatch(chr(code)) is None) != (refused(chr(code)) is not None)
    ]
    # A Python with newer tables of Unicode than Cinder's knows more characters, and no fewer.
    assert [
        code for code in differing if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs")
    ] == []
    newer = unicodedata.unidata_version != "14.0.0"
    assert newer or differing == []
    assert len(differing) < 100


def test_cinders_alphabet_for_metadata_keys_is_the_declared_one() -> None:
    message = named("metadata post key slash").answer["badRequest"]["message"]
    cinders = re.compile(ast.literal_eval(message.partition(" match any of the regexes: ")[2]))
    ours = re.compile(wire.LIMITS.metadata_key_pattern)
    keys = [chr(code) for code in range(BMP)] + ["", "ab", "a-b", "a b.c:d_e", "a/b", "k" * 255]
    differing = [key for key in keys if bool(cinders.fullmatch(key)) != bool(ours.fullmatch(key))]
    assert differing == []
    assert not cinders.fullmatch("k" * 256)
    assert wire.LIMITS.metadata_key == wire.LIMITS.metadata_value == 255


def test_the_declared_limits_are_where_cinder_refused() -> None:
    assert wire.LIMITS.name == wire.LIMITS.description == 255
    taken = ["update: name 255", "metadata post key 255", "metadata post value 255"]
    assert {named(name).status for name in taken} == {200}
    refused_ones = ["name 256", "description 256", "metadata value 256", "metadata key 256"]
    assert {named(f"create error: {name}").status for name in refused_ones} == {400}


@pytest.mark.parametrize(
    ("size_bytes", "gib"),
    [
        (1, 1),
        (GIB - 1, 1),
        (GIB, 1),
        (GIB + 1, 2),
        (10 * GIB, 10),
        (2**63, 2**33),
        (2**63 + 1, 2**33 + 1),
    ],
)
def test_a_size_is_rounded_up_to_whole_gib(size_bytes: int, gib: int) -> None:
    assert wire.gib(size_bytes) == gib


CREATE_FAILED = "create snapshot:Snapshot failed to create."
DELETE_FAILED = "delete snapshot:Snapshot failed to delete."


@pytest.mark.parametrize(
    ("status", "messages", "reason"),
    [
        ("error", [], None),
        ("error", [CREATE_FAILED], CREATE_FAILED),
        ("error", [CREATE_FAILED, "older"], CREATE_FAILED),
        ("error", [""], None),
        ("error_deleting", [], "delete_failed"),
        ("error_deleting", [DELETE_FAILED], f"delete_failed: {DELETE_FAILED}"),
        ("error_deleting", [DELETE_FAILED, "older"], f"delete_failed: {DELETE_FAILED}"),
        ("error_deleting", [""], "delete_failed"),
        ("available", [], None),
    ],
)
def test_the_reason_is_what_cinder_told_last(
    status: str, messages: list[str], reason: str | None
) -> None:
    assert wire.reason({"id": "s", "status": status}, messages) == reason


def test_the_recorded_messages_are_such_reasons() -> None:
    for name, text in (
        ("user messages", CREATE_FAILED),
        ("user messages after failed delete", DELETE_FAILED),
    ):
        assert named(name).answer["messages"][0]["user_message"] == text


@pytest.mark.parametrize("field", ["name", "description"])
@pytest.mark.parametrize("text", [" a", "a ", "\na"])
def test_white_space_that_cinder_would_drop_is_refused(field: str, text: str) -> None:
    given: dict[str, Any] = {field: text}
    for call in (
        lambda: wire.new_snapshot(CreateSnapshot("v", **given), (3, 71)),
        lambda: wire.changed_texts(UpdateSnapshot(**given)),
    ):
        with pytest.raises(DriverError) as caught:
            call()
        assert list(caught.value.fields) == [field]
