from pathlib import Path

import pytest

from tests.unit.test_body import FORM, JSON, XML, read, refusal


@pytest.mark.parametrize(
    "document",
    [
        "<!DOCTYPE storage_snapshot><storage_snapshot/>",
        "<!DOCTYPE storage_snapshot []><storage_snapshot/>",
        "<!DOCTYPE storage_snapshot SYSTEM 'http://127.0.0.1:1/x.dtd'><storage_snapshot/>",
        "<!DOCTYPE storage_snapshot PUBLIC 'p' 'file:///etc/passwd'><storage_snapshot/>",
        "<!DOCTYPE s [<!ENTITY a 'b'>]><storage_snapshot><name>&a;</name></storage_snapshot>",
        "<!DOCTYPE s [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><storage_snapshot/>",
    ],
)
def test_a_doctype_is_refused(document: str) -> None:
    assert "DOCTYPE" in refusal(document, XML)["body"]


def test_an_external_entity_is_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    document = (
        f"<!DOCTYPE s [<!ENTITY x SYSTEM '{secret.as_uri()}'>]>"
        "<storage_snapshot><name>&x;</name></storage_snapshot>"
    )
    assert "hunter2" not in str(refusal(document, XML))


def test_entities_are_not_expanded() -> None:
    lines = ["<!ENTITY e0 'ha'>"]
    lines += [f"<!ENTITY e{i} '{f'&e{i - 1};' * 10}'>" for i in range(1, 12)]
    inside = "<storage_snapshot><name>&e11;</name></storage_snapshot>"
    assert refusal(f"<!DOCTYPE s [{''.join(lines)}]>{inside}", XML)


def test_an_entity_that_nobody_declared_is_refused() -> None:
    assert refusal("<storage_snapshot><name>&x;</name></storage_snapshot>", XML)


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("<name>a<!-- no -->b</name>", "ab"),
        ("<name><?no no?>ab</name>", "ab"),
        ("<name><![CDATA[<&>]]></name>", "<&>"),
        ("<name>&lt;&amp;&gt;&quot;&apos;</name>", "<&>\"'"),
        ("<name> a&#10;b&#13;c&#9;d </name>", " a\nb\rc\td "),
        ("<name/>", ""),
        ("<name></name>", ""),
        ("<name>&#x1F4BE;</name>", "\U0001f4be"),
    ],
)
def test_text_in_xml_is_read_as_written(document: str, name: str) -> None:
    assert read(f"<storage_snapshot>{document}</storage_snapshot>", XML) == {"name": name}


def test_xml_may_declare_another_encoding() -> None:
    document = "<?xml version='1.0' encoding='utf-16'?><storage_snapshot name='ä'/>"
    assert read(document.encode("utf-16"), XML) == {"name": "ä"}


@pytest.mark.parametrize(
    "document",
    [
        "<snapshot/>",
        "<storage_volume/>",
        "<Storage_Snapshot/>",
        "<storage_snapshots><storage_snapshot/></storage_snapshots>",
        "<storage_snapshot xmlns='urn:x'/>",
    ],
)
def test_another_root_element_is_refused_and_told_the_right_one(document: str) -> None:
    assert "'storage_snapshot'" in refusal(document, XML)["body"]


@pytest.mark.parametrize("document", [" ", "<", "<a>", "<a></b>", "text", "<a/><b/>", "\0"])
def test_what_is_no_xml_is_refused_with_its_place(document: str) -> None:
    assert "line 1 column" in refusal(document, XML)["body"]


@pytest.mark.parametrize(
    ("inside", "field"),
    [
        ("<name><b>x</b></name>", "name"),
        ("<name lang='de'>x</name>", "name"),
        ("<metadata><k>v</k></metadata>", "metadata"),
        ("<metadata><meta>v</meta></metadata>", "metadata"),
        ("<metadata><meta key='k'><b/></meta></metadata>", "metadata"),
        ("<metadata><meta key='k' value='v'/></metadata>", "metadata"),
        ("<metadata>k=v</metadata>", "metadata"),
        ("<metadata k='v'/>", "metadata"),
        ("<metadata><meta key='k' nil='true'>v</meta></metadata>", "metadata"),
        ("<metadata><meta key='k' nil='perhaps'/></metadata>", "metadata"),
        ("<avoid>vol-1<v>vol-2</v></avoid>", "avoid"),
        ("<avoid first='vol-1'><v>vol-2</v></avoid>", "avoid"),
    ],
)
def test_an_element_of_another_shape_is_refused_not_dropped(inside: str, field: str) -> None:
    assert field in refusal(f"<storage_snapshot>{inside}</storage_snapshot>", XML)


@pytest.mark.parametrize("inside", ["stray", "<name>a</name>stray", "stray<name>a</name>"])
def test_text_between_the_elements_is_refused_not_dropped(inside: str) -> None:
    assert refusal(f"<storage_snapshot>{inside}</storage_snapshot>", XML)


def test_white_space_between_the_elements_means_nothing() -> None:
    document = "<storage_snapshot>\n\t<name>a</name>\r\n</storage_snapshot>\n"
    assert read(document, XML) == {"name": "a"}


def test_lists_in_xml_are_elements_or_one_text() -> None:
    document = (
        "<clone><affinities><a>ssd</a><a>x</a></affinities><avoid>vol-1,vol-2</avoid></clone>"
    )
    expected = {"affinities": ["ssd", "x"], "avoid": ["vol-1,vol-2"]}
    assert read(document, XML, root="clone") == expected


@pytest.mark.parametrize(
    "document",
    ["null", "[]", "1", '"text"', "true", "{", "{'a': 1}", '{"a": 1,}', " ", "\ufeff{}"],
)
def test_json_that_is_no_object_is_refused(document: str) -> None:
    assert refusal(document, JSON)["body"]


def test_bad_json_is_told_where() -> None:
    assert "line 2 column 3" in refusal("{\n  x", JSON)["body"]


@pytest.mark.parametrize(
    "document",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a":' * 5000 + "1" + "}" * 5000,
        '{"size_bytes": ' + "9" * 5000 + "}",
    ],
)
def test_json_too_deep_or_too_long_is_refused(document: str) -> None:
    assert "too deep or a number too long" in refusal(document, JSON)["body"]


def test_xml_too_deep_is_refused() -> None:
    assert refusal("<storage_snapshot>" + "<a>" * 5000, XML)


@pytest.mark.parametrize(
    ("document", "content_type"),
    [
        ('{"storage_snapshot": []}', JSON),
        ('{"storage_snapshot": null}', JSON),
        ("storage_snapshot=x", FORM),
    ],
)
def test_a_wrapper_that_wraps_no_object_stays_a_field(document: str, content_type: str) -> None:
    assert list(read(document, content_type)) == ["storage_snapshot"]
