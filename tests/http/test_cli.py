"""The command line: what it says, and how it refuses a start that cannot work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from werkzeug.security import check_password_hash

from gateway.cli import main
from tests.http.staged import ENV, staged_config
from tests.servers import local_config, running


def snapgate(
    *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None, text: str = ""
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        timeout=20,
    )


def inside(*arguments: str, text: str = "") -> Result:
    """Run a command that starts no server, without a process of its own."""
    return CliRunner().invoke(main, arguments, input=text)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), ["serve", "drivers", "providers", "hash-password"]),
        (("serve",), ["--config", "--host", "--port", "--workers", "SNAPGATE_HOST", "SIGTERM"]),
        (("drivers",), ["List the drivers", "[NAME]", "--json", "  1   at least one cannot"]),
        (("providers",), ["check"]),
        (
            ("providers", "check"),
            ["--config", "SNAPGATE_CONFIG", "_PASSWORD", "--no-open", "  1   a provider failed"],
        ),
        (("hash-password",), ["password"]),
    ],
)
def test_help_tells_what_a_command_does(arguments: tuple[str, ...], told: list[str]) -> None:
    done = inside(*arguments, "--help")
    assert (done.exit_code, done.stderr) == (0, "")
    assert all(word in done.stdout for word in told)


def test_drivers_lists_what_is_installed() -> None:
    done = inside("drivers")
    assert done.exit_code == 0
    assert "local: Local disk images (drivers.local.driver:LocalDriver of snapgate " in done.stdout


def test_providers_check_lists_the_providers(folder: Path) -> None:
    config = str(staged_config(folder, {"cloud": {}}))
    done = snapgate("providers", "check", "--no-open", "--config", config, env=ENV)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == [  # as they come
        "cloud: driver staged_cloud:StagedDriver, configuration ok",
        "local (default): driver local, configuration ok",
    ]


def test_hash_password_makes_salted_hashes() -> None:
    first, second = (inside("hash-password", text="pä$$\n").stdout.strip() for _ in range(2))
    assert first != second, "each has a salt of its own"
    assert check_password_hash(first, "pä$$")
    assert not check_password_hash(first, "pä$")


def test_hash_password_refuses_an_empty_password() -> None:
    done = inside("hash-password", text="\n")
    assert done.exit_code == 2
    assert "empty" in done.stderr


BAD_CONFIGURATIONS = [
    # (what stands in the file, what shall stand there, what the message must tell)
    ('driver = "local"', 'driver = "nosuch"', ["providers.local.driver", "nosuch", "local"]),
    ('driver = "local"', 'driver = "nosuch.module:X"', ["nosuch.module", "import"]),
    ('driver = "local"', 'driver = "json:dumps"', ["json:dumps", "Driver"]),
    ('driver = "local"', "", ["providers.local.driver", "Missing"]),
    ('driver = "local"', 'drvier = "local"', ["drvier", "did you mean driver"]),
    ("[gateway]", "[gatway]", ["gatway", "gateway"]),
    ("[gateway]", "[server]\nport = 70000\n[gateway]", ["server.port", "65535"]),
    ("[gateway]", "[server]\nprot = 1\n[gateway]", ["server.prot", "did you mean port"]),
    ("[gateway]", "[gateway", ["not valid TOML"]),
    ('default_provider = "local"', 'default_provider = "x"', ["default_provider", "'x'"]),
    ("path = ", "pth = ", ["providers.local.options.pth", "path"]),
    ("demo = ", 'eve = "plain"\ndemo = ', ["accounts", "hash-password"]),
]


@pytest.mark.parametrize(("old", "new", "told"), BAD_CONFIGURATIONS)
def test_a_configuration_that_cannot_work_is_told_in_one_line(
    folder: Path, old: str, new: str, told: list[str]
) -> None:
    config = local_config(folder)
    config.write_text(config.read_text().replace(old, new, 1))
    done = inside("providers", "check", "--config", str(config))
    assert done.exit_code == os.EX_CONFIG
    assert done.stdout == ""
    assert done.stderr.startswith(f"snapgate: {config}: ")
    assert all(word in done.stderr for word in told), done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_configuration_that_cannot_work_stops_the_start(folder: Path) -> None:
    config = local_config(folder)
    config.write_text(config.read_text().replace("path = ", "pth = "))
    checked = snapgate("providers", "check", "--config", str(config))
    served = snapgate("serve", "--config", str(config), "--port", "0")
    assert served.returncode == checked.returncode == os.EX_CONFIG
    assert (served.stdout, served.stderr) == (checked.stdout, checked.stderr)


def test_a_file_that_is_missing_stops_the_start(folder: Path) -> None:
    for arguments, env in (
        (("--config", "nosuch.toml"), {}),
        ((), {"SNAPGATE_CONFIG": "nosuch.toml"}),
    ):
        done = snapgate("serve", *arguments, cwd=folder, env=env)
        assert done.returncode == os.EX_CONFIG
        assert "nosuch.toml: no such file" in done.stderr


def test_a_folder_that_cannot_be_made_stops_the_start(folder: Path) -> None:
    (folder / "store").write_text("a file is in the way")
    for command in (("serve", "--port", "0"), ("providers", "check")):
        done = snapgate(*command, "--config", str(local_config(folder)))
        assert done.returncode not in {0, None}
        assert "store" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_the_demo_account_is_not_served_to_everybody(folder: Path, host: str) -> None:
    config = str(local_config(folder))
    done = snapgate("serve", "--config", config, "--port", "0", "--host", host)
    by_environment = snapgate("providers", "check", "--config", config, env={"SNAPGATE_HOST": host})
    for refused in (done, by_environment):
        assert refused.returncode == os.EX_CONFIG
        assert "demo account" in refused.stderr
        assert "hash-password" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_the_environment_and_the_arguments_override_the_file(folder: Path) -> None:
    config = local_config(folder, more='[server]\nhost = "192.0.2.1"\nworkers = 3')
    env = {"SNAPGATE_HOST": "127.0.0.1", "SNAPGATE_WORKERS": "2"}
    with running(config, "--workers", "1", env=env) as server:
        assert server.api.startswith("http://127.0.0.1:")
        assert len(server.worker_pids()) == 1


def test_a_wrong_argument_is_a_usage_error() -> None:
    for arguments in (("--port", "x"), ("--port", "70000"), ("--workers", "0"), ("--nosuch",)):
        done = inside("serve", *arguments)
        assert done.exit_code == 2
        assert "Usage" in done.stderr


def test_the_version_is_told() -> None:
    assert inside("--version").stdout.startswith("snapgate, version ")
