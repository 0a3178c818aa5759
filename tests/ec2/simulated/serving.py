"""What the tests over HTTP share: the providers of the server, and its simulator made new."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import requests

from tests.ec2.simulated.endpoints import closed_port
from tests.simulators.ec2 import ACCESS_KEY, SECRET, Simulator
from tests.simulators.ec2_state import Settings

Ask = Callable[..., requests.Response]
LIST = "/storage_snapshots"
OPERATOR = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_REGION": "us-east-1",
}


def providers_of(url: str) -> dict[str, dict[str, Any]]:
    """Return the providers of the server, all but one of them at a simulator."""
    west = {"region": "eu-west-1", "endpoint_url": url}
    once = {**west, "read_attempts": 1}
    return {
        "west": west,
        "east": {"region": "us-east-1", "endpoint_url": url},
        "small": {**once, "page_size": 5, "owner": "self"},
        "hasty": {**once, "read_timeout_s": 0.3},
        "gone": {**once, "endpoint_url": closed_port()},
    }


def reset(simulator: Simulator) -> None:
    """Make a simulator as it was when it began."""
    simulator.clear_faults()
    simulator.calls.clear()
    simulator.default_account.denied = set()
    for name in simulator.settings.regions:
        region = simulator.region(name)
        region.snapshots.clear()
        region.volumes.clear()
        region.dying.clear()
    new = Settings(complete_after_s=60, available_after_s=5)
    for field in fields(new):
        setattr(simulator.settings, field.name, getattr(new, field.name))
