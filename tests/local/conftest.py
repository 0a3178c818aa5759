"""Fixtures of the local driver's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.stores import KIB, Local, opened


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    """A store that copies as fast as it can."""
    with opened(tmp_path / "store") as found:
        yield found


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Local]:
    """A store whose copies of 64 KiB take half a second at the least."""
    with opened(tmp_path / "store", copy_bytes_per_s=128 * KIB) as found:
        yield found
