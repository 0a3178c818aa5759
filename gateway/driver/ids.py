"""Ids that go into URLs."""

from uuid import UUID


def is_uuid(text: str) -> bool:
    """Return whether a text is a UUID in its usual form, in upper or lower case.

    For backends whose ids are all UUIDs: what is none is unknown, and never gets
    into a path, where ``..`` or the name of a sub-resource would lead elsewhere.
    """
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
