"""How `ssh` is called for a host, and what its configuration says about it."""

import hashlib
import os
import pwd
import subprocess
from pathlib import Path

import trio
from attrs import frozen

from atoll import ConfigError, Paths
from atoll.files import write_atomic
from atoll_ssh.bastion import Bastion

_TIMEOUT = 10.0
_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
_FAST_CIPHER = "aes128-gcm@openssh.com"
_SLOW_CIPHER = "chacha20-poly1305@openssh.com"
RELAY_CIPHERS = f"{_SLOW_CIPHER},{_FAST_CIPHER}"
_MOST_CPU_INFO = 2**14


@frozen
class Settings:
    """The settings of OpenSSH for a host: all of them, as `ssh -G` prints them."""

    text: str

    def __getitem__(self, name: str) -> str:
        """Return a setting; empty if there is none."""
        for line in self.text.splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return "" if value == "none" else value
        return ""

    @property
    def key(self) -> str:
        """A name for connections with these settings."""
        whose = f"{Path.home()}\n{self.text}"
        return hashlib.sha256(whose.encode()).hexdigest()[:12]


@frozen
class Target:
    """The words by which `ssh` finds a host."""

    bastion: Bastion

    @property
    def options(self) -> list[str]:
        """The options that say which host is meant."""
        port = ["-p", str(self.bastion.port)] if self.bastion.port else []
        return [*_config_options(), *port]

    @property
    def host(self) -> list[str]:
        """The words for the host, which a command may follow."""
        user = f"{self.bastion.user}@" if self.bastion.user else ""
        return ["--", f"{user}{self.bastion.host}"]

    async def settings(self) -> Settings:
        """Ask `ssh` for its settings; raises ConfigError if it can't read them."""
        with trio.move_on_after(_TIMEOUT):
            asked = await trio.run_process(
                ["ssh", "-G", *self.options, *self.host],
                check=False,
                stdin=subprocess.DEVNULL,
                capture_stdout=True,
                capture_stderr=True,
            )
            if not asked.returncode:
                return Settings(asked.stdout.decode(errors="replace"))
            lines = asked.stderr.decode(errors="replace").strip().splitlines()
            raise ConfigError(lines[0] if lines else "ssh -G fails", hint="see ~/.ssh/config")
        raise ConfigError(f"ssh -G does not answer within {_TIMEOUT:g} s", hint="see ~/.ssh/config")


def cipher_options(allowed: str) -> list[str]:
    """Return the options to prefer a cipher that processors compute themselves.

    They are empty if the list of `allowed` ciphers begins with another one than that of OpenSSH
    does, since then the user prefers it.
    """
    ciphers = allowed.split(",")
    if ciphers[0] != _SLOW_CIPHER or _FAST_CIPHER not in ciphers or not _computes_aes():
        return []
    others = [one for one in ciphers if one != _FAST_CIPHER]
    return ["-o", f"Ciphers={','.join([_FAST_CIPHER, *others])}"]


def _computes_aes() -> bool:
    try:
        with Path("/proc/cpuinfo").open("rb") as file:
            return b" aes" in file.read(_MOST_CPU_INFO)
    except OSError:
        return False


def _config_options() -> list[str]:
    """Return the options by which `ssh` reads the `.ssh` of `$HOME`, as all of atoll does, where
    the account has another home.
    """
    home = Path.home()
    try:
        if home == Path(pwd.getpwuid(os.getuid()).pw_dir):
            return []
    except KeyError:
        pass
    file = (
        Paths.from_environment().state
        / "ssh"
        / f"config-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"
    )
    if not file.exists():
        write_atomic(file, _config(home / ".ssh"))
    return ["-F", str(file)]


def _config(folder: Path) -> str:
    lines = [f'Include "{folder / "config"}"', "Host *"]
    lines += [f'IdentityFile "{folder / name}"' for name in _KEYS]
    lines += [f'UserKnownHostsFile "{folder / "known_hosts"}"', "Include /etc/ssh/ssh_config"]
    return "\n".join([*lines, ""])
