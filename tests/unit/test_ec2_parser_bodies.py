import codecs
from pathlib import Path

import pytest
from botocore.parsers import ResponseParserError

from tests.unit.test_ec2_parser import (
    ANSWERS,
    FAST,
    STOCK,
    answer_of,
    each_answer,
    envelope,
    parsed,
    same,
    snapshot,
)

TIMES = [
    "2024-01-31T12:00:59Z",
    "2024-01-31T12:00:59.123Z",
    "2024-01-31T12:00:59.1Z",
    "2024-01-31T12:00:59.123456Z",
    "2024-01-31T12:00:59.1234567Z",
    "2024-01-31T12:00:59,123Z",
    "2024-01-31T12:00:59",
    "2024-01-31T12:00:59z",
    "2024-01-31T12:00:59+02:00",
    "2024-01-31T12:00:59.000-0330",
    "2024-01-31 12:00:59",
    "2024-01-31T12:00Z",
    "2024-01-31",
    " 2024-01-31T12:00:59Z ",
    "2024-02-30T12:00:59Z",
    "2024-13-01T12:00:59Z",
    "2024-00-00T00:00:00Z",
    "2024-01-31T24:00:00Z",
    "2024-01-31T24:00:00.000Z",
    "2024-12-31T23:59:60Z",
    "2024-01-31T12:60:00Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "0031-12-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
    "2024-W05-3",
    "2024-W05-3T12:00:59Z",
    "2024W053",
    "2024-031",
    "20240131T120059Z",
    "1706702459",
    "1706702459.123",
    "-1",
    "1e3",
    "1e99",
    "nan",
    "inf",
    "99999999999999",
    "Wed, 31 Jan 2024 12:00:59 GMT",
    "\u0662\u0660\u0662\u0664-01-31T12:00:59Z",
    "garbage",
    "null",
    "None",
    "",
]


@pytest.mark.parametrize("written", TIMES)
def test_a_time_is_read_or_refused_as_by_botocore(written: str) -> None:
    snapshot(f"<startTime>{written}</startTime>")


def test_some_of_these_times_are_read_and_some_refused() -> None:
    found = [snapshot(f"<startTime>{written}</startTime>") for written in TIMES]
    assert 5 < sum(isinstance(one, dict) for one in found) < len(found) - 5


@each_answer
def test_an_answer_that_breaks_off_is_no_answer(path: Path) -> None:
    operation, body = answer_of(path)
    for end in range(0, len(body), 7):
        assert same(body[:end], operation) is ResponseParserError


TEXT = "<description>d\xe9j\xe0 vu</description>"
PLAIN = envelope("CreateSnapshot", TEXT).decode()


def declared(encoding: str) -> str:
    return PLAIN.replace("UTF-8", encoding)


@pytest.mark.parametrize(
    "body",
    [
        codecs.BOM_UTF8 + PLAIN.encode(),
        declared("UTF-16").encode("utf-16"),
        declared("UTF-16").encode("utf-16-le"),
        declared("UTF-16").encode("utf-16-be"),
        declared("UTF-16").encode(),
        declared("UTF-32").encode("utf-32"),
        declared("ISO-8859-1").encode("latin-1"),
        declared("ISO-8859-1").encode(),
        declared("US-ASCII").encode(),
        declared("utf8").encode(),
        declared("none").encode(),
        PLAIN.encode("latin-1"),
        PLAIN.encode().replace(b"\xc3\xa9", b"\xc0\x80"),
        PLAIN.encode().replace(b"\xc3\xa9", b"\xed\xa0\x80"),
        PLAIN.encode().replace(b"\xc3\xa9", b"\xef\xbf\xbe"),
        PLAIN.encode().replace(b"\xc3\xa9", b"\xc3"),
        PLAIN.encode().replace(b"\xc3\xa9", b"\0"),
        PLAIN.encode() + b"\0",
        PLAIN.replace("1.0", "1.1").encode(),
        PLAIN.replace("1.0", "2.0").encode(),
        PLAIN.replace(' encoding="UTF-8"', ' encoding="UTF-8" standalone="yes"').encode(),
        PLAIN.replace('version="1.0" ', "").encode(),
    ],
    ids=range(22),
)
def test_any_encoding_is_read_or_refused_as_by_botocore(body: bytes) -> None:
    same(body, "CreateSnapshot")


def test_plain_utf8_is_read() -> None:
    assert same(PLAIN.encode(), "CreateSnapshot")["Description"] == "d\xe9j\xe0 vu"


DOCTYPE = (
    '<!DOCTYPE CreateSnapshotResponse [<!ENTITY e "inside"><!ENTITY f SYSTEM "file:///dev/null">]>'
)


@pytest.mark.parametrize(
    "content",
    [
        "<description>&e;</description>",
        "<description>&f;</description>",
        "<description>&g;</description>",
        "<description/>",
    ],
)
def test_a_document_type_is_left_to_botocore(content: str) -> None:
    body = envelope("CreateSnapshot", content).decode().replace("?>\n", f"?>\n{DOCTYPE}\n")
    same(body.encode(), "CreateSnapshot")


ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
    b"<Code>InvalidSnapshot.NotFound</Code><Message>The snapshot 'snap-1' does not exist.</Message>"
    b"</Error></Errors><RequestID>59dbff89</RequestID></Response>"
)
BODIES = {
    "error": ERROR,
    "moto's error": ERROR.replace(b"<Response>", b'<Response xmlns="http://ec2/doc/2016-11-15">'),
    "error without message": ERROR.replace(b"The snapshot 'snap-1' does not exist.", b""),
    "html": b"<html><body><h1>503 Service Unavailable</h1>No server is available.</body></html>",
    "xhtml": b'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>down</p></body></html>',
    "html 5": b"<!DOCTYPE html><html><meta charset=utf-8><p>down",
    "text": b"upstream connect error",
    "json": b'{"Error": {"Code": "x"}}',
    "empty": b"",
    "blank": b" \r\n",
    "other XML": b"<a/>",
    "self-closed": b'<CreateSnapshotResponse xmlns="u"/>',
    "two roots": b'<a xmlns="u"></a><a xmlns="u"></a>',
    "junk after": b'<a xmlns="u"></a>junk',
    "an answer": answer_of(ANSWERS[0])[1],
}


@pytest.mark.parametrize("status", [200, 299, 301, 400, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("operation", ["DescribeSnapshots", "CreateSnapshot", "CreateTags"])
def test_errors_and_pages_are_read_as_botocore_reads_them(operation: str, status: int) -> None:
    for body in BODIES.values():
        stock = parsed(STOCK, body, operation, status)
        found = parsed(FAST, body, operation, status)
        if status > 300 and stock is ResponseParserError:
            # A proxy's page: botocore's parser loses its status.
            assert found["Error"]["Code"] == str(status)
            assert found["ResponseMetadata"]["HTTPStatusCode"] == status
        else:
            assert found == stock


def test_an_error_is_read() -> None:
    found = same(ERROR, "DescribeSnapshots", 400)
    assert found["Error"]["Code"] == "InvalidSnapshot.NotFound"
    assert found["ResponseMetadata"]["RequestId"] == "59dbff89"
