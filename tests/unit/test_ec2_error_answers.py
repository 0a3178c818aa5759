from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from drivers.ec2 import errors
from drivers.ec2.parser import ParserFactory
from gateway.driver import DriverError, ErrorCode

SECRET = "wJalrXUtnFEMI"
AUTH, GONE = ErrorCode.UNAUTHENTICATED, ErrorCode.NOT_FOUND
SLOW, DOWN = ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE


def classified(exc: Exception) -> DriverError:
    error = errors.classify(exc)
    assert error is not None
    return error


def error_of(body: bytes, status: int) -> DriverError:
    """What becomes of an answer of the wire."""
    answer: dict[str, Any] = {"body": body, "headers": {}, "status_code": status}
    parse = partial(ParserFactory().create_parser("ec2").parse, answer, None)
    try:
        parsed = parse()
    except ResponseParserError as exc:
        return classified(exc)
    return classified(ClientError(parsed, "DescribeSnapshots"))


def xml(code: str, message: str = "", namespace: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Response{namespace}><Errors><Error>'
        f"<Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        "<RequestID>1</RequestID></Response>"
    ).encode()


MOTO = ' xmlns="http://ec2.amazonaws.com/doc/2016-11-15"'


@pytest.mark.parametrize("namespace", ["", MOTO])
@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        ("SnapshotCreationPerVolumeRateExceeded", 400, SLOW),
        ("InvalidSnapshot.NotFound", 400, GONE),
        ("RequestLimitExceeded", 503, SLOW),
        ("AuthFailure", 401, AUTH),
    ],
)
def test_an_error_on_the_wire_is_found(
    code: str, status: int, meaning: ErrorCode, namespace: str
) -> None:
    error = error_of(xml(code, namespace=namespace), status)
    assert (error.code, error.backend_code) == (meaning, code)


PAGE = b"<head><title>503 Service Unavailable</title></head><body><h1>503</h1></body></html>"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>" + PAGE,
        b"<html>\r\n<body><hr><center>nginx</center>",
        b'<html xmlns="http://www.w3.org/1999/xhtml">' + PAGE,
    ],
)
def test_a_page_of_a_server_that_is_down_says_so(body: bytes, status: int) -> None:
    assert error_of(body, status).code is DOWN


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html>' + PAGE,
        b"<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><p>down",
        b"upstream connect error or disconnect/reset before headers",
        b'{"message": "Service Unavailable"}',
    ],
    ids=["apache", "html5", "envoy", "json"],
)
def test_so_does_a_page_that_is_no_xml(body: bytes, status: int) -> None:
    assert error_of(body, status).code is DOWN


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (301, ErrorCode.BACKEND),
        (400, ErrorCode.BACKEND),
        (401, AUTH),
        (403, ErrorCode.DENIED),
        (404, ErrorCode.BACKEND),
        (429, SLOW),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        # HAProxy's page is XML, nginx's is not.
        b"<html><body><h1>Error</h1>\nwJalrXUtnFEMI\n</body></html>\n",
        b"<html>\r\n<head></head><body><hr>wJalrXUtnFEMI<center>nginx</center></body></html>",
        b"wJalrXUtnFEMI",
        b"",
    ],
    ids=["haproxy", "nginx", "text", "empty"],
)
def test_a_page_of_a_proxy_goes_by_its_status(body: bytes, status: int, code: ErrorCode) -> None:
    error = error_of(body, status)
    assert error.code is code
    assert error.retry_after_s == (5 if code is SLOW else None)
    assert SECRET not in repr(error)


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><p>wJalrXUtnFEMI<br>", b"wJalrXUtnFEMI", b""])
def test_a_page_in_place_of_an_answer_is_no_answer(body: bytes) -> None:
    error = error_of(body, 200)
    assert error.code is ErrorCode.BACKEND
    assert SECRET not in repr(error)
