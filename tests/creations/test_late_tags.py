"""EC2 shows what it has made, and its tags, some moments later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.creations.clouds import Cloud, Replica, ec2, id_of


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """EC2, where alone this happens."""
    with ec2(tmp_path) as found:
        yield found


@pytest.mark.parametrize("late", [{"late_tags": 4}, {"hidden_reads": 4}])
def test_a_keyed_creation_ends_when_its_marker_is_shown(
    cloud: Cloud, replica: Replica, other: Replica, late: dict[str, int]
) -> None:
    for name, value in late.items():
        setattr(cloud.simulator.settings, name, value)
    first = replica.snapshot("k")
    assert first.status_code == 201, first.text
    again = other.snapshot("k")
    assert (again.status_code, id_of(again)) == (200, id_of(first))
    assert len(cloud.snapshots()) == 1


def test_a_repeat_here_finds_what_ec2_still_hides(cloud: Cloud, replica: Replica) -> None:
    cloud.simulator.settings.late_tags = 1000
    first = replica.snapshot("k")
    assert first.status_code == 201, first.text
    again = replica.snapshot("k")
    assert (again.status_code, id_of(again)) == (200, id_of(first))
    assert replica.snapshot("k", name="other").status_code == 422
    assert cloud.simulator.count("CreateSnapshot") == 1


def test_a_lost_answer_is_found_late(cloud: Cloud, replica: Replica) -> None:
    cloud.simulator.settings.late_tags = 3
    cloud.simulator.cut("CreateSnapshot", "answer")
    answer = replica.snapshot()
    assert answer.status_code == 201, answer.text
    assert list(cloud.snapshots()) == [id_of(answer)]


def test_a_volume_is_made_once_by_ec2_itself(
    cloud: Cloud, replica: Replica, other: Replica
) -> None:
    """Its client token works where the tag is not shown at all."""
    cloud.simulator.settings.late_tags = 1000
    first = replica.volume("k")
    again = other.volume("k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert id_of(first) == id_of(again)
    assert other.volume("k", name="other").status_code == 422
    assert len(cloud.volumes()) == 1
