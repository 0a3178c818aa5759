"""The errors that the simulator answers with, and the status that EC2 gives to each.

Source: AWS EC2 API reference, 2016-11-15, "Error codes". The reference names few
statuses; those in the table and most wordings are from memory.
"""

_STATUSES = {
    "AuthFailure": 401,
    "InvalidClientTokenId": 403,
    "SignatureDoesNotMatch": 403,
    "UnauthorizedOperation": 403,
    "DryRunOperation": 412,
    "InternalError": 500,
    "SimulatorLacks": 501,
    "RequestLimitExceeded": 503,
    "Unavailable": 503,
}


class Ec2Error(Exception):
    """A call is answered with an error."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status or _STATUSES.get(code, 400)


def invalid_value(value: object, name: str, reason: str = "") -> Ec2Error:
    """Return the error for a parameter's value.

    Source: observed wording, e.g. "Value (x) for parameter volumeId is invalid.
    Expected: 'vol-...'."
    """
    message = f"Value ({value}) for parameter {wire_name(name)} is invalid. {reason}".strip()
    return Ec2Error("InvalidParameterValue", message)


def missing(name: str) -> Ec2Error:
    """Return the error for a parameter that is not there."""
    return Ec2Error("MissingParameter", f"The request must contain the parameter {wire_name(name)}")


def not_found(kind: str, resource_id: str) -> Ec2Error:
    """Return the error for a snapshot, volume or zone that is not there.

    Args:
        kind: as in the error's code: Snapshot, Volume, Zone.
        resource_id: what was asked for.
    """
    text = f"The {kind.lower()} '{resource_id}' does not exist."
    return Ec2Error(f"Invalid{kind}.NotFound", text)


def lacks(what: str) -> Ec2Error:
    """Return the error for what EC2 knows and this simulator does not: never EC2's own."""
    return Ec2Error("SimulatorLacks", f"EC2 knows {what}; this simulator does not.")


def wire_name(name: str) -> str:
    """Return a parameter's name as EC2 writes it in messages: volumeId for VolumeId."""
    return name[:1].lower() + name[1:]
