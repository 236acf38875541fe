"""The block in `~/.ssh/config` that makes `ssh SESSION.atoll` work, and how to edit the file."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from atoll import AtollError
from atoll.files import write_atomic
from atoll_apps.ssh.login import KEY, USER
from atoll_apps.ssh.options import quote_path, trust_options

_BEGIN = "# >>> atoll: sessions as hosts; written by atoll ssh-config, changes are lost"
_END = "# <<< atoll"
_BLOCK = re.compile(rf"^{re.escape(_BEGIN)}\n.*?^{re.escape(_END)}\n\n?", re.MULTILINE | re.DOTALL)
_PERSIST = "10m"
_OWN_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")


@frozen
class Block:
    """The content of the block.

    `proxy` is the command that opens a connection, without the name of the host. `names` is the
    folder with a folder for each name. `sockets` is the beginning of the paths of shared
    connections.
    """

    suffix: str
    proxy: Sequence[str]
    names: Path
    sockets: str

    def text(self) -> str:
        """Return the lines of the block."""
        here = quote_path(str(self.names))
        options = [
            ("User", USER),
            ("ProxyCommand", f"{_command(self.proxy)} %n"),
            ("IdentitiesOnly", "yes"),
            ("IdentityFile", f'"{here}/%n/{KEY}"'),
            # A session with a folder named .ssh accepts the user's own keys instead of the key of
            # its own.
            *(("IdentityFile", key) for key in _OWN_KEYS),
            *trust_options(f'"{here}/%n/known_hosts"').items(),
            ("ControlMaster", "auto"),
            ("ControlPath", f'"{quote_path(self.sockets)}%C"'),
            ("ControlPersist", _PERSIST),
            ("ServerAliveInterval", "30"),
        ]
        lines = [f"    {name} {value}" for name, value in options]
        # Options after the last line apply to all hosts, as options at the top of the file do.
        return "\n".join([_BEGIN, f"Host *{self.suffix}", *lines, "Host *", _END, ""])


def _command(words: Sequence[str]) -> str:
    return shlex.join(words).replace("%", "%%")


def with_block(text: str, block: str) -> str:
    """Return a file's text with the block at its beginning, replacing an older one.

    OpenSSH uses the first value of an option, so the block must come first.
    """
    rest = without_block(text)
    return f"{block}\n{rest}" if rest else block


def without_block(text: str) -> str:
    """Return a file's text without the block; raises AtollError for an incomplete block."""
    rest = _BLOCK.sub("", text)
    if _BEGIN in rest or f"\n{_END}\n" in f"\n{rest}":
        raise AtollError(
            "the block of atoll has lost its first or last line", hint="delete the rest of it"
        )
    return rest


def read(file: Path) -> str:
    """Return a file's text, empty if there is no file; raises AtollError."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise AtollError(f"{file}: {reason}") from None


def write(file: Path, text: str) -> None:
    """Replace the content of a file; its mode, and links to it, are kept."""
    target = file.resolve()
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        write_atomic(target, text, mode=mode)
        # The umask may have reduced the mode.
        target.chmod(mode)
    except OSError as error:
        raise AtollError(f"{file}: {error.strerror}") from None
