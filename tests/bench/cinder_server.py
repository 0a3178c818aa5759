"""A static Keystone and Cinder: ``python -m tests.bench.cinder_server COUNT``.

The bodies are Cinder's own, byte for byte in their form (compact, with one or
two metadata items), in pages of 1000.
"""

import json
import sys
import uuid

from tests.bench.static import PAGE, Server

_PROJECT = "98e424d7dfc04ad6a88344f859950a94"
_JSON = "Content-Type: application/json\r\n"
_CINDER = (
    f"{_JSON}OpenStack-API-Version: volume 3.71\r\nVary: OpenStack-API-Version\r\n"
    "x-openstack-request-id: req-557d0edc-ada0-40ec-a82e-3c8300d12af6\r\n"
)


def row(n: int) -> dict[str, object]:
    """Return the n-th snapshot as Cinder 29.0.0 shows it at microversion 3.71."""
    return {
        "id": str(uuid.UUID(int=n + 1)),
        "created_at": f"2026-{n % 12 + 1:02}-{n % 28 + 1:02}T{n % 24:02}:34:09.{n % 10**6:06}",
        "updated_at": f"2026-{n % 12 + 1:02}-{n % 28 + 1:02}T{n % 24:02}:34:10.626827",
        "name": f"nightly {n}",
        "description": f"nightly snapshot number {n}",
        "volume_id": str(uuid.UUID(int=n + 2**64)),
        "status": "available",
        "size": n % 100 + 1,
        "metadata": {"tier": "gold", "env": "production"} if n % 2 else {"n": str(n)},
        "group_snapshot_id": None,
        "user_id": "182226bc90d64ea5ab1cbf2c528d030f",
        "consumes_quota": True,
        "os-extended-snapshot-attributes:project_id": _PROJECT,
        "os-extended-snapshot-attributes:progress": "100%",
    }


def page(url: str, start: int, count: int) -> bytes:
    """Return the answer that begins with the snapshot number ``start``."""
    rows = [row(n) for n in range(start, min(start + PAGE, count))]
    document: dict[str, object] = {"snapshots": rows}
    if len(rows) == PAGE:
        href = f"{url}/snapshots/detail?limit={PAGE}&marker={rows[-1]['id']}"
        document["snapshots_links"] = [{"rel": "next", "href": href}]
    return json.dumps(document).encode()


def token(url: str) -> bytes:
    """Return Keystone's answer to a login, with what keystoneauth reads of it."""
    endpoint = {"interface": "public", "region_id": "RegionOne", "region": "RegionOne", "url": url}
    identity = {"type": "identity", "name": "keystone", "endpoints": [endpoint]}
    cinder = {"type": "block-storage", "name": "cinder", "endpoints": [endpoint]}
    domain = {"id": "default", "name": "Default"}
    found = {
        "methods": ["password"],
        "user": {"id": "182226bc90d64ea5ab1cbf2c528d030f", "name": "demo", "domain": domain},
        "project": {"id": _PROJECT, "name": "demo", "domain": domain},
        "issued_at": "2026-11-20T18:34:07.000000Z",
        "expires_at": "2099-11-20T19:34:07.000000Z",
        "roles": [{"id": "3b76b46451c743fe88ca3e82cb65d72d", "name": "member"}],
        "catalog": [identity, cinder],
    }
    return json.dumps({"token": found}).encode()


def versions(url: str) -> bytes:
    """Return the discovery document of both services, which this one server is."""
    version = {
        "id": "v3.0",
        "status": "CURRENT",
        "version": "3.71",
        "min_version": "3.0",
        "updated": "2023-08-31T00:00:00Z",
        "links": [{"rel": "self", "href": f"{url}/"}],
    }
    return json.dumps({"versions": [version]}).encode()


def main(count: int) -> None:
    """Serve ``count`` snapshots."""
    server = Server()
    pages: dict[str, bytes] = {}

    def answer(line: str, _body: str) -> tuple[str, bytes]:
        url = f"http://127.0.0.1:{server.port}/v3"
        if line.startswith("POST"):
            return f"{_JSON}X-Subject-Token: gAAAAexample\r\n", token(url)
        if "/snapshots/detail" not in line:
            return _JSON, versions(url)
        if not pages:
            for start in range(0, count + 1, PAGE):
                marker = str(uuid.UUID(int=start)) if start else ""
                pages[marker] = page(url, start, count)
        server.note()
        marker = line.split(" ")[1].partition("marker=")[2].partition("&")[0]
        return _CINDER, pages[marker]

    server.run(answer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
