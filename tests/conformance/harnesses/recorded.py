"""The Cinder driver before what a real Keystone and Cinder have answered."""

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import pytest

from gateway.conformance.harness import SnapshotHarness
from gateway.conformance.subject import Subject
from gateway.conformance.suite import SnapshotConformance
from gateway.core import making
from gateway.driver import Credentials, Marker, StorageSnapshot
from tests.conformance.harnesses.cinder import CinderHarness
from tests.conformance.tape import Player, Tape

TAPE = Path(__file__).parents[2] / "golden" / "cinder" / "conformance.json.gz"
IDENTITY, BLOCK_STORAGE = "http://identity.test", "http://block-storage.test"
USER, PASSWORD = "recorded-user", "no-other-text-has-this"
PROJECT = "0123456789abcdef0123456789abcdef"
NOBODYS = "00000000-0000-4000-8000-000000000000"
"""An id that nothing has; a random one would be on no tape."""
VOLUME = "made a volume"
_EXPIRY = re.compile(r'"expires_at": ?"[^"]*"')


def plain(words: Mapping[str, str]) -> Callable[[str], str]:
    """Return what replaces words of a text, and lets tokens in it last."""

    def replaced(text: str) -> str:
        for word, other in words.items():
            text = text.replace(word, other)
        return _EXPIRY.sub('"expires_at": "2100-01-01T00:00:00.000000Z"', text)

    return replaced


class RecordedCinderHarness(CinderHarness):
    """Plays the tape that the suite on the real Cinder has recorded."""

    backend = "recorded exchanges"
    credentials = Credentials(username=f"{USER}+{PROJECT}", password=PASSWORD)

    def __init__(self) -> None:
        super().__init__()
        self.tape = Tape.load(TAPE)
        self.answered_by = Player(self.tape)
        self.serve(f"{IDENTITY}/v3", BLOCK_STORAGE)

    def make_volume(self) -> str:
        """Return the volume that was made then."""
        return str(self.tape.play(VOLUME))

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Do nothing: it was dropped then."""

    def drop_volume(self, volume_id: str) -> None:
        """Do nothing: it was dropped then."""

    def use_volume(self, volume_id: str) -> None:
        """Do nothing: it was attached then."""

    def missing_id(self) -> str:
        """Return an id that nothing has."""
        return NOBODYS

    def now(self) -> datetime:
        """Return when the tape was recorded."""
        return datetime.fromisoformat(self.tape.facts["now"])


def _counted(case: str) -> Callable[[str], Marker]:
    """Return what numbers the markers of a case instead of drawing lots for them."""
    numbers: Counter[str] = Counter()
    lock = threading.Lock()

    def new_marker(request: str) -> Marker:
        with lock:
            numbers[request] += 1
            text = f"{case} {request} {numbers[request]}"
        return Marker(hashlib.blake2b(text.encode(), digest_size=16).hexdigest(), request)

    return new_marker


class TapedConformance(SnapshotConformance):
    """The suite, case by case on a tape if the harness has one: as recorder or as player."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _made_before_all_cases(
        cls, shared: Subject, volume: str, trio: list[StorageSnapshot]
    ) -> None:
        """What all cases share, and what a driver asks once, belongs to none of them."""
        assert shared.of_volume(volume) == {}

    @pytest.fixture
    def key(self, request: pytest.FixtureRequest) -> str:
        """A key that is the same when the tape is played."""
        return f"recorded-{request.node.name}"

    @pytest.fixture(autouse=True)
    def _case(
        self,
        request: pytest.FixtureRequest,
        monkeypatch: pytest.MonkeyPatch,
        harness: SnapshotHarness,
        _made_before_all_cases: None,
    ) -> Iterator[None]:
        tape = getattr(harness, "tape", None)
        if tape is None:
            yield
            return
        tape.begin(request.node.name)
        monkeypatch.setattr(making, "new_marker", _counted(request.node.name))
        yield
        missing = "\n".join(tape.missing)
        tape.missing.clear()
        assert not missing, (
            f"record the suite anew, see CONTRIBUTING.md; not on the tape:\n{missing}"
        )
