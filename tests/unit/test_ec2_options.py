from pathlib import Path
from typing import Any

import botocore.httpsession
import pytest
from marshmallow import ValidationError

from drivers.ec2.clients import Ec2Options, open_clients
from drivers.ec2.driver import Ec2Driver
from gateway.driver import ConfigurationError

ELSEWHERE = "http://127.0.0.1:8773"


def load(**options: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = Ec2Options().load({"region": "eu-west-1", **options})
    return loaded


def refused(option: str, value: Any) -> str:
    """Return what is said about an option that is refused, and about no other."""
    with pytest.raises(ValidationError) as caught:
        load(**{option: value})
    assert list(caught.value.normalized_messages()) == [option]
    return str(caught.value.normalized_messages()[option])


def test_a_region_is_all_that_is_needed() -> None:
    assert load() == {
        "region": "eu-west-1",
        "owner": "all",
        "page_size": 1000,
        "connect_timeout_s": 5.0,
        "read_timeout_s": 20.0,
        "read_attempts": 3,
    }
    with pytest.raises(ValidationError) as caught:
        Ec2Options().load({})
    assert list(caught.value.normalized_messages()) == ["region"]


def test_each_option_says_what_it_is_for() -> None:
    assert all(field.metadata["help"] for field in Ec2Options().fields.values())


def test_an_option_that_does_not_exist_is_refused() -> None:
    refused("access_key", "AKIA")


@pytest.mark.parametrize("region", ["", "eu west", "-eu", "eu-", "eu-west-1\n", "eu/west", "é", 5])
def test_what_can_be_no_region_is_refused(region: Any) -> None:
    refused("region", region)


@pytest.mark.parametrize("region", ["RegionOne", "xx-nowhere-1"])
def test_an_endpoint_of_ones_own_has_regions_of_its_own(region: str) -> None:
    open_clients(load(region=region, endpoint_url=ELSEWHERE))


@pytest.mark.parametrize(
    ("region", "check"),
    [
        ("xx-nowhere-1", open_clients),
        ("eu-west", Ec2Driver.check),
        ("nova", Ec2Driver.share),
    ],
)
def test_aws_has_no_such_region(region: str, check: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(load(region=region))
    assert f"region = {region!r}" in str(caught.value)
    assert "endpoint_url" in str(caught.value)


def test_a_region_that_boto3_refuses_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match="InvalidRegionError"):
        open_clients(load(region="123", endpoint_url=ELSEWHERE))


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:5000",
        "http://127.0.0.1",
        "http://[::1]:5000",
        "http://ec2",
        "https://ec2.example.org/services/Cloud/",
    ],
)
def test_any_endpoint_will_do(url: str) -> None:
    assert load(endpoint_url=url)["endpoint_url"] == url


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@ec2.example.org",
        "https://user@ec2.example.org",
        "https://ec2.example.org/?token=hunter2",
        "https://ec2.example.org/#hunter2",
        "ftp://ec2.example.org",
        "ec2.example.org",
        "//ec2.example.org",
        "https://",
        "https:///path",
        "https://ec2 .example.org",
        "https://ec2.example.org\n",
        "",
        5,
    ],
)
def test_a_url_with_more_or_less_than_an_endpoint_is_refused(url: Any) -> None:
    assert "hunter2" not in refused("endpoint_url", url)


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        ("page_size", [5, 1000], [4, 1001, 0, -5, "100", 5.5, True, None]),
        ("read_attempts", [1, 10], [0, 11, -1, "3", 1.5, None]),
        ("connect_timeout_s", [0.1, 600], [0, -1, 601, "x", float("nan"), float("inf"), None]),
        ("read_timeout_s", [0.1, 600], [0, -1, 601, "x", float("nan"), float("inf"), None]),
        ("default_zone", ["eu-west-1a"], ["", 5, None]),
        ("ca_bundle", ["x"], ["", 5, None]),
        ("owner", ["all", "self", "123456789012"], ["ALL", "", "amazon", "self\n", None]),
        ("owner", [], ["12345678901", "1234567890123", 123456789012, "١٢٣٤٥٦٧٨٩٠١٢"]),
    ],
)
def test_values_have_bounds(option: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert load(**{option: value})[option] == value
    for value in bad:
        refused(option, value)


def test_a_file_of_certificates_must_be_there(tmp_path: Path) -> None:
    for missing in (tmp_path / "none.pem", tmp_path):
        with pytest.raises(ConfigurationError) as caught:
            open_clients(load(ca_bundle=str(missing)))
        assert f"ca_bundle = {str(missing)!r}" in str(caught.value)
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    with pytest.raises(ConfigurationError, match="not a file of CA certificates"):
        open_clients(load(ca_bundle=str(empty)))
    open_clients(load(ca_bundle=botocore.httpsession.where()))
