"""A driver's lists through the gateway beside a cloud's own kit in a plain script.

The same static server, the same run, in pairs. The driver NAME has its server
in ``tests.bench.NAME_server`` and the plain script in ``tests.bench.NAME_stock``.
"""

import contextlib
import http.client
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.load import median
from tests.bench.memory import fresh_peak_mib, peak_mib
from tests.bench.static import PAGE
from tests.servers import address_of, cloud_config, running


@dataclass(frozen=True)
class Subject:
    """What is compared with what.

    Attributes:
        driver: its name.
        stock: the other side, for people.
        targets: snapshots -> the most of the other side's time that the gateway may take.
        rounds: snapshots -> how many pairs.
        format: xml or json.
        end: the last bytes of a whole list.
        login: user:password.
        options: from the static server's URL to the driver's options.
        most_mib: how much the worker may grow by the longest list.
        tell: what else the plain script is told.
        query: what else the gateway is asked, from ``&`` on.
        beside_itself: the other side is the gateway without ``query``.
    """

    driver: str
    stock: str
    targets: Mapping[int, float]
    rounds: Mapping[int, int]
    format: str
    end: bytes
    login: str
    options: Callable[[str], Mapping[str, Any]]
    most_mib: int
    tell: tuple[str, ...] = ()
    query: str = ""
    beside_itself: bool = False


@dataclass
class _Lists:
    """What the rounds of one length showed; seconds."""

    ours: list[float] = field(default_factory=list)
    stock: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    """Until the first byte of the answer."""
    backend: list[float] = field(default_factory=list)
    """Of that, in the backend: its first page."""


@dataclass
class _Run:
    """One length: who serves it, who asks for it."""

    subject: Subject
    count: int
    port: int
    worker: int
    client: http.client.HTTPConnection
    stock: Any


def compare(subject: Subject) -> None:
    """Compare at each length, and tell memory and first byte of what has several pages."""
    format_, driver = subject.format, subject.driver
    asked = f"GET /api/storage_snapshots?format={format_}{subject.query}"
    print(f"{asked} over {driver} beside {subject.stock}")
    with contextlib.ExitStack() as stack:
        servers = {
            count: stack.enter_context(_child(f"tests.bench.{driver}_server", str(count)))
            for count in subject.targets
        }
        ports = {count: int(process.stdout.readline()) for count, process in servers.items()}
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        options = {f"of-{count}": subject.options(_url(port)) for count, port in ports.items()}
        config = cloud_config(folder, driver, options)
        server = stack.enter_context(running(config, "--workers", "1"))
        client = http.client.HTTPConnection(*address_of(server))
        stack.callback(client.close)
        (worker,) = server.worker_pids()
        for count, port in ports.items():
            with _child(f"tests.bench.{driver}_stock", _url(port), *subject.tell) as stock:
                _compare(_Run(subject, count, port, worker, client, stock))


def _compare(run: _Run) -> None:
    count, subject = run.count, run.subject
    before = fresh_peak_mib(run.worker)
    _read(run, subject.query)
    grown = peak_mib(run.worker) - before
    _, _, stock_grown = _ask(run.stock)
    found = _Lists()
    for _ in range(subject.rounds[count]):
        first, backend, took = _read(run, subject.query)
        found.ours.append(took)
        found.first.append(first)
        found.backend.append(backend)
        if subject.beside_itself:
            found.stock.append(_read(run, "")[2])
            continue
        seconds, rows, _ = _ask(run.stock)
        assert rows == count, rows
        found.stock.append(seconds)
    ratio = median([o / s for o, s in zip(found.ours, found.stock, strict=True)])
    other = f"without {subject.query}" if subject.beside_itself else subject.stock
    print(
        f"  {count} snapshots: {median(found.ours) * 1000:.1f} ms, {other} "
        f"{median(found.stock) * 1000:.1f} ms, ratio {ratio:.3f} "
        f"(target {subject.targets[count]:.2f})"
    )
    if count > PAGE:
        first, backend = median(found.first), median(found.backend)
        print(
            f"    the first such list: the worker grew by {grown:.1f} MiB (target "
            f"{subject.most_mib}), the other side by {stock_grown:.1f}; first byte after "
            f"{first * 1000:.1f} ms, of which the backend's first page took "
            f"{backend * 1000:.1f}: ratio {first / backend:.2f} (target 1.20)"
        )


def _read(run: _Run, query: str) -> tuple[float, float, float]:
    """Return the seconds until the first byte, in the backend before it, and of the whole list."""
    subject = run.subject
    url = f"/api;provider=of-{run.count}/storage_snapshots?format={subject.format}{query}"
    basic = b64encode(subject.login.encode()).decode()
    begun = time.perf_counter()
    run.client.request("GET", url, headers={"Authorization": f"Basic {basic}"})
    answer = run.client.getresponse()
    data = answer.read(1)
    first = time.perf_counter() - begun
    end = b""
    while data:
        end = (end + data)[-64:]
        data = answer.read(1 << 20)
    took = time.perf_counter() - begun
    assert answer.status == 200, end
    assert end.endswith(subject.end), end
    return first, float(answer.headers["X-Backend-Runtime"]), took


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def _child(module: str, *arguments: str) -> Iterator[Any]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
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
