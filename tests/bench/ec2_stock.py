"""Boto3's own paginator in a plain script: ``python -m tests.bench.ec2_stock URL``.

For each line of its input it reads the whole list once and prints the seconds
that took, the number of snapshots, and how many MiB the process has grown by.
"""

import sys
import time

import boto3

from tests.bench.memory import fresh_peak_mib, peak_mib


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
    for _ in sys.stdin:
        before = fresh_peak_mib()
        begun = time.perf_counter()
        count = 0
        for page in pages.paginate(PaginationConfig={"PageSize": 1000}):
            count += len(page["Snapshots"])
        took = time.perf_counter() - begun
        print(took, count, peak_mib() - before, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
