"""Boto3's own paginator in a plain script: ``python -m tests.bench.ec2_stock URL``."""

import sys

import boto3

from tests.bench.stock import measure


def main(url: str) -> None:
    """Measure until the input ends."""
    client = boto3.client(
        "ec2",
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="secret",
    )
    pages = client.get_paginator("describe_snapshots")
    config = {"PageSize": 1000}
    measure(lambda: sum(len(page["Snapshots"]) for page in pages.paginate(PaginationConfig=config)))


if __name__ == "__main__":
    main(sys.argv[1])
