"""A static DescribeSnapshots server: ``python -m tests.bench.ec2_server COUNT``.

Pages of 1000, written once, in the form that EC2 has: indented, with about
1.2 kB and three tags for a snapshot. It checks nothing, so that what is
measured is the client. It prints its port and serves until its input ends.
"""

import sys

from tests.bench.static import PAGE, Server

_ROW = """        <item>
            <snapshotId>snap-{n:017x}</snapshotId>
            <volumeId>vol-{n:017x}</volumeId>
            <status>completed</status>
            <startTime>2026-{month:02d}-{day:02d}T{hour:02d}:30:19.{ms:03d}Z</startTime>
            <completionTime>2026-{month:02d}-{day:02d}T{hour:02d}:41:07.{ms:03d}Z</completionTime>
            <progress>100%</progress>
            <ownerId>123456789012</ownerId>
            <volumeSize>{gib}</volumeSize>
            <description>Created by CreateImage(i-{n:017x}) for ami-{n:017x}</description>
            <tagSet>
                <item>
                    <key>Name</key>
                    <value>nightly {n}</value>
                </item>
                <item>
                    <key>env</key>
                    <value>production</value>
                </item>
                <item>
                    <key>team</key>
                    <value>storage &amp; backup</value>
                </item>
            </tagSet>
            <encrypted>true</encrypted>
            <kmsKeyId>arn:aws:kms:eu-west-1:123456789012:key/0{n:07x}-12ab-34cd-56ef</kmsKeyId>
            <storageTier>standard</storageTier>
            <fullSnapshotSizeInBytes>{stored}</fullSnapshotSizeInBytes>
        </item>
"""
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<DescribeSnapshotsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">\n'
    "    <requestId>5c9f5c4a-1b1c-4b1e-9c4f-1234567890ab</requestId>\n"
    "    <snapshotSet>\n"
)


def row(n: int) -> str:
    """Return the n-th snapshot."""
    return _ROW.format(
        n=n,
        month=n % 12 + 1,
        day=n % 28 + 1,
        hour=n % 24,
        ms=n % 1000,
        gib=n % 100 + 1,
        stored=n * 4096 + 1,
    )


def page(start: int, count: int) -> bytes:
    """Return the answer that begins with the snapshot number ``start``."""
    end = min(start + PAGE, count)
    rows = "".join(row(n) for n in range(start, end))
    token = f"    <nextToken>{end}</nextToken>\n" if end < count else ""
    return f"{_HEAD}{rows}    </snapshotSet>\n{token}</DescribeSnapshotsResponse>\n".encode()


def main(count: int) -> None:
    """Serve ``count`` snapshots."""
    server = Server()
    pages = {str(start): page(start, count) for start in range(0, max(count, 1), PAGE)}

    def answer(_line: str, form: str) -> tuple[str, bytes]:
        server.note()
        return "", pages[form.partition("NextToken=")[2].partition("&")[0] or "0"]

    server.run(answer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
