"""``snapgate providers check``: what works of each provider, line by line, whatever others do."""

import json
import os
import time
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from gateway import checking
from gateway.driver import ConfigurationError, Credentials
from tests.http.test_cli import inside, snapgate
from tests.plugins import write_package
from tests.servers import local_config

ROOT = Path(__file__).parent.parent.parent
PASSWORD = "hunter2-e4da3b7fbbce2345"
PREAMBLE = """
import os, time
from gateway.driver import Credentials, DriverError, ErrorCode
from tests.unit.fakes import Backend, FakeDriver
class Found(FakeDriver):
    @classmethod
    def open(cls, options, credentials, *, shared, deadline):
        if credentials.password != "hunter2-e4da3b7fbbce2345" and credentials.token != "t0ken":
            raise DriverError(ErrorCode.UNAUTHENTICATED, f"no: {credentials.password}")
        return cls(Backend(), credentials)
"""


def configured(folder: Path, **drivers: str) -> dict[str, str]:
    """Write a configuration with a local provider, and one for each driver's further members."""
    lines = []
    for name, members in drivers.items():
        write_package(folder, f"snapgate_{name}", PREAMBLE + indent(members, "    "), name=name)
        lines += [f"[providers.{name}]", f'driver = "{name}"']
    config = local_config(folder, more="\n".join(lines))
    limits = "[gateway]\ncall_timeout_s = 0.5\nstart_timeout_s = 2"
    config.write_text(config.read_text().replace("[gateway]", limits))
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "SNAPGATE_CONFIG": str(config)}


def who(*names: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        found |= {f"SNAPGATE_{name}_USERNAME": "alice", f"SNAPGATE_{name}_PASSWORD": PASSWORD}
    return found


def lines_of(env: dict[str, str], *arguments: str, status: int) -> dict[str, str]:
    done = snapgate("providers", "check", *arguments, env=env)
    assert done.returncode == status, (done.stdout, done.stderr)
    assert PASSWORD not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    every = (done.stdout + done.stderr).splitlines()
    return {line.partition(": driver")[0].partition(" (default)")[0]: line for line in every}


def test_what_works_is_told_in_one_line_each(folder: Path) -> None:
    found = lines_of({**configured(folder, acme="pass"), **who("ACME")}, status=0)
    assert found["local"].startswith("local (default): driver local, ")
    assert (
        "opened with the demo account; can list snapshots, count snapshots (0), list"
        in (found["local"])
    )
    assert (
        "opened with the environment's credentials; can list snapshots, count snapshots (0)"
        in (found["acme"])
    )
    assert " s, 11 capabilities, " in found["acme"]


def test_a_provider_without_credentials_is_not_opened_and_no_failure(folder: Path) -> None:
    found = lines_of(configured(folder, acme="pass"), status=0)
    assert found["acme"] == (
        "acme: driver acme, configuration ok; no credentials given (set SNAPGATE_ACME_USERNAME "
        "and SNAPGATE_ACME_PASSWORD, or SNAPGATE_ACME_TOKEN)"
    )


def test_credentials_that_are_refused_are_a_failure_and_not_shown(folder: Path) -> None:
    env = configured(folder, acme="pass")
    env |= {"SNAPGATE_ACME_USERNAME": "alice", "SNAPGATE_ACME_PASSWORD": f"{PASSWORD}-wrong"}
    found = lines_of(env, status=1)
    assert "; FAILED: unauthenticated: " in found["acme"]
    assert "is withheld" in found["acme"]
    assert "can list snapshots" in found["local"]


def test_a_token_will_do(folder: Path) -> None:
    env = {**configured(folder, acme="pass"), "SNAPGATE_ACME_TOKEN": "t0ken"}
    assert "opened with" in lines_of(env, "acme", status=0)["acme"]


WRONG: list[tuple[str, str]] = [
    # (what the driver does, what its line tells)
    ("def list_snapshots(self, q, **kw): return []", "not a Page"),
    ("def list_snapshots(self, q, **kw): time.sleep(60)", "timeout: the call did not finish"),
    (
        "def list_snapshots(self, q, **kw):\n    while True: pass",
        "timeout: the call did not finish",
    ),
    (
        "def get_volume(self, i, **kw): pass\ndef list_volumes(self, q, **kw): 1 / 0",
        "cannot list v",
    ),
    ("def check_credentials(self, *, deadline): raise SystemExit(3)", "(SystemExit)"),
    ("def check_credentials(self, *, deadline): os._exit(3)", "ended the process (exit status 3)"),
    ("def close(self): time.sleep(60)", ""),
]


@pytest.mark.parametrize(("members", "told"), WRONG)
def test_a_provider_that_fails_or_hangs_costs_the_others_nothing(
    folder: Path, members: str, told: str
) -> None:
    env = {**configured(folder, acme="pass", bad=members), **who("ACME", "BAD")}
    start = time.monotonic()
    found = lines_of(env, status=1 if told else 0)
    assert time.monotonic() - start < 15
    assert ("FAILED: " in found["bad"]) is bool(told)
    assert told in found["bad"]
    assert "; can list snapshots" in found["acme"]
    assert "; can list snapshots" in found["local"]


def test_after_a_call_that_hangs_no_other_is_tried(folder: Path) -> None:
    members = (
        "def check_credentials(self, *, deadline): pass\n"
        "def count_snapshots(self, q, **kw): time.sleep(60)"
    )
    found = lines_of({**configured(folder, bad=members), **who("BAD")}, "bad", status=1)
    assert "FAILED: cannot count snapshots: timeout: " in found["bad"]
    assert found["bad"].endswith("; can list snapshots")


BROKEN: list[tuple[str, str]] = [
    ("page_size = 0", "page_size is 0"),
    ("1 / 0", "ZeroDivisionError; the package is broken"),
    ("time.sleep(60)", "importing snapgate_bad did not end within 2 seconds"),
    ("@classmethod\ndef check(cls, options): time.sleep(60)", "check() did not end within 2"),
    ("@classmethod\ndef share(cls, options): 1 / 0", "share() failed: ZeroDivisionError"),
]


@pytest.mark.parametrize(("members", "told"), BROKEN)
def test_a_provider_whose_driver_is_broken_is_told_as_the_server_would_and_the_others_checked(
    folder: Path, members: str, told: str
) -> None:
    env = {**configured(folder, acme="pass", bad=members), **who("ACME", "BAD")}
    done = snapgate("providers", "check", env=env)
    assert done.returncode == os.EX_CONFIG
    (line,) = done.stderr.splitlines()
    assert line.startswith("snapgate: ")
    assert told in line
    assert "providers.bad" in line
    assert "driver 'bad' (entry point snapgate_bad:Found of the package snapgate_bad 1.0)" in line
    assert done.stdout.count("; can list snapshots") == 2


def test_named_providers_are_checked_alone(folder: Path) -> None:
    env = {**configured(folder, acme="pass", bad="page_size = 0"), **who("ACME")}
    assert set(lines_of(env, "acme", "acme", status=0)) == {"acme"}
    (line,) = lines_of(env, "nosuch", status=os.EX_CONFIG).values()
    assert "no provider 'nosuch' is configured; configured: local, acme, bad" in line


def test_the_configuration_alone_opens_nothing(folder: Path) -> None:
    members = "def check_credentials(self, *, deadline): 1 / 0"
    env = {**configured(folder, acme=members), **who("ACME")}
    assert lines_of(env, "--no-open", status=0)["acme"] == "acme: driver acme, configuration ok"


def test_the_same_is_told_as_json(folder: Path) -> None:
    env = {**configured(folder, acme="pass", bad="page_size = 0"), **who("ACME")}
    done = snapgate("providers", "check", "--json", env=env)
    assert done.returncode == os.EX_CONFIG
    found: dict[str, Any] = {p["provider"]: p for p in json.loads(done.stdout)["providers"]}
    acme = found["acme"]
    assert (acme["status"], acme["problem"], acme["credentials"]) == ("ok", None, "environment")
    assert acme["works"] == {"list snapshots": None, "count snapshots": 0, "list volumes": None}
    assert acme["seconds"] > 0
    assert found["local"]["is_default"] is True
    assert found["local"]["credentials"] == "demo"
    assert found["bad"]["status"] == "configuration"
    assert "page_size is 0" in found["bad"]["problem"]
    assert PASSWORD not in done.stdout


def test_a_variable_has_the_providers_name_in_it() -> None:
    assert checking.variables_of("aws-eu.1") == [
        "SNAPGATE_AWS_EU_1_USERNAME",
        "SNAPGATE_AWS_EU_1_PASSWORD",
        "SNAPGATE_AWS_EU_1_TOKEN",
        "SNAPGATE_AWS_EU_1_SESSION_TOKEN",
    ]


@pytest.mark.parametrize("pair", [("a-b", "a_b"), ("a.b", "A-B"), ("x", "x-session")])
def test_two_providers_that_would_read_one_variable_are_noticed(pair: tuple[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="would both read SNAPGATE_"):
        checking.check_variables(pair)
    checking.check_variables(["a-b", "a-b-c", "x"])


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"USERNAME": "", "TOKEN": ""}, None),
        ({"SESSION_TOKEN": "s"}, None),
        ({"USERNAME": "u"}, Credentials("u", "")),
        ({"USERNAME": "u", "PASSWORD": "p"}, Credentials("u", "p")),
        ({"TOKEN": "t"}, Credentials(token="t")),
        (
            {"USERNAME": "u", "PASSWORD": "p", "SESSION_TOKEN": "s"},
            Credentials("u", "p", session_token="s"),
        ),
    ],
)
def test_credentials_are_read_as_requests_would_carry_them(
    environment: dict[str, str], expected: Credentials | None
) -> None:
    given = {f"SNAPGATE_X_{kind}": value for kind, value in environment.items()}
    assert checking.credentials_of("x", given) == expected


def test_a_password_without_a_user_is_told() -> None:
    with pytest.raises(ConfigurationError, match="SNAPGATE_X_USERNAME is not; set both"):
        checking.credentials_of("x", {"SNAPGATE_X_PASSWORD": "p"})


def test_a_file_that_cannot_be_read_is_a_wrong_configuration(folder: Path) -> None:
    done = inside("providers", "check", "--config", str(folder / "nosuch.toml"))
    assert (done.exit_code, done.stdout) == (os.EX_CONFIG, "")
