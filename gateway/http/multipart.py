"""Input as multipart/form-data: plain values, in memory, and strictly UTF-8."""

import io

from werkzeug.formparser import FormDataParser
from werkzeug.wrappers import Request

from gateway.driver import invalid

MULTIPART = "multipart/form-data"


def read_multipart(request: Request, *, most: int) -> list[tuple[str, str]]:
    """Return the names and values of a body with at ``most`` so many parts.

    Raises:
        DriverError: ``invalid``, saying what cannot be read.
    """
    parser = FormDataParser(
        stream_factory=_in_memory,
        max_form_memory_size=request.max_form_memory_size,
        max_content_length=request.max_content_length,
        max_form_parts=most,
        silent=False,  # as Flask sets it up, a broken body is an empty one
    )
    try:
        _, form, files = parser.parse(
            request.stream, MULTIPART, request.content_length, request.mimetype_params
        )
    except ValueError as exc:
        raise invalid({"body": "not valid multipart/form-data"}) from exc
    for name in files:
        raise invalid({name: "a file; give a plain value"})
    for name, value in form.items(multi=True):
        if name is None:
            raise invalid({"body": "a part of the multipart/form-data has no name"})
        if "\ufffd" in name + value:  # what the parser leaves of bytes that are not UTF-8
            raise invalid({name: "not valid UTF-8"})
    return list(form.items(multi=True))


def _in_memory(*_: object, **__: object) -> io.BytesIO:
    return io.BytesIO()
