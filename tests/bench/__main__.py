"""``make bench``: the figures that the project claims, measured in one run.

make bench                  lists on the shipped server, speed and memory; each driver beside
                            its cloud's own kit
make bench ARGS=ec2         the EC2 driver only
make bench ARGS=cinder      the Cinder driver only
make bench ARGS=cloudsigma  the CloudSigma driver only
make bench ARGS=lists       long lists, filters and pages
make bench ARGS=servers     the choice of the server: who cuts, how fast on this code
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import requests

from tests.bench import cinder, cloudsigma, ec2, lists
from tests.bench.load import Result, median, run
from tests.bench.memory import fresh_peak_mib, peak_mib
from tests.bench.stores import make_snapshots, multiply
from tests.servers import DEMO, Server, address_of, local_config, running

AUTHORIZATION = "Authorization: Basic ZGVtbzpkZW1v\r\n"
LIST = "/api/storage_snapshots?format=xml"
CLIENTS = 16
ROUNDS = 5
ROUND_S = 3.0
REFERENCE = (200, 435)
"""Requests/s of Apache Deltacloud 1.1.3 with its mock driver, as observed on such machines."""
MANY = 10_000
PARTS = {
    "ec2": ec2.main,
    "cinder": cinder.main,
    "cloudsigma": cloudsigma.main,
    "lists": lists.main,
}
_GUNICORN = (sys.executable, "-m", "gunicorn", "--workers", "2", "--log-level", "error")
_KEEPALIVE = ("--keep-alive", "30")


def _gunicorn(*arguments: str) -> tuple[str, ...]:
    return (*_GUNICORN, *_KEEPALIVE, *arguments, "--bind", "127.0.0.1:{port}", "{app}")


SERVERS: dict[str, tuple[str, ...]] = {
    "gunicorn, our worker (shipped)": _gunicorn("-k", "gateway.worker.Worker"),
    "gunicorn gevent_pywsgi, as it comes": _gunicorn("-k", "gevent_pywsgi"),
    "gunicorn gevent, as it comes": _gunicorn("-k", "gevent"),
    "gunicorn gthread, 2x50 threads": _gunicorn("-k", "gthread", "--threads", "50"),
    "waitress, 1 process, 50 threads": (
        *(sys.executable, "-m", "waitress", "--threads=50", "--connection-limit=1000"),
        *("--listen=127.0.0.1:{port}", "{app}"),
    ),
    "cheroot, 1 process, 50 threads": (
        *(sys.executable, "-m", "cheroot", "--threads", "50", "--bind", "127.0.0.1:{port}"),
        "{app}",
    ),
    "granian, 2 workers, 50 threads": (
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "2"),
        *("--blocking-threads", "50", "--log-level", "error"),
        *("--host", "127.0.0.1", "--port", "{port}", "{app}"),
    ),
}


def main(arguments: list[str]) -> None:
    """Run the benchmarks that the command line names."""
    if arguments == ["servers"]:
        compare_servers()
    elif len(arguments) == 1 and arguments[0] in PARTS:
        PARTS[arguments[0]]()
    elif arguments:
        sys.exit(__doc__)
    else:
        compare_with_bare()
        list_many()
        for part in PARTS.values():
            part()


def compare_with_bare() -> None:
    """Three snapshots in XML, with credentials, beside a bare application."""
    print(f"GET {LIST}, 3 snapshots, Basic, {CLIENTS} clients, 2 workers, {ROUNDS} paired rounds")
    bare: list[Result] = []
    ours: list[Result] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running(local_config(Path(folder))) as server,
        serving(SERVERS["gunicorn, our worker (shipped)"], "tests.bench.apps:bare") as base,
    ):
        make_snapshots(server, 3)
        run(address_of(server), LIST, headers=AUTHORIZATION, clients=CLIENTS, seconds=1)  # warm
        for _ in range(ROUNDS):
            bare.append(run(base, "/", clients=CLIENTS, seconds=ROUND_S))
            ours.append(
                run(
                    address_of(server),
                    LIST,
                    headers=AUTHORIZATION,
                    clients=CLIENTS,
                    seconds=ROUND_S,
                )
            )
    assert not any(result.failures for result in ours)
    speed = median([result.per_second for result in ours])
    ratio = median([o.per_second / b.per_second for o, b in zip(ours, bare, strict=True)])
    show("  ours", ours)
    show("  bare WSGI application on the same server", bare)
    print(f"  ratio to bare: {ratio:.2f}")
    low, high = REFERENCE
    print(f"  Deltacloud's {low}-{high}/s: {speed / low:.1f} to {speed / high:.1f} times")


def list_many() -> None:
    """Ten thousand snapshots in one list: first byte, memory, speed."""
    print(f"GET all of {MANY} snapshots, streamed")
    with (
        tempfile.TemporaryDirectory() as folder,
        running(local_config(Path(folder)), "--workers", "1") as server,
    ):
        make_snapshots(server, 1)
        multiply(server, MANY)
        (worker,) = server.worker_pids()
        for format_ in ("xml", "json"):
            get_all(server, format_)  # warm, so that growth is not the first use of anything
        before = fresh_peak_mib(worker)
        for format_ in ("xml", "json"):
            firsts, wholes, size = [], [], 0
            for _ in range(ROUNDS):
                first, whole, size = get_all(server, format_)
                firsts.append(first)
                wholes.append(whole)
            print(
                f"  {format_}: first byte {median(firsts) * 1000:.1f} ms, "
                f"whole {median(wholes) * 1000:.0f} ms, {size / 2**20:.1f} MiB"
            )
        grown = peak_mib(worker) - before
        print(f"  worker {before:.1f} MiB before, at most {grown:.1f} MiB more during these lists")
        fresh = fresh_growth(folder)
        print(f"  a new worker's first whole list takes at most {fresh:.1f} MiB more than one row")


def fresh_growth(folder: str) -> float:
    """Return how many MiB a new worker grows by at its first whole list."""
    with running(Path(folder) / "gateway.toml", "--workers", "1") as server:
        (worker,) = server.worker_pids()
        server.request("GET", "/storage_snapshots", params={"name": "nightly 0", "id": "snap-1"})
        before = fresh_peak_mib(worker)
        get_all(server, "xml")
        return peak_mib(worker) - before


def compare_servers() -> None:
    """Who cuts a failed stream, and how fast each is on this code and on a slow backend."""
    titles = (f"{'failed stream':14}", " lists/s", " p99 ms", " slow/s", "   quick")
    print(f"{'server':42} " + " ".join(titles))
    with tempfile.TemporaryDirectory() as folder:
        config = local_config(Path(folder))
        with running(config) as server:
            make_snapshots(server, 3)
        os.environ["SNAPGATE_CONFIG"] = str(config)
        for name, command in SERVERS.items():
            if not is_installed(command):
                print(f"{name:42} not installed")
                continue
            try:
                row = measure_server(command)
            except ConnectionError as exc:
                row = f"not measured: {exc}"
            print(f"{name:42} {row}", flush=True)
    print("slow: requests/s of 100 clients on a 200 ms backend (ideal 500);")
    print("quick: median ms of another client's quick request meanwhile")


def measure_server(command: tuple[str, ...]) -> str:
    """Return one row of the comparison."""
    with serving(command, "tests.bench.apps:trouble") as base:
        cut = "cut" if is_cut(base) else "LOOKS WHOLE"
        slow_run = subprocess.Popen(
            [sys.executable, "-c", _SLOW_RUN.format(base=base)], stdout=subprocess.PIPE, text=True
        )
        time.sleep(1.5)
        quick = run(base, "/", clients=1, seconds=2)
        slow = float(slow_run.communicate()[0])
    with serving(command, "wsgi:app") as base:
        run(base, LIST, headers=AUTHORIZATION, clients=CLIENTS, seconds=1)
        lists = [
            run(base, LIST, headers=AUTHORIZATION, clients=CLIENTS, seconds=ROUND_S)
            for _ in range(ROUNDS)
        ]
    speed = median([result.per_second for result in lists])
    p99 = median([result.quantile_ms(0.99) for result in lists])
    return f"{cut:14} {speed:8.0f} {p99:7.1f} {slow:7.0f} {quick.quantile_ms(0.5):8.1f}"


_SLOW_RUN = """
from tests.bench.load import run
print(run({base!r}, "/slow", clients=100, seconds=5).per_second)
"""


def is_cut(base: tuple[str, int]) -> bool:
    """Return whether a client can tell that a stream failed."""
    try:
        requests.get(f"http://{base[0]}:{base[1]}/cut", timeout=10)
    except requests.exceptions.ChunkedEncodingError:
        return True
    return False


@contextlib.contextmanager
def serving(command: tuple[str, ...], app: str) -> Iterator[tuple[str, int]]:
    """Run a server with an application on a free port until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [part.format(port=port, app=app) for part in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, process)
        yield ("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait(30)


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a server answers."""
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        try:
            requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"the server did not start: {process.args!r}")


def is_installed(command: tuple[str, ...]) -> bool:
    """Return whether the server of a command is there."""
    probe = [sys.executable, "-c", f"import {command[2]}"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def get_all(server: Server, format_: str) -> tuple[float, float, int]:
    """Return seconds to the first byte of the body, seconds to the last, and bytes."""
    begun = time.perf_counter()
    first = 0.0
    size = 0
    with requests.get(
        f"{server.api}/storage_snapshots?format={format_}",
        auth=DEMO,
        headers={"Accept-Encoding": "identity"},
        stream=True,
        timeout=60,
    ) as answer:
        for chunk in answer.iter_content(1 << 16):
            first = first or time.perf_counter() - begun
            size += len(chunk)
    return first, time.perf_counter() - begun, size


def show(name: str, results: list[Result]) -> None:
    """Print the medians of some runs."""
    speed = median([result.per_second for result in results])
    half = median([result.quantile_ms(0.5) for result in results])
    p99 = median([result.quantile_ms(0.99) for result in results])
    each = ", ".join(f"{result.per_second:.0f}" for result in results)
    print(f"{name}: {speed:.0f} requests/s ({each}), p50 {half:.1f} ms, p99 {p99:.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
