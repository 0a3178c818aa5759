"""The life of the server: banner, graceful stop, lost workers, the demo account at home."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from gateway.app import Gateway, create_app
from gateway.settings import load_settings
from tests.http.staged import go, staged_server, wait_for, wait_until_entered
from tests.http.tools import connect
from tests.servers import DEMO, Server, local_config, running


def test_the_banner_tells_the_url_the_account_and_one_line_to_try(server: Server) -> None:
    wait_for(lambda: "Try: " in server.log, "the banner")
    banner = server.log.partition("{")[0]
    assert re.search(r"Snapgate \S+ listens on http://127\.0\.0\.1:\d+/api\n", banner)
    assert "provider local (driver local)" in banner
    assert "user demo, password demo" in banner
    assert banner.count("curl") == 1
    assert banner.count("listens on") == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_line_to_try_works(server: Server) -> None:
    found = re.search(r"Try: (curl .*)", server.log)
    assert found is not None
    done = subprocess.run(shlex.split(found[1]), capture_output=True, check=True, timeout=30)
    assert b"<storage_snapshots>" in done.stdout


def is_refused(server: Server) -> bool:
    try:
        with connect(server, timeout=5) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            return connection.recv(1) == b""
    except (ConnectionError, TimeoutError):
        return True


def test_a_request_in_progress_is_finished_when_the_server_stops(folder: Path) -> None:
    with (
        staged_server(folder, {"cloud": {}}, more="[server]\ngraceful_timeout_s = 30") as server,
        ThreadPoolExecutor(4) as pool,
        requests.Session() as idle,
        connect(server) as silent,
    ):
        for _ in range(4):
            assert idle.get(server.api, timeout=30).status_code == 200
        path = ";provider=cloud/storage_snapshots/wait"
        waiting = [pool.submit(server.request, "GET", path, timeout=60) for _ in range(4)]
        wait_until_entered(folder, 4)
        server.process.terminate()
        wait_for(lambda: is_refused(server), "new connections to be refused")
        assert not any(request.done() for request in waiting)
        assert server.process.poll() is None
        go(folder)
        for request in waiting:
            assert request.result().status_code == 200
            assert request.result().json()["storage_snapshot"]["id"] == "wait"
        assert server.process.wait(20) == 0, "idle connections must not delay the end"
        assert silent.recv(1) == b""
    assert "Traceback" not in server.log


def test_ctrl_c_ends_the_server_at_once(folder: Path) -> None:
    with (
        staged_server(folder, {"cloud": {}}) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        path = ";provider=cloud/storage_snapshots/wait"
        waiting = pool.submit(server.request, "GET", path, timeout=60)
        wait_until_entered(folder)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 0
        with pytest.raises(requests.exceptions.ConnectionError):
            waiting.result()
        assert is_refused(server)
    assert "Traceback" not in server.log


def test_a_request_that_takes_longer_than_the_grace_is_cut(folder: Path) -> None:
    with (
        staged_server(folder, {"cloud": {}}, more="[server]\ngraceful_timeout_s = 1") as server,
        ThreadPoolExecutor(1) as pool,
    ):
        path = ";provider=cloud/storage_snapshots/wait"
        waiting = pool.submit(server.request, "GET", path, timeout=60)
        wait_until_entered(folder)
        server.process.terminate()
        server.process.wait(20)
        with pytest.raises(requests.exceptions.ConnectionError):
            waiting.result()


def test_a_lost_worker_is_replaced(folder: Path) -> None:
    with running(local_config(folder), "--workers", "2") as server:
        wait_for(lambda: len(server.worker_pids()) == 2, "two workers")
        before = server.worker_pids()
        os.kill(before[0], signal.SIGKILL)
        wait_for(
            lambda: len(server.worker_pids()) == 2 and before[0] not in server.worker_pids(),
            "a new worker",
        )
        assert before[1] in server.worker_pids()
        for _ in range(20):
            assert server.request("GET", "/storage_snapshots").status_code == 200
        assert server.log.count("listens on") == 1, "the banner stands there once"
        assert server.stop() == 0
        assert is_refused(server)
    assert "Traceback" not in server.log


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The application as ``gunicorn wsgi:app`` has it, with the demo account."""
    config = local_config(tmp_path_factory.mktemp("app"))
    application = create_app(load_settings(config, environment={}))
    yield application
    application.extensions["snapgate_core"].close()


@pytest.mark.parametrize("peer", ["10.0.0.5", "192.168.1.9", "203.0.113.7", "2001:db8::1"])
@pytest.mark.parametrize("path", ["/api", "/api/storage_snapshots", "/api/nosuch"])
def test_the_demo_account_is_refused_to_peers_from_elsewhere(
    app: Gateway, peer: str, path: str
) -> None:
    for headers in (
        {},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1", "Host": "127.0.0.1", "X-Forwarded-Host": "localhost"},
    ):
        answer = app.test_client().get(
            path,
            headers={"Accept": "application/json", **headers},
            auth=DEMO,
            environ_base={"REMOTE_ADDR": peer},
        )
        assert answer.status_code == 403
        assert answer.json is not None
        assert answer.json["error"] == "denied"
        assert "loopback" in answer.json["message"]


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1"])
def test_the_demo_account_works_at_home(app: Gateway, peer: str) -> None:
    answer = app.test_client().get(
        "/api/storage_snapshots", auth=DEMO, environ_base={"REMOTE_ADDR": peer}
    )
    assert answer.status_code == 200


def test_another_account_works_from_everywhere(folder: Path) -> None:
    config = local_config(folder)
    config.write_text(config.read_text().replace("\ndemo = ", "\nalice = "))
    application = create_app(load_settings(config, environment={}))
    try:
        answer = application.test_client().get(
            "/api/storage_snapshots",
            auth=("alice", "demo"),
            environ_base={"REMOTE_ADDR": "10.0.0.5"},
        )
        assert answer.status_code == 200
    finally:
        application.extensions["snapgate_core"].close()


def test_an_occupied_port_stops_the_start(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = str(local_config(folder))
        command = [sys.executable, "-m", "gateway", "serve", "--config", config]
        command += ["--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert str(port) in done.stderr
