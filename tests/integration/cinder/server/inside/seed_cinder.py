"""Makes Cinder's database, with a volume type for each backend.

Runs in the servers' own environment: ``seed_cinder.py CONFIG``.
"""

import sys

from cinder import context, i18n, objects, version

i18n.enable_lazy()

from cinder.common import config  # noqa: E402, F401 - it registers the options
from cinder.db import migration  # noqa: E402
from cinder.volume import volume_types  # noqa: E402
from oslo_config import cfg  # noqa: E402

CONF = cfg.CONF


def main() -> None:
    """Make all of it."""
    CONF(
        [],
        project="cinder",
        version=version.version_string(),
        default_config_files=[sys.argv[1]],
    )
    objects.register_all()
    migration.db_sync()
    for name in CONF.enabled_backends:
        volume_types.create(context.get_admin_context(), name, {"volume_backend_name": name})


main()
