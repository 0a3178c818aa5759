"""``python -m gateway``: the command ``snapgate`` where no script is installed."""

from gateway.cli import main

main()
