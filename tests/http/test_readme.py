"""README's walk-through is run as printed, by the shell that a newcomer would use."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import running

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.skipif(shutil.which("curl") is None, reason="the walk-through speaks curl")
def test_the_walk_through_runs_as_printed(folder: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    found = re.findall(r"<!-- walk-through.*?-->\n```sh\n(.*?)```", readme, re.DOTALL)
    assert len(found) == 2
    printed = "".join(found)
    (folder / "config").mkdir()
    shutil.copy(ROOT / "config" / "gateway.toml", folder / "config")
    with running(folder / "config" / "gateway.toml", cwd=folder) as server:
        script = printed.replace("http://127.0.0.1:3001/api", server.api)
        assert script != printed, "the port was not found"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines().count("precious data") == 1
        assert "the same bytes" in done.stdout
        assert "<name>first</name>" in done.stdout
        assert '"metadata":{"env":"test"}' in done.stdout
        assert '"name":"second"' in done.stdout
        assert re.findall(r"<result .*?status='(\d+)'", done.stdout) == ["204", "204", "404"]
        assert list((folder / "var" / "local" / "volumes").iterdir()) == []
        assert list((folder / "var" / "local" / "snapshots").iterdir()) == []
