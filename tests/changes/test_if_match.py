"""If-Match: of many who have seen the same snapshot one changes it, and the others hear of it."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from drivers.cinder.account import Account as CinderAccount
from drivers.cloudsigma.account import Account as CloudSigmaAccount
from drivers.ec2.account import Account as Ec2Account
from gateway.driver import (
    Credentials,
    Deadline,
    DriverError,
    ErrorCode,
    MetadataChange,
    StorageSnapshot,
    UpdateSnapshot,
)
from tests.changes.clouds import CLOUDS, ROOT, VOLUMES, Cloud, cinder
from tests.http.tools import FORMATS, facts, facts_of_list, problem

EDITORS = 8
Ask = Callable[..., Any]
CHANGES: list[tuple[str, str, Any]] = [
    ("PUT", "", {"name": "changed"}),
    ("PATCH", "", {"name": "changed"}),
    ("PATCH", "", {"metadata[b]": "changed"}),
    ("PUT", "", {"name": "changed", "metadata[b]": "2"}),
    ("DELETE", "", None),
    ("POST", "/metadata", {"metadata[b]": "changed"}),
    ("PUT", "/metadata", {"metadata[b]": "changed"}),
    ("PUT", "/metadata/a", {"value": "changed"}),
    ("DELETE", "/metadata/a", None),
]


def etag_of(cloud: Cloud, path: str, format_: str = "json", **kw: Any) -> str:
    answer = cloud.ask("GET", path, format_, **kw)
    assert answer.status_code == 200
    return str(answer.headers["ETag"])


@pytest.mark.parametrize(("method", "end", "fields"), CHANGES)
@pytest.mark.parametrize("seen_in", FORMATS)
def test_the_etag_of_either_format_is_enough_while_nothing_changes(
    *, cloud: Cloud, format_: str, method: str, end: str, fields: Any, seen_in: str
) -> None:
    path = f"{ROOT}/{cloud.make(metadata={'a': '1'})}{end}"
    headers = {"If-Match": etag_of(cloud, path, seen_in)}
    answer = cloud.ask(method, path, format_, data=fields, headers=headers)
    assert answer.status_code == (204 if method == "DELETE" else 200), answer.text


def by_hand(cloud: Cloud, snapshot_id: str) -> None:
    """Change a snapshot without If-Match."""
    answer = cloud.ask("PATCH", f"{ROOT}/{snapshot_id}", data={"metadata[a]": "by hand"})
    assert answer.status_code == 200


@pytest.mark.parametrize(("method", "end", "fields"), CHANGES)
@pytest.mark.parametrize("seen_in", FORMATS)
def test_what_has_changed_is_not_overwritten(
    *, cloud: Cloud, format_: str, method: str, end: str, fields: Any, seen_in: str
) -> None:
    snapshot_id = cloud.make(metadata={"a": "1"})
    path = f"{ROOT}/{snapshot_id}{end}"
    headers = {"If-Match": etag_of(cloud, path, seen_in)}
    by_hand(cloud, snapshot_id)
    before = facts(cloud.ask("GET", f"{ROOT}/{snapshot_id}"))
    answer = cloud.ask(method, path, format_, data=fields, headers=headers)
    assert (problem(answer)["code"], problem(answer)["error"]) == (412, "precondition_failed")
    assert facts(cloud.ask("GET", f"{ROOT}/{snapshot_id}")) == before


def test_the_etag_of_another_host_or_selection_is_enough(cloud: Cloud, format_: str) -> None:
    path = f"{ROOT}/{cloud.make()}"
    seen = etag_of(cloud, path, format_, base_url="http://elsewhere:99")
    here = etag_of(cloud, path, format_)
    assert seen != here, "strong: the links are others, and so are the bytes"
    assert seen.partition("-")[0] == here.partition("-")[0]
    given = {"If-Match": seen}
    selected = path.replace("/api", "/api;provider=main")
    answer = cloud.ask("PATCH", selected, format_, data={"name": "new"}, headers=given)
    assert answer.status_code == 200


def test_an_answer_to_a_change_has_the_etag_for_the_next_one(cloud: Cloud, format_: str) -> None:
    path = f"{ROOT}/{cloud.make()}"
    etag = etag_of(cloud, path, format_)
    for name in ("one", "two", "three"):
        headers = {"If-Match": etag}
        answer = cloud.ask("PATCH", path, format_, data={"name": name}, headers=headers)
        assert answer.status_code == 200, answer.text
        etag = answer.headers["ETag"]
        assert re.fullmatch('"[0-9a-f]{32}-[0-9a-f]{32}"', etag)
    assert etag_of(cloud, path, format_) == etag
    stale = cloud.ask("DELETE", path, format_, headers=headers)
    assert stale.status_code == 412
    assert cloud.ask("DELETE", path, format_, headers={"If-Match": etag}).status_code == 204


def test_a_partial_answer_is_not_enough(cloud: Cloud, format_: str) -> None:
    path = f"{ROOT}/{cloud.make()}"
    weak = etag_of(cloud, f"{path}?fields=id,name", format_)
    assert weak.startswith('W/"')
    for etag in (weak, f"W/{etag_of(cloud, path, format_)}", '"x-y"', '"-"', '""', '"x"', ""):
        answer = cloud.ask("PATCH", path, format_, data={"name": "x"}, headers={"If-Match": etag})
        assert answer.status_code == 412, etag
        assert "If-Match" in problem(answer)["message"]


def test_a_volume_is_deleted_only_as_it_was_seen(cloud: Cloud, format_: str) -> None:
    path = f"{VOLUMES}/{cloud.volume_id}"
    headers = {"If-Match": etag_of(cloud, path, format_)}
    snapshot_id = cloud.make()
    assert cloud.ask("DELETE", path, format_, headers=headers).status_code == 412
    assert cloud.ask("DELETE", f"{ROOT}/{snapshot_id}", wait=20).status_code == 204
    other = "xml" if format_ == "json" else "json"
    headers = {"If-Match": etag_of(cloud, path, other)}
    assert cloud.ask("DELETE", path, format_, headers=headers, wait=20).status_code == 204


def test_a_revert_needs_what_was_seen(tmp_path: Path, format_: str) -> None:
    with cinder(tmp_path) as cloud:
        snapshot_id = cloud.make(metadata={"a": "1"})
        path = f"{ROOT}/{snapshot_id}"
        headers = {"If-Match": etag_of(cloud, path)}
        by_hand(cloud, snapshot_id)
        stale = cloud.ask("POST", f"{path}/revert", format_, headers=headers)
        assert stale.status_code == 412
        assert cloud.sim.count("POST /volumes/*/action") == 0
        headers = {"If-Match": etag_of(cloud, path)}
        good = cloud.ask("POST", f"{path}/revert", format_, headers=headers, wait=20)
        assert good.status_code == 200


def together(ask: Callable[[int], Any]) -> list[int]:
    with ThreadPoolExecutor(EDITORS) as pool:
        return sorted(answer.status_code for answer in pool.map(ask, range(EDITORS)))


@pytest.mark.parametrize("end", ["", "/metadata"])
def test_of_many_with_one_etag_one_wins(cloud: Cloud, format_: str, end: str) -> None:
    path = f"{ROOT}/{cloud.make(metadata={'a': '1'})}"
    headers = {"If-Match": etag_of(cloud, path + end, format_)}

    def edit(number: int) -> Any:
        fields = {"metadata[a]": f"editor {number}"}
        return cloud.ask("PUT", path + end, format_, data=fields, headers=headers)

    assert together(edit) == [200] + [412] * (EDITORS - 1)
    shown = facts(cloud.ask("GET", path))
    assert shown["metadata"]["a"].startswith("editor ")


def test_nobody_s_edit_is_lost_who_reads_again_after_a_412(cloud: Cloud) -> None:
    path = f"{ROOT}/{cloud.make()}/metadata"

    def edit(number: int) -> Any:
        while True:
            seen = cloud.ask("GET", path)
            fields = {"metadata": {**seen.json()["metadata"], f"k{number}": "mine"}}
            headers = {"If-Match": seen.headers["ETag"]}
            answer = cloud.ask("PUT", path, json=fields, headers=headers)
            if answer.status_code != 412:
                return answer

    assert together(edit) == [200] * EDITORS
    found = cloud.ask("GET", path).json()["metadata"]
    assert found == {f"k{number}": "mine" for number in range(EDITORS)}


def test_merges_without_a_condition_lose_nothing_within_one_server(cloud: Cloud) -> None:
    path = f"{ROOT}/{cloud.make()}/metadata"
    statuses = together(lambda n: cloud.ask("POST", path, data={f"metadata[k{n}]": "mine"}))
    assert statuses == [200] * EDITORS
    found = cloud.ask("GET", path).json()["metadata"]
    assert found == {f"k{number}": "mine" for number in range(EDITORS)}


def test_of_many_deletions_with_one_etag_one_wins(cloud: Cloud, format_: str) -> None:
    path = f"{ROOT}/{cloud.make()}"
    headers = {"If-Match": etag_of(cloud, path)}
    statuses = together(lambda _: cloud.ask("DELETE", path, format_, headers=headers))
    assert statuses[0] == 204
    assert set(statuses[1:]) <= {404, 409, 412} or cloud.name == "cloudsigma"


@pytest.mark.parametrize("name", ["cloudsigma", "cinder", "ec2"])
@pytest.mark.parametrize("fields", [{"name": "new"}, {"metadata[b]": "new"}])
def test_somebody_else_edits_while_the_change_is_on_its_way(
    *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, fields: Any, format_: str
) -> None:
    """The driver compares what it reads itself, so the window is one call long."""
    account: Any = {"cloudsigma": CloudSigmaAccount, "cinder": CinderAccount, "ec2": Ec2Account}[
        name
    ]
    with CLOUDS[name](tmp_path) as cloud:
        path = f"{ROOT}/{cloud.make(metadata={'a': '1'})}"
        headers = {"If-Match": etag_of(cloud, path)}
        reads, get = [0], account.get

        def get_and_edit(self: Any, *args: Any) -> Any:
            found = get(self, *args)
            reads[0] += 1
            if reads[0] == 1:  # the core has just looked, and the driver will look once more
                _edit_elsewhere(cloud)
            return found

        monkeypatch.setattr(account, "get", get_and_edit)
        answer = cloud.ask("PATCH", path, format_, data=fields, headers=headers)
        assert answer.status_code == 412
        assert reads[0] == 2
        shown = facts(cloud.ask("GET", path))
        assert (shown["name"] or "") != "new"
        assert shown["metadata"] == {"a": "by another gateway"}


def _edit_elsewhere(cloud: Cloud) -> None:
    if cloud.name == "cloudsigma":
        (snapshot,) = cloud.sim.snapshots.values()
        snapshot.meta = {"a": "by another gateway"}
        return
    region = cloud.sim.region("eu-west-1") if cloud.name == "ec2" else cloud.sim.region()
    (snapshot,) = region.snapshots.values()
    held = snapshot.tags if cloud.name == "ec2" else snapshot.metadata
    held["a"] = "by another gateway"


@pytest.mark.parametrize("name", ["cinder", "ec2", "cloudsigma"])
def test_a_condition_costs_one_more_read(tmp_path: Path, name: str) -> None:
    with CLOUDS[name](tmp_path) as cloud:
        path = f"{ROOT}/{cloud.make(metadata={'a': '1'})}/metadata"
        headers = {"If-Match": etag_of(cloud, path)}
        before = cloud.count()
        assert cloud.ask("PUT", path, data={"metadata[a]": "2"}).status_code == 200
        plain, before = cloud.count() - before, cloud.count()
        headers = {"If-Match": etag_of(cloud, path)}
        read, before = cloud.count() - before, cloud.count()
        answer = cloud.ask("PUT", path, data={"metadata[a]": "3"}, headers=headers)
        assert answer.status_code == 200
        assert cloud.count() - before <= plain + read


@pytest.mark.parametrize("fields", [{"name": "new"}, {"metadata": MetadataChange({"a": "2"})}, {}])
def test_every_driver_checks_before_it_changes_anything(cloud: Cloud, fields: Any) -> None:
    snapshot_id = cloud.make(metadata={"a": "1"})
    path = f"{ROOT}/{snapshot_id}"
    before = facts(cloud.ask("GET", path))
    seen: list[StorageSnapshot] = []

    def refuse(snapshot: StorageSnapshot) -> None:
        seen.append(snapshot)
        raise DriverError(ErrorCode.PRECONDITION_FAILED, "changed")

    account = cloud.core.account(
        cloud.core.providers.default, Credentials(username=cloud.auth[0], password=cloud.auth[1])
    )
    driver, request = account._opened.driver, UpdateSnapshot(**fields, only_if=refuse)
    with pytest.raises(DriverError) as caught:
        driver.update_snapshot(snapshot_id, request, deadline=Deadline(10))
    assert caught.value.code is ErrorCode.PRECONDITION_FAILED
    assert seen == [account.get_snapshot(snapshot_id)], "as it is shown, so that states compare"
    assert facts(cloud.ask("GET", path)) == before


def test_a_metadata_key_that_is_not_there_matches_nothing(cloud: Cloud, format_: str) -> None:
    path = f"{ROOT}/{cloud.make()}/metadata/none"
    for etag in ("*", '"a-b"'):
        answer = cloud.ask("PUT", path, format_, data={"value": "x"}, headers={"If-Match": etag})
        assert answer.status_code == 412, answer.text
    assert cloud.ask("GET", path, format_).status_code == 404


@pytest.mark.parametrize("seen_in", FORMATS)
def test_a_clone_is_made_only_of_what_was_seen(cloud: Cloud, format_: str, seen_in: str) -> None:
    snapshot_id = cloud.make(metadata={"a": "1"})
    path = f"{ROOT}/{snapshot_id}/clone"
    seen = {"If-Match": etag_of(cloud, f"{ROOT}/{snapshot_id}", seen_in)}
    keyed = {**seen, "Idempotency-Key": "k"}
    answer = cloud.ask("POST", path, format_, json={}, headers=keyed, wait=20)
    assert answer.status_code == 201, answer.text
    by_hand(cloud, snapshot_id)
    volumes = len(facts_of_list(cloud.ask("GET", VOLUMES)))
    answer = cloud.ask("POST", path, format_, json={}, headers=seen)
    assert (problem(answer)["code"], problem(answer)["outcome"]) == (412, None)
    again = cloud.ask("POST", path, format_, json={}, headers=keyed)
    assert again.status_code == 200, "it was made of what was seen"
    assert len(facts_of_list(cloud.ask("GET", VOLUMES))) == volumes


def test_a_copy_is_made_only_of_what_was_seen(tmp_path: Path, format_: str) -> None:
    with CLOUDS["ec2"](tmp_path) as cloud:
        cloud.core.providers._by_name["other"] = cloud.core.providers.default
        snapshot_id = cloud.make(metadata={"a": "1"})
        seen = {"If-Match": etag_of(cloud, f"{ROOT}/{snapshot_id}", format_)}

        def copy() -> int:
            body = {"destination": "main"}
            path = f"{ROOT}/{snapshot_id}/copy"
            return int(cloud.ask("POST", path, format_, json=body, headers=seen).status_code)

        assert copy() == 201
        by_hand(cloud, snapshot_id)
        assert copy() == 412
        assert len(cloud.sim.region("eu-west-1").snapshots) == 2


@pytest.mark.parametrize("path", [ROOT, VOLUMES])
def test_if_match_where_nothing_is_yet_is_refused(cloud: Cloud, format_: str, path: str) -> None:
    body = {"volume_id": cloud.volume_id} if path == ROOT else {"capacity": 1}
    before = facts_of_list(cloud.ask("GET", path))
    answer = cloud.ask("POST", path, format_, json=body, headers={"If-Match": "*"})
    assert (answer.status_code, list(problem(answer)["fields"])) == (400, ["If-Match"])
    assert facts_of_list(cloud.ask("GET", path)) == before
