"""Lists of EC2 over HTTP: whose they are, whole or cut, never quietly short."""

from collections.abc import Callable

import pytest
import requests

from tests.ec2.simulated.serving import LIST, Ask
from tests.ec2.simulated.test_broken_pages import HTML, XHTML
from tests.ec2.simulated.tools import FOREIGN, fill, forms
from tests.http.tools import facts_of_list, problem
from tests.simulators.ec2 import ACCOUNT_ID, Simulator

SMALL = f";provider=small{LIST}"
Break = Callable[[Simulator, int], None]
FAULTS: dict[str, tuple[Break, int]] = {
    "error": (lambda s, n: s.fail("DescribeSnapshots", "InternalError", 500, after=n), 503),
    "throttle": (
        lambda s, n: s.fail("DescribeSnapshots", "RequestLimitExceeded", 503, after=n),
        429,
    ),
    "expired": (lambda s, n: s.fail("DescribeSnapshots", "RequestExpired", 400, after=n), 401),
    "cut before": (lambda s, n: s.cut("DescribeSnapshots", after=n), 503),
    "cut in the middle": (lambda s, n: s.cut("DescribeSnapshots", "middle", after=n), 502),
    "garbage": (lambda s, n: s.garble("DescribeSnapshots", after=n), 502),
    "nothing": (lambda s, n: s.garble("DescribeSnapshots", b"", after=n), 502),
    "HTML": (lambda s, n: s.garble("DescribeSnapshots", HTML, after=n), 502),
    "XHTML": (lambda s, n: s.garble("DescribeSnapshots", XHTML, after=n), 502),
}


def listed(answer: requests.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    found = [item["id"] for item in facts_of_list(answer)]
    assert len(found) == len(set(found))
    return set(found)


def test_a_list_of_many_pages_is_whole(cloud: Simulator, ask: Ask) -> None:
    made = fill(cloud.region("eu-west-1"), 23)
    answer = ask("GET", SMALL)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert listed(answer) == made
    assert [form["MaxResults"] for form in forms(cloud, "DescribeSnapshots")] == ["5"] * 5


def test_short_and_empty_pages_end_no_list(cloud: Simulator, ask: Ask) -> None:
    cloud.settings.short_pages = True
    fill(cloud.region("eu-west-1"), 23)
    wanted = fill(cloud.region("eu-west-1"), 2, tags={"Name": "wanted"})
    assert listed(ask("GET", SMALL, params={"name": "wanted"})) == wanted


@pytest.mark.parametrize("fault", FAULTS)
def test_a_later_page_that_fails_cuts_the_connection(
    cloud: Simulator, ask: Ask, fault: str
) -> None:
    fill(cloud.region("eu-west-1"), 23)
    FAULTS[fault][0](cloud, 2)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask("GET", SMALL)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_first_page_that_fails_is_an_error(cloud: Simulator, ask: Ask, fault: str) -> None:
    fill(cloud.region("eu-west-1"), 23)
    make, status = FAULTS[fault]
    make(cloud, 0)
    answer = ask("GET", SMALL)
    assert (answer.status_code, problem(answer)["code"]) == (status, status)


@pytest.mark.parametrize(
    ("provider", "params", "shown"),
    [
        ("west", {}, {"own", "shared", "public"}),
        ("west", {"owner": "self"}, {"own"}),
        ("west", {"owner": ACCOUNT_ID}, {"own"}),
        ("west", {"owner": FOREIGN}, {"shared", "public"}),
        ("west", {"owner": "nonsense"}, set()),
        ("west", {"owner": "all"}, set()),
        ("small", {}, {"own"}),
        ("small", {"owner": FOREIGN}, {"shared", "public"}),
        ("west", {"owner": "self", "state": "error"}, set()),
        ("west", {"metadata[k]": "v"}, {"shared"}),
        ("west", {"name": "*"}, set()),
    ],
)
def test_whose_snapshots_a_list_shows(
    cloud: Simulator, ask: Ask, provider: str, params: dict[str, str], shown: set[str]
) -> None:
    region = cloud.region("eu-west-1")
    made = {
        region.add_snapshot().id: "own",
        region.add_snapshot(owner_id=FOREIGN, shared_with={ACCOUNT_ID}, tags={"k": "v"}).id: (
            "shared"
        ),
        region.add_snapshot(owner_id=FOREIGN, public=True, tags={"Name": "n"}).id: "public",
        region.add_snapshot(owner_id=FOREIGN).id: "secret",
    }
    answer = ask("GET", f";provider={provider}{LIST}", params=params)
    assert answer.status_code == 200, answer.text
    found = facts_of_list(answer)
    assert {made[one["id"]] for one in found} == shown
    for one in found:
        own = made[one["id"]] == "own"
        assert one["owner"] == {"id": ACCOUNT_ID if own else FOREIGN, "self": own}


def test_available_hides_what_is_archived(cloud: Simulator, ask: Ask) -> None:
    region = cloud.region("eu-west-1")
    available = region.add_snapshot().id
    archived = region.add_snapshot(storage_tier="archive").id
    assert listed(ask("GET", LIST, params={"state": "available"})) == {available}
    assert listed(ask("GET", LIST, params={"state": "archived"})) == {archived}
