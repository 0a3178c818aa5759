"""Whether anybody still waits for an answer: the client may have gone, the server be stopping."""

import _socket  # gevent has put its own into socket, which waits for data whatever the flags say
from collections.abc import Mapping
from typing import Any

IS_STOPPING = "snapgate.is_stopping"
"""Where our worker leaves a function that tells whether the server is about to stop."""
CONNECTION = "gunicorn.socket"
"""Where the connection is, by gunicorn's own name for it: its other workers tell it too."""


def nobody_waits(environ: Mapping[str, Any]) -> bool:
    """Return whether a request need not be waited with any longer.

    Under a server that tells neither of both, every client counts as waiting.
    """
    is_stopping = environ.get(IS_STOPPING)
    if is_stopping is not None and is_stopping():
        return True
    found = environ.get(CONNECTION)
    return found is not None and has_hung_up(found.fileno())


def has_hung_up(descriptor: int) -> bool:
    """Return whether the other end of a connection has closed it, without reading from it.

    A client that has sent its next request already is still there. One that has closed
    only its half counts as gone: nothing tells it from one that has closed both.
    """
    if descriptor < 0:
        return True
    connection = _socket.socket(fileno=descriptor)
    try:
        return not connection.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:  # reset
        return True
    finally:
        connection.detach()  # it belongs to the server
