"""Real Cinder (API, scheduler, volume manager) in one process: ``serve_cinder.py CONFIG``.

Runs in the servers' own environment. This is how Cinder's own functional tests run it
(cinder/tests/functional/functional_helpers.py); every part is Cinder's, nothing is replaced.
"""

from cinder import monkey_patch

monkey_patch.patch()  # before all other imports

import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402

import eventlet  # noqa: E402
import os_brick  # noqa: E402
from cinder import i18n  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_log import log as logging  # noqa: E402
from oslo_privsep import priv_context  # noqa: E402

i18n.enable_lazy()

from cinder import coordination, objects, rpc, service, utils, version  # noqa: E402
from cinder.cmd import volume as volume_command  # noqa: E402 - it registers backend_host
from cinder.common import config, constants  # noqa: E402

CONF = cfg.CONF


def main() -> None:
    """Run it until it is told to end."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    CONF(
        [],
        project="cinder",
        version=version.version_string(),
        default_config_files=[sys.argv[1]],
    )
    _set_up()
    api = service.WSGIService("osapi_volume")  # it takes its port first, or fails
    running = [*_backends(), service.Service.create(binary=constants.SCHEDULER_BINARY)]
    for part in (*running, api):
        part.start()
    print("ready", flush=True)
    parent = os.environ.get("SNAPGATE_CINDER_PARENT")
    while parent in (None, str(os.getppid())):
        eventlet.sleep(0.5)


def _set_up() -> None:
    objects.register_all()
    config.set_middleware_defaults()
    logging.setup(CONF, "cinder")
    priv_context.init(root_helper=["env"])
    os_brick.setup(CONF)
    utils.monkey_patch()
    coordination.COORDINATOR.start()
    rpc.init(CONF)


def _backends() -> list[service.Service]:
    found = []
    for backend in CONF.enabled_backends:
        CONF.register_opt(volume_command.host_opt, group=backend)
        found.append(
            service.Service.create(
                host=f"{CONF.host}@{backend}",
                service_name=backend,
                binary=constants.VOLUME_BINARY,
                coordination=True,
            )
        )
    return found


main()
