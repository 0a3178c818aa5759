"""The blocks of the authors' guide: which file each is, and which are commands."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sybil import Sybil
from sybil.example import Example
from sybil.parsers.markdown import CodeBlockParser

GUIDE = Path(__file__).parent.parent / "gateway" / "driver" / "AUTHORING.md"
LANGUAGES = ("python", "toml", "ini", "sh", "text")
_FILE = re.compile(r"# ([\w./-]+\.(?:py|toml|cfg))\n")


@dataclass(frozen=True)
class Block:
    """One block of code, and the line that it begins on."""

    language: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The file that the block is, by its first line."""
        found = _FILE.match(self.text)
        return found[1] if found else None


def blocks(guide: Path = GUIDE) -> list[Block]:
    """Return the blocks of a document, in its order."""
    found: list[Block] = []

    def keep(example: Example) -> Any:
        language = str(example.region.lexemes["arguments"])
        found.append(Block(language, str(example.parsed), example.line))

    parsers = [CodeBlockParser(language=language, evaluator=keep) for language in LANGUAGES]
    for example in Sybil(parsers=parsers, path=str(guide.parent)).parse(guide).examples():
        example.evaluate()
    return found


def write_files(folder: Path, of: list[Block]) -> list[str]:
    """Write the blocks that are files below ``folder`` and return their names."""
    names = []
    for block in of:
        if block.file is not None:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            names.append(block.file)
    return names
