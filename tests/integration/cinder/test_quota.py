"""Limits of a project that are used up."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.cinder.gateway import SNAPSHOTS, VOLUMES, Api, nothing_made
from tests.integration.cinder.server.cinder import RealCinder


@pytest.fixture(scope="module")
def disk(cinder: RealCinder) -> str:
    """A volume of the project whose limits are changed here."""
    return cinder.volume("fake", "other")


@pytest.fixture(scope="module")
def path(cinder: RealCinder, disk: str) -> str:
    """The path of a snapshot of it."""
    return f"{SNAPSHOTS}/{cinder.snapshot(disk, 'other')}"


@pytest.fixture
def used(cinder: RealCinder) -> Callable[[str], int]:
    """Tell how much of a limit is used, once nothing is being made any more."""
    return lambda name: cinder.usage("other")[name]["in_use"]


@pytest.mark.parametrize(
    ("limit", "word"), [("snapshots", "as many snapshots"), ("gigabytes", "gigabytes")]
)
@pytest.mark.parametrize("format_", ["json"])
def test_no_snapshot_is_made_beyond_a_limit(
    api: Api,
    cinder: RealCinder,
    disk: str,
    used: Callable[[str], int],
    *,
    format_: str,
    limit: str,
    word: str,
) -> None:
    asked: dict[str, Any] = {"json": {"volume_id": disk}, "user": "other"}
    with nothing_made(cinder), cinder.quota("other", **{limit: used(limit)}):
        answer = api.request("POST", SNAPSHOTS, format_=format_, **asked)
        found = api.refusal("POST", SNAPSHOTS, 403, format_=format_, **asked)
    assert (found["error"], found["retryable"]) == ("quota", False)
    assert found["backend"]["code"] == "overLimit"
    assert word in found["message"]
    assert "Retry-After" not in answer.headers
    assert api.make(**asked)


@pytest.mark.parametrize("limit", ["volumes", "gigabytes"])
def test_no_volume_is_made_beyond_a_limit(
    api: Api, cinder: RealCinder, path: str, used: Callable[[str], int], limit: str
) -> None:
    with nothing_made(cinder), cinder.quota("other", **{limit: used(limit)}):
        for url, json in (
            (f"{path}/clone", {}),
            (VOLUMES, {"capacity": 1}),
            (VOLUMES, {"snapshot_id": path[-36:]}),
        ):
            found = api.refusal("POST", url, 403, json=json, user="other")
            assert (found["error"], found["retryable"]) == ("quota", False)


def test_what_is_there_can_be_used_when_the_limit_is_reached(
    api: Api, cinder: RealCinder, path: str, used: Callable[[str], int]
) -> None:
    limits = {name: used(name) for name in ("snapshots", "volumes", "gigabytes")}
    with cinder.quota("other", **limits):
        assert api.change("PATCH", path, json={"name": "new"}, user="other")["name"] == "new"
        assert path[-36:] in api.ids(user="other")
