"""The list engine: long lists streamed, filters that are pushed down, pages of long lists."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tests.bench import ec2
from tests.bench.beside import compare
from tests.bench.load import median
from tests.bench.stores import make_snapshots, multiply
from tests.servers import Server, local_config, running

MANY = 100_000
PAGE = 50
MOST_MS = 10
ROUNDS = 51
_LONG = replace(ec2.SUBJECT, targets={MANY: 0.20}, rounds={MANY: 3}, most_mib=30)
_SHORT = replace(ec2.SUBJECT, targets={1000: 1.1}, rounds={1000: 31})
_PUSHED = "&metadata[env]=production"
"""All rows of the static server meet it, so that it answers right without looking."""


def main() -> None:
    """Measure all of it."""
    compare(_LONG)
    compare(replace(_LONG, format="ndjson", end=b'{"complete":true,"count":100000}\n'))
    compare(replace(_SHORT, query=_PUSHED, beside_itself=True))
    pages_of_a_long_store()


def pages_of_a_long_store() -> None:
    """Show how long pages take out of a local store with very many snapshots."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(local_config(Path(folder)), "--workers", "1") as server,
    ):
        make_snapshots(server, 1)
        multiply(server, MANY)
        for sort in ("", "&sort=-created", "&sort=name", "&name__contains=zzz"):
            show_pages(server, f"limit={PAGE}{sort}")


def show_pages(server: Server, query: str) -> None:
    """Print the median of the first page and of one far inside."""
    first, link = _page(server, f"/storage_snapshots?format=json&{query}")
    for _ in range(20):
        if link is None:
            break
        _, link = _page(server, link)
    far = None if link is None else _page(server, link)[0]
    shown = "none" if far is None else f"{far:.1f} ms"
    print(
        f"local, {MANY} snapshots, {query}: first page {first:.1f} ms, "
        f"the 22nd {shown} (target {MOST_MS})"
    )


def _page(server: Server, path: str) -> tuple[float, str | None]:
    """Return the median milliseconds of a page, and the path of the next one."""
    took = []
    for _ in range(ROUNDS if "contains" not in path else 3):
        begun = time.perf_counter()
        answer = server.request("GET", path)
        took.append(time.perf_counter() - begun)
    following = answer.json().get("next")
    return median(took) * 1000, following and following.partition("/api")[2]
