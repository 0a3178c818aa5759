"""A static CloudSigma: ``python -m tests.bench.cloudsigma_server COUNT``.

The objects are CloudSigma's own in their form. It heeds limit, offset, fields and
uuid, as the driver uses them, and nothing else.
"""

import json
import sys
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.bench.static import Server

_JSON = "Content-Type: application/json; charset=utf-8\r\n"
_OWNER = "5b4a69a3-8e78-4c45-a8ba-8b13f0895e23"
_NOTHING = json.dumps({"meta": {"limit": 0, "offset": 0, "total_count": 0}, "objects": []}).encode()
_CAPABILITIES = json.dumps(
    {"remote_snapshots": {"current": 0, "max": 600, "remote_locations": ["ZRH"]}}
).encode()


def row(n: int) -> dict[str, Any]:
    """Return the n-th snapshot."""
    own, drive = str(uuid.UUID(int=n + 1)), str(uuid.UUID(int=n + 2**64))
    return {
        "allocated_size": n * 4096,
        "drive": {"resource_uri": f"/api/2.0/drives/{drive}/", "uuid": drive},
        "grantees": [],
        "meta": {"env": "production", "description": f"nightly snapshot number {n}"},
        "name": f"nightly {n}",
        "owner": {"resource_uri": f"/api/2.0/user/{_OWNER}/", "uuid": _OWNER},
        "permissions": [],
        "resource_uri": f"/api/2.0/snapshots/{own}/",
        "status": "available",
        "tags": [],
        "timestamp": f"2026-{n % 12 + 1:02}-{n % 28 + 1:02} {n % 24:02}:52:53.{n % 10**6:06}+00:00",
        "uuid": own,
    }


def page(rows: list[dict[str, Any]], query: dict[str, list[str]]) -> bytes:
    """Return the page that a query asks for."""
    wanted = set(",".join(query.get("uuid", [])).split(",")) - {""}
    found = [r for r in rows if not wanted or r["uuid"] in wanted]
    total, limit, offset = len(found), int(query["limit"][0]), int(query["offset"][0])
    found = found[offset : offset + limit if limit else None]
    fields = ",".join(query.get("fields", [])).split(",")
    if fields != [""]:
        found = [{name: r[name] for name in fields} for r in found]
    meta = {"limit": limit, "offset": offset, "total_count": total}
    return json.dumps({"meta": meta, "objects": found}).encode()


def main(count: int) -> None:
    """Serve ``count`` snapshots."""
    server = Server()
    rows = [row(n) for n in range(count)]
    pages: dict[str, bytes] = {}

    def answer(line: str, _body: str) -> tuple[str, bytes]:
        url = line.split(" ")[1]
        if "/remotesnapshots/" in url:
            return _JSON, _NOTHING
        if "/capabilities/" in url:
            return _JSON, _CAPABILITIES
        server.note()
        if url not in pages:
            pages[url] = page(rows, parse_qs(urlsplit(url).query))
        return _JSON, pages[url]

    server.run(answer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
