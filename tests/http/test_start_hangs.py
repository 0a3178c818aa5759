"""A plug-in that never comes back does not keep a server, or its operator, waiting for ever."""

import os
import time
from pathlib import Path
from textwrap import indent

import pytest

from tests.http.test_cli import snapgate
from tests.plugins import write_package
from tests.servers import local_config

WAYS = {
    "sleeps": "import time\ntime.sleep(60)",
    "computes": "while True: pass",
    "blocks": "import os\nos.read(os.pipe()[0], 1)",
    "waits for a process": "import subprocess\n"
    "subprocess.run(['sleep', '9'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)",
}
GOOD = "from tests.unit.fakes import FakeDriver\nclass Found(FakeDriver):\n"
LIMIT_S = 1


def hanging(folder: Path, source: str) -> dict[str, str]:
    """Install a plug-in and configure it beside a good provider; return the environment."""
    write_package(folder, "snapgate_acme", source, name="acme")
    config = local_config(folder, more='[providers.mine]\ndriver = "acme"')
    text = config.read_text().replace("[gateway]", f"[gateway]\nstart_timeout_s = {LIMIT_S}")
    config.write_text(text)
    tests = Path(__file__).parent.parent.parent
    return {"PYTHONPATH": f"{folder}{os.pathsep}{tests}", "SNAPGATE_CONFIG": str(config)}


def step(name: str, way: str) -> str:
    method = f"@classmethod\ndef {name}(cls, options):\n{indent(WAYS[way], '    ')}"
    return GOOD + indent(method, "    ")


def check_end(env: dict[str, str], doing: str, *command: str) -> None:
    start = time.monotonic()
    done = snapgate(*command, env=env)
    assert done.returncode == os.EX_CONFIG, done.stderr
    assert time.monotonic() - start < 15
    assert f"{doing} did not end within {LIMIT_S} seconds" in done.stderr
    assert "driver 'acme' (entry point snapgate_acme:Found of the package snapgate_acme 1.0)" in (
        done.stderr
    )
    assert "snapgate: providers.mine" in done.stderr
    assert "start_timeout_s" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_an_import_that_hangs_ends_the_start(folder: Path, way: str) -> None:
    env = hanging(folder, WAYS[way])
    check_end(env, "importing snapgate_acme", "serve", "--port", "0")


@pytest.mark.parametrize("way", ["sleeps", "computes"])
@pytest.mark.parametrize("name", ["check", "demo_credentials", "share"])
def test_a_step_that_hangs_ends_the_start_also_in_a_worker(
    folder: Path, name: str, way: str
) -> None:
    env = hanging(folder, step(name, way))
    check_end(env, f"{name}()", "serve", "--port", "0")
