import time
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.parsers import EC2QueryParser, QueryParser, ResponseParserError

from drivers.ec2.clients import OPERATIONS, Ec2Options, open_clients
from drivers.ec2.parser import ParserFactory
from gateway.driver import Credentials

# What EC2 answers (as its API reference shows it), and what moto 5.2.5 does, byte for byte.
ANSWERS = sorted((Path(__file__).parent / "ec2_answers").glob("*.xml"))
NAMESPACE = b"http://ec2.amazonaws.com/doc/2016-11-15/"
FAST, STOCK = ParserFactory().create_parser("ec2"), EC2QueryParser()


@cache
def model() -> Any:
    clients = open_clients(Ec2Options().load({"region": "eu-west-1"}))
    client, _ = clients.open(Credentials(username="key", password="secret"))
    return client.meta.service_model


@cache
def shape(operation: str) -> Any:
    return model().operation_model(operation).output_shape


def parsed(parser: Any, body: bytes, operation: str, status: int = 200) -> Any:
    """What an answer becomes, or the type of the exception that it becomes."""
    answer = {"body": body, "headers": {"X": "y"}, "status_code": status}
    try:
        return comparable(parser.parse(answer, shape(operation)))
    except Exception as exc:  # noqa: BLE001 - botocore's parser raises all kinds
        return type(exc)


def comparable(value: Any) -> Any:
    """Botocore returns the elements themselves where a scalar is repeated."""
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return ET.tostring(value) if isinstance(value, ET.Element) else value


def same(body: bytes, operation: str, status: int = 200) -> Any:
    """Return what both parsers make of a body, which must be the same."""
    stock = parsed(STOCK, body, operation, status)
    assert parsed(FAST, body, operation, status) == stock
    return stock


def envelope(operation: str, content: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{operation}Response xmlns="{NAMESPACE.decode()}">{content}</{operation}Response>'
    ).encode()


def snapshot(content: str) -> Any:
    """What both parsers make of a CreateSnapshot with this content."""
    return same(envelope("CreateSnapshot", content), "CreateSnapshot")


def answer_of(path: Path) -> tuple[str, bytes]:
    return path.stem.partition("-")[2], path.read_bytes()


each_answer = pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.stem)


@pytest.fixture
def no_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore's own way of reading an answer fail."""

    def fail(*_: Any) -> None:
        raise AssertionError("the answer was left to botocore's parser")

    monkeypatch.setattr(QueryParser, "_do_parse", fail)


def test_there_is_an_answer_to_each_operation_of_each_server() -> None:
    expected = {f"{server}-{name}" for server in ("aws", "moto") for name in OPERATIONS}
    assert {path.stem for path in ANSWERS} == expected


@each_answer
def test_real_answers_are_read_as_botocore_reads_them(path: Path) -> None:
    operation, body = answer_of(path)
    found = same(body, operation)
    assert found["ResponseMetadata"]["RequestId"]
    assert found["ResponseMetadata"]["HTTPHeaders"] == {"x": "y"}
    assert (len(found) > 1) == (shape(operation) is not None)


@pytest.mark.usefixtures("no_stock")
@each_answer
def test_real_answers_take_the_fast_path(path: Path) -> None:
    operation, body = answer_of(path)
    found = parsed(FAST, body, operation)
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_botocores_own_parser_would_be_noticed(no_stock: None) -> None:
    operation, body = answer_of(ANSWERS[0])
    assert parsed(STOCK, body, operation) is AssertionError
    assert parsed(FAST, body.replace(b"xmlns=", b"xmlns:x="), operation) is AssertionError


@pytest.mark.parametrize(
    "attribute",
    [
        b'xmlns="http://ec2.amazonaws.com/doc/2013-02-01/"',
        b'xmlns="http://ec2.amazonaws.com/doc/2009-11-30/"',
        b'xmlns="http://ec2.amazonaws.com/doc/2016-11-15"',
        b'xmlns=""',
        b"xmlns='http://ec2.amazonaws.com/doc/2016-11-15/'",
        b'xmlns = "http://ec2.amazonaws.com/doc/2016-11-15/" ',
        b'xmlns="a&amp;b"',
        b'xmlns="u" version="1"',
        b'version="1" xmlns="u"',
        b'xmlns="u" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"',
        b'xmlns="u"\n',
        b'version="1"',
        b"",
    ],
)
def test_any_namespace_or_none_will_do(attribute: bytes) -> None:
    for path in ANSWERS:
        operation, body = answer_of(path)
        head, _, rest = body.partition(b" xmlns=")
        other = head + b" " + attribute + rest[rest.index(b">") :]
        assert same(other, operation) == same(body, operation)


@each_answer
def test_a_prefix_will_do(path: Path) -> None:
    operation, body = answer_of(path)
    prefixed = body.replace(b"</", b"</x:").replace(b"<", b"<x:").replace(b"<x:/x:", b"</x:")
    prefixed = prefixed.replace(b"<x:?", b"<?").replace(b"xmlns=", b"xmlns:x=")
    assert same(prefixed, operation) == same(body, operation)


@each_answer
def test_the_layout_does_not_matter(path: Path) -> None:
    operation, body = answer_of(path)
    expected = same(body, operation)
    declaration, _, rest = body.partition(b"\n")
    assert same(rest, operation) == expected
    assert same(b" \n\t" + rest, operation) == expected
    assert same(declaration + rest, operation) == expected
    assert same(body + b"\n \r\n", operation) == expected
    assert same(b"\n" + body, operation) is ResponseParserError


@pytest.mark.parametrize(
    "content",
    [
        "<status>a</status><status>b</status>",
        "<tagSet/><tagSet/>",
        "<tagSet><item><key>a</key></item></tagSet><tagSet><item><key>b</key></item></tagSet>",
        "<tagSet><item><key>a</key><key>b</key></item></tagSet>",
        "<tagSet>text<item>text</item>text</tagSet>",
        "<tagSet><other><key>a</key></other></tagSet>",
        "<tagSet><item/><item></item></tagSet>",
        "<unknown>a</unknown><unknown>b</unknown><status>c</status>",
        "<unknown><status>a</status><deep><er/></deep></unknown>",
        "<Status>a</Status><STATUS>b</STATUS><state>c</state>",
        "<x:status xmlns:x='u'>a</x:status>",
        "<status>a</status><x:status xmlns:x='u'>b</x:status>",
        '<status xmlns="u">a</status>',
        '<status xmlns="">a</status>',
        '<status xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>',
        '<status a="1" xml:lang="de">a</status>',
        "<status>a<!-- b -->c</status>",
        "<!-- <status>a</status> -->",
        "<status>a<?b c?>d</status><?e?>",
        "<status><![CDATA[<a> & ]]>b</status>",
        "<status><![CDATA[  ]]></status>",
        "<status>a<b/>c</status>",
        "<status>a & b</status>",
        "<status>&nbsp;</status>",
        "<status>a]]>b</status>",
        "<status>a</Status>",
        "<status>\x01</status>",
        "<status>&#1;</status>",
        "<status>&#0;</status>",
        "<status>&#xD800;</status>",
        "<x:status>a</x:status>",
        '<status a="1" a="2"/>',
        "<a>" * 100 + "</a>" * 100,
        "<a>" * 1000 + "</a>" * 1000,
        "<status>" + "long " * 20_000 + "</status>",
        "",
        "text",
        "<requestId/>",
        "<requestId>a</requestId>",
    ],
    ids=lambda content: content[:40],
)
def test_odd_content_is_read_as_botocore_reads_it(content: str) -> None:
    snapshot(content)
    wrapped = f"<snapshotSet><item>{content}</item><item/></snapshotSet>"
    same(envelope("DescribeSnapshots", wrapped), "DescribeSnapshots")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", ""),
        ("   ", "   "),
        (" \n\t ", " \n\t "),
        (" a ", " a "),
        ("&amp;&lt;&gt;&quot;&apos;", "&<>\"'"),
        ("&#10;&#13;&#x9;&#32;", "\n\r\t "),
        (" &#32; ", "   "),
        ("&#x1F600;\u20ac", "\U0001f600\u20ac"),
        ("!?<!---->", "!?"),
        ("\r\n", "\n"),
        ("a\r\nb\rc", "a\nb\nc"),
        # As moto writes a description, or a tag, that holds a carriage return.
        ("  \r\n d", "  \n d"),
        ("\t\r\n", "\t\n"),
    ],
)
def test_text_is_read_as_it_was_written(written: str, read: str) -> None:
    assert snapshot(f"<description>{written}</description>")["Description"] == read
    tag = f"<tagSet><item><key>k</key>\n<value>{written}</value></item></tagSet>"
    assert snapshot(tag)["Tags"] == [{"Key": "k", "Value": read}]


def test_blank_text_is_kept_wherever_it_stands() -> None:
    # libxml2 tells blank text from layout by what comes next, which it has not always read yet:
    # beyond 299 blanks in a row it can err. EC2's texts have 256 characters at the most.
    blank = " " * 256
    for before in range(3500, 3700):
        content = f"<x>{'y' * before}</x><description>{blank}</description>"
        assert snapshot(content)["Description"] == blank


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("true", True),
        ("false", False),
        ("1", False),
        ("", False),
        ("TRUE", False),
        (" true", False),
    ],
)
def test_only_true_is_true(written: str, read: bool) -> None:
    assert snapshot(f"<encrypted>{written}</encrypted>")["Encrypted"] is read


@pytest.mark.parametrize(
    "written", ["8", " 8 ", "-1", "+1", "0x8", "8.0", "", "1_0", "\u0668", "abc"]
)
def test_a_number_is_read_or_refused_as_by_botocore(written: str) -> None:
    snapshot(f"<volumeSize>{written}</volumeSize>")


@pytest.mark.usefixtures("no_stock")
@pytest.mark.parametrize("fraction", ["", ".000", ".123"])
def test_ec2s_own_form_of_time_takes_the_fast_path(fraction: str) -> None:
    body = envelope("CreateSnapshot", f"<startTime>2024-01-31T12:00:59{fraction}Z</startTime>")
    found = parsed(FAST, body, "CreateSnapshot")["StartTime"]
    assert (
        found.isoformat(timespec="milliseconds")[:23] == f"2024-01-31T12:00:59{fraction or '.000'}"
    )
    assert found.utcoffset().total_seconds() == 0


def test_a_long_blank_body_is_refused_at_once() -> None:
    start = time.process_time()
    assert parsed(FAST, b" " * 20_000, "CreateSnapshot") is ResponseParserError
    assert time.process_time() - start < 0.05
