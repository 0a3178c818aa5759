"""The EC2 simulator's calls and bytes, and how it is run."""

import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.simulators.conftest import VERSION, Connect, Send
from tests.simulators.ec2 import ACCESS_KEY, Simulator
from tests.simulators.ec2_state import Region, Volume
from tests.simulators.judge import by, ids, refusal, tagged


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "MissingAction"),
        ({"Action": "DescribeEverything"}, "InvalidAction"),
        ({"Action": "DescribeSnapshots", "Version": "2010-01-01"}, "NoSuchVersion"),
        ({"Action": "DescribeSnapshots", "Colour": "red"}, "UnknownParameter"),
        ({"Action": "DescribeSnapshots", "Owner": "self"}, "UnknownParameter"),
        ({"Action": "DescribeSnapshots", "MaxResults": "ten"}, "InvalidParameterValue"),
        ({"Action": "DescribeSnapshots", "DryRun": "maybe"}, "InvalidParameterValue"),
        ({"Action": "CreateSnapshot"}, "MissingParameter"),
        ({"Action": "DeleteSnapshot"}, "MissingParameter"),
        ({"Action": "CreateTags", "ResourceId.1": "snap-01234567"}, "MissingParameter"),
        ({"Action": "CreateTags", "Tag.1.Key": "k"}, "MissingParameter"),
        (
            {
                "Action": "CopySnapshot",
                "SourceRegion": "us-east-1",
                "SourceSnapshotId": "snap-01234567",
            },
            "MissingParameter",
        ),
    ],
)
def test_bad_calls_are_refused(send: Send, form: dict[str, str], code: str) -> None:
    answer = send({"Version": VERSION, **form})
    assert answer.status_code == 400
    assert f"<Code>{code}</Code>" in answer.text


def test_the_bytes_are_laid_out_as_ec2_does(send: Send, region: Region) -> None:
    region.add_volume(id="vol-0aaaaaaaaaaaaaaaa", tags={"a": "<"})
    answer = send({"Action": "DescribeVolumes", "Version": VERSION})
    lines = answer.text.split("\n")
    assert lines[0] == '<?xml version="1.0" encoding="UTF-8"?>'
    assert lines[1] == (
        '<DescribeVolumesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
    )
    assert lines[2].startswith("    <requestId>")
    assert lines[3:6] == [
        "    <volumeSet>",
        "        <item>",
        "            <volumeId>vol-0aaaaaaaaaaaaaaaa</volumeId>",
    ]
    assert "            <attachmentSet/>" in lines
    assert "                    <value>&lt;</value>" in lines
    assert lines[-1] == "</DescribeVolumesResponse>"
    assert answer.headers["Content-Type"] == "text/xml;charset=UTF-8"


def test_errors_are_laid_out_as_ec2_does(send: Send) -> None:
    answer = send({"Action": "<", "Version": VERSION})
    assert answer.text.startswith(
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
        "<Code>InvalidAction</Code><Message>The action &lt; is not valid for this web service."
        "</Message></Error></Errors><RequestID>"
    )


def test_regions_are_apart(connect: Connect, region: Region) -> None:
    region.add_snapshot()
    assert len(ids(connect().describe_snapshots())) == 1
    assert ids(connect("us-east-1").describe_snapshots()) == []


def test_calls_are_recorded_in_order(simulator: Simulator, client: Any, volume: Volume) -> None:
    client.describe_snapshots(OwnerIds=["self"])
    refusal(client.describe_snapshots, MaxResults=1)
    client.create_snapshot(VolumeId=volume.id)
    assert [action for action, _ in simulator.calls] == [
        "DescribeSnapshots",
        "DescribeSnapshots",
        "CreateSnapshot",
    ]
    assert simulator.calls[0][1]["Owner.1"] == "self"
    assert simulator.count("DescribeSnapshots") == 2


def test_long_answers_come_in_chunks(send: Send, region: Region) -> None:
    form = {"Action": "DescribeVolumes", "Version": VERSION}
    assert "Content-Length" in send(form).headers
    for _ in range(20):
        region.add_volume()
    answer = send(form)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.text.count("<volumeId>") == 20


def test_many_threads_are_served_at_once(simulator: Simulator, client: Any, region: Region) -> None:
    volumes = [region.add_volume().id for _ in range(10)]

    def make(volume_id: str) -> str:
        made = client.create_snapshot(VolumeId=volume_id, TagSpecifications=tagged(of=volume_id))
        found = client.describe_snapshots(Filters=by("tag:of", volume_id))
        assert ids(found) == [made["SnapshotId"]]
        return str(made["SnapshotId"])

    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(make, volumes))
    assert set(made) == set(region.snapshots)
    assert len(simulator.calls) == 20


def test_connections_are_kept_alive(simulator: Simulator, client: Any) -> None:
    before = threading.active_count()
    for _ in range(5):
        client.describe_snapshots()
    assert threading.active_count() == before + 1


def test_an_error_inside_reaches_the_test(simulator: Simulator, client: Any) -> None:
    simulator.settings.clock = None  # type: ignore[assignment]
    assert refusal(client.describe_snapshots) == ("InternalError", 500)
    (crash,) = simulator.crashes
    assert isinstance(crash, AttributeError)
    simulator.crashes.clear()


def test_it_runs_by_hand_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-m", "tests.simulators.ec2", "--snapshots", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            port = int(first.strip().rpartition(":")[2])
            socket.create_connection(("127.0.0.1", port), 5).close()
            process.terminate()
            told = process.stdout.read()
            assert process.wait(5) == 0
        finally:
            process.kill()
    assert ACCESS_KEY in told
    assert "--aws-sigv4" in told
