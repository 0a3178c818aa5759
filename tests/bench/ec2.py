"""The EC2 driver beside boto3's own paginator: the same server, the same run."""

from tests.bench.beside import Subject, compare

SUBJECT = Subject(
    driver="ec2",
    stock="stock boto3's paginator",
    targets={20: 0.8, 50_000: 0.20, 1000: 0.25},
    rounds={20: 101, 1000: 15, 50_000: 3},
    format="xml",
    end=b"</storage_snapshots>\n",
    login="AKIAEXAMPLE:secret",
    options=lambda url: {"region": "eu-west-1", "endpoint_url": url},
    most_mib=40,
)


def main() -> None:
    """Compare at each length."""
    compare(SUBJECT)
