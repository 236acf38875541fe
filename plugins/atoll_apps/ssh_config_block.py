"""The block in `~/.ssh/config` by which `ssh SESSION.atoll` works, and a file's part around it."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from atoll import AtollError
from atoll.files import write_atomic
from atoll_apps.ssh_login import KEY, USER
from atoll_apps.ssh_options import escaped, trust_options

_BEGIN = "# >>> atoll: sessions as hosts; written by atoll ssh-config, changes are lost"
_END = "# <<< atoll"
_BLOCK = re.compile(rf"^{re.escape(_BEGIN)}\n.*?^{re.escape(_END)}\n\n?", re.MULTILINE | re.DOTALL)
_PERSIST = "10m"
_OWN_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")


@frozen
class Block:
    """What the block says.

    `proxy` are the words that start a connection, before the name of the host. `names` is the
    folder with a folder for each name, `sockets` begins the paths of connections that are shared.
    """

    suffix: str
    proxy: Sequence[str]
    names: Path
    sockets: str

    def text(self) -> str:
        """Spell it out."""
        here = escaped(str(self.names))
        options = [
            ("User", USER),
            ("ProxyCommand", f"{_command(self.proxy)} %n"),
            ("IdentitiesOnly", "yes"),
            ("IdentityFile", f'"{here}/%n/{KEY}"'),
            # A session with a folder named .ssh lets in its user's own keys instead.
            *(("IdentityFile", key) for key in _OWN_KEYS),
            *trust_options(f'"{here}/%n/known_hosts"').items(),
            ("ControlMaster", "auto"),
            ("ControlPath", f'"{escaped(self.sockets)}%C"'),
            ("ControlPersist", _PERSIST),
            ("ServerAliveInterval", "30"),
        ]
        lines = [f"    {name} {value}" for name, value in options]
        # The last line has what follows hold for all hosts, as it did at the head of the file.
        return "\n".join([_BEGIN, f"Host *{self.suffix}", *lines, "Host *", _END, ""])


def _command(words: Sequence[str]) -> str:
    return shlex.join(words).replace("%", "%%")


def with_block(text: str, block: str) -> str:
    """Return a file's text with the block at its beginning, in place of an older one.

    OpenSSH believes the first that speaks of an option, so what comes first holds.
    """
    rest = without_block(text)
    return f"{block}\n{rest}" if rest else block


def without_block(text: str) -> str:
    """Return a file's text without the block; raises AtollError when only half of it is there."""
    rest = _BLOCK.sub("", text)
    if _BEGIN in rest or f"\n{_END}\n" in f"\n{rest}":
        raise AtollError("the block of atoll has lost its first or last line", hint="delete it")
    return rest


def read(file: Path) -> str:
    """Return a file's text, empty when it is not there; raises AtollError."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise AtollError(f"{file}: {reason}") from None


def write(file: Path, text: str) -> None:
    """Replace a file whole, keeping its mode, and the file that a link leads to."""
    target = file.resolve()
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        write_atomic(target, text, mode=mode)
        # The mode was narrowed by the umask.
        target.chmod(mode)
    except OSError as error:
        raise AtollError(f"{file}: {error.strerror}") from None
