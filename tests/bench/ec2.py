"""The EC2 driver beside boto3's own paginator: the same server, the same run."""

import contextlib
import http.client
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.bench.ec2_server import PAGE
from tests.bench.load import median
from tests.bench.memory import fresh_peak_mib, peak_mib
from tests.ec2.gateways import ec2_config
from tests.servers import address_of, running

TARGETS = {20: 0.8, 50_000: 0.20, 1000: 0.25}
"""Snapshots -> the most of stock boto3's time that the gateway may take."""
_ROUNDS = {20: 101, 1000: 15, 50_000: 3}
_BASIC = b64encode(b"AKIAEXAMPLE:secret").decode()


@dataclass
class _Lists:
    """What the rounds of one length showed; seconds."""

    ours: list[float] = field(default_factory=list)
    stock: list[float] = field(default_factory=list)
    lead: list[float] = field(default_factory=list)
    """From the first byte of the answer to the request for the second page."""


def main() -> None:
    """Compare at each length, and tell memory and first byte of the longest."""
    print("GET /api/storage_snapshots?format=xml over EC2 beside stock boto3's paginator")
    with contextlib.ExitStack() as stack:
        ports = {count: stack.enter_context(_serving(count)) for count in TARGETS}
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        config = ec2_config(folder, {f"of-{count}": _options(ports[count]) for count in ports})
        server = stack.enter_context(running(config, "--workers", "1"))
        client = http.client.HTTPConnection(*address_of(server))
        stack.callback(client.close)
        (worker,) = server.worker_pids()
        for count in TARGETS:
            with _stock(ports[count]) as stock:
                _compare(worker, client, stock, count, ports[count])


def _compare(
    worker: int, client: http.client.HTTPConnection, stock: Any, count: int, port: int
) -> None:
    before = fresh_peak_mib(worker)
    _read(client, count)
    grown = peak_mib(worker) - before
    _, _, stock_grown = _ask(stock)
    found = _Lists()
    for _ in range(_ROUNDS[count]):
        if count > PAGE:
            _asked_at(port)  # forgets what came before
        first_at, took = _read(client, count)
        found.ours.append(took)
        if count > PAGE:
            found.lead.append(_asked_at(port)[1] - first_at)
        seconds, rows, _ = _ask(stock)
        assert rows == count, rows
        found.stock.append(seconds)
    ratio = median([o / s for o, s in zip(found.ours, found.stock, strict=True)])
    print(
        f"  {count} snapshots: {median(found.ours) * 1000:.1f} ms, stock boto3 "
        f"{median(found.stock) * 1000:.1f} ms, ratio {ratio:.3f} (target {TARGETS[count]:.2f})"
    )
    if count > PAGE:
        print(
            f"    the first such list: the worker grew by {grown:.1f} MiB (target 40), stock boto3 "
            f"by {stock_grown:.1f}; first byte {median(found.lead) * 1000:.1f} ms before the "
            "second page was asked for"
        )


def _read(client: http.client.HTTPConnection, count: int) -> tuple[float, float]:
    """Return when the first byte came (monotonic), and the seconds of the whole list."""
    url = f"/api;provider=of-{count}/storage_snapshots?format=xml"
    begun = time.perf_counter()
    client.request("GET", url, headers={"Authorization": f"Basic {_BASIC}"})
    answer = client.getresponse()
    data = answer.read(1)
    first_at = time.monotonic()
    end = b""
    while data:
        end = (end + data)[-64:]
        data = answer.read(1 << 20)
    took = time.perf_counter() - begun
    assert answer.status == 200, end
    assert end.endswith(b"</storage_snapshots>\n"), end
    return first_at, took


def _asked_at(port: int) -> list[float]:
    """Return when the static server was asked for pages since the last time (monotonic)."""
    asked: list[float] = requests.get(f"http://127.0.0.1:{port}/", timeout=10).json()
    return asked


@contextlib.contextmanager
def _serving(count: int) -> Iterator[int]:
    """Run the static server and yield its port."""
    with _child("tests.bench.ec2_server", str(count)) as process:
        yield int(process.stdout.readline())


@contextlib.contextmanager
def _stock(port: int) -> Iterator[Any]:
    with _child("tests.bench.ec2_stock", f"http://127.0.0.1:{port}") as process:
        yield process


@contextlib.contextmanager
def _child(module: str, argument: str) -> Iterator[Any]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def _ask(stock: Any) -> tuple[float, int, float]:
    stock.stdin.write("again\n")
    stock.stdin.flush()
    seconds, rows, mib = stock.stdout.readline().split()
    return float(seconds), int(rows), float(mib)


def _options(port: int) -> dict[str, str]:
    return {"region": "eu-west-1", "endpoint_url": f"http://127.0.0.1:{port}"}
