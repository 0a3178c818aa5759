from collections.abc import Callable

from tests.servers import Server


def test_a_snapshot_is_made_listed_and_deleted(
    server: Server, make_image: Callable[..., str]
) -> None:
    made = server.request("POST", "/storage_snapshots", data={"volume_id": make_image()})
    assert made.status_code == 201
    path = "/storage_snapshots/" + made.json()["storage_snapshot"]["id"]
    assert server.wait_until(path)["ready"] is True
    assert server.request("DELETE", path).status_code == 204
    assert server.request("GET", path).status_code == 404
