"""The CloudSigma driver beside requests and the same answer: the same server, the same run."""

from tests.bench.beside import Subject, compare


def subject(format_: str, end: bytes) -> Subject:
    """Return the comparison in one format."""
    return Subject(
        driver="cloudsigma",
        stock="requests.get().json() and writing the answer",
        targets={1000: 1.5, 20_000: float("inf")},
        rounds={1000: 31, 20_000: 1},
        format=format_,
        end=end,
        login="user@example.com:secret",
        options=lambda url: {"endpoint": f"{url}/api/2.0/"},
        most_mib=20,
        tell=(format_,),
    )


def main() -> None:
    """Compare in both formats."""
    compare(subject("json", b"]}"))
    compare(subject("xml", b"</storage_snapshots>\n"))
