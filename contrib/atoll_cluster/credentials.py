"""Create the first accounts at the first start, with random keys in a private file.

`credentials.json` contains `{"admin": {"access_key", "secret_key"}, "user": {…}}`. The valid keys
are those in the store; a shell on the same machine reads them from the file. If the file is
missing, the program writes it again.
"""

import json
import secrets
import string
import uuid

from atoll_cluster import clock
from atoll_cluster.paths import DataDir, require_private, write_private
from atoll_cluster.storage.volume import HOST
from atoll_cluster.store.policies import HOST_PERMISSIONS
from atoll_cluster.store.records import Domain, Group, KeyPair, KeyPairResourcePolicy, User
from atoll_cluster.store.store import Store

_KEY_LETTERS = string.ascii_uppercase + string.digits
_SECRET_LETTERS = string.ascii_letters + string.digits + "_-"
_ADMIN_EMAIL = "admin@atoll.local"
_USER_EMAIL = "user@atoll.local"


def ensure_accounts(data: DataDir, store: Store) -> None:
    """Create the first accounts and the file with their keys, unless they exist.

    Raises StartError if other users can read the file, because they may then know the keys.
    """
    require_private(data.credentials)
    if store.tables.users.count() == 0:
        with store.db.transaction():
            _seed(store)
    if not data.credentials.exists():
        write_private(data.credentials, json.dumps(_describe(store), indent=2) + "\n")


def new_keypair(user: User, *, is_admin: bool = False) -> KeyPair:
    """Create a random keypair: access key of 20 characters, secret key of 40."""
    access_key = "AKIA" + "".join(secrets.choice(_KEY_LETTERS) for _ in range(16))
    secret_key = "".join(secrets.choice(_SECRET_LETTERS) for _ in range(40))
    return KeyPair(
        access_key=access_key,
        secret_key=secret_key,
        user=user.uuid,
        is_admin=is_admin,
        created_at=clock.now(),
    )


def _seed(store: Store) -> None:
    at = clock.now()
    group = Group(
        id=str(uuid.uuid4()), name="default", domain_name="default", created_at=at, modified_at=at
    )
    hosts = {HOST: HOST_PERMISSIONS}
    store.tables.domains.add(
        Domain(name="default", created_at=at, modified_at=at, allowed_vfolder_hosts=hosts)
    )
    store.tables.groups.add(group)
    store.tables.keypair_policies.add(KeyPairResourcePolicy(name="default", created_at=at))
    _add_user(store, group, _ADMIN_EMAIL, "superadmin")
    _add_user(store, group, _USER_EMAIL, "user")


def _add_user(store: Store, group: Group, email: str, role: str) -> None:
    at = clock.now()
    user = User(
        uuid=str(uuid.uuid4()),
        username=email.partition("@")[0],
        email=email,
        role=role,
        created_at=at,
        modified_at=at,
    )
    keypair = new_keypair(user, is_admin=role == "superadmin")
    store.tables.users.add(user)
    store.tables.keypairs.add(keypair)
    store.accounts.add_member(group.id, user.uuid)
    store.tables.users.update(user.uuid, {"main_access_key": keypair.access_key})


def _describe(store: Store) -> dict[str, dict[str, str]]:
    described = {}
    for label, email in (("admin", _ADMIN_EMAIL), ("user", _USER_EMAIL)):
        user = store.accounts.user_by_email(email)
        keypair = user and store.accounts.keypair(user.main_access_key or "")
        if keypair:
            described[label] = {
                "access_key": keypair.access_key,
                "secret_key": keypair.secret_key,
            }
    return described
