"""The files that the servers are given: their configuration, and the commands that Cinder calls."""

import shlex
from pathlib import Path

PASSWORD = "secret"

_KEYSTONE = """\
[DEFAULT]
log_file = {folder}/keystone.log
# It warns whenever somebody asks for a token.
default_log_levels = keystone.common.password_hashing=ERROR
[database]
connection = sqlite:///{folder}/keystone.sqlite
[identity]
# A token in milliseconds: the least work that bcrypt can be given.
password_hash_rounds = 4
[fernet_tokens]
key_repository = {folder}/keys/tokens
[fernet_receipts]
key_repository = {folder}/keys/receipts
[credential]
key_repository = {folder}/keys/credentials
"""

_CINDER = """\
[DEFAULT]
state_path = {folder}/state
host = ci
my_ip = 127.0.0.1
log_file = {folder}/cinder.log
transport_url = fake:/
auth_strategy = keystone
osapi_volume_listen = 127.0.0.1
osapi_volume_listen_port = {port}
osapi_volume_workers = 1
osapi_max_limit = {max_limit}
api_paste_config = {etc}/api-paste.ini
resource_query_filters_file = {etc}/resource_filters.json
rootwrap_config = {etc}/rootwrap.conf
enabled_backends = nfs,fake
default_volume_type = nfs
service_down_time = 100000000
periodic_fuzzy_delay = 0
quota_volumes = 1000
quota_snapshots = 10000
quota_gigabytes = 100000
quota_groups = 100
[database]
connection = sqlite:///{folder}/cinder.sqlite
[oslo_concurrency]
lock_path = {folder}/lock
[coordination]
backend_url = file://{folder}/coordination
[keystone_authtoken]
auth_url = {auth_url}
www_authenticate_uri = {auth_url}
auth_type = password
username = cinder
password = {password}
project_name = service
user_domain_id = default
project_domain_id = default
# Revoked tokens go on until this time is over; 300 s unless it is set.
token_cache_time = 1
[cinder_sys_admin]
capabilities =
[privsep_osbrick]
capabilities =
[nfs]
volume_driver = cinder.volume.drivers.nfs.NfsDriver
volume_backend_name = nfs
nfs_shares_config = {folder}/shares
nfs_mount_point_base = {folder}/mount
nfs_snapshot_support = True
nas_secure_file_operations = False
nas_secure_file_permissions = False
max_over_subscription_ratio = 1000
[fake]
volume_driver = cinder.tests.fake_driver.FakeLoggingVolumeDriver
volume_backend_name = fake
"""

_QEMU_IMG = """\
#!/bin/sh
while [ -e {folder}/hold ]; do sleep 0.05; done
[ ! -e {folder}/fail ] || {{ echo 'qemu-img: simulated I/O error' >&2; exit 1; }}
exec {qemu_img} "$@"
"""

_COMMANDS = {
    # The "NFS share" is a plain folder.
    "mount": "#!/bin/sh\nexit 0\n",
    "mount.nfs": "#!/bin/sh\nexit 0\n",
    # Called as "sudo cinder-rootwrap CONFIG COMMAND...", unless it is root who runs the server.
    "sudo": '#!/bin/sh\nshift 2\nexec "$@"\n',
}


def write_files(
    folder: Path, *, auth_url: str, port: int, max_limit: int, etc: Path, qemu_img: str
) -> None:
    """Write what both servers need before they are started.

    Args:
        folder: where all files of the servers are.
        auth_url: Keystone's URL.
        port: Cinder's port.
        max_limit: how many items one page of a list holds at most.
        etc: the folder of the files that come with Cinder's package.
        qemu_img: the path of the real qemu-img.
    """
    for name in ("state", "lock", "coordination", "mount", "bin", "keys"):
        (folder / name).mkdir(parents=True)
    (folder / "keystone.conf").write_text(_KEYSTONE.format(folder=folder))
    (folder / "cinder.conf").write_text(
        _CINDER.format(
            folder=folder,
            auth_url=auth_url,
            port=port,
            max_limit=max_limit,
            etc=etc,
            password=PASSWORD,
        )
    )
    (folder / "shares").write_text("127.0.0.1:/ci\n")
    held = _QEMU_IMG.format(folder=shlex.quote(str(folder)), qemu_img=shlex.quote(qemu_img))
    for name, text in {**_COMMANDS, "qemu-img": held}.items():
        command = folder / "bin" / name
        command.write_text(text)
        command.chmod(0o755)
