"""Another machine, which is used through the user's shell over SSH."""

import json
import secrets
import shlex
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import define, field, frozen

from atoll import AtollError, ConfigError, NotFound, Unreachable
from atoll.reading import decode
from atoll.transport import NotSent
from atoll_local import shortcut
from atoll_ssh.api import Completed, SshConnection, connect

FOLDER = '"${XDG_DATA_HOME:-$HOME/.local/share}/atoll/host"'
"""The folder of atoll on another machine, as a word for the shell there."""
_FIND = (
    f'for atoll in {FOLDER}/current/bin/atoll atoll "$HOME/.local/bin/atoll"; do '
    'command -v "$atoll" > /dev/null 2>&1 && break; atoll=; done; '
    '[ -n "$atoll" ] || exit 127; '
)
_MISSING = 127
_LONGEST_MESSAGE = 300


@frozen
class Address:
    """The content of a profile's `via`: the machine, and the engine of its cluster."""

    ssh: str
    engine: str = ""

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read `host://[user@]name[:port][?engine=NAME]`; raises ConfigError."""
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise ConfigError(f"{url!r} is not the address of a machine: {error}") from None
        query = parse_qs(parts.query)
        engine = "".join(query.pop("engine", []))
        if query or parts.fragment:
            raise ConfigError(
                f"{url!r} is not the address of a machine", hint="write it like me@bigbox"
            )
        return cls(f"ssh://{parts.netloc}{parts.path}", engine)


@frozen
class Access:
    """The port and keys of a machine's cluster."""

    port: int
    access_key: str
    secret_key: str = field(repr=False)


@define(eq=False)
class Host:
    """Runs `sh` scripts and atoll's commands on a machine.

    The results do not contain the output of the login shell itself.
    """

    ssh: SshConnection
    engine: str = ""

    @classmethod
    def at(cls, address: Address) -> "Host":
        """Return the machine of an address, without a connection."""
        return cls(connect(address.ssh), address.engine)

    @property
    def name(self) -> str:
        """The name of the machine for messages."""
        return self.ssh.name

    async def script(self, script: str, stdin: bytes = b"") -> Completed:
        """Run a script; returns its output and exit code.

        Raises Unreachable without a connection, and AtollError if the machine runs no scripts.
        """
        mark = secrets.token_hex(8)
        # The script is one line in single quotes, so that every login shell reads it as one word.
        command = f"exec sh -c {shlex.quote(f'echo; echo {mark}; {script}')}"
        try:
            ran = await self.ssh.run(command, stdin)
        except NotSent as error:
            raise Unreachable(str(error)) from None
        _, found, printed = ran.stdout.partition(f"\n{mark}\n".encode())
        if not found:
            raise AtollError(f"cannot run commands on {self.name}: {_last_line(ran)}")
        return Completed(ran.exit_code, printed, ran.stderr)

    async def atoll(self, *words: str, before: str = "") -> Any:
        """Run a command of the atoll there, and return the record that it prints, or None.

        `before` is a script that runs first; it may print the record itself, and exit. Raises
        NotFound if atoll is not installed there, and AtollError with its message if it fails.
        """
        command = shlex.join(["--output", "json", *words])
        ran = await self.script(f'{before}{_FIND}exec "$atoll" {command}')
        if ran.exit_code == _MISSING and not ran.stdout:
            raise self._missing()
        if ran.exit_code:
            raise AtollError(f"{self.name}: {_last_line(ran)}")
        return decode(ran.stdout, self.name) if ran.stdout else None

    async def version(self) -> str:
        """Return the version of the atoll there; raises AtollError."""
        ran = await self.script(f'{_FIND}exec "$atoll" --version')
        return ran.stdout.decode(errors="replace").strip().rpartition(" ")[2][:_LONGEST_MESSAGE]

    async def access(self, *, start: bool, failed: bool = False) -> Access:
        """Return the access to the cluster there; with `start`, start the cluster if needed.

        If the stored access has `failed`, this asks atoll there and does not read the file. Raises
        AtollError.
        """
        engine = ["--engine", self.engine] if self.engine else []
        words = ["local", "access", *([] if start else ["--no-start"]), *engine]
        found = await self.atoll(*words, before="" if failed else shortcut.script(self.engine))
        record = found[0] if isinstance(found, list) else found
        try:
            port = urlsplit(record["endpoint"]).port
            return Access(int(port or 0), str(record["access_key"]), str(record["secret_key"]))
        except (LookupError, TypeError, ValueError):
            text = json.dumps(found)[:_LONGEST_MESSAGE]
            raise AtollError(
                f"{self.name} returned an unexpected answer about its cluster: {text}"
            ) from None

    def relay(self) -> SshConnection:
        """Return a connection through the relay there, for machines without port forwarding."""
        script = f'{_FIND}exec "$atoll" host relay'
        return self.ssh.through(f"exec sh -c {shlex.quote(script)}")

    def _missing(self) -> NotFound:
        user_and_host = self.ssh.name
        return NotFound(
            f"atoll is not installed on {self.name}",
            hint=f"atoll host install {user_and_host}",
        )


def _last_line(ran: Completed) -> str:
    """Return the last line that a command has printed, or else its exit code."""
    lines = (ran.stderr.strip() or ran.stdout.strip()).decode(errors="replace").splitlines()
    words = lines[-1].strip().removeprefix("atoll: ")[:_LONGEST_MESSAGE] if lines else ""
    return words or f"exit code {ran.exit_code}"
