"""The real server: one key in two workers, and after a kill -9."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.creations.clouds import at_once
from tests.servers import Server, local_config, running

KEY = {"Idempotency-Key": "k", "Accept": "application/json"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return local_config(tmp_path)


@pytest.fixture
def start(config: Path) -> Callable[[], Any]:
    """Start servers with two workers on one store."""
    return lambda: running(config, "--workers", "2")


def snapshots(server: Server) -> list[str]:
    found = server.request("GET", "/storage_snapshots?format=json").json()["storage_snapshots"]
    return [one["id"] for one in found]


def test_one_key_in_two_workers_makes_one_and_lasts_beyond_a_kill(
    start: Callable[[], Any],
) -> None:
    with start() as server:
        (server.store / "volumes" / "disk.img").write_bytes(b"some bytes\n")

        def create(_: int) -> Any:
            return server.request(
                "POST", "/storage_snapshots", headers=KEY, data={"volume_id": "disk.img"}
            )

        answers = at_once(16, create)
        assert {one.status_code for one in answers} <= {200, 201, 409}
        (made,) = snapshots(server)
        told = [one.json()["storage_snapshot"]["id"] for one in answers if one.status_code != 409]
        assert set(told) == {made}
        assert [one.status_code for one in answers].count(201) == 1
        server.wait_until(f"/storage_snapshots/{made}")
        server.kill()
    with start() as server:
        again = server.request(
            "POST", "/storage_snapshots", headers=KEY, data={"volume_id": "disk.img"}
        )
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
        assert again.json()["storage_snapshot"]["id"] == made
        assert snapshots(server) == [made]
