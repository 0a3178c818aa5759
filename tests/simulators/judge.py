"""What the tests of the simulators ask of boto3."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refusal(call: Callable[..., Any], **parameters: Any) -> tuple[str, int]:
    """Return the code and the status with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer: Any = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def ids(answer: Any) -> list[str]:
    """Return the ids of a listing in its order."""
    return [one["SnapshotId"] for one in answer["Snapshots"]]


def by(name: str, *values: str) -> list[dict[str, Any]]:
    """Return the filters of a call that has one."""
    return [{"Name": name, "Values": list(values)}]


def tagged(resource_type: str = "snapshot", **tags: str) -> list[dict[str, Any]]:
    """Return the TagSpecifications of a create call."""
    return [{"ResourceType": resource_type, "Tags": pairs(tags)}]


def pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    """Return tags as EC2's API writes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
