"""What a key has made besides is named: a cloud carried out late what a server had given up."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from tests.creations.clouds import CLOUDS, Cloud, Replica, id_of
from tests.creations.test_keys import replayed

HEADER = "Idempotency-Duplicates"


@pytest.fixture(params=[name for name in CLOUDS if name != "local"])
def cloud(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """Each backend that takes the same marker twice; the local store's database does not."""
    with CLOUDS[request.param](tmp_path) as found:
        yield found


def made_twice(
    cloud: Cloud,
    replica: Replica,
    target: str,
    ask: Callable[[Replica], Any],
    held: Callable[[], Any],
) -> Any:
    """Return the answer to the repeat of a request that the cloud carries out after it."""
    with cloud.replica(call_timeout_s=1) as hasty:
        hasty.send("GET", "/storage_snapshots")  # so that the login costs no time
        cloud.simulator.delay(target, 2.5)
        assert ask(hasty).status_code == 504
    answer = ask(replica)
    assert answer.status_code in (201, 202, 207), answer.text
    assert HEADER not in answer.headers
    end = time.monotonic() + 20
    while len(held()) < 2:
        assert time.monotonic() < end, "the late request was not carried out"
        time.sleep(0.05)
    replica.send("GET", "/storage_snapshots")
    return answer


def test_a_late_snapshot_is_named_by_every_repeat(
    cloud: Cloud, replica: Replica, other: Replica
) -> None:
    def ask(one: Replica) -> Any:
        return one.snapshot("k")

    kept = id_of(made_twice(cloud, replica, cloud.targets.snapshot, ask, cloud.snapshots))
    (late,) = set(cloud.snapshots()) - {kept}
    for one in (replica, other, replica):
        again = ask(one)
        assert (again.status_code, replayed(again)) == (200, "true")
        assert {id_of(again), unquote(again.headers[HEADER])} == {kept, late}
    dry = replica.send(
        "POST", "/storage_snapshots?dry_run=true", key="k", json={"volume_id": cloud.volume_id}
    )
    (found,) = dry.get_json()["results"]
    assert {found["id"], *found["duplicates"]} == {kept, late}
    assert found["reused"] == "key"
    replica.ready(late)
    assert replica.send("DELETE", f"/storage_snapshots/{late}").status_code == 204
    replica.send("GET", f"/storage_snapshots/{late}")
    assert HEADER not in ask(replica).headers


@pytest.mark.parametrize("cloud", ["cinder", "cloudsigma"], indirect=True)
def test_a_late_volume_is_named_too(cloud: Cloud, replica: Replica) -> None:
    """EC2 makes one only: it knows the token of the request (ClientToken)."""

    def ask(one: Replica) -> Any:
        return one.volume("k")

    kept = id_of(made_twice(cloud, replica, cloud.targets.volume, ask, cloud.volumes))
    again = ask(replica)
    assert {id_of(again), unquote(again.headers[HEADER])} == set(cloud.volumes())
    assert kept in cloud.volumes()
