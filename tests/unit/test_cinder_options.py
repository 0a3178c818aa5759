from pathlib import Path
from typing import Any

import certifi
import pytest
from marshmallow import ValidationError

from drivers.cinder.clients import CinderOptions, Cloud
from drivers.cinder.driver import CinderDriver
from gateway.driver import ConfigurationError
from tests.unit.cinder_samples import options

AUTH_URL = "https://cloud.example.org:5000/v3"


def refused(option: str, value: Any) -> str:
    """Return what is said about an option that is refused, and about no other."""
    with pytest.raises(ValidationError) as caught:
        options(**{"auth_url": AUTH_URL, option: value})
    assert list(caught.value.normalized_messages()) == [option]
    return str(caught.value.normalized_messages()[option])


def test_an_auth_url_is_all_that_is_needed() -> None:
    assert options(AUTH_URL) == {
        "auth_url": AUTH_URL,
        "interface": "public",
        "user_domain": "Default",
        "all_projects": False,
        "connect_timeout_s": 5.0,
        "read_timeout_s": 20.0,
        "read_attempts": 3,
    }
    with pytest.raises(ValidationError) as caught:
        CinderOptions().load({})
    assert list(caught.value.normalized_messages()) == ["auth_url"]


def test_each_option_says_what_it_is_for() -> None:
    assert all(field.metadata["help"] for field in CinderOptions().fields.values())


@pytest.mark.parametrize("option", ["password", "token", "username", "region", "cloud", "verify"])
def test_an_option_that_does_not_exist_is_refused(option: str) -> None:
    refused(option, "x")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:5000",
        "http://127.0.0.1",
        "http://[::1]:5000/v3",
        "http://keystone",
        "https://cloud.example.org/identity/v3/",
    ],
)
def test_any_endpoint_will_do(url: str) -> None:
    assert options(url)["auth_url"] == url


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@cloud.example.org",
        "https://user@cloud.example.org",
        "https://cloud.example.org/?token=hunter2",
        "https://cloud.example.org/#hunter2",
        "ftp://cloud.example.org",
        "cloud.example.org",
        "//cloud.example.org",
        "https://",
        "https:///v3",
        "https://cloud .example.org",
        "https://cloud.example.org\n",
        "https://cloud.example.org:99999",
        "https://cloud.example.org:x",
        "",
        5,
        None,
    ],
)
def test_a_url_with_more_or_less_than_an_endpoint_is_refused(url: Any) -> None:
    assert "hunter2" not in refused("auth_url", url)


TIMES = [0, -1, 601, "x", float("nan"), float("inf"), None]


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        ("region_name", ["RegionOne", "x"], ["", 5, None]),
        ("interface", ["public", "internal", "admin"], ["", "Public", "publicURL", 5, None]),
        ("user_domain", ["Default", "id:default"], ["", 5, None]),
        ("project_domain", ["Default", "id:default"], ["", 5, None]),
        ("project", ["demo", "id:98e424"], ["", 5, None]),
        ("all_projects", [True, False], ["true", "yes", "", 5, None]),
        ("cacert", ["x"], ["", 5, None]),
        ("read_attempts", [1, 10], [0, 11, -1, "3", 1.5, None]),
        ("connect_timeout_s", [0.1, 600], TIMES),
        ("read_timeout_s", [0.1, 600], TIMES),
    ],
)
def test_values_have_bounds(option: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert options(**{"auth_url": AUTH_URL, option: value})[option] == value
    for value in bad:
        refused(option, value)


@pytest.mark.parametrize("option", ["user_domain", "project_domain", "project"])
def test_an_id_that_is_empty_is_none(option: str) -> None:
    refused(option, "id:")


@pytest.fixture(params=["none", "folder", "empty", "noise"])
def bad_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "empty").write_text("")
    (tmp_path / "noise").write_bytes(b"\xff\0 no certificate")
    return tmp_path if request.param == "folder" else tmp_path / request.param


@pytest.mark.parametrize("check", [Cloud, CinderDriver.check, CinderDriver.share])
def test_a_file_of_certificates_must_be_one(bad_file: Path, check: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(options(cacert=str(bad_file)))
    assert f"cacert = {str(bad_file)!r}" in str(caught.value)
    assert "not a file of CA certificates" in str(caught.value)


def test_a_file_of_certificates_will_do() -> None:
    cloud = Cloud(options(cacert=certifi.where()))
    cloud.close()
    CinderDriver.check(options(cacert=certifi.where()))
    CinderDriver.check(options())
