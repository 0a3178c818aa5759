from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
