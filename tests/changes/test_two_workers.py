"""Changes through several workers of one server."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from gateway.core.turns import Turns
from gateway.driver import DriverError, ErrorCode
from tests.servers import cloud_config, running
from tests.simulators.cloudsigma import running_cloudsigma
from tests.simulators.cloudsigma_state import PASSWORD, USER

EDITORS, ROUNDS = 8, 5


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A snapshot of CloudSigma, whose every PUT is slow, behind two workers."""
    with running_cloudsigma() as cloud:
        snapshot = cloud.add_snapshot(cloud.add_drive(size=1 << 30), meta={"a": "1"})
        cloud.delay("PUT /snapshots/*", 0.1, times=1000)
        config = cloud_config(tmp_path, "cloudsigma", {"main": {"endpoint": cloud.url}})
        with running(config, "--workers", "2") as server:
            yield f"{server.api}/storage_snapshots/{snapshot.uuid}"


def test_of_many_with_one_etag_one_wins_in_all_workers(url: str) -> None:
    def edit(number: int, etag: str) -> int:
        headers = {"If-Match": etag, "Connection": "close"}
        data = {"metadata[a]": f"{number} of {etag}"}
        return requests.patch(url, data=data, headers=headers, auth=auth, timeout=30).status_code

    auth = (USER, PASSWORD)
    with ThreadPoolExecutor(EDITORS) as pool:
        for _ in range(ROUNDS):
            etag = requests.get(url, auth=auth, timeout=30).headers["ETag"]
            found = sorted(pool.map(edit, range(EDITORS), [etag] * EDITORS))
            assert found == [200] + [412] * (EDITORS - 1)


def test_merges_lose_nothing_in_all_workers(url: str) -> None:
    def merge(number: int) -> int:
        data = {f"metadata[k{number}]": "mine"}
        headers = {"Connection": "close"}
        answer = requests.post(
            f"{url}/metadata", data=data, headers=headers, auth=(USER, PASSWORD), timeout=30
        )
        return answer.status_code

    with ThreadPoolExecutor(EDITORS) as pool:
        assert list(pool.map(merge, range(EDITORS))) == [200] * EDITORS
    answer = requests.get(
        f"{url}/metadata",
        headers={"Accept": "application/json"},
        auth=(USER, PASSWORD),
        timeout=30,
    )
    assert answer.json()["metadata"] == {"a": "1"} | {f"k{n}": "mine" for n in range(EDITORS)}


def test_a_turn_that_does_not_come_is_a_conflict_and_is_free_afterwards() -> None:
    turns, start = Turns(), time.monotonic()
    with turns.take("cloud", "snap-1", 1):
        with turns.take("other", "snap-1", 1), turns.take("cloud", "snap-2", 1):
            pass
        with pytest.raises(DriverError) as caught, turns.take("cloud", "SNAP-1", 0.2):
            pass
        assert caught.value.code is ErrorCode.CONFLICT
        assert caught.value.retry_after_s
        assert 0.1 < time.monotonic() - start < 2
    with turns.take("cloud", "snap-1", 0.2):
        pass
    with pytest.raises(KeyError), turns.take("cloud", "snap-1", 0.2):
        raise KeyError
    with turns.take("cloud", "snap-1", 0.2):
        pass
