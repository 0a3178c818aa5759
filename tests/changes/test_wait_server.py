"""Waiting at the real server: hang-ups, pipelines, many at once, and its end."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.http.staged import wait_for
from tests.http.tools import basic, connect
from tests.servers import Server, cloud_config, local_config, running
from tests.simulators.openstack import running_openstack
from tests.simulators.openstack_keystone import PASSWORD

SLOW = {"copy_bytes_per_s": 100_000}
SMALL, LARGE = 50_000, 4_000_000
"""Copied within a second, and within forty."""
MANY = 150
LOOK = "GET /snapshots/*"


def serving(folder: Path) -> Path:
    config = local_config(folder, options=SLOW)
    for name, size in (("small.img", SMALL), ("large.img", LARGE)):
        path = folder / "store" / "volumes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    return config


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(serving(tmp_path_factory.mktemp("slow")), "--workers", "1") as server:
        yield server


def post(volume: str, wait: int, *more: str, auth: str | None = None) -> bytes:
    body = json.dumps({"volume_id": volume}).encode()
    lines = [
        "POST /api/storage_snapshots?format=json HTTP/1.1",
        "Host: gateway",
        f"Authorization: {auth or basic()}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Prefer: wait={wait}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def posts(server: Server) -> list[int]:
    found = re.findall(r'"method":"POST".*?"status":(\d+)', server.log)
    return [int(status) for status in found]


def test_who_hangs_up_ends_the_wait_and_not_the_operation(slow: Server) -> None:
    before, ids = len(posts(slow)), snapshots(slow)
    with connect(slow) as connection:
        connection.sendall(post("small.img", 50))
        wait_for(lambda: snapshots(slow) != ids, "the snapshot to be begun")
        assert len(posts(slow)) == before
    start = time.monotonic()
    wait_for(lambda: len(posts(slow)) > before, "the end of the wait")
    assert time.monotonic() - start < 3
    assert posts(slow)[-1] in {201, 202}
    (made,) = snapshots(slow) - ids
    slow.wait_until(f"/storage_snapshots/{made}")


def test_a_hang_up_is_noticed_long_before_the_end(slow: Server) -> None:
    before, ids = len(posts(slow)), snapshots(slow)
    with connect(slow) as connection:
        connection.sendall(post("large.img", 50))
        wait_for(lambda: snapshots(slow) != ids, "the snapshot to be begun")
        time.sleep(0.5)
        assert len(posts(slow)) == before
    wait_for(lambda: len(posts(slow)) > before, "the end of the wait", limit_s=5)
    assert posts(slow)[-1] == 202
    (made,) = snapshots(slow) - ids
    assert slow.request("GET", f"/storage_snapshots/{made}").json()["storage_snapshot"][
        "state"
    ] in {"creating", "available"}


def test_a_request_that_is_sent_ahead_is_no_hang_up(slow: Server) -> None:
    start, before = time.monotonic(), len(posts(slow))
    with connect(slow) as connection:
        connection.sendall(post("large.img", 3))
        time.sleep(0.7)  # beside the first one it would be read with it, and not be in the socket
        connection.sendall(post("small.img", 0, "Connection: close"))
        found = b""
        while chunk := connection.recv(65536):
            if not found:
                assert 2 < time.monotonic() - start < 5, "the wait was not cut short"
            found += chunk
    assert found.count(b"HTTP/1.1 202") == 2
    wait_for(lambda: len(posts(slow)) == before + 2, "the log: it comes after the answers")


def test_hundreds_wait_and_others_are_served(tmp_path: Path) -> None:
    auth = basic("demo+demo", PASSWORD)
    with running_openstack() as openstack:
        region = openstack.region()
        volume = region.add_volume(size=1)
        openstack.hold()
        config = cloud_config(tmp_path, "cinder", {"main": {"auth_url": openstack.auth_url}})
        with running(config, "--workers", "1") as server:
            connections = [connect(server) for _ in range(MANY)]
            for connection in connections:
                connection.sendall(post(volume.id, 50, auth=auth))
            wait_for(lambda: len(region.snapshots) == MANY, "the snapshots to be begun")
            start, looked = time.monotonic(), openstack.count(LOOK)
            times = [timed(server, auth) for _ in range(20)]
            time.sleep(2)
            passed, looks = time.monotonic() - start, openstack.count(LOOK) - looked
            assert sorted(times)[10] < 0.5
            assert passed * 5 - 5 < looks < passed * 10 + 5, "ten a second, for all together"
            assert posts(server) == [], "all are still waiting"
            for connection in connections:
                connection.close()
            wait_for(lambda: posts(server) == [202] * MANY, "the end of all waits", limit_s=15)


def timed(server: Server, auth: str) -> float:
    began = time.monotonic()
    answer = server.request(
        "GET", "/storage_volumes?limit=1", auth=None, headers={"Authorization": auth}
    )
    assert answer.status_code == 200
    return time.monotonic() - began


def test_a_server_that_stops_answers_those_who_wait(tmp_path: Path) -> None:
    with running(serving(tmp_path)) as server, ThreadPoolExecutor(4) as pool:
        headers = {"Accept": "application/json", "Prefer": "wait=50"}
        waiting = [
            pool.submit(
                server.request,
                "POST",
                "/storage_snapshots",
                headers=headers,
                json={"volume_id": "large.img"},
            )
            for _ in range(4)
        ]
        wait_for(lambda: len(snapshots(server)) == 4, "the snapshots to be begun")
        start = time.monotonic()
        server.process.terminate()
        for request in waiting:
            answer = request.result(10)
            assert answer.status_code == 202
            assert answer.headers["Preference-Applied"] == "wait=50"
            assert answer.json()["storage_snapshot"]["state"] == "creating"
        assert server.process.wait(20) == 0
        assert time.monotonic() - start < 10
    assert "Traceback" not in server.log


def snapshots(server: Server) -> set[str]:
    found = server.request("GET", "/storage_snapshots").json()["storage_snapshots"]
    return {one["id"] for one in found}
