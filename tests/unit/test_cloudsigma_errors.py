"""What CloudSigma's error answers mean: the documented bodies, and those of proxies."""

import json
from itertools import product
from typing import Any, TypeAlias

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from drivers.cloudsigma import errors
from gateway.driver import ErrorCode
from tests.unit.cloudsigma_errors import MISSING, OTHERS, entry, of
from tests.unit.cloudsigma_samples import HTML, SECRET, raised, response, told

E: TypeAlias = ErrorCode
FIELD = {"error_message": "This field is required", "error_point": "resource"}
REQUIRED = {**FIELD, "error_type": "validation"}


STARTED = entry(
    "permission", 'Cannot start guest in state "started". Guest should be in state "stopped"'
)
STOPPED = entry(
    "permission",
    'Cannot stop guest in state "stopped". '
    "Guest should be in state \"['started', 'running_legacy']\"",
)
UNKNOWN = entry("backend", "unknown error")


# status, the documented body, what it means, its fields, a part of the message
VERBATIM: list[tuple[int, Any, E, list[str], str]] = [
    (400, REQUIRED, E.INVALID, [], "refuses the request's values"),
    (404, MISSING, E.NOT_FOUND, [], "does not find"),
    (403, STARTED, E.CONFLICT, [], "the server is started, which forbids"),
    (403, STOPPED, E.CONFLICT, [], "the server is stopped, which forbids"),
    (500, UNKNOWN, E.BACKEND, [], "failed inside"),
    (503, UNKNOWN, E.UNAVAILABLE, [], "cannot do that now"),
    (403, OTHERS, E.DENIED, [], "does not allow this account"),
    (402, entry("billing", "Not enough funds"), E.QUOTA, [], "funds"),
    (402, entry("payment", "Not enough funds"), E.QUOTA, [], "funds"),
    (500, entry("database"), E.BACKEND, [], "failed inside"),
    (503, entry("concurrency"), E.RATE_LIMITED, [], "another change"),
    (
        503,
        entry("backend", "We currently cannot provide enough resources to create a nvme drive"),
        E.UNAVAILABLE,
        [],
        "cannot do that now",
    ),
]


@pytest.mark.parametrize("one", VERBATIM, ids=lambda one: f"{one[0]} {one[1]['error_type']}")
@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one]], ids=["object", "list"])
def test_a_documented_body_is_understood(one: Any, wrap: Any) -> None:
    status, body, code, fields, says = one
    error = of(status, wrap(body))
    assert (error.code, list(error.fields)) == (code, fields)
    assert error.backend_code == body["error_type"]
    assert says in error.message
    assert not error.maybe_done
    assert error.retry_after_s == (1 if code is E.RATE_LIMITED else None)
    assert body["error_message"] not in told(error) or not body["error_message"]


KNOWN = {
    400: E.INVALID,
    401: E.UNAUTHENTICATED,
    402: E.QUOTA,
    403: E.DENIED,
    404: E.NOT_FOUND,
    409: E.CONFLICT,
    413: E.INVALID,
    429: E.RATE_LIMITED,
    502: E.UNAVAILABLE,
    503: E.UNAVAILABLE,
    504: E.UNAVAILABLE,
}
BODIES: list[Any] = [
    *(HTML, "", "null", "[]", "{}", f'"{SECRET}"', "5", f'{{"a": "{SECRET}"}}', "{", b"\xff"),
    *("[[]]", "[null, 5]", "[" * 5000, f'[{{"error_type": null, "error_message": ["{SECRET}"]}}]'),
]


@pytest.mark.parametrize("status", range(400, 505))
def test_every_status_means_something_whatever_comes_with_it(status: int) -> None:
    for body, content_type in product(BODIES, ["text/html", "application/json"]):
        error = of(status, body, content_type)
        assert error.code is KNOWN.get(status, E.BACKEND), body
        assert (error.fields, error.backend_code, error.retry_after_s) == ({}, None, None)
        assert not error.maybe_done
        for secret in (SECRET, "http", "example", "<"):
            assert secret not in told(error)


def test_a_status_that_is_not_known_is_named() -> None:
    assert "418" in of(418).message
    assert "511" in of(511).message


# status, type in the body, Retry-After, what it means, seconds to wait
WAITS = [
    (429, None, "30", E.RATE_LIMITED, 30),
    (429, "backend", "0", E.RATE_LIMITED, 0),
    (429, None, None, E.RATE_LIMITED, None),
    (429, None, "-1", E.RATE_LIMITED, None),
    (429, None, "Fri, 20 Nov 2015 18:34:07 GMT", E.RATE_LIMITED, 1),
    (503, "concurrency", None, E.RATE_LIMITED, 1),
    (503, "concurrency", "7", E.RATE_LIMITED, 7),
    (503, "backend", "120", E.UNAVAILABLE, 120),
    (503, None, "120", E.UNAVAILABLE, 120),
    (503, "backend", None, E.UNAVAILABLE, None),
    (502, None, "5", E.UNAVAILABLE, 5),
    (500, "concurrency", None, E.BACKEND, None),
    (409, "concurrency", None, E.CONFLICT, None),
]


@pytest.mark.parametrize(("status", "kind", "header", "code", "wait_s"), WAITS)
def test_cloudsigma_says_when_to_ask_again(
    status: int, kind: str | None, header: str | None, code: E, wait_s: float | None
) -> None:
    body = HTML if kind is None else [entry(kind, SECRET)]
    error = of(status, body, **({} if header is None else {"Retry_After": header}))
    assert (error.code, error.retry_after_s, error.backend_code) == (code, wait_s, kind)
    assert SECRET not in told(error)


@pytest.mark.parametrize("status", [400, 403, 409, 422])
def test_a_wrong_state_is_a_conflict_whatever_its_undocumented_status(status: int) -> None:
    error = of(status, [entry("permission", 'Cannot edit snapshot in state "creating"')])
    assert error.code is E.CONFLICT


@pytest.mark.parametrize(
    ("points", "fields"),
    [
        ([None], []),
        ([""], []),
        (["name"], ["name"]),
        (["drive"], ["volume_id"]),
        (["meta"], ["metadata"]),
        (["meta.key"], ["metadata"]),
        (["meta.key.key", "meta"], ["metadata"]),
        (["size", "media", "storage_type"], ["media", "size_bytes"]),
        (["affinities", "avoid", "location"], ["affinities", "avoid", "location"]),
        (["bogus"], []),
        (["bogus", "drive"], ["volume_id"]),
        ([None, "name"], ["name"]),
        ([5], []),
        (["x" * 200], []),
    ],
)
def test_what_is_refused_is_named_as_the_request_names_it(
    points: list[Any], fields: list[str]
) -> None:
    error = of(400, [entry("validation", SECRET, point) for point in points])
    assert (error.code, error.backend_code) == (E.INVALID, "validation")
    assert sorted(error.fields) == fields
    assert all(f"{field}: CloudSigma refuses this value" in error.message for field in fields)
    assert SECRET not in told(error)


@pytest.mark.parametrize("point", [".", ".x", ".."])
def test_no_field_is_without_a_name(point: str) -> None:
    assert "" not in of(400, [entry("validation", "", point)]).fields


@pytest.mark.parametrize("point", [f"https://{SECRET}", HTML, f"{SECRET} is bad", "\0", "a\nb"])
def test_what_is_no_name_of_a_field_is_not_shown(point: str) -> None:
    error = of(400, [entry("validation", "", point)])
    assert error.code is E.INVALID
    assert point.partition(".")[0] not in f"{error.message} {list(error.fields)}"
    assert SECRET not in told(error)


def test_of_several_entries_a_wrong_state_decides_and_then_the_first() -> None:
    both = [STARTED, OTHERS]
    for entries in (both, both[::-1], [None, "x", 5, *both], [entry("permission", "no"), STARTED]):
        assert of(403, entries).code is E.CONFLICT
    limited = [entry("permission", "no"), entry("permission", "limit reached")]
    assert of(403, limited, to="POST snapshots/").code is E.QUOTA
    assert of(403, [*limited, OTHERS], to="POST snapshots/").code is E.DENIED
    assert of(503, [entry("concurrency"), UNKNOWN]).code is E.RATE_LIMITED
    error = of(400, [REQUIRED, "x", entry("permission", "", "name")])
    assert (set(error.fields), error.backend_code) == ({"name"}, "validation")


WORDS = "validation notexist backend permission database concurrency billing payment"


@pytest.mark.parametrize(
    ("kind", "told_"),
    [(None, None), ("", None), (0, None), (5, None), ("x" * 200, None), (SECRET, None)]
    + [({"a": 1}, None), (["backend"], None), ("Backend", None), ("backend\0", None)]
    + [(word, word) for word in WORDS.split()],
)
def test_the_backends_word_is_one_of_a_closed_set(kind: Any, told_: str | None) -> None:
    assert of(404, [entry(kind)]).backend_code == told_


@pytest.mark.parametrize(
    ("status", "body", "unknown"),
    [
        (404, [MISSING], True),
        (404, HTML, False),
        (404, "", False),
        (400, [{**MISSING, "error_type": "validation", "error_point": "drive"}], True),
        (400, [REQUIRED, {**MISSING, "error_point": "drive"}], True),
        (400, entry("notexist", "", "drive"), True),
        (400, [entry("validation", "Drive is ephemeral", "drive")], False),
        (400, [entry("validation", "", "drive")], False),
        (400, [{**MISSING, "error_type": "validation", "error_point": "name"}], False),
        (400, [entry("validation", "drive")], False),
        (400, HTML, False),
        (403, [{**MISSING, "error_point": "drive"}], False),
        (503, [{**MISSING, "error_point": "drive"}], False),
    ],
)
def test_what_says_that_there_is_no_drive(status: int, body: Any, unknown: bool) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    assert errors.is_unknown_drive(raised(response(status, text))) is unknown


def test_an_error_without_an_answer_has_no_status() -> None:
    assert errors.status_of(requests.HTTPError()) == 0
    assert not errors.is_unknown_drive(requests.HTTPError())
    assert errors.status_of(raised(response(503))) == 503


words = st.text(max_size=8) | st.none() | st.integers() | st.lists(st.text(), max_size=1)
bodies = st.lists(
    st.dictionaries(st.sampled_from(["error_type", "error_point", "error_message"]), words)
    | st.integers(),
    max_size=3,
)


@given(st.integers(400, 599), bodies)
def test_no_body_at_all_is_a_bug_of_ours(status: int, body: Any) -> None:
    error = of(status, body)
    assert isinstance(error.code, E)
    assert error.message
