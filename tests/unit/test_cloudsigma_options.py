"""Which CloudSigma: the location or the endpoint, and how its certificate is checked."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import certifi
import pytest
import requests
from marshmallow import ValidationError
from requests.adapters import HTTPAdapter

from drivers.cloudsigma.account import Account
from drivers.cloudsigma.clients import Cloud, CloudSigmaOptions
from drivers.cloudsigma.driver import CloudSigmaDriver
from gateway.driver import ConfigurationError, Deadline, within
from tests.unit.cloudsigma_samples import SECRET, USER, options, response

HOSTS = {
    "ADB": "siaflex.cloud",
    "CRK": "crk.cloudsigma.com",
    "CWL": "cwl.cloudsigma.com",
    "DUB": "ec.servecentric.com",
    "DUS": "dus.cloudsigma.com",
    "FRA": "fra.cloudsigma.com",
    "GVA": "gva.cloudsigma.com",
    "HNL": "hnl.cloudsigma.com",
    "LON": "lon.cloudsigma.com",
    "MNL": "mnl.cloudsigma.com",
    "MNL2": "mnl2.cloudsigma.com",
    "PER": "per.cloudsigma.com",
    "RUH": "ruh.cld.v2.sa",
    "TYO": "tyo.cloudsigma.com",
    "WDC": "wdc.alpha3cloud.com",
    "ZRH": "zrh.cloudsigma.com",
}


def located(code: Any, **given: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = CloudSigmaOptions().load({"location": code, **given})
    return loaded


def base(given: dict[str, Any]) -> str:
    cloud = Cloud(given)
    cloud.close()
    return cloud.base


def refused(given: dict[str, Any]) -> dict[str, Any]:
    """Return what is said about options that are refused."""
    with pytest.raises(ValidationError) as caught:
        CloudSigmaOptions().load(given)
    said: dict[str, Any] = caught.value.normalized_messages()
    assert SECRET not in str(said)
    return said


def test_a_location_is_all_that_is_needed() -> None:
    assert located("ZRH") == {
        "location": "ZRH",
        "verify": True,
        "connect_timeout_s": 5.0,
        "read_timeout_s": 20.0,
        "read_attempts": 3,
    }


@pytest.mark.parametrize(("code", "host"), HOSTS.items())
def test_each_location_has_its_host(code: str, host: str) -> None:
    assert base(located(code)) == f"https://{host}/api/2.0/"


def test_the_help_names_the_locations_and_nothing_else() -> None:
    text = CloudSigmaOptions().fields["location"].metadata["help"]
    assert text.partition(": ")[2].split(", ") == sorted(HOSTS)
    assert all(field.metadata["help"] for field in CloudSigmaOptions().fields.values())


@pytest.mark.parametrize("code", ["zrh", "Zrh", "", " ZRH", "MEL", "zrh.cloudsigma.com", 5, None])
def test_a_location_that_is_none_is_refused(code: Any) -> None:
    assert list(refused({"location": code})) == ["location"]


ENDPOINT = "https://cloud.example.org/api/2.0/"


def test_there_is_one_place_and_no_other() -> None:
    for given in ({}, {"location": "ZRH", "endpoint": ENDPOINT}, {"verify": False}):
        assert refused(given) == {"location": ["give either the location or an endpoint"]}


@pytest.mark.parametrize(
    "url",
    [
        ENDPOINT,
        "https://cloud.example.org/api/2.0",
        "https://cloud.example.org/api/2.0///",
        "http://127.0.0.1:3100/api/2.0/",
        "http://localhost",
        "http://[::1]:3100/api/2.0/",
    ],
)
def test_any_endpoint_will_do_with_or_without_a_slash(url: str) -> None:
    assert options(url)["endpoint"] == url
    assert base(options(url)) == url.rstrip("/") + "/"


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@cloud.example.org",
        f"https://cloud.example.org/?token={SECRET}",
        f"https://cloud.example.org/#{SECRET}",
        "ftp://cloud.example.org",
        "cloud.example.org",
        "https://",
        "https://cloud .example.org",
        "https://cloud.example.org\n",
        "https://cloud.example.org:99999",
        "",
        5,
        None,
    ],
)
def test_a_url_with_more_or_less_than_an_endpoint_is_refused(url: Any) -> None:
    assert list(refused({"endpoint": url})) == ["endpoint"]


TIMES = [0, -1, 601, "x", float("nan"), float("inf"), None]


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        ("verify", [True, False, "ca.pem"], ["", 5, 0, 1, None, [], {}, 1.5, b"ca.pem"]),
        ("read_attempts", [1, 10], [0, 11, -1, "3", 1.5, None]),
        ("connect_timeout_s", [0.1, 600], TIMES),
        ("read_timeout_s", [0.1, 600], TIMES),
    ],
)
def test_values_have_bounds(option: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert located("ZRH", **{option: value})[option] == value
    for value in bad:
        assert list(refused({"location": "ZRH", option: value})) == [option], value


@pytest.mark.parametrize("option", ["password", "token", "username", "region", "cacert", "host"])
def test_an_option_that_does_not_exist_is_refused(option: str) -> None:
    assert list(refused({"location": "ZRH", option: SECRET})) == [option]


@pytest.fixture(params=["none", "folder", "empty", "noise"])
def bad_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "empty").write_text("")
    (tmp_path / "noise").write_bytes(b"\xff\0 no certificate")
    return tmp_path if request.param == "folder" else tmp_path / request.param


@pytest.mark.parametrize("check", [Cloud, CloudSigmaDriver.check, CloudSigmaDriver.share])
def test_a_file_of_certificates_must_be_one(bad_file: Path, check: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(options(verify=str(bad_file)))
    assert f"verify = {str(bad_file)!r}" in str(caught.value)
    assert "not a file of CA certificates" in str(caught.value)


BUNDLES = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
VERIFY = [True, False, certifi.where()]


@pytest.mark.parametrize("verify", VERIFY, ids=["true", "false", "file"])
def test_what_is_configured_is_how_certificates_are_checked(
    verify: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in BUNDLES:
        monkeypatch.delenv(name, raising=False)
    assert _verify_of_a_request(verify, monkeypatch) == verify


@pytest.mark.parametrize("verify", VERIFY[1:], ids=["false", "file"])
@pytest.mark.parametrize("name", BUNDLES)
def test_what_is_configured_comes_before_the_environment(
    verify: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in BUNDLES:
        monkeypatch.delenv(one, raising=False)
    monkeypatch.setenv(name, "/another.pem")
    assert _verify_of_a_request(verify, monkeypatch) == verify


def _verify_of_a_request(verify: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return how the certificate is checked when the driver sends something."""
    seen: list[Any] = []

    def send(_: Any, __: Any, **kw: Any) -> requests.Response:
        seen.append((kw["verify"], kw["timeout"]))
        answer = response(200, "{}")
        answer.raw = SimpleNamespace()
        return answer

    monkeypatch.setattr(HTTPAdapter, "send", send)
    cloud = Cloud(options("https://cloud.example.org", verify=verify, connect_timeout_s=1.5))
    with within(Deadline(9)):
        Account(cloud, USER).remote_locations()
    cloud.close()
    [(found, timeout)] = seen
    assert timeout[0] == 1.5
    assert 8 < timeout[1] <= 9  # no longer than the call
    return found
