"""The same 300 snapshots for every backend: hard names, equal times, what is missing."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

COUNT = 300
BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
GIB = 1 << 30
VOLUMES = 7
STATES = ("available", "available", "available", "available", "error", "creating")
"""What every backend can hold: EC2 has no ``deleting``, CloudSigma nothing ``busy``."""
NAMES: tuple[str | None, ...] = (
    None,
    "nightly",
    "Nightly",
    "NIGHTLY",
    "nightly ",
    "nightly, weekly",
    "weekly",
    "it's",
    'the "best"',
    "100%",
    "100_",
    "1000",
    "a*b",
    "a?b",
    "aXb",
    "aXXb",
    "[a-z]",
    "back\\slash",
    "back\\\\slash",
    "back\\,comma",
    "straße",
    "STRASSE",
    "İstanbul",
    "istanbul",
    "\u212a-elvin",
    "k-elvin",
    "e\u0301clair",
    "\u00e9clair",
    "ﬁle",
    "file",
    "Ω",
    "ω",
    "日本",
    "💾 disk",
    "\uff5e beyond",
    "null",
    "None",
    "true",
    "0",
    "<b>&amp;</b>",
    "name with  two spaces",
    "{'a': 'b'}",
    "x" * 255,
)
VALUES = (
    "",
    "gold",
    "Gold",
    "gold,silver",
    "*",
    "?",
    "g?ld",
    "it's",
    '"',
    "\\",
    "straße",
    "💾",
    "None",
    "{'tier': 'gold'}",
)
KEYS = (
    "tier",
    "Tier",
    "a.b: c",
    "it's",
    'say "x"',
    "star*",
    "per%cent_",
    "a[b]",
    "x]__in",
    "ключ",
    "back\\slash",
)
LABEL = "label"
"""The metadata key that tells which of the facts a snapshot is."""


@dataclass(frozen=True)
class Fact:
    """What a snapshot is on every backend."""

    number: int
    name: str | None
    description: str | None
    state: str
    created: datetime
    volume: int
    size_gib: int
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name of the fact in expectations."""
        return f"s{self.number:03}"

    @property
    def rank(self) -> int:
        """Where its id stands among the ids; nothing else is in this order."""
        return self.number * 131 % 307

    @property
    def hex_id(self) -> str:
        """Sixteen hexadecimal digits, in the order of the ranks."""
        return f"{self.rank:016x}"

    @property
    def uuid(self) -> str:
        """A UUID, in the order of the ranks."""
        return f"{self.rank:08x}-0000-4000-8000-0000000000{self.number % 97:02x}"


def volume_uuid(volume: int) -> str:
    """Return the id of a volume, in the order of the numbers."""
    return f"{volume:08x}-1111-4111-8111-111111111111"


def _metadata(number: int) -> dict[str, str]:
    found = {LABEL: f"s{number:03}"}
    if number % 3:
        found[KEYS[number % len(KEYS)]] = VALUES[number * 5 % len(VALUES)]
    if number % 4 == 1:
        found["tier"] = VALUES[number // 4 % len(VALUES)]
    return found


def _fact(number: int) -> Fact:
    return Fact(
        number,
        name=NAMES[number * 7 % len(NAMES)],
        description=None if number % 5 == 2 else f"Snapshot {number % 11} of {NAMES[number % 30]}",
        state=STATES[number % len(STATES)],
        created=BEGIN + timedelta(hours=number * 17 % 40, milliseconds=number % 2 * 250),
        volume=number * 3 % VOLUMES,
        size_gib=1 + number * 3 % VOLUMES,
        metadata=_metadata(number),
    )


FACTS = tuple(_fact(number) for number in range(COUNT))
