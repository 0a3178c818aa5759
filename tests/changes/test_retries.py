"""How often a backend is asked that never answers well: layers do not multiply each other."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.changes.clouds import CLOUDS, ROOT, VOLUMES, Cloud
from tests.simulators.ec2_actions import ACTIONS

FOREVER = 1_000_000
READS = ("GET", "Describe")
FAULTS = ["throttled", "unavailable", "broken"]
CALL_S = 4
ADOPTING = 5 * 2
"""Reads at most for what a creation made whose answer is lost: looks for a quarter of a call's
time, at Cinder with a look at its filters before each as long as that fails too."""
LOOKS = 9
"""Looks at most of a wait of three seconds."""


def fail(cloud: Cloud, fault: str, *, only_changes: bool = False) -> None:
    """Let everything fail from now on, or all that changes something."""
    if cloud.name == "ec2":
        code, status = {
            "throttled": ("RequestLimitExceeded", 503),
            "unavailable": ("Unavailable", 503),
            "broken": ("InternalError", 500),
        }[fault]
        for action in ACTIONS:
            if not (only_changes and action.startswith("Describe")):
                cloud.sim.fail(action, code, status, times=FOREVER)
        return
    status = {"throttled": 429, "unavailable": 503, "broken": 500}[fault]
    for method in ("POST", "PUT", "DELETE") if only_changes else ("*",):
        cloud.sim.fail(f"{method} *", status, times=FOREVER)


def calls(cloud: Cloud) -> Counter[str]:
    """Return how often the backend was asked for each thing, and forget it."""
    if cloud.name == "ec2":
        found = Counter(name for name, _ in cloud.sim.calls)
        cloud.sim.calls.clear()
        return found
    found = Counter(f"{one.method} {one.path}" for one in cloud.sim.requests)
    cloud.sim.requests.clear()
    return found


def reads(found: Counter[str]) -> Counter[str]:
    return Counter({name: n for name, n in found.items() if name.startswith(READS)})


def changes(found: Counter[str]) -> Counter[str]:
    return found - reads(found)


@pytest.fixture(params=["ec2", "cinder", "cloudsigma"])
def warm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Cloud, str]]:
    """A cloud that knows the account, and a snapshot of it."""
    with CLOUDS[request.param](tmp_path, call_timeout_s=CALL_S) as cloud:
        snapshot_id = cloud.make()
        for path in (ROOT, VOLUMES):
            assert cloud.ask("GET", path).status_code == 200
        calls(cloud)
        yield cloud, snapshot_id


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_a_read_is_made_as_often_as_the_option_says(
    tmp_path: Path, attempts: int, fault: str
) -> None:
    for name in ("ec2", "cinder", "cloudsigma"):
        with CLOUDS[name](tmp_path, {"read_attempts": attempts}) as cloud:
            snapshot_id = cloud.make()
            cloud.ask("GET", VOLUMES)
            fail(cloud, fault)
            for path in (
                ROOT,
                f"{ROOT}?limit=5&sort=name",
                f"{ROOT}/{snapshot_id}",
                f"{ROOT}/{snapshot_id}/metadata",
                VOLUMES,
                f"{VOLUMES}/{cloud.volume_id}",
            ):
                calls(cloud)
                assert cloud.ask("GET", path).status_code in {429, 502, 503}
                found = calls(cloud)
                assert 1 <= found.total() <= attempts, f"{name} {path}: {found}"
                if fault == "unavailable":
                    assert found.total() == attempts, f"{name} {path}: it is tried again"


def changing(cloud: Cloud, snapshot_id: str) -> dict[str, tuple[str, str, Any]]:
    """Return requests that change something, by name."""
    path = f"{ROOT}/{snapshot_id}"
    found: dict[str, tuple[str, str, Any]] = {
        "create": ("POST", ROOT, {"volume_id": cloud.volume_id}),
        "update": ("PATCH", path, {"name": "new"}),
        "metadata": ("POST", f"{path}/metadata", {"metadata[a]": "1"}),
        "clone": ("POST", f"{path}/clone", None),
        "create volume": ("POST", VOLUMES, {"size_bytes": str(1 << 30)}),
        "delete": ("DELETE", path, None),
        "delete volume": ("DELETE", f"{VOLUMES}/{cloud.volume_id}", None),
    }
    if cloud.name == "cinder":
        found["revert"] = ("POST", f"{path}/revert", None)
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_a_change_is_sent_once(warm: tuple[Cloud, str], fault: str) -> None:
    cloud, snapshot_id = warm
    fail(cloud, fault, only_changes=True)
    for name, (method, path, data) in changing(cloud, snapshot_id).items():
        calls(cloud)
        answer = cloud.ask(method, path, data=data)
        assert answer.status_code in {429, 502, 503, 504}, f"{name}: {answer.text}"
        found = calls(cloud)
        sent = changes(found)
        assert sent.total() == 1, f"{cloud.name} {name}: {sent}"
        assert reads(found).total() <= 3 * ADOPTING, f"{cloud.name} {name}: {found}"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}, {"Prefer": "wait=2"}])
def test_when_nothing_works_nothing_is_sent_twice(
    warm: tuple[Cloud, str], fault: str, headers: dict[str, str]
) -> None:
    cloud, snapshot_id = warm
    fail(cloud, fault)
    for name, (method, path, data) in changing(cloud, snapshot_id).items():
        if "Idempotency-Key" in headers and name in {"revert", "metadata"}:
            continue
        calls(cloud)
        start = time.monotonic()
        answer = cloud.ask(method, path, data=data, headers=headers)
        assert answer.status_code in {429, 502, 503, 504}, f"{name}: {answer.text}"
        assert time.monotonic() - start < 8
        found = calls(cloud)
        assert changes(found).total() <= 1, f"{cloud.name} {name}: {found}"
        most = 3 * (ADOPTING + (LOOKS if "Prefer" in headers else 0))
        assert reads(found).total() <= most, f"{cloud.name} {name}: {found}"


def test_the_looks_of_a_wait_are_few(warm: tuple[Cloud, str]) -> None:
    cloud, _ = warm
    cloud.slow(60)
    body = {"volume_id": cloud.volume_id}
    made = cloud.ask("POST", ROOT, data=body, wait=3)
    assert made.status_code == 202
    well = reads(calls(cloud)).total()
    assert well <= LOOKS * (2 if cloud.name == "ec2" else 1)
    made = cloud.ask("POST", VOLUMES, data={"size_bytes": str(1 << 30)})
    assert made.status_code == 201
    calls(cloud)
    path = f"{VOLUMES}/{made.json()['storage_volume']['id']}"
    cloud.slow(0)
    for kind in ("GET *",) if cloud.name != "ec2" else ("DescribeVolumes",):
        given = ("Unavailable", 503) if cloud.name == "ec2" else (503,)
        cloud.sim.fail(kind, *given, times=FOREVER)
    answer = cloud.ask("DELETE", path, wait=3)
    assert answer.status_code in {202, 409, 502, 503}
    found = calls(cloud)
    assert changes(found).total() == 1
    assert reads(found).total() <= LOOKS * 3, "each look is one read, of three attempts"


def test_a_bulk_request_sends_each_once(warm: tuple[Cloud, str]) -> None:
    cloud, first = warm
    ids = [first, *(cloud.make() for _ in range(3))]
    calls(cloud)
    fail(cloud, "unavailable", only_changes=True)
    query = "&".join(f"id={one}" for one in ids)
    assert cloud.ask("DELETE", f"{ROOT}?{query}").status_code == 207
    found = changes(calls(cloud))
    assert found.total() == len(ids)
    assert max(itertools.chain([0], found.values())) <= (4 if cloud.name == "ec2" else 1)
