"""Which provider a request is for: matrix parameters, headers, the default."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.http.tools import accept, facts, facts_of_list, problem, send, tree
from tests.servers import DEMO_HASH, Server, local_config, running

LIST = "/storage_snapshots"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two providers of the local driver: ``local`` and ``Other.2``."""
    folder = tmp_path_factory.mktemp("pair")
    more = "\n".join(
        [
            '[providers."Other.2"]',
            'driver = "local"',
            '[providers."Other.2".options]',
            f'path = "{folder / "other"}"',
            f'accounts = {{demo = "{DEMO_HASH}", eve = "{DEMO_HASH}"}}',
        ]
    )
    with running(local_config(folder, more=more)) as server:
        (server.store / "volumes" / "mine.img").write_bytes(b"mine")
        (folder / "other" / "volumes" / "other.img").write_bytes(b"other")
        yield server


def ask(server: Server, selection: str, path: str = "", **kw: Any) -> Any:
    """Send a GET, or what ``method`` says, to ``/api<selection><path>``."""
    return server.request(kw.pop("method", "GET"), selection + path, **kw)


SELECTIONS = {
    "": "local",
    ";": "local",
    ";driver=local": "local",
    ";provider=local": "local",
    ";provider=Other.2": "Other.2",
    ";driver=local;provider=Other.2": "Other.2",
    ";provider=Other.2;driver=local": "Other.2",
}


@pytest.mark.parametrize("selection", SELECTIONS)
def test_matrix_parameters_choose_the_provider(pair: Server, selection: str, format_: str) -> None:
    answer = ask(pair, selection, "/storage_volumes", headers=accept(format_))
    assert answer.status_code == 200
    provider = SELECTIONS[selection]
    assert answer.headers["X-Deltacloud-Provider"] == provider
    assert answer.headers["X-Deltacloud-Driver"] == "local"
    expected = {"local": "mine.img", "Other.2": "other.img"}[provider]
    assert expected in {volume["id"] for volume in facts_of_list(answer)}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Deltacloud-Provider": "Other.2"},
        {"X-Deltacloud-Provider": "Other.2", "X-Deltacloud-Driver": "local"},
    ],
)
def test_headers_choose_the_provider(pair: Server, headers: dict[str, str], format_: str) -> None:
    answer = ask(pair, "", "/storage_volumes", headers={**headers, **accept(format_)})
    assert answer.headers["X-Deltacloud-Provider"] == "Other.2"
    assert {volume["id"] for volume in facts_of_list(answer)} == {"other.img"}


def test_a_driver_alone_selects_its_first_provider(pair: Server) -> None:
    answer = ask(pair, "", headers={"X-Deltacloud-Driver": "local"})
    assert answer.headers["X-Deltacloud-Provider"] == "local"


def test_matrix_parameters_beat_the_headers(pair: Server) -> None:
    for chosen, other in (("local", "Other.2"), ("Other.2", "local"), ("local", "nosuch")):
        answer = ask(pair, f";provider={chosen}", headers={"X-Deltacloud-Provider": other})
        assert answer.status_code == 200
        assert answer.headers["X-Deltacloud-Provider"] == chosen


def test_headers_that_are_empty_choose_nothing(pair: Server) -> None:
    headers = {"X-Deltacloud-Provider": "", "X-Deltacloud-Driver": ""}
    assert ask(pair, "", headers=headers).headers["X-Deltacloud-Provider"] == "local"


@pytest.mark.parametrize("selection", [";provider=Other.2", ";driver=local;provider=Other.2"])
def test_every_method_knows_the_matrix_parameters(pair: Server, selection: str) -> None:
    def send_(method: str, path: str, status: int, **kw: Any) -> Any:
        answer = ask(pair, selection, path, method=method, **kw)
        assert answer.status_code == status, answer.text
        assert answer.headers["X-Deltacloud-Provider"] == "Other.2"
        return answer

    made = facts(send_("POST", LIST, 201, data={"volume_id": "other.img"}))
    path = f"{LIST}/{made['id']}"
    pair.wait_until(selection + path)
    send_("HEAD", path, 200)
    send_("OPTIONS", path, 200)
    send_("PUT", path, 200, data={"name": "x"})
    send_("PATCH", path, 200, data={"name": "y"})
    send_("PUT", f"{path}/metadata/k", 200, data={"value": "v"})
    volume = facts(send_("POST", f"{path}/clone", 201))
    assert pair.request("GET", path).status_code == 404, "the default provider must not know it"
    assert pair.request("GET", f"/storage_volumes/{volume['id']}").status_code == 404
    pair.wait_until(f"{selection}/storage_volumes/{volume['id']}")
    send_("DELETE", f"/storage_volumes/{volume['id']}", 204)
    send_("DELETE", path, 204)


@pytest.mark.parametrize(
    ("selection", "headers", "kept"),
    [
        ("", {}, ""),
        (";provider=Other.2", {}, ";provider=Other.2"),
        (";driver=local", {}, ";driver=local"),
        (";driver=local;provider=Other.2", {}, ";driver=local;provider=Other.2"),
        ("", {"X-Deltacloud-Provider": "Other.2"}, ";provider=Other.2"),
    ],
)
def test_links_keep_the_selection_and_end_in_the_id(
    pair: Server, selection: str, headers: dict[str, str], kept: str, format_: str
) -> None:
    wanted = {**headers, **accept(format_)}
    image = "other.img" if "Other.2" in kept else "mine.img"
    answer = ask(pair, selection, LIST, method="POST", data={"volume_id": image}, headers=wanted)
    made = facts(answer)
    path = f"{LIST}/{made['id']}"
    assert answer.headers["Location"] == made["href"] == f"{pair.api}{kept}{path}"
    source = made["storage_volume"]["href"]
    assert source == f"{pair.api}{kept}/storage_volumes/{image}"
    assert pair.request("GET", source.removeprefix(pair.api)).status_code == 200
    shown = pair.wait_until(kept + path)
    assert {a["href"].partition(path)[0] for a in shown["actions"]} == {pair.api + kept}
    root = tree(ask(pair, selection, headers={**headers, **accept("xml")}))
    assert {str(link.get("href")).rpartition("/")[0] for link in root} == {pair.api + kept}
    assert pair.request("DELETE", kept + path).status_code == 204


@pytest.mark.parametrize(
    ("selection", "headers"),
    [
        (";provider=nosuch", {}),
        (";provider=LOCAL", {}),
        (";provider=other.2", {}),
        (";provider=Other", {}),
        (";provider=", {}),
        (";provider=%20local", {}),
        (";driver=nosuch", {}),
        (";driver=Local", {}),
        (";driver=ec2;provider=local", {}),
        ("", {"X-Deltacloud-Provider": "nosuch"}),
        ("", {"X-Deltacloud-Provider": "https://evil.example/api"}),
        (";provider=https:%2f%2fevil.example%2f", {}),
        ("", {"X-Deltacloud-Driver": "ec2"}),
        ("", {"X-Deltacloud-Driver": "Local"}),
    ],
)
def test_a_name_that_is_not_configured_is_refused_with_those_that_are(
    pair: Server, selection: str, headers: dict[str, str], format_: str
) -> None:
    for path in ("", LIST, "/nosuch"):
        answer = ask(pair, selection, path, headers={**headers, **accept(format_)})
        assert answer.status_code == 400
        found = problem(answer)
        assert found["error"] == "invalid"
        assert set(found["fields"]) <= {"provider", "driver"}
        assert "local" in found["message"]
        if "provider" in found["fields"]:
            assert "Other.2" in found["message"]


@pytest.mark.parametrize(
    "selection",
    [
        ";region=x",
        ";provider",
        ";provider=local;provider=local",
        ";provider=local;driver=local;driver=local",
        ";=local",
        ";Provider=local",
    ],
)
def test_other_matrix_parameters_are_refused(pair: Server, selection: str, format_: str) -> None:
    answer = ask(pair, selection, LIST, headers=accept(format_))
    assert answer.status_code == 400
    assert "driver and provider" in problem(answer)["message"]


def test_a_url_as_provider_is_never_connected_to(pair: Server) -> None:
    answer = send(
        pair, "GET", "/api;provider=http://127.0.0.1:1/x/storage_snapshots", headers=accept("json")
    )
    assert answer.status == 400
    assert "configured: local" in answer.json()["message"]


def test_a_refused_name_makes_nothing(pair: Server) -> None:
    before = ask(pair, "", LIST).json()
    answer = ask(pair, ";provider=nosuch", LIST, method="POST", data={"volume_id": "mine.img"})
    assert answer.status_code == 400
    assert ask(pair, "", LIST).json() == before


def test_each_provider_has_its_own_accounts(pair: Server) -> None:
    eve = ("eve", "demo")
    assert ask(pair, ";provider=Other.2", LIST, auth=eve).status_code == 200
    assert ask(pair, "", LIST, auth=eve).status_code == 401


def test_a_query_parameter_chooses_no_provider(pair: Server) -> None:
    answer = ask(pair, "", LIST, params={"provider": "Other.2"})
    assert answer.status_code == 400
    assert problem(answer)["fields"].keys() == {"provider"}


def test_the_drivers_name_both_providers(pair: Server) -> None:
    (driver,) = ask(pair, "", "/drivers").json()["drivers"]
    assert driver["providers"] == [{"id": "local"}, {"id": "Other.2"}]
