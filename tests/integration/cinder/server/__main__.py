"""``make cinder-up`` and ``make cinder-down``: the two servers, on fixed ports."""

import os
import sys

from tests.integration.cinder.server.environment import HOME, CannotRunError, prepare
from tests.integration.cinder.server.pair import USERS, Pair
from tests.integration.cinder.server.processes import PortTakenError

_HELP = """\
Keystone  {pair.auth_url}  (region RegionOne, domain default)
Cinder    {pair.cinder_url}
{users}
Volume types: nfs (the default), fake. Logs: {pair.folder}.
An operation on nfs waits while {pair.folder}/hold exists, and fails while {pair.folder}/fail does.
Stop both with: make cinder-down"""


def main(arguments: list[str]) -> str | None:
    """Do what is asked and return what went wrong, if anything."""
    if arguments not in (["up"], ["down"]):
        return "say up or down"
    HOME.mkdir(exist_ok=True)
    pair = Pair(HOME / "up")
    is_running = pair.cinder.is_running or pair.keystone.is_running
    if arguments == ["up"]:
        if is_running:
            return "Keystone and Cinder are running already; make cinder-down stops them"
        return _up(pair)
    pair.stop()
    print("Keystone and Cinder are stopped" if is_running else "neither was running")
    return None


def _up(pair: Pair) -> str | None:
    ports = int(os.environ["KEYSTONE_PORT"]), int(os.environ["CINDER_PORT"])
    try:
        prepare(print)
        pair.start(ports, outlive=True)
    except (CannotRunError, OSError) as error:
        return str(error)
    except PortTakenError as error:
        name = str(error)
        return f"the port of {name} is taken; give another: make cinder-up {name.upper()}_PORT=..."
    users = (
        f"User      {who.name}, password {who.password}, {who.roles[0]} of project {who.project}"
        for who in USERS.values()
    )
    print(_HELP.format(pair=pair, users="\n".join(users)))
    return None


sys.exit(main(sys.argv[1:]))
