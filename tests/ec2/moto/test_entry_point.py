"""What a gateway before EC2 says of itself, who may ask, and which provider is asked."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.ec2.moto.conftest import OPERATOR
from tests.ec2.moto_server import (
    ACCESS_KEY,
    CREDENTIALS,
    SECRET,
    SNAPSHOTS,
    TOKEN,
    VOLUMES,
    Api,
    Moto,
)
from tests.http.tools import tree

CAPABILITIES = {
    "snapshot_create",
    "snapshot_update",
    "snapshot_delete",
    "snapshot_clone",
    "snapshot_copy",
    "volume_read",
    "volume_create",
    "volume_delete",
    "clone_size",
    "clone_media",
    "zone",
    "snapshot_marker",
    "volume_marker",
}
FEATURES = {
    "storage_snapshots": {"create", "update", "delete", "clone", "copy", "clone_size", "clone_zone"}
    | {"clone_media", "bulk_create", "bulk_delete", "idempotency_key", "unless_newer_than"},
    "storage_volumes": {"create", "from_snapshot", "zone", "delete", "idempotency_key"},
    "drivers": set(),
}


def features(api: Api, format_: str) -> tuple[dict[str, set[str]], list[str]]:
    """Return the features of each collection at the entry point, and the links there."""
    answer = api.request("GET", "", format_=format_, provider="us", auth=None)
    assert answer.status_code == 200
    if format_ == "json":
        document = answer.json()["api"]
        assert (document["driver"], document["provider"]) == ("ec2", "us")
        links = document["links"]
        named = {link["rel"]: {f["name"] for f in link["features"]} for link in links}
        return named, [link["href"] for link in links]
    root = tree(answer)
    assert (root.get("driver"), root.get("provider")) == ("ec2", "us")
    named = {str(link.get("rel")): {str(f.get("name")) for f in link} for link in root}
    return named, [str(link.get("href")) for link in root]


def test_the_entry_point_tells_what_ec2_can_do(api: Api, format_: str) -> None:
    named, links = features(api, format_)
    assert named == FEATURES
    for href in links:
        assert href.startswith(f"{api.server.api};provider=us/")
        assert api.request("GET", href, format_=format_).status_code == 200


def test_the_drivers_tell_what_ec2_can_do_and_where(api: Api, format_: str) -> None:
    answers = [api.request("GET", f"/drivers{p}", format_=format_, auth=None) for p in ("", "/ec2")]
    assert [answer.status_code for answer in answers] == [200, 200]
    if format_ == "json":
        (shown,) = answers[1].json().values()
        assert shown in answers[0].json()["drivers"]
        assert shown["href"] == f"{api.server.api}/drivers/ec2"
        assert set(shown["capabilities"]) == CAPABILITIES
        assert [p["id"] for p in shown["providers"]] == ["eu", "us", "small"]
        assert set(shown["filters"]) >= {"owner", "metadata[KEY]"}
        assert (shown["limits"]["metadata_pairs"], shown["limits"]["name"]) == (48, 256)
    else:
        root = tree(answers[1])
        assert {c.get("name") for c in root.findall("capability")} == CAPABILITIES
        assert [p.get("id") for p in root.findall("provider")] == ["eu", "us", "small"]
        assert [d.get("id") for d in tree(answers[0])] == ["ec2", "local"]


def test_the_schema_has_the_filters_and_limits_of_ec2(api: Api) -> None:
    found = api.request("GET", f"{SNAPSHOTS}/schema").json()
    assert found["limits"]["metadata_key"] == 127
    assert {"owner", "metadata[KEY]"} <= set(found["filtering"])
    assert "tier" in found["fields"]


def test_every_answer_names_driver_and_provider(
    api: Api, kept: dict[str, Any], format_: str
) -> None:
    for method, path, status in (
        ("GET", "", 200),
        ("GET", SNAPSHOTS, 200),
        ("HEAD", kept["href"], 200),
        ("PATCH", kept["href"], 400),
        ("GET", f"{SNAPSHOTS}/nosuch", 404),
        ("DELETE", f"{VOLUMES}/nosuch", 404),
        ("GET", "/nosuch", 404),
    ):
        answer = api.request(method, path, format_=format_)
        assert answer.status_code == status
        assert answer.headers["X-Deltacloud-Driver"] == "ec2"
        assert answer.headers["X-Deltacloud-Provider"] == "eu"


@pytest.mark.parametrize(
    ("selection", "headers"),
    [
        (";provider=us", {}),
        (";driver=ec2;provider=us", {}),
        ("", {"X-Deltacloud-Provider": "us"}),
        ("", {"X-Deltacloud-Driver": "ec2", "X-Deltacloud-Provider": "us"}),
        (";provider=us", {"X-Deltacloud-Provider": "eu"}),
    ],
)
def test_a_provider_is_another_region_and_links_keep_it(
    api: Api,
    make_volume: Callable[..., str],
    selection: str,
    headers: dict[str, str],
) -> None:
    volume = make_volume("us-east-1")
    asked: dict[str, Any] = {"headers": headers}
    made = api.make(selection + SNAPSHOTS, json={"volume_id": volume}, **asked)
    assert api.get(made["href"]) == made
    assert api.get(made["storage_volume"]["href"])["id"] == volume
    assert api.list(selection + SNAPSHOTS, params={"id": made["id"]}, **asked) == [made]
    api.refusal("GET", f"{SNAPSHOTS}/{made['id']}", 404)


@pytest.mark.parametrize("selection", [";provider=nosuch", ";driver=cinder", ";provider=us-east-1"])
def test_an_unknown_provider_is_a_400_that_lists_those_there_are(api: Api, selection: str) -> None:
    found = api.refusal("GET", selection + SNAPSHOTS)
    assert "ec2, local" in found["message"] or "eu, us, small, files" in found["message"]


@pytest.mark.parametrize(
    "auth", [None, ("", SECRET), (ACCESS_KEY, ""), ("key with blanks", SECRET), ("ä", SECRET)]
)
def test_without_usable_credentials_nobody_is_asked(
    api: Api, moto: Moto, format_: str, auth: tuple[str, str] | None
) -> None:
    with moto.recorded() as calls:
        for path in (SNAPSHOTS, VOLUMES, f"{SNAPSHOTS}/snap-1", "?force_auth=1"):
            answer = api.request("GET", path, format_=format_, auth=auth)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert calls == []


def test_force_auth_asks_ec2(api: Api, moto: Moto, format_: str) -> None:
    with moto.recorded() as calls:
        answer = api.request("GET", "", params={"force_auth": "1"}, format_=format_)
    assert answer.status_code == 200
    assert [call.action for call in calls] == ["DescribeSnapshots"]


def test_requests_are_signed_with_the_callers_keys_and_never_hold_the_secret(
    api: Api, kept: dict[str, Any], moto: Moto
) -> None:
    with moto.recorded() as calls:
        api.get(kept["href"])
        api.request("GET", kept["href"], headers={"X-Amz-Security-Token": ""})
    with_token, without = calls[0], calls[-1]
    assert f"Credential={ACCESS_KEY}/" in with_token.headers["Authorization"]
    assert with_token.headers["X-Amz-Security-Token"] == TOKEN
    assert "X-Amz-Security-Token" not in without.headers
    everything = str(calls)
    assert SECRET not in everything
    assert not [value for value in OPERATOR.values() if value in everything]


def test_no_credential_reaches_the_log_or_an_answer(
    api: Api, kept: dict[str, Any], format_: str
) -> None:
    request_id = f"the-last-{format_}"
    for method, path, json in (
        ("GET", SNAPSHOTS, None),
        ("POST", SNAPSHOTS, {"volume_id": "vol-0123456789abcdef0"}),
        ("POST", f"{kept['href']}/clone", {"zone": "nowhere"}),
        ("POST", f"{kept['href']}/copy", {"destination": "nosuch"}),
        ("DELETE", f"{SNAPSHOTS}/nosuch", None),
        ("GET", "?force_auth=1", None),
    ):
        # api.request() looks for credentials in each answer
        api.request(method, path, json=json, format_=format_, headers={"X-Request-Id": request_id})
    log = _log_with(api, request_id)
    assert not [text for text in CREDENTIALS if text in log]


def _log_with(api: Api, request_id: str) -> str:
    end = time.monotonic() + 10
    while api.server.log.count(request_id) < 6:
        assert time.monotonic() < end, "a request was not logged"
        time.sleep(0.01)
    return api.server.log
