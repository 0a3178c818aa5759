"""openstacksdk's own list in a plain script: ``python -m tests.bench.cinder_stock URL``."""

import sys
import warnings

import openstack

from tests.bench.stock import measure


def main(url: str) -> None:
    """Measure until the input ends, with a connection that has logged in."""
    warnings.simplefilter("ignore")
    connection = openstack.connection.Connection(
        auth={
            "auth_url": f"{url}/v3",
            "username": "demo",
            "password": "secret",
            "project_name": "demo",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        region_name="RegionOne",
    )
    measure(lambda: len(list(connection.block_storage.snapshots())))


if __name__ == "__main__":
    main(sys.argv[1])
