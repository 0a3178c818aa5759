"""The driver from outside behind a real server, which has never heard of it, in XML and JSON."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.examples.outside import Outside
from tests.http.tools import FORMATS, accept, facts, facts_of_list, problem
from tests.servers import Server, cloud_config, running

pytestmark = [
    pytest.mark.timeout(300),  # an environment is made
    pytest.mark.usefixtures("runs"),  # which go on meanwhile
]
DEMO = ("demo", "open-sesame")
MIB = 1 << 20
QUOTA = 4
SNAPSHOTS, VOLUMES = "/storage_snapshots", "/storage_volumes"


@contextlib.contextmanager
def running_acme(outside: Outside, cwd: Path) -> Iterator[str]:
    """Run Acme as its README says, in a process of its own, and tell its URL."""
    command = ["python", "-m", "acme.service", "--port", "0", "--make-s", "0.2"]
    process = outside.start(*command, "--quota", str(QUOTA), cwd=cwd)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        assert "listens on" in said, said
        yield said.split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=10)


def serving(outside: Outside, config: Path) -> contextlib.AbstractContextManager[Server]:
    """Run ``snapgate serve`` as the environment has it."""
    python = str(outside.bin / "python")
    return running(config, "--workers", "1", python=python, env=outside.environment())


@dataclass
class Served:
    """The server, and Acme behind it."""

    server: Server
    acme: str

    def ask(self, method: str, path: str, format_: str, **given: Any) -> requests.Response:
        """Send a request as Acme's account."""
        given.setdefault("auth", DEMO)
        return self.server.request(method, path, headers=accept(format_), **given)

    def bytes_of(self, volume: str, content: bytes | None = None) -> bytes:
        """Read a disk past the gateway, after writing ``content`` to it if that is given."""
        url = f"{self.acme}/disks/{volume}/data"
        if content is not None:
            requests.put(url, content, auth=DEMO, timeout=10).raise_for_status()
        return requests.get(url, auth=DEMO, timeout=10).content


@pytest.fixture(scope="module")
def served(outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with running_acme(outside, folder) as url:
        config = cloud_config(folder, "acme", {"main": {"endpoint": url}})
        with serving(outside, config) as server:
            yield Served(server, url)


@pytest.fixture(params=FORMATS)
def format_(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def volume(served: Served, format_: str) -> Iterator[str]:
    made = served.ask("POST", VOLUMES, format_, data={"size_bytes": 2 * MIB, "name": "data"})
    assert made.status_code == 201, made.text
    path = f"{VOLUMES}/{facts(made)['id']}"
    served.server.wait_until(path, auth=DEMO)
    yield path.rpartition("/")[2]
    assert served.ask("DELETE", path, format_).status_code == 204


def test_the_entry_point_names_it(served: Served, format_: str) -> None:
    told = served.ask("GET", "/drivers/acme", format_)
    assert told.status_code == 200, told.text
    assert "Acme Block Storage" in told.text


@pytest.mark.parametrize(
    ("key", "status", "says"), [(DEMO[1], 0, "can list snapshots"), ("wrong", 1, "unauthenticated")]
)
def test_the_command_checks_it(
    outside: Outside, served: Served, *, key: str, status: int, says: str
) -> None:
    command = ("snapgate", "providers", "check", "--config", "gateway.toml")
    credentials = {"SNAPGATE_MAIN_USERNAME": DEMO[0], "SNAPGATE_MAIN_PASSWORD": key}
    done = outside.run(*command, cwd=served.server.folder, env=credentials)
    assert (done.returncode, says in done.stdout) == (status, True), done.stdout
    assert "wrong" not in done.stdout, "a key is never told"


def test_a_snapshot_is_made_listed_cloned_and_deleted(
    served: Served, format_: str, volume: str
) -> None:
    served.bytes_of(volume, b"precious data")
    form = {"volume_id": volume, "name": "nächtlich", "metadata[env]": "prod"}
    made = served.ask("POST", SNAPSHOTS, format_, data=form)
    assert (made.status_code, facts(made)["state"]) == (201, "creating"), made.text
    path = f"{SNAPSHOTS}/{facts(made)['id']}"
    served.server.wait_until(path, auth=DEMO)
    served.bytes_of(volume, b"garbage, alas")

    (found,) = facts_of_list(served.ask("GET", f"{SNAPSHOTS}?volume_id={volume}", format_))
    assert found == facts(served.ask("GET", path, format_))
    assert (found["name"], found["size_bytes"]) == ("nächtlich", 2 * MIB)
    assert (found["metadata"], found["owner"]) == ({"env": "prod"}, {"id": "demo", "self": True})
    clone = facts(served.ask("POST", f"{path}/clone", format_))["id"]
    served.server.wait_until(f"{VOLUMES}/{clone}", auth=DEMO)
    assert served.bytes_of(clone) == b"precious data"
    assert served.ask("POST", f"{path}/revert", format_).status_code == 202
    assert served.bytes_of(volume) == b"precious data"
    assert served.ask("DELETE", f"{VOLUMES}/{clone}", format_).status_code == 204
    assert [served.ask("DELETE", path, format_).status_code for _ in range(2)] == [204, 404]


def test_a_quota_and_a_state_are_told_by_their_codes(
    served: Served, format_: str, volume: str
) -> None:
    form = {"volume_id": volume}
    made = [served.ask("POST", SNAPSHOTS, format_, data=form) for _ in range(QUOTA + 1)]
    paths = [f"{SNAPSHOTS}/{facts(answer)['id']}" for answer in made[:-1]]
    busy = served.ask("DELETE", paths[-1], format_)
    for path in paths:
        served.server.wait_until(path, auth=DEMO)
        assert served.ask("DELETE", path, format_).status_code == 204
    for answer, status, kind, code in (
        (made[-1], 403, "quota", "full"),
        (busy, 409, "conflict", "not_done"),
    ):
        found = problem(answer)
        assert (answer.status_code, found["error"]) == (status, kind), answer.text
        assert found["backend"] == {"driver": "acme", "provider": "main", "code": code}


@pytest.mark.parametrize(
    ("request_", "auth", "status", "kind"),
    [
        (f"GET {SNAPSHOTS}/snap-000000000000", DEMO, 404, "not_found"),
        (f"GET {SNAPSHOTS}/no-id-of-acme", DEMO, 404, "not_found"),
        (f"GET {SNAPSHOTS}", ("demo", "wrong"), 401, "unauthenticated"),
        (f"POST {SNAPSHOTS}/snap-000000000000/copy?destination=main", DEMO, 501, "unsupported"),
    ],
)
def test_an_error_keeps_its_code(
    served: Served, format_: str, *, request_: str, auth: Any, status: int, kind: str
) -> None:
    method, path = request_.split()
    answer = served.ask(method, path, format_, auth=auth)
    assert (answer.status_code, problem(answer)["error"]) == (status, kind), answer.text


def test_a_cloud_that_is_gone_is_unavailable(outside: Outside, format_: str, folder: Path) -> None:
    with running_acme(outside, folder) as url:
        config = cloud_config(folder, "acme", {"main": {"endpoint": url}})
    with serving(outside, config) as server:
        answer = server.request("GET", SNAPSHOTS, headers=accept(format_), auth=DEMO)
        assert (answer.status_code, problem(answer)["error"]) == (503, "unavailable")
        assert problem(answer)["retryable"]
