"""The EC2 simulator's names, held against botocore's model of EC2."""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import botocore.session
import pytest
from botocore.model import ServiceModel

from tests.simulators.ec2_actions import ACTIONS
from tests.simulators.ec2_state import Region, Resource
from tests.simulators.ec2_xml import answer, snapshot_elements, volume_elements


@pytest.fixture(scope="module")
def model() -> ServiceModel:
    return botocore.session.Session().get_service_model("ec2")


@pytest.mark.parametrize("name", ACTIONS)
def test_every_parameter_is_known_or_known_to_lack(model: ServiceModel, name: str) -> None:
    action = ACTIONS[name]
    wanted = set(inputs(model.operation_model(name).input_shape))
    if name == "CopySnapshot":
        wanted.add("PresignedUrl")
    assert {*action.known, *action.lacking, "DryRun"} == wanted


@pytest.mark.parametrize(
    ("shape", "elements"), [("Snapshot", snapshot_elements), ("Volume", volume_elements)]
)
def test_every_element_is_one_of_the_models(
    model: ServiceModel, region: Region, shape: str, elements: Any
) -> None:
    record: Resource = region.add_snapshot(status_message="s", kms_key_id="k", owner_alias="a")
    if shape == "Volume":
        record = region.add_volume(attached_to="i-0123456789abcdef0", iops=1, throughput=1)
    root = ElementTree.fromstring(answer("Any", "id", elements(record, {"a": "b"})))
    sent = {path for path in paths(root, "") if path != "requestId"}
    assert sent <= set(outputs(model.shape_for(shape), ""))


def inputs(shape: Any, prefix: str = "") -> Iterator[str]:
    """Yield the names of the parameters of a shape as they are on the wire."""
    for name, member in shape.members.items():
        wire = member.serialization.get("name", name)
        wire = prefix + wire[:1].upper() + wire[1:]
        if member.type_name == "list":
            wire, member = f"{wire}.N", member.member  # noqa: PLW2901
        if member.type_name == "structure":
            yield from inputs(member, f"{wire}.")
        else:
            yield wire


def outputs(shape: Any, prefix: str) -> Iterator[str]:
    """Yield the paths of the elements of a shape."""
    for name, member in shape.members.items():
        path = prefix + member.serialization.get("name", name)
        yield path
        if member.type_name == "list":
            path, member = f"{path}/item", member.member  # noqa: PLW2901
            yield path
        if member.type_name == "structure":
            yield from outputs(member, f"{path}/")


def paths(element: ElementTree.Element, prefix: str) -> Iterator[str]:
    """Yield the paths of all elements below one."""
    for child in element:
        path = prefix + child.tag.rpartition("}")[2]
        yield path
        yield from paths(child, f"{path}/")
