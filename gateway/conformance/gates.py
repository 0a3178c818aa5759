"""What a case needs of a driver: the driver's own flags are the switch."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from gateway.driver import Capability, Driver

T = TypeVar("T", bound=Callable[..., object])


def requires(*capabilities: Capability) -> Callable[[T], T]:
    """Skip a case, or all cases that a class defines, without all of ``capabilities``.

    A mark on a class would be inherited by every class that is made of it: the cases
    are marked one by one.
    """
    mark = pytest.mark.snapshot_requires(*capabilities)

    def decorate(target: T) -> T:
        if not isinstance(target, type):
            mark(target)
            return target
        for name, member in list(vars(target).items()):
            if name.startswith("test_"):
                setattr(target, name, mark(member))
        return target

    return decorate


def required_by(node: pytest.Item) -> list[Capability]:
    """Return the capabilities without which a case is skipped."""
    found = [flag for mark in node.iter_markers("snapshot_requires") for flag in mark.args]
    return list(dict.fromkeys(found))


def pass_gate(node: pytest.Item, driver: type[Driver]) -> None:
    """Skip a case whose capabilities ``driver`` does not declare, naming the flags."""
    missing = [flag.name for flag in required_by(node) if flag not in driver.capabilities]
    if missing:
        pytest.skip(f"{driver.__name__} does not declare {', '.join(map(str, missing))}")
