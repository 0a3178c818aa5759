"""The Cinder driver beside openstacksdk's own list: the same server, the same run."""

from tests.bench.beside import Subject, compare

SUBJECT = Subject(
    driver="cinder",
    stock="list(conn.block_storage.snapshots())",
    targets={20: 0.5, 1000: 0.12, 5000: 0.10},
    rounds={20: 101, 1000: 15, 5000: 5},
    format="json",
    end=b"]}",
    login="demo+demo:secret",
    options=lambda url: {"auth_url": f"{url}/v3", "region_name": "RegionOne"},
    most_mib=20,
)


def main() -> None:
    """Compare at each length."""
    compare(SUBJECT)
