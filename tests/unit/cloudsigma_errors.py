"""What the tests of CloudSigma's errors share: entries of bodies, and what they mean."""

import json
from typing import Any

from gateway.driver import DriverError
from tests.unit.cloudsigma_samples import asked, classified, raised, response

UUID = "b49dc74a-f7a5-42f5-9842-290e7475d67a"


def entry(kind: Any, message: Any = "", point: Any = None) -> dict[str, Any]:
    return {"error_point": point, "error_type": kind, "error_message": message}


MISSING = entry("notexist", f"Object with uuid {UUID} does not exist")
OTHERS = {
    "error_type": "permission",
    "error_message": f"User {UUID} does not have all of the permissions [LIST] in order to "
    f"complete the operation on resources [{UUID}]",
}


def of(
    status: int,
    body: Any = b"",
    content_type: str = "application/json",
    *,
    to: str = "GET snapshots/",
    **headers: str,
) -> DriverError:
    """Return what the driver says of an answer; what is neither text nor bytes is JSON."""
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    method, path = to.split(" ")
    return classified(raised(asked(response(status, text, content_type, **headers), method, path)))
