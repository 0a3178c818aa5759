"""The header Prefer (RFC 7240): what a client would like, and may not get.

A preference is no demand: one that is unknown, or whose value cannot be meant, is ignored,
and the header Preference-Applied tells which ones were heeded.
"""

import re

from werkzeug.wrappers import Request

APPLIED = "Preference-Applied"
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_WORD = rf"(?:{_NAME}|{_QUOTED})"
_PARAMETER = rf"{_NAME}(?:[ \t]*=[ \t]*{_WORD})?"
_PREFERENCE = re.compile(
    rf"[ \t]*({_NAME})(?:[ \t]*=[ \t]*({_WORD}))?[ \t]*(?:;[ \t]*(?:{_PARAMETER}[ \t]*)?)*"
)
_MEMBER = re.compile(rf'(?:[^",]|{_QUOTED}|".*)+')
"""What stands between two commas; a quotation mark without a second one reaches to the end."""
_ESCAPED = re.compile(r"\\(.)")
_SECONDS = re.compile("0*([0-9]{1,9})")
_ALL_DIGITS = re.compile("[0-9]+")


def preferences(request: Request) -> dict[str, str]:
    """Return what the client prefers: names in lower case, with values, ``""`` for none.

    Of a name that comes again the first one counts (RFC 7240, 2). What cannot be read is
    left out, and so are parameters: none has a meaning here.
    """
    found: dict[str, str] = {}
    for member in _MEMBER.findall(request.environ.get("HTTP_PREFER", "")):
        read = _PREFERENCE.fullmatch(member)
        if read is not None:
            found.setdefault(read[1].lower(), _unquoted(read[2] or ""))
    return found


def wait_s(request: Request, longest: int) -> int | None:
    """Return the seconds that the client would wait for the end of a change, at most ``longest``.

    None for a client who does not say so: no preference, or one that is no number of seconds.
    """
    given = preferences(request).get("wait", "")
    seconds = _SECONDS.fullmatch(given)
    if seconds is not None:
        return min(int(seconds[1]), longest)
    return longest if _ALL_DIGITS.fullmatch(given) else None


def _unquoted(word: str) -> str:
    return _ESCAPED.sub(r"\1", word[1:-1]) if word.startswith('"') else word
