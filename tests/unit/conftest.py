import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.plugins import Install, write_package
from tests.unit.configs import Write

# How long an example takes says something about the machine and nothing about the code.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "gateway.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package with a driver, as ``write_package`` does, for the test's own process."""
    monkeypatch.syspath_prepend(tmp_path)
    modules: list[str] = []

    def install(package: str, source: str, **kw: str) -> None:
        write_package(tmp_path, package, source, **kw)
        modules.append(package)

    yield install
    for module in modules:
        sys.modules.pop(module, None)
