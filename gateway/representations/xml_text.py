"""Text inside XML: what it can be, and how it is written."""

import re
from functools import lru_cache

ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0, section 2.2, cannot carry in any form."""
_needs_escape = re.compile("[&<>'\"\x00-\x1f\ud800-\udfff\ufffe\uffff]").search
# Line ends and tabs as references: a parser would turn them into others (XML 1.0, 2.11 and 3.3.3).
_REFERENCES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "'": "&#39;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)


def escape(text: str) -> str:
    """Return ``text`` for the inside of an element or of a quoted attribute."""
    if _needs_escape(text) is None:
        return text
    return ILLEGAL.sub("\ufffd", text).translate(_REFERENCES)


escape_word = lru_cache(maxsize=1024)(escape)
"""For words that come again and again: keys, states, accounts."""
