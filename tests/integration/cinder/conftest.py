"""One real Keystone and one real Cinder for all tests here; every test makes its own resources."""

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.tools import FORMATS
from tests.integration.cinder.gateway import SNAPSHOTS, Api, cinder_config
from tests.integration.cinder.server.cinder import RealCinder
from tests.integration.cinder.server.environment import CannotRunError, prepare
from tests.integration.cinder.server.pair import running
from tests.servers import running as serving

MAX_LIMIT = 7
"""How many items a page of Cinder's lists has here: few rows make several pages."""

_HERE = Path(__file__).parent
_CANNOT = pytest.StashKey[str]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Install what the servers need before the first test: no test's time-out counts it."""
    needed = any(item.path.is_relative_to(_HERE) for item in session.items)
    if not needed or session.config.option.collectonly:
        return
    try:
        prepare(session.config.get_terminal_writer().line)
    except (CannotRunError, OSError) as error:
        session.config.stash[_CANNOT] = str(error)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the servers have logged when a test fails that uses them."""
    report = yield
    cinder = getattr(item, "funcargs", {}).get("cinder")
    if report.failed and isinstance(cinder, RealCinder):
        report.sections.append(("Keystone and Cinder", cinder.log()))
    return report


@pytest.fixture(scope="session")
def cinder(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealCinder]:
    """The real Cinder, and the Keystone it needs."""
    reason = pytestconfig.stash.get(_CANNOT, None)
    if reason:
        missing = f"the real Cinder cannot run here: {reason}"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    found = RealCinder(tmp_path_factory.mktemp("cinder") / "run", max_limit=MAX_LIMIT)
    with running(found):
        yield found


@pytest.fixture(params=FORMATS)
def format_(request: pytest.FixtureRequest) -> str:
    """Each format in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def api(cinder: RealCinder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The users' requests to one gateway in front of Cinder."""
    providers: dict[str, dict[str, Any]] = {
        "cloud": {},
        "everywhere": {"all_projects": True},
        "demos": {"project": "demo", "user_domain": "id:default", "region_name": cinder.region},
        "by-id": {"project": f"id:{cinder.project_id('demo')}", "project_domain": "id:default"},
        "no-domain": {"user_domain": "nosuch"},
        "no-project-domain": {"project_domain": "nosuch"},
        "no-region": {"region_name": "nosuch"},
        "no-keystone": {"auth_url": "http://127.0.0.1:9"},
        "no-v3": {"auth_url": cinder.auth_url.removesuffix("/v3")},
    }
    config = cinder_config(
        tmp_path_factory.mktemp("gateway"),
        {name: {"auth_url": cinder.auth_url, **more} for name, more in providers.items()},
    )
    with serving(config, "--workers", "1") as server:
        yield Api(server, cinder)
        server.kill()
        log = server.log
    assert "gAAAA" not in log
    assert "Traceback" not in log
    assert '"bug"' not in log


@pytest.fixture(scope="session")
def volume(cinder: RealCinder) -> str:
    """A volume of demo's of the type fake, which stays available; tests add snapshots."""
    return cinder.volume("fake", name="shared")


@pytest.fixture(scope="session")
def real_volume(cinder: RealCinder) -> str:
    """A volume of demo's with real bytes, on which operations can be held or made to fail."""
    return cinder.volume("nfs", name="real")


@pytest.fixture(scope="session")
def make(cinder: RealCinder, volume: str) -> Callable[..., str]:
    """Make a snapshot of ``volume``, not through the gateway, and return its path."""
    return lambda **fields: f"{SNAPSHOTS}/{cinder.snapshot(volume, **fields)}"
