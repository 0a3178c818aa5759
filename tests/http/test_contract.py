"""The contract, resource by resource: entry point, drivers, schema, OPTIONS, formats."""

import pytest
import requests

from tests.http.tools import CONTENT_TYPES, accept, attributes, tree
from tests.servers import Server


def test_the_entry_point_links_every_collection(server: Server) -> None:
    api = server.request("GET", "").json()["api"]
    assert (api["driver"], api["provider"]) == ("local", "local")
    links = {link["rel"]: link["href"] for link in api["links"]}
    assert links == {
        name: f"{server.api}/{name}" for name in ("drivers", "storage_snapshots", "storage_volumes")
    }
    for href in links.values():
        assert server.request("GET", href.removeprefix(server.api)).status_code == 200


def test_the_entry_point_tells_the_same_in_both_formats(server: Server) -> None:
    api = server.request("GET", "").json()["api"]
    root = tree(server.request("GET", "", headers=accept("xml")))
    assert root.tag == "api"
    assert attributes(root) == {name: api[name] for name in ("version", "driver", "provider")}
    assert [
        {
            "rel": link.get("rel"),
            "href": link.get("href"),
            "features": [
                {
                    "name": feature.get("name"),
                    "rel": feature.get("rel"),
                    "params": [param.get("name") for param in feature],
                }
                for feature in link
            ],
        }
        for link in root
    ] == api["links"]


def test_the_entry_point_names_the_features_of_the_driver(server: Server) -> None:
    links = {link["rel"]: link for link in server.request("GET", "").json()["api"]["links"]}
    of_snapshots = {feature["name"] for feature in links["storage_snapshots"]["features"]}
    assert {"create", "update", "delete", "clone", "in_use", "clone_size"} <= of_snapshots
    assert not {"location", "clone_media", "clone_avoid"} & of_snapshots


@pytest.mark.parametrize("path", ["", "/drivers", "/drivers/local"])
def test_the_public_documents_need_no_credentials(server: Server, path: str, format_: str) -> None:
    answer = server.request("GET", path, auth=None, headers=accept(format_))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == CONTENT_TYPES[format_]


@pytest.mark.parametrize("path", ["", "/drivers", "/drivers/local"])
def test_force_auth_asks_for_credentials(server: Server, path: str, format_: str) -> None:
    for auth, status in ((None, 401), (("demo", "wrong"), 401), (("demo", "demo"), 200)):
        answer = server.request(
            "GET", path, auth=auth, params={"force_auth": "1"}, headers=accept(format_)
        )
        assert answer.status_code == status
        assert ("WWW-Authenticate" in answer.headers) is (status == 401)


def test_a_driver_tells_what_it_can_do(server: Server) -> None:
    driver = server.request("GET", "/drivers/local").json()["driver"]
    assert driver["href"] == f"{server.api}/drivers/local"
    assert driver["providers"] == [{"id": "local"}]
    assert {"snapshot_create", "snapshot_clone", "volume_read"} <= driver["capabilities"].keys()
    assert "location" not in driver["capabilities"]
    assert {"id", "name", "state", "volume_id"} <= set(driver["filters"])
    assert driver["limits"]["name"] == 255
    assert server.request("GET", "/drivers").json() == {"drivers": [driver]}


def test_a_driver_is_the_same_in_both_formats(server: Server) -> None:
    driver = server.request("GET", "/drivers/local").json()["driver"]
    listed = tree(server.request("GET", "/drivers", headers=accept("xml")))
    shown = tree(server.request("GET", "/drivers/local", headers=accept("xml")))
    assert listed.tag == "drivers"
    for root in (listed[0], shown):
        assert root.tag == "driver"
        assert {
            "id": root.get("id"),
            "href": root.get("href"),
            "name": root.findtext("name"),
            "providers": [{"id": p.get("id")} for p in root.findall("provider")],
            "capabilities": {c.get("name"): c.text for c in root.findall("capability")},
            "filters": {
                f.get("name"): (f.get("lookups") or "").split() for f in root.findall("filter")
            },
            "sort": [f.get("name") for f in root.findall("sort")],
            "native": {
                "filters": {f.get("name"): f.get("answer") for f in root.findall("native/filter")},
                "sort": [f.get("name") for f in root.findall("native/sort")],
                "count": root.xpath("native/@count") == ["true"],
            },
            "limits": {e.get("name"): int(e.text or "") for e in root.findall("limit")},
        } == driver


def test_an_unknown_driver_is_not_found(server: Server, format_: str) -> None:
    answer = server.request("GET", "/drivers/nosuch", headers=accept(format_))
    assert answer.status_code == 404
    assert "nosuch" in answer.text


def test_the_schema_is_the_same_in_both_formats(server: Server) -> None:
    schema = server.request("GET", "/storage_snapshots/schema").json()
    root = tree(server.request("GET", "/storage_snapshots/schema", headers=accept("xml")))
    assert {
        f.get("name"): {
            "type": f.get("type"),
            "readonly": f.get("readonly") == "true",
            "required": f.get("required") == "true",
            "help_text": f.text,
        }
        for f in root.findall("field")
    } == schema["fields"]
    assert {
        f.get("name"): (f.get("lookups") or "").split() for f in root.findall("filter")
    } == schema["filtering"]
    assert [f.get("name") for f in root.findall("sort")] == schema["ordering"]
    assert {e.get("name"): int(e.text or "") for e in root.findall("limit")} == schema["limits"]
    assert [e.text for e in root.findall("list_method")] == schema["allowed_list_http_methods"]
    assert [e.text for e in root.findall("detail_method")] == schema["allowed_detail_http_methods"]


def test_the_schema_knows_every_field_of_a_snapshot(server: Server, kept: str) -> None:
    schema = server.request("GET", "/storage_snapshots/schema").json()
    shown = server.request("GET", f"/storage_snapshots/{kept}").json()["storage_snapshot"]
    assert shown.keys() <= schema["fields"].keys()
    assert [name for name, f in schema["fields"].items() if f["required"]] == ["volume_id"]
    assert not schema["fields"]["name"]["readonly"]
    assert schema["fields"]["state"]["readonly"]


ALLOWED = {
    "": "GET, HEAD, OPTIONS",
    "/drivers": "GET, HEAD, OPTIONS",
    "/drivers/local": "GET, HEAD, OPTIONS",
    "/storage_snapshots": "DELETE, GET, HEAD, OPTIONS, POST",
    "/storage_snapshots/x": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
    "/storage_snapshots/x/clone": "OPTIONS, POST",
    "/storage_snapshots/x/metadata": "GET, HEAD, OPTIONS, POST, PUT",
    "/storage_snapshots/x/metadata/k": "DELETE, GET, HEAD, OPTIONS, PUT",
    "/storage_volumes": "GET, HEAD, OPTIONS, POST",
    "/storage_volumes/x": "DELETE, GET, HEAD, OPTIONS",
}


@pytest.mark.parametrize("path", ALLOWED)
def test_options_tells_the_methods_to_anybody(server: Server, path: str, format_: str) -> None:
    answer = server.request("OPTIONS", path, auth=None, headers=accept(format_))
    assert answer.status_code == 200
    assert sorted(answer.headers["Allow"].split(", ")) == sorted(ALLOWED[path].split(", "))
    assert answer.content == b""
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "format_"),
    [
        (None, "xml"),
        ("", "xml"),
        ("*/*", "xml"),
        ("application/*", "xml"),
        ("application/xml", "xml"),
        ("text/xml", "xml"),
        ("application/json", "json"),
        ("application/json; charset=utf-8", "json"),
        ("APPLICATION/JSON", "json"),
        ("application/json, */*", "json"),
        ("*/*, application/json", "json"),
        ("application/xml;q=0.5, application/json", "json"),
        ("application/json;q=0.2, application/xml;q=0.9", "xml"),
        ("application/xml;q=0, */*", "json"),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", "xml"),
        ("text/html, application/json;q=0.1", "json"),
    ],
)
def test_accept_chooses_the_format(server: Server, accepted: str | None, format_: str) -> None:
    headers = {"Accept": accepted}
    answer = requests.get(f"{server.api}/storage_snapshots", headers=headers, auth=("demo", "demo"))  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == CONTENT_TYPES[format_]


@pytest.mark.parametrize("accepted", ["application/json", "application/xml", "image/png", "x"])
def test_the_format_parameter_beats_accept(server: Server, accepted: str, format_: str) -> None:
    answer = server.request("GET", "", params={"format": format_}, headers={"Accept": accepted})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == CONTENT_TYPES[format_]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_probes_answer_without_credentials(server: Server, path: str) -> None:
    assert requests.get(server.base + path, timeout=30).status_code == 200
