from types import ModuleType

import pytest

from gateway.http.negotiation import negotiate
from gateway.http.problems import HttpProblem
from gateway.representations import json, xml

CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
    "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)
DELTACLOUD_BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, xml),
        ("", xml),
        ("*/*", xml),
        ("*/*;q=0.1", xml),
        ("application/*", xml),
        ("text/*", xml),
        ("text/xml", xml),
        ("application/xml", xml),
        ("application/xml; charset=utf-8", xml),
        ("application/json", json),
        ("application/json; charset=utf-8", json),
        ("application/json;charset=UTF-8;q=1", json),
        ("Application/JSON", json),
        ("TEXT/XML", xml),
        ("application/json;", json),
        (" application/json ", json),
        ("application/json, ", json),
        ("application/json;q=0.001", json),
        ("application/json;q=0.5, application/xml;q=0.9", xml),
        ("application/json;q=0.9, application/xml;q=0.5", json),
        ("application/json;Q=0.4, application/xml;Q=0.5", xml),
        ("text/xml;q=0.4, application/json;q=0.5", json),
        ("text/xml;q=0.6, application/json;q=0.5", xml),
        ("application/json;version=2;q=0.1, application/xml;q=0.2", xml),
        ("application/yaml, application/json;q=0.1", json),
        ("application/json, */*", json),
        ("application/json, text/plain, */*", json),
        ("application/json, text/javascript, */*; q=0.01", json),
        ("application/*;q=0.9, application/json;q=0.1", xml),
        ("application/xml;q=0.1, application/*;q=0.9, text/*;q=0.1", json),
        (DELTACLOUD_BROWSER, xml),
        (CHROME, xml),
        (JAVA, xml),
    ],
)
def test_accept_decides_the_format(accept: str | None, expected: ModuleType) -> None:
    assert negotiate(None, accept) is expected


@pytest.mark.parametrize(
    "accept",
    [
        "application/json, application/xml",
        "application/xml, application/json",
        "application/json;q=0.5, text/xml;q=0.5",
        "*/*, application/*",
    ],
)
def test_a_tie_is_xml_whatever_the_order(accept: str) -> None:
    assert negotiate(None, accept) is xml


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json;q=0, */*", xml),
        ("application/xml;q=0, text/xml;q=0, */*", json),
        ("application/json;q=0, application/xml;q=0.1", xml),
        # Answers are always application/xml, so text/xml by wildcard does not help.
        ("application/xml;q=0, */*", json),
        ("application/xml;q=0.1, application/json;q=0.5, */*;q=0.9", json),
    ],
)
def test_a_refused_type_is_not_answered(accept: str, expected: ModuleType) -> None:
    assert negotiate(None, accept) is expected


def test_a_comma_inside_a_quoted_parameter_separates_nothing() -> None:
    accept = 'application/json;profile="a,b";q=0.1, application/xml;q=0.5'
    assert negotiate(None, accept) is xml


@pytest.mark.parametrize("quality", ["nonsense", "nan", "-1", "0,5"])
def test_a_quality_that_is_no_number_loses_to_a_good_one(quality: str) -> None:
    assert negotiate(None, f"application/json;q={quality}, application/xml;q=0.1") is xml


@pytest.mark.parametrize(
    "accept",
    [
        "application/yaml",
        "image/png",
        "garbage",
        "text/html",
        "text/plain",
        "application/xhtml+xml",
        "application/vnd.api+json",
        "applicationjson",
        "application/json;q=0",
        "application/xml;q=0.0, application/json;q=0.000",
        "*/*;q=0",
        "*/*, application/*;q=0, text/*;q=0",
        "*/xml",
        ";q=0.5",
    ],
)
def test_nothing_acceptable_is_406_and_lists_what_is_possible(accept: str) -> None:
    with pytest.raises(HttpProblem) as caught:
        negotiate(None, accept)
    problem = caught.value
    assert (problem.status, problem.kind) == (406, "not_acceptable")
    assert "application/xml (format=xml)" in problem.message
    assert "application/json (format=json)" in problem.message


@pytest.mark.parametrize("accept", [None, "", "*/*", "application/json", "application/xml", "x/y"])
@pytest.mark.parametrize(("wanted", "expected"), [("xml", xml), ("json", json)])
def test_format_beats_accept(wanted: str, accept: str | None, expected: ModuleType) -> None:
    assert negotiate(wanted, accept) is expected


@pytest.mark.parametrize("wanted", ["", "XML", "Json", "html", "yaml", "xml ", "application/xml"])
def test_an_unknown_format_is_406_even_where_accept_would_do(wanted: str) -> None:
    with pytest.raises(HttpProblem) as caught:
        negotiate(wanted, "application/json")
    assert caught.value.status == 406
    assert repr(wanted) in caught.value.message


def test_the_content_types_are_exact() -> None:
    assert (xml.CONTENT_TYPE, json.CONTENT_TYPE) == ("application/xml", "application/json")
