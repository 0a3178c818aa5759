"""No secret of a caller is in an answer, in an error or in the server's log."""

import time
from typing import Any

import pytest
import requests

from gateway.core.snapshots import Account
from gateway.driver import Query
from tests.ec2.simulated.serving import LIST, Ask
from tests.ec2.simulated.test_broken_pages import FAULTS
from tests.ec2.simulated.tools import Gateway, fill, refused, texts
from tests.servers import Server
from tests.simulators.ec2 import SECRET, Simulator
from tests.simulators.ec2_state import Region

KEY, PASSWORD, TOKEN = "ASIASECRETIVE", "s3cr3t/of+a/caller", "t0k3n/of+a/caller=="
SECRETS = (PASSWORD, TOKEN, SECRET)


@pytest.fixture
def caller(cloud: Simulator) -> dict[str, Any]:
    cloud.add_account(KEY, PASSWORD, session_token=TOKEN)
    return {"auth": (KEY, PASSWORD), "headers": {"X-Amz-Security-Token": TOKEN}}


def told_by(answer: requests.Response) -> str:
    return f"{answer.headers}\n{answer.text}"


def provoke(cloud: Simulator, ask: Ask, caller: dict[str, Any]) -> list[str]:
    """Return all that is told while everything goes wrong that can."""
    region = cloud.region("eu-west-1")
    fill(region, 12)
    disk = region.add_volume()
    told = [told_by(ask("GET", LIST, **caller))]
    for make, _ in FAULTS.values():
        cloud.clear_faults()
        make(cloud, "DescribeSnapshots", times=9)
        told.append(told_by(ask("GET", f";provider=small{LIST}", **caller)))
        cloud.clear_faults()
        make(cloud, "CreateSnapshot", times=9)
        told.append(told_by(ask("POST", LIST, data={"volume_id": disk.id}, **caller)))
    cloud.clear_faults()
    cloud.cut("DescribeSnapshots", after=1, times=9)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask("GET", f";provider=small{LIST}", **caller)
    told.append(told_by(ask("GET", f";provider=gone{LIST}", **caller)))
    told.append(told_by(ask("GET", LIST, auth=(KEY, f"{PASSWORD}x"), headers=caller["headers"])))
    return told


def test_no_secret_is_in_an_answer_or_in_the_log(
    served: Server, cloud: Simulator, ask: Ask, caller: dict[str, Any]
) -> None:
    told = provoke(cloud, ask, caller)
    ask("GET", "", headers={"X-Request-Id": "the-last-one"})
    end = time.monotonic() + 10
    while "the-last-one" not in served.log and time.monotonic() < end:
        time.sleep(0.01)
    assert "stream cut" in served.log
    for text in (*told, served.log):
        assert not [secret for secret in SECRETS if secret in text]


def test_the_secret_is_not_sent_to_ec2_either(
    cloud: Simulator, ask: Ask, caller: dict[str, Any]
) -> None:
    assert ask("GET", LIST, **caller).status_code == 200
    assert cloud.calls
    assert not [form for _, form in cloud.calls if PASSWORD in str(form) or TOKEN in str(form)]


def test_no_error_and_no_cause_of_it_tells_the_secret(
    simulator: Simulator, account: Account
) -> None:
    for make, _ in FAULTS.values():
        simulator.clear_faults()
        make(simulator, "DescribeSnapshots", times=9)
        error = refused(account.list_snapshots, Query())
        assert not [text for text in texts(error) if SECRET in text]


def test_what_is_opened_shows_no_secret(gateway: Gateway, region: Region) -> None:
    account: Account = gateway.account()
    driver = gateway.driver()
    for shown in (account, driver, vars(driver), vars(driver._account), gateway.provider()):
        assert SECRET not in repr(shown)
