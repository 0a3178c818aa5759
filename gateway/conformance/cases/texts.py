"""Texts come back as they were given, or are refused; they are never altered or cut."""

import string
from typing import Any

import pytest

from gateway.conformance.gates import requires
from gateway.conformance.subject import Subject, outcome, refused
from gateway.driver import Capability, ErrorCode, StorageSnapshot

HARD = {
    "ascii-letters": string.ascii_letters + string.digits,
    "ascii-punctuation": string.punctuation,
    "markup": "<b>&amp;</b> ]]> <!-- -->",
    "quotes": "'single' \"double\" `back`",
    "url": "a=b&c=d?e#f%20g+h;i/j\\k",
    "json": '{"a": [1, null]}',
    "sql": "x'); DROP TABLE snapshots;--",
    "wildcards": "*?[a-z]%_.^$",
    "spaces-within": "a  b   c",
    "spaces-around": " a b ",
    "latin": "Größe façade",
    "cyrillic": "Съешь ещё этих мягких",
    "cjk": "快照 스냅샷 スナップ",
    "right-to-left": "لقطة צילום",
    "combining": "e\u0301 n\u0303",
    "emoji": "📸 👩‍💻",
    "like-a-number": "007",
    "like-null": "null",
}


@requires(Capability.SNAPSHOT_CREATE)
class TextCases:
    """Names, descriptions and metadata values that are hard to carry."""

    @pytest.mark.parametrize("text", HARD.values(), ids=HARD)
    def test_a_hard_name_is_kept_or_refused(self, subject: Subject, volume: str, text: str) -> None:
        text = text[: subject.kind.limits.name]
        made = _made_or_refused(subject, volume, name=text or None)
        if made:
            found = subject.harness.wait_ready(made)
            assert found.name == text or not text
            assert subject.listed()[made].name == found.name

    @pytest.mark.parametrize("text", HARD.values(), ids=HARD)
    def test_a_hard_description_and_value_are_kept_or_refused(
        self, subject: Subject, volume: str, text: str
    ) -> None:
        limits = subject.kind.limits
        description, value = text[: limits.description], text[: limits.metadata_value]
        given = {"description": description} if description else {}
        pairs = {"k": value} if limits.metadata_pairs and limits.metadata_key else {}
        made = _made_or_refused(subject, volume, metadata=pairs, **given)
        if made:
            found = subject.harness.wait_ready(made)
            assert found.description == (description or None)
            assert found.metadata == pairs

    def test_every_letter_of_ascii_is_taken(self, subject: Subject, volume: str) -> None:
        """Refusing is no way out here: this is what names are made of."""
        text = (string.ascii_letters + string.digits + "-_ .")[: subject.kind.limits.name].strip()
        assert subject.ready(volume, name=text or None).name == text or not text

    def test_the_longest_name_is_taken(self, subject: Subject, volume: str) -> None:
        text = _long(subject.kind.limits.name)
        assert subject.ready(volume, name=text or None).name == text or not text

    @pytest.mark.parametrize("field", ["name", "description"])
    def test_the_longest_of_wide_characters_is_kept_or_refused(
        self, subject: Subject, volume: str, field: str
    ) -> None:
        """Limits are in characters: whoever counts bytes must not cut."""
        text = "快" * getattr(subject.kind.limits, field) or None
        made = _made_or_refused(subject, volume, **{field: text})
        if made and text:
            assert getattr(subject.harness.wait_ready(made), field) == text

    def test_the_longest_description_is_taken(self, subject: Subject, volume: str) -> None:
        text = _long(subject.kind.limits.description) or None
        assert subject.ready(volume, "long", description=text).description == text

    @pytest.mark.parametrize("field", ["name", "description"])
    def test_one_character_more_is_refused_beforehand(
        self, subject: Subject, volume: str, field: str
    ) -> None:
        before = set(subject.of_volume(volume))
        text = "x" * (getattr(subject.kind.limits, field) + 1)
        error = refused(subject.create, volume, **{field: text})
        assert error.code is ErrorCode.INVALID
        assert list(error.fields) == [field]
        assert set(subject.of_volume(volume)) == before


def _long(length: int) -> str:
    return ("abcdefghi " * (length // 10 + 1))[: length - 1] + "z" if length else ""


def _made_or_refused(subject: Subject, volume_id: str, **fields: Any) -> str | None:
    """Return the id of a new snapshot, or None if it was refused as invalid, and not made."""
    before = set(subject.of_volume(volume_id))
    found = outcome(subject.kind, lambda: subject.create(volume_id, **fields))
    if isinstance(found, StorageSnapshot):
        return found.id
    assert found.code is ErrorCode.INVALID, found
    assert set(subject.of_volume(volume_id)) == before
    return None
