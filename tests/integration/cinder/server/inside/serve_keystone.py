"""Keystone's own WSGI application under waitress: ``serve_keystone.py CONFIG PORT``.

Runs in the servers' own environment.
"""

import os
import sys
import threading
import time

CONFIG, PORT = sys.argv[1:]
del sys.argv[1:]  # Keystone reads them when it is imported
os.environ["OS_KEYSTONE_CONFIG_FILES"] = CONFIG

import waitress  # noqa: E402
from keystone.wsgi.api import application  # noqa: E402


def end_with(parent: int) -> None:
    """End this process when the one is gone that has started it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


server = waitress.create_server(application, host="127.0.0.1", port=int(PORT), threads=8)
if "SNAPGATE_CINDER_PARENT" in os.environ:
    parent = int(os.environ["SNAPGATE_CINDER_PARENT"])
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
print("ready", flush=True)
server.run()
