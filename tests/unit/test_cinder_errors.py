"""What answers mean that were not recorded: of proxies, of other versions, of nobody."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cinder import errors
from gateway.driver import ErrorCode
from tests.unit.cinder_samples import HTML, SECRET, classified, raised, response, told

UNAUTHENTICATED, DENIED = ErrorCode.UNAUTHENTICATED, ErrorCode.DENIED
NOT_FOUND, CONFLICT, INVALID = ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.INVALID
BACKEND, DOWN, CANNOT = ErrorCode.BACKEND, ErrorCode.UNAVAILABLE, ErrorCode.UNSUPPORTED
QUOTA, SLOW = ErrorCode.QUOTA, ErrorCode.RATE_LIMITED
ID = "b2c813a4-cc74-4b1f-b672-450d6422b044"


def fault(kind: str, status: int, message: Any = "") -> str:
    return json.dumps({kind: {"code": status, "message": message}})


def of(
    status: int, body: str | bytes, content_type: str = "application/json", **headers: str
) -> Any:
    """Return what the driver says of an answer."""
    return classified(raised(response(status, body, content_type, **headers)))


# status, what it means when a proxy's page comes with it
PAGES = [
    (400, BACKEND),
    (401, UNAUTHENTICATED),
    (403, DENIED),
    (404, BACKEND),
    (405, BACKEND),
    (406, CANNOT),
    (408, BACKEND),
    (409, BACKEND),
    (410, BACKEND),
    (412, BACKEND),
    (413, BACKEND),
    (414, BACKEND),
    (415, BACKEND),
    (422, BACKEND),
    (429, SLOW),
    (431, BACKEND),
    (499, BACKEND),
    (500, BACKEND),
    (501, BACKEND),
    (502, DOWN),
    (503, DOWN),
    (504, DOWN),
    (511, BACKEND),
]
BODIES = [
    HTML,
    "",
    "null",
    "[]",
    "{}",
    '"x"',
    "5",
    '{"a": "b"}',
    "{",
    '{"badRequest": null}',
    "\xff",
]


@pytest.mark.parametrize(("status", "code"), PAGES)
def test_a_page_of_a_proxys_is_no_answer_of_cinders(status: int, code: ErrorCode) -> None:
    for body, content_type in product(BODIES, ["text/html", "application/json", ""]):
        error = of(status, body.encode("latin-1"), content_type)
        assert (error.code, error.backend_code, error.retry_after_s) == (code, None, None), body
        assert SECRET not in told(error)
        assert not error.maybe_done


def test_a_missing_page_is_not_a_missing_snapshot() -> None:
    error = of(404, HTML, "text/html")
    assert (error.code, error.backend_code) == (BACKEND, None)
    assert "no answer of Cinder" in error.message


# status, the kind in the body, Retry-After, what it means, seconds to wait
WAITS = [
    (413, "overLimit", "0", QUOTA, None),
    (413, "overLimit", None, QUOTA, None),
    (413, "overLimit", "7", SLOW, 7),
    (413, "overLimitFault", "7", SLOW, 7),
    (413, None, "7", SLOW, 7),
    (413, None, None, BACKEND, None),
    (413, "requestEntityTooLarge", None, INVALID, None),
    (429, "overLimit", None, SLOW, None),
    (429, "overLimit", "0", SLOW, 0),
    (429, None, "30", SLOW, 30),
    (429, None, "99999", SLOW, 99999),
    (429, None, "999999", SLOW, None),
    (429, None, "-1", SLOW, None),
    (429, None, "1.5", SLOW, None),
    (429, None, "٣", SLOW, None),
    (429, None, "", SLOW, None),
    (429, None, "Fri, 20 Nov 2015 18:34:07 GMT", SLOW, 1),
    (429, None, "Fri Nov 20 18:34:07 2015", SLOW, 1),
    (429, None, "Fri, 20 Nov 9015 18:34:07 GMT", SLOW, None),
    (429, None, "Fri, 20 Nov 2015 18:34:07 +9999999999999", SLOW, None),
    (429, None, "Fri, 99 Nov 2015 18:34:07 GMT", SLOW, None),
    (413, "overLimit", "Fri, 20 Nov 2015 18:34:07 GMT", SLOW, 1),
    (503, None, "120", DOWN, 120),
    (503, "serviceUnavailable", "120", DOWN, 120),
    (502, None, None, DOWN, None),
    (500, "computeFault", None, BACKEND, None),
]


@pytest.mark.parametrize(("status", "kind", "header", "code", "wait_s"), WAITS)
def test_cinder_says_when_to_ask_again(
    status: int, kind: str | None, header: str | None, code: ErrorCode, wait_s: float | None
) -> None:
    body = HTML if kind is None else fault(kind, status, SECRET)
    error = of(status, body, **({} if header is None else {"Retry_After": header}))
    assert (error.code, error.retry_after_s, error.backend_code) == (code, wait_s, kind)
    assert list(error.fields) == (["metadata"] if code is INVALID else [])
    assert SECRET not in told(error)


@pytest.mark.parametrize("status", [413, 429, 503])
def test_cinder_names_the_date_when_to_ask_again(status: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    error = of(status, fault("overLimit", status, SECRET), Retry_After=date)
    assert error.code is (DOWN if status == 503 else SLOW)
    assert error.retry_after_s is not None
    assert 60 < error.retry_after_s <= 90


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("SnapshotLimitExceeded: Maximum number of snapshots allowed (13) exceeded", "as many"),
        ("VolumeSizeExceedsAvailableQuota: Requested volume exceeds gigabytes quota.", "gigab"),
        ("VolumeSizeExceedsLimit: exceeds per volume Gigabytes quota", "gigabytes"),
        ("", "as many"),
    ],
)
def test_a_quota_that_is_used_up_is_named(message: str, says: str) -> None:
    error = of(413, fault("overLimit", 413, message), Retry_After="0")
    assert (error.code, error.is_retryable) == (QUOTA, False)
    assert says in error.message


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (400, "something else", INVALID),
        (400, "Invalid snapshot: whatever", CONFLICT),
        (400, "Invalid volume: whatever", CONFLICT),
        (400, "It says: Invalid snapshot: whatever", INVALID),
        (400, "Invalid snapshot: Snapshot  must not be part of a group.", CONFLICT),
        (404, "something else", NOT_FOUND),
        (404, "VolumeType x could not be found", NOT_FOUND),
        (404, "The resource could not be found.<br />", CANNOT),
        (409, "something else", CONFLICT),
        (409, "Invalid snapshot: x status must be 'available'", CONFLICT),
        (422, "something else", INVALID),
        (405, "something else", BACKEND),
        (410, "something else", BACKEND),
    ],
)
def test_an_unknown_message_goes_by_the_status(status: int, message: str, code: ErrorCode) -> None:
    error = of(status, fault("someFault", status, message))
    assert (error.code, error.backend_code, error.fields) == (code, "someFault", {})


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("name", "name"),
        ("description", "description"),
        ("metadata", "metadata"),
        ("size", "size_bytes"),
        ("volume_id", "volume_id"),
        ("volume_type", "media"),
        ("availability_zone", "zone"),
        ("tier", "metadata"),
        ("backup-of", "metadata"),
        ("a.b", "metadata"),
        ("a:b", "metadata"),
        ("a b", "metadata"),
    ],
)
def test_a_bad_value_names_the_field_of_the_request(name: str, field: str) -> None:
    message = f"Invalid input for field/attribute {name}. Value: {SECRET}. {SECRET!r} is too long"
    error = of(400, fault("badRequest", 400, message))
    assert (error.code, list(error.fields)) == (INVALID, [field])
    assert SECRET not in told(error)


def test_an_id_is_named_and_shortened() -> None:
    for word in ("Snapshot", "Volume"):
        error = of(404, fault("itemNotFound", 404, f"{word} {ID} could not be found."))
        assert error.message == f"no {word.lower()} {ID!r}"
        error = of(404, fault("itemNotFound", 404, f"{word} {'x' * 9999} could not be found."))
        assert len(error.message) < 200


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ('{"badRequest": {"code": 400, "message": "m"}}', "badRequest", "m"),
        ('{"badRequest": {"code": 400}}', "badRequest", ""),
        ('{"badRequest": {"message": 5}}', "badRequest", "5"),
        ('{"message": "m", "code": "404 Not Found", "title": "Not Found"}', "Not Found", "m"),
        ('{"code": "404", "message": "m"}', "message", "m"),
        ('{"title": "t"}', None, ""),
        (json.dumps({"k" * 500: {"message": "m"}}), "k" * 100, "m"),
        ("{}", None, ""),
        ("[]", None, ""),
        ("", None, ""),
        (HTML, None, ""),
    ],
)
def test_an_answer_is_a_kind_and_a_message(body: str, kind: str | None, message: str) -> None:
    assert errors.answer_of(response(400, body)) == (kind, message)


def test_a_body_of_endless_brackets_is_no_answer() -> None:
    for bracket in ("[", '{"a":'):
        answer = response(404, bracket * 200_000)
        assert errors.answer_of(answer) == (None, "")


@given(
    st.sampled_from([status for status, _ in PAGES]),
    st.text(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda below: st.lists(below) | st.dictionaries(st.text() | st.just("message"), below),
        max_leaves=5,
    ),
)
def test_whatever_is_answered_means_something(status: int, message: str, body: Any) -> None:
    for text in (json.dumps(body), fault("badRequest", status, message)):
        error = of(status, text)
        assert error.code is not ErrorCode.INTERNAL
        assert len(error.message) < 400


@pytest.mark.parametrize("status", [status for status, _ in PAGES])
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
def test_no_message_repeats_what_may_be_secret(status: int, content_type: str) -> None:
    token = f"gAAAAA{SECRET}"
    messages = [
        f"Invalid input for field/attribute name. Value: {token}. {token!r} is too long",
        f"Invalid snapshot: {token}",
        f"Volume type with name {token} could not be found",
        f"Availability zone {token!r} is invalid.",
        f"{token} https://user:{token}@cloud.example/v3",
    ]
    for message in messages:
        said = told(of(status, fault("someFault", status, message), content_type))
        assert SECRET not in said
        assert "http" not in said
