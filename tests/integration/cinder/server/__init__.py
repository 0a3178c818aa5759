"""The real Keystone and the real Cinder on 127.0.0.1, for tests and for trying things out.

Both run in an environment of their own (``.cinder/venv``), with the versions of constraints.txt.
Keystone is served by waitress over SQLite. Cinder is one process with its API, its scheduler and
its volume manager over an in-memory transport, the way its own functional tests run it. It has two
backends, each a volume type: ``nfs`` (the default) makes real qcow2 snapshots in a plain folder,
``fake`` is Cinder's own driver that does nothing, and so can also snapshot volumes in use.

Only ``cinder`` needs the packages of the project; all else runs with Python alone, for
``make cinder-up``. What is in ``inside`` runs in the servers' environment.
"""
