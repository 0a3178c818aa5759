"""The faults that a test orders of the EC2 simulator, as boto3 feels them."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from tests.simulators.conftest import Connect
from tests.simulators.ec2 import Simulator
from tests.simulators.ec2_state import Region, Volume
from tests.simulators.judge import ids, refusal


def test_ordered_failures_come_when_they_should(simulator: Simulator, client: Any) -> None:
    simulator.fail("DescribeSnapshots", "RequestLimitExceeded", 503, "slow", times=2, after=1)
    client.describe_volumes()
    client.describe_snapshots()
    for _ in range(2):
        assert refusal(client.describe_snapshots) == ("RequestLimitExceeded", 503)
    client.describe_snapshots()


def test_a_failure_may_come_after_the_deed(
    simulator: Simulator, client: Any, region: Region, volume: Volume
) -> None:
    for executed in (False, True):
        simulator.fail("CreateSnapshot", "InternalError", 500, executed=executed)
        assert refusal(client.create_snapshot, VolumeId=volume.id) == ("InternalError", 500)
        assert len(region.snapshots) == executed


def test_faults_can_be_taken_back(simulator: Simulator, client: Any) -> None:
    simulator.cut("DescribeSnapshots", times=9)
    simulator.clear_faults()
    client.describe_snapshots()


@pytest.mark.parametrize(
    ("where", "chunked_from", "expected"),
    [
        ("before", 8192, ConnectionClosedError),
        ("answer", 8192, ConnectionClosedError),
        ("after_headers", 8192, ResponseParserError),
        ("middle", 8192, ResponseParserError),
        ("after_headers", 0, ConnectionClosedError),
        ("middle", 0, ConnectionClosedError),
    ],
)
def test_connections_are_cut(
    simulator: Simulator, client: Any, where: Any, chunked_from: int, expected: type[Exception]
) -> None:
    region = simulator.region("eu-west-1")
    simulator.settings.chunked_from = chunked_from
    simulator.cut("CreateSnapshot", where)
    with pytest.raises(expected):
        client.create_snapshot(VolumeId=region.add_volume().id)
    assert len(region.snapshots) == (where != "before")
    assert len(ids(client.describe_snapshots())) == len(region.snapshots)


def test_answers_are_garbled(simulator: Simulator, client: Any) -> None:
    simulator.garble("DescribeSnapshots")
    with pytest.raises(ResponseParserError):
        client.describe_snapshots()
    simulator.garble("DescribeSnapshots", b"<html>bad gateway</html>", 502)
    assert refusal(client.describe_snapshots)[1] == 502
    client.describe_snapshots()


@pytest.mark.parametrize("where", ["before", "answer"])
def test_a_delay_is_longer_than_the_patience(
    simulator: Simulator, connect: Connect, region: Region, volume: Volume, where: Any
) -> None:
    simulator.delay("CreateSnapshot", 60, where=where)
    once = Config(retries={"total_max_attempts": 1}, read_timeout=0.1)
    with pytest.raises(ReadTimeoutError):
        connect(config=once).create_snapshot(VolumeId=volume.id)
    assert len(region.snapshots) == (where == "answer")


def test_a_delay_holds_up_nobody_else(simulator: Simulator, connect: Connect) -> None:
    simulator.delay("DescribeSnapshots", 60)
    impatient = Config(retries={"total_max_attempts": 1}, read_timeout=0.2)
    slow, quick = connect(config=impatient), connect()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(refused_to_wait, slow)
        while not simulator.calls:
            time.sleep(0.001)
        quick.describe_snapshots()
        assert not waiting.done()
        assert waiting.result()


def refused_to_wait(client: Any) -> bool:
    with pytest.raises(ReadTimeoutError):
        client.describe_snapshots()
    return True
