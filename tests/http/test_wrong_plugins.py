"""A plug-in that is wrong at run time: its own requests fail, and everybody else is served."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.http.staged import ENV, PLUGINS, wait_for
from tests.http.tools import accept, problem
from tests.servers import Server, local_config, running

PASSWORD = "hunter2-eccbc87e4b5ce2fe"
WRONG, SLACK = "wrong_cloud:WrongDriver", "wrong_cloud:SlackWrongDriver"
STUCK_S = 2


def serving(folder: Path, *arguments: str, **kw: Any) -> Any:
    more = f'[providers.wrong]\ndriver = "{WRONG}"\n[providers.slack]\ndriver = "{SLACK}"\n'
    config = local_config(folder, more=more)
    text = config.read_text().replace(
        "[gateway]", "[gateway]\ncall_timeout_s = 0.5\nstart_timeout_s = 1"
    )
    config.write_text(text)
    return running(config, *arguments, env=ENV, **kw)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    assert (PLUGINS / "wrong_cloud.py").exists()
    with serving(tmp_path_factory.mktemp("wrong")) as server:
        yield server


def ask(server: Server, path: str, *, method: str = "GET", **kw: Any) -> requests.Response:
    kw = {"auth": ("alice", PASSWORD), **kw}
    return server.request(method, path, **kw)


def bug_in_log(server: Server, request_id: str) -> dict[str, Any]:
    def found() -> list[str]:
        lines = [line for line in server.log.splitlines() if f'"{request_id}"' in line]
        return [line for line in lines if '"event":"bug"' in line]

    wait_for(lambda: bool(found()), "a bug in the log")
    (line,) = found()
    return dict(json.loads(line[line.index("{") :]))


@pytest.mark.parametrize(
    ("provider", "driver"), [("wrong", "WrongDriver"), ("slack", "SlackWrongDriver")]
)
@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("none", "get_snapshot returned None, not a StorageSnapshot"),
        ("dict", "get_snapshot returned a value of type dict, not a StorageSnapshot"),
        ("naive", "StorageSnapshot.created is a time that is naive or not UTC"),
        ("interrupt", "does not classify (KeyboardInterrupt)"),
    ],
)
def test_a_wrong_driver_is_named_to_clients_and_in_the_log(
    *, wrong: Server, provider: str, driver: str, what: str, told: str, format_: str
) -> None:
    pids = wrong.worker_pids()
    answer = ask(wrong, f";provider={provider}/storage_snapshots/{what}", headers=accept(format_))
    assert answer.status_code == 500
    found = problem(answer)
    assert (found["error"], found["retryable"]) == ("internal", False)
    assert told in found["message"]
    assert f"a bug in the driver 'wrong_cloud:{driver}' (class wrong_cloud:" in found["message"]
    line = bug_in_log(wrong, found["request_id"])
    assert (line["bug_of"], line["entry_point"]) == ("driver", f"wrong_cloud:{driver}")
    assert "package" in line
    assert wrong.request("GET", "/storage_snapshots").status_code == 200
    assert wrong.worker_pids() == pids


def test_a_change_with_a_wrong_answer_may_have_happened(wrong: Server) -> None:
    answer = ask(wrong, ";provider=wrong/storage_snapshots/s", method="DELETE")
    assert answer.status_code == 500
    assert "delete_snapshot returned " in answer.json()["message"]
    assert "may have happened" in answer.json()["message"]


def test_an_open_that_returns_nothing_is_a_bug_of_the_driver(wrong: Server) -> None:
    answer = ask(wrong, ";provider=wrong/storage_snapshots", auth=("nobody", PASSWORD))
    assert answer.status_code == 500
    assert "open returned None, not an object of its class" in answer.json()["message"]


@pytest.mark.parametrize("provider", ["wrong", "slack"])
def test_a_leaked_password_reaches_neither_client_nor_log(
    wrong: Server, provider: str, format_: str
) -> None:
    answer = ask(wrong, f";provider={provider}/storage_snapshots/leak", headers=accept(format_))
    assert answer.status_code == 502
    found = problem(answer)
    assert "withheld" in found["message"]
    assert found["backend"]["code"] is None
    assert bug_in_log(wrong, found["request_id"])["bug_of"] == "driver"
    assert PASSWORD not in answer.text + str(answer.headers) + wrong.log


@pytest.mark.parametrize("list_format", ["xml", "json", "ndjson"])
def test_a_row_that_cannot_be_written_cuts_the_list_and_is_the_drivers_bug(
    wrong: Server, list_format: str
) -> None:
    path = f";provider=wrong/storage_snapshots?format={list_format}"
    request_id = f"cut-{list_format}"
    try:
        text = ask(wrong, path, headers={"X-Request-Id": request_id}).text
    except requests.exceptions.ChunkedEncodingError:
        text = ""
    assert "</storage_snapshots>" not in text
    line = bug_in_log(wrong, request_id)
    assert (line["bug_of"], line["driver"]) == ("driver", WRONG)


def test_a_row_that_breaks_a_filter_is_the_drivers_bug(wrong: Server) -> None:
    answer = ask(wrong, ";provider=slack/storage_snapshots?name__contains=x&limit=1&sort=-id")
    assert answer.status_code == 500
    assert "StorageSnapshot.name is of type int" in answer.json()["message"]


@pytest.mark.parametrize(("provider", "limit_s"), [("wrong", 15), ("slack", 5)])
def test_a_call_that_hangs_is_left_also_if_it_promised_to_keep_deadlines(
    wrong: Server, provider: str, limit_s: int
) -> None:
    start = time.monotonic()
    answer = ask(wrong, f";provider={provider}/storage_snapshots/sleep")
    assert answer.status_code == 504
    assert answer.json()["error"] == "timeout"
    assert time.monotonic() - start < limit_s
    if provider == "wrong":
        assert "it promises to keep deadlines" in answer.json()["message"]
        assert bug_in_log(wrong, answer.json()["request_id"])["bug_of"] == "driver"


def test_a_close_that_wants_to_end_the_process_ends_nothing(wrong: Server) -> None:
    for number in range(3):
        assert ask(wrong, ";provider=wrong/storage_snapshots/x", auth=(f"u{number}", PASSWORD)).ok
    pids = wrong.worker_pids()
    assert wrong.request("GET", "/storage_snapshots").status_code == 200
    assert wrong.worker_pids() == pids
    assert PASSWORD not in wrong.log


def test_a_loop_costs_its_worker_which_is_replaced_and_the_log_tells_where(folder: Path) -> None:
    program = (
        "from gevent import monkey; monkey.patch_all()\n"
        f"from gateway import cli, server; server._STUCK_S = {STUCK_S}\n"
        "cli.main(prog_name='snapgate')"
    )
    with serving(folder, "--workers", "1", program=("-c", program)) as server:
        (pid,) = server.worker_pids()
        answer = None
        with contextlib.suppress(requests.ConnectionError):
            answer = ask(server, ";provider=wrong/storage_snapshots/loop")
        assert answer is None or answer.status_code == 500
        wait_for(lambda: server.worker_pids() not in ([], [pid]), "another worker")
        assert server.request("GET", "/storage_snapshots").status_code == 200
        lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
        (found,) = [line for line in lines if line["event"] == "worker stuck"]
        assert found["worker"] == pid
        assert any("wrong_cloud.py" in place and "_loop" in place for place in found["at"])


@pytest.mark.parametrize("what", ["end", "abort"])
def test_a_driver_that_ends_the_process_ends_one_worker(folder: Path, what: str) -> None:
    """Whatever the exit status: two of them mean a failed start to gunicorn, which ends then."""
    with serving(folder, "--workers", "1") as server:
        (pid,) = server.worker_pids()
        with pytest.raises(requests.ConnectionError):
            ask(server, f";provider=wrong/storage_snapshots/{what}")
        wait_for(lambda: server.worker_pids() not in ([], [pid]), "another worker")
        assert server.request("GET", "/storage_snapshots").status_code == 200
