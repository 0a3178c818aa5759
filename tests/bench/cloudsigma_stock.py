"""requests in a plain script: ``python -m tests.bench.cloudsigma_stock URL FORMAT``.

It reads all snapshots at once as JSON, and writes the answer that the gateway
gives, from models that it has made before.
"""

import sys
from functools import lru_cache

import requests

from drivers.cloudsigma import wire
from drivers.cloudsigma.driver import CloudSigmaDriver
from gateway.core.actions import snapshot_actions
from gateway.representations import json, xml
from gateway.representations.documents import Links, ListEnd, Row
from tests.bench.stock import measure


def main(url: str, format_: str) -> None:
    """Measure until the input ends."""
    session = requests.Session()
    writer = {"json": json, "xml": xml}[format_]
    links, capabilities = Links("http://127.0.0.1:3001/api"), CloudSigmaDriver.capabilities
    row = lru_cache(lambda actions: Row(links, actions))
    address = f"{url}/api/2.0/snapshots/detail/?limit=0&offset=0"
    found = session.get(address, timeout=60).json()["objects"]
    models = tuple(wire.snapshot(one) for one in found)

    def read_and_write() -> int:
        objects = session.get(address, timeout=60).json()["objects"]
        b"".join(
            writer.storage_snapshots(
                [models],
                lambda model: row(snapshot_actions(model, capabilities)),
                lambda: ListEnd(len(models)),
            )
        )
        return len(objects)

    measure(read_and_write)


if __name__ == "__main__":
    main(*sys.argv[1:])
