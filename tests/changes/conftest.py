"""Every backend in turn, in front of it a gateway in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from tests.changes.clouds import CLOUDS, Cloud, cinder
from tests.http.tools import FORMATS


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait before a read is sent again, nor read the system's certificates."""
    monkeypatch.setattr(urllib3.Retry, "get_backoff_time", lambda _: 0)
    monkeypatch.setattr("drivers.cinder.clients.check_ca_file", lambda *_: None)
    monkeypatch.setattr("drivers.cloudsigma.clients.check_ca_file", lambda *_: None)
    pause = "botocore.retries.standard.ExponentialBackoff.delay_amount"
    monkeypatch.setattr(pause, lambda *_: 0)


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cloud]:
    """Each backend in turn."""
    with CLOUDS[request.param](tmp_path) as found:
        yield found


@pytest.fixture
def openstack(tmp_path: Path) -> Iterator[Cloud]:
    """A simulated OpenStack."""
    with cinder(tmp_path) as found:
        yield found


@pytest.fixture(params=FORMATS)
def format_(request: pytest.FixtureRequest) -> str:
    """Each format in turn."""
    return str(request.param)
