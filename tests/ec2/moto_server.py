"""Moto's EC2 server, what was asked of it, and an account's requests to a gateway before it."""

import base64
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import requests

from tests.http.tools import CONTENT_TYPES, accept, basic, facts, facts_of_list, problem
from tests.servers import Server

ACCOUNT_ID = "123456789012"
"""The one account that moto has, whatever the key is."""
ACCESS_KEY = "AKIAMOTOTESTS2B7E151"
SECRET = "moto-secret/28aed2a6abf71588+09cf4f3c"
TOKEN = "moto-token/3243f6a8885a308d+313198a2"
CREDENTIALS = (ACCESS_KEY, SECRET, TOKEN, basic(ACCESS_KEY, SECRET).removeprefix("Basic "))
"""What must be in no log and in no answer, in any spelling in which it is sent."""
SNAPSHOTS = "/storage_snapshots"
VOLUMES = "/storage_volumes"
GIB = 1 << 30
_START_S = 30


class Call(NamedTuple):
    """A request that moto was sent."""

    form: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def action(self) -> str:
        """EC2's name of the operation."""
        return self.form["Action"]


class Moto:
    """A running moto: its URL and what it was asked."""

    def __init__(self, url: str, recording: Path) -> None:
        self.url = url
        self._recording = recording

    def calls(self, *, after: int = 0) -> list[Call]:
        """Return the requests so far, in their order, without the first ``after`` ones."""
        found = []
        for line in self._lines()[after:]:
            entry = json.loads(line)
            form = base64.b64decode(entry["body"]).decode()
            found.append(Call(dict(parse_qsl(form, keep_blank_values=True)), entry["headers"]))
        return found

    def forget_all(self) -> None:
        """Forget all resources: moto takes longer, the more it has."""
        requests.post(f"{self.url}/moto-api/reset", timeout=30).raise_for_status()

    @contextlib.contextmanager
    def recorded(self) -> Iterator[list[Call]]:
        """Give a list that holds, after the block, what was asked within it."""
        before = len(self._lines())
        found: list[Call] = []
        yield found
        found += self.calls(after=before)

    def _lines(self) -> list[str]:
        return self._recording.read_text().splitlines()


@contextlib.contextmanager
def running_moto(folder: Path) -> Iterator[Moto]:
    """Run moto on a free port of 127.0.0.1 until the block ends; its files go to ``folder``."""
    recording, log = folder / "recording", folder / "moto.log"
    recording.touch()
    env = {
        **os.environ,
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
        "MOTO_ENABLE_RECORDING": "true",
        "MOTO_RECORDER_FILEPATH": str(recording),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=env,
        )
    try:
        yield Moto(_wait_for_url(process, log), recording)
    finally:
        process.kill()  # it has nothing to put in order
        process.wait()


def _wait_for_url(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Return the URL that moto's log tells; it listens before it says so."""
    end = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < end:
        _, found, rest = log.read_text().partition("Running on http://")
        if found and "\n" in rest:
            return f"http://{rest.split()[0]}"
        time.sleep(0.02)
    raise AssertionError(f"moto did not start:\n{log.read_text()}")


class Api:
    """The requests of moto's account to a gateway; no answer may hold a credential."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def request(
        self,
        method: str,
        path: str,
        *,
        format_: str = "json",
        headers: Mapping[str, str] | None = None,
        provider: str | None = None,
        **kw: Any,
    ) -> requests.Response:
        """Send a request.

        Args:
            method: the HTTP method.
            path: the path below /api, or a link from an answer.
            format_: the format to ask for.
            headers: more headers.
            provider: the provider to name in the URL, if any.
            kw: what requests.request() takes.
        """
        if path.startswith("http"):
            assert path.startswith(self.server.api)
        path = path.removeprefix(self.server.api)
        selection = f";provider={provider}" if provider else ""
        given = {**accept(format_), "X-Amz-Security-Token": TOKEN, **(headers or {})}
        kw.setdefault("auth", (ACCESS_KEY, SECRET))
        answer = self.server.request(method, selection + path, headers=given, **kw)
        shown = f"{answer.headers}{answer.text}"
        assert not [text for text in CREDENTIALS if text in shown]
        return answer

    def get(self, path: str, **kw: Any) -> dict[str, Any]:
        """Return a resource that must be there."""
        answer = self.request("GET", path, **kw)
        assert answer.status_code == 200, answer.text
        return facts(answer)

    def list(self, path: str, **kw: Any) -> list[dict[str, Any]]:
        """Return a list; ``params`` are its filters."""
        answer = self.request("GET", path, **kw)
        assert answer.status_code == 200, answer.text
        return facts_of_list(answer)

    def make(self, path: str, **kw: Any) -> dict[str, Any]:
        """Return what a POST has made."""
        answer = self.request("POST", path, **kw)
        assert answer.status_code == 201, answer.text
        return facts(answer)

    def change(self, method: str, path: str, **kw: Any) -> dict[str, Any]:
        """Return a resource after a change."""
        answer = self.request(method, path, **kw)
        assert answer.status_code == 200, answer.text
        return facts(answer)

    def refusal(self, method: str, path: str, status: int = 400, **kw: Any) -> dict[str, Any]:
        """Return the error with which a request is refused, in the format that it asked for."""
        answer = self.request(method, path, **kw)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == CONTENT_TYPES[kw.get("format_", "json")]
        found = problem(answer)
        assert found["code"] == status
        return found
