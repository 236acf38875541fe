"""Logins to sessions by SSH: the private key, and the public keys of the server.

Both are kept in the state folder, which only the user can read, until the session ends. They belong
to one container: after a restart of the session they are fetched again.
"""

import hashlib
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from atoll import AtollError, NotFound
from atoll.files import make_private, write_atomic
from atoll_apps.services import list_services
from atoll_sessions.api import find_session, get_session, list_sessions, read_file

if TYPE_CHECKING:
    from atoll import Api, Paths

USER = "work"
"""The account in every session."""
SERVICE = "sshd"
"""The service that serves SSH and SFTP."""
KEY = "id_container"
"""The file in a session's home with the private key that it accepts."""
_FIELDS = ["id", "name", "status", "mounts", "containers { container_id }"]

Scan = Callable[[str], Awaitable[str]]
"""Asks the SSH server of a session, given its id, for its keys."""


@frozen
class Login:
    """A session to log in to, and the folder with its keys."""

    session_id: str
    name: str
    folder: Path

    @property
    def key(self) -> Path | None:
        """The private key, None for a session that accepts only the user's own keys."""
        path = self.folder / KEY
        return path if path.exists() else None

    @property
    def known_hosts(self) -> Path:
        """The file with the public keys of the session's server, valid for every name."""
        return self.folder / "known_hosts"


async def prepare(api: "Api", paths: "Paths", reference: str, scan: Scan) -> Login:
    """Fetch the keys for a login to a session, unless an earlier login has.

    Raises NotFound when there is no such session, AtollError when it does not run.
    """
    found = await find_session(api, reference)
    session = await get_session(api, found.id, _FIELDS)
    if not session.status.startswith("RUNNING"):
        raise AtollError(
            f"session {session.name} is {session.status}",
            hint=f"atoll wait {session.name} RUNNING",
        )
    login = Login(session.id, session.name, cluster_folder(api, paths) / session.id)
    container = " ".join(str(one.get("container_id")) for one in session.containers or ())
    if not _is_prepared(login, container):
        await remove_ended(api, paths)
        await _fetch(api, login, container, scan)
    return login


def cluster_folder(api: "Api", paths: "Paths") -> Path:
    """Return the folder that contains the folders of the sessions of one cluster."""
    endpoint = hashlib.sha256(api.profile.endpoint.encode()).hexdigest()[:16]
    return ssh_folder(paths) / endpoint


def ssh_folder(paths: "Paths") -> Path:
    """Return the folder for all keys; nobody else may enter it."""
    return make_private(paths.state / "ssh")


def _is_prepared(login: Login, container: str) -> bool:
    try:
        return (login.folder / "container").read_text(encoding="utf-8") == container
    except OSError:
        return False


async def _fetch(api: "Api", login: Login, container: str, scan: Scan) -> None:
    shutil.rmtree(login.folder, ignore_errors=True)
    make_private(login.folder)
    # A session with a folder named .ssh accepts the keys in that folder, and creates none.
    with suppress(NotFound):
        key = await read_file(api, login.session_id, KEY)
        write_atomic(login.folder / KEY, key.decode())
    write_atomic(login.known_hosts, await _host_keys(api, login, scan))
    # This file is written last, so that everything is fetched again if this is interrupted before.
    write_atomic(login.folder / "container", container)


async def _host_keys(api: "Api", login: Login, scan: Scan) -> str:
    """Return the known_hosts file for the session's server.

    The embedded cluster sends the key with the service (`GET /stream/session/{s}/apps`). Managers
    do not: there, we trust the key that the server shows the first time, since we reach it through
    the cluster, over a connection that both sides have authenticated. Later only that key counts.
    """
    services = await list_services(api, login.session_id)
    service = services.pick(SERVICE, login.name)
    text = service.host_key or await scan(login.session_id)
    keys = public_keys(text)
    if not keys:
        raise AtollError(f"the SSH server of session {login.name} shows no key")
    # The file is only for this session, which may be called by several names.
    return "".join(f"* {key}\n" for key in sorted(keys))


def public_keys(text: str) -> set[str]:
    """Return the keys in lines of public key files or known_hosts files."""
    return {key for line in text.splitlines() if (key := _public_key(line))}


def _public_key(line: str) -> str | None:
    """Find the key in a line of a public key file or known_hosts file."""
    words = line.split()
    for place, word in enumerate(words[:2]):
        if word.startswith(("ssh-", "ecdsa-", "sk-")) and len(words) > place + 1:
            return f"{word} {words[place + 1]}"
    return None


async def remove_ended(api: "Api", paths: "Paths") -> None:
    """Delete the keys of sessions of this cluster that have ended."""
    folders = {path.name: path for path in cluster_folder(api, paths).glob("*")}
    if folders:
        async for session in list_sessions(api, ["id"]):
            folders.pop(session.id, None)
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
    for name in names_folder(paths).glob("*"):
        if not name.exists():
            name.unlink(missing_ok=True)


def names_folder(paths: "Paths") -> Path:
    """Return the folder of links from names given to OpenSSH to folders of sessions."""
    return ssh_folder(paths) / "names"
