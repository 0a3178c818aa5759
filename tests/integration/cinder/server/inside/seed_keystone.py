"""Makes Keystone's database and keys: the users that tests act as, and the catalogue.

Runs in the servers' own environment: ``seed_keystone.py CONFIG REGION CATALOGUE USERS``. The
catalogue is a JSON object of URLs by types of service, the users are a JSON list of objects with
name, password, project and roles.
"""

import json
import sys
import uuid
from typing import Any

import keystone.conf
import keystone.server
from keystone.cmd.bootstrap import Bootstrapper
from keystone.common import fernet_utils, provider_api
from keystone.common.sql import upgrades

PROVIDERS = provider_api.ProviderAPIs
DOMAIN = "default"


def main() -> None:
    """Make all of it."""
    config, region, catalogue, users = sys.argv[1:]
    del sys.argv[1:]  # Keystone would read them
    keystone.server.configure(config_files=[config])
    _make_keys()
    upgrades.offline_sync_database_to_version(None)
    urls = json.loads(catalogue)
    accounts = {user["name"]: user for user in json.loads(users)}
    _bootstrap(accounts.pop("admin"), region, urls["identity"])
    for user in accounts.values():
        _make_user(**user)
    _make_service("cinder", "block-storage", region, urls["block-storage"])


def _make_keys() -> None:
    conf = keystone.conf.CONF
    for group in ("fernet_tokens", "fernet_receipts", "credential"):
        keys = fernet_utils.FernetUtils(conf[group].key_repository, 3, group)
        keys.create_key_directory()
        keys.initialize_key_repository()


def _bootstrap(admin: dict[str, Any], region: str, url: str) -> None:
    bootstrapper = Bootstrapper()
    bootstrapper.admin_username = admin["name"]
    bootstrapper.admin_password = admin["password"]
    bootstrapper.project_name = admin["project"]
    bootstrapper.admin_role_name = "admin"
    bootstrapper.service_name = "keystone"
    bootstrapper.region_id = region
    bootstrapper.public_url = bootstrapper.internal_url = bootstrapper.admin_url = url
    bootstrapper.immutable_roles = True
    bootstrapper.bootstrap()


def _make_user(name: str, password: str, project: str, roles: list[str]) -> None:
    project_id = _project(project)
    user = {
        "name": name,
        "password": password,
        "domain_id": DOMAIN,
        "default_project_id": project_id,
        "enabled": True,
    }
    user_id = PROVIDERS.identity_api.create_user(user)["id"]
    for role in PROVIDERS.role_api.list_roles():
        if role["name"] in roles:
            PROVIDERS.assignment_api.add_role_to_user_and_project(user_id, project_id, role["id"])


def _project(name: str) -> str:
    for project in PROVIDERS.resource_api.list_projects():
        if project["name"] == name:
            return str(project["id"])
    made = {"id": uuid.uuid4().hex, "name": name, "domain_id": DOMAIN, "enabled": True}
    PROVIDERS.resource_api.create_project(made["id"], made)
    return str(made["id"])


def _make_service(name: str, kind: str, region: str, url: str) -> None:
    service = {"id": uuid.uuid4().hex, "name": name, "type": kind, "enabled": True}
    PROVIDERS.catalog_api.create_service(service["id"], service)
    for interface in ("public", "internal", "admin"):
        endpoint = {
            "id": uuid.uuid4().hex,
            "service_id": service["id"],
            "interface": interface,
            "region_id": region,
            "url": url,
            "enabled": True,
        }
        PROVIDERS.catalog_api.create_endpoint(endpoint["id"], endpoint)


main()
