"""The site itself, by the recipe that has brought it up: what its operators do to it, and another
one with other switches.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

REPOSITORY = Path(__file__).parents[2]
RECIPE = Path(os.environ.get("REALSLURM_RECIPE") or REPOSITORY / "../shared/realslurm")
_CONFIG, _PREFIX = "REALSLURM_SSH_CONFIG", "REALSLURM_PREFIX"
_TIMEOUT = 180
_HANG_UP_SSHD = "kill -HUP $(cat /run/sshd.pid)"
_PAM = """\
auth requisite pam_exec.so quiet expose_authtok /etc/realslurm/code
auth required pam_permit.so
account required pam_permit.so
session required pam_permit.so
"""
INSTALLED = ".local/share/atoll/host"
"""Where `host install` puts atoll, below a home."""


@frozen
class Site:
    """A site of the recipe below `root`; `settings` are the variables that its programs need."""

    root: Path
    settings: Mapping[str, str] = field(factory=dict)

    @classmethod
    def given(cls) -> "Site":
        """Return the one that the tests are run on."""
        return cls(Path(os.environ[_CONFIG]).parents[1])

    def config(self, user: str = "alice") -> Path:
        """Return the `ssh_config` of a user's laptop."""
        return self.root / "laptop" / f"config-{user}"

    def home(self, user: str = "alice") -> Path:
        """Return the home of a user, as this machine has it."""
        return self.root / "home" / user

    def at(self, node: str, script: str, user: str = "root") -> str:
        """Run a script of a user on a node, without SSH, that succeeds; returns what it writes."""
        return self._program("enter", node, user, script)

    def node(self, name: str, verb: str) -> None:
        """Do to a node what an operator or bad luck does: off, on, crash, start, cut, join."""
        self._program("node", name, verb)

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Have the laptop's cable out meanwhile."""
        cable = f"{self.settings.get(_PREFIX) or os.environ.get(_PREFIX) or 'rs'}-out"
        subprocess.run(["ip", "link", "set", cable, "down"], check=True)
        try:
            yield
        finally:
            subprocess.run(["ip", "link", "set", cable, "up"], check=True)

    def hang_up(self, user: str = "alice") -> None:
        """End all SSH connections of a user, at the login node."""
        self.at("login", f"pkill -KILL -f '^sshd: {user}' || true")

    @contextmanager
    def sshd(self, **options: str) -> Iterator[None]:
        """Have the login node's sshd configured otherwise for the connections that come now."""
        file = self.root / "etc/ssh/sshd_config"
        before = file.read_text()
        kept = [line for line in before.splitlines() if line.split()[0] not in options]
        file.write_text("\n".join([*kept, *(f"{k} {v}" for k, v in options.items()), ""]))
        self.at("login", _HANG_UP_SSHD)
        try:
            yield
        finally:
            file.write_text(before)
            self.at("login", _HANG_UP_SSHD)

    @contextmanager
    def asking_for_codes(self) -> Iterator[None]:
        """Have the login node ask for a code after the key: 123456."""
        check, pam = self.root / "etc/realslurm/code", self.root / "etc/pam.d/sshd"
        check.write_text("#!/bin/sh\n[ \"$(tr -d '\\000\\n')\" = 123456 ]\n")
        check.chmod(0o755)
        before = pam.read_text() if pam.exists() else None
        pam.write_text(_PAM)
        methods = "publickey,keyboard-interactive:pam"
        try:
            with self.sshd(
                UsePAM="yes", KbdInteractiveAuthentication="yes", AuthenticationMethods=methods
            ):
                yield
        finally:
            pam.unlink() if before is None else pam.write_text(before)

    def _program(self, name: str, *words: str) -> str:
        ended = subprocess.run(
            [RECIPE / name, *words],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT,
            env={**os.environ, "REALSLURM_ROOT": str(self.root), **self.settings},
        )
        assert ended.returncode == 0, ended.stderr or ended.stdout
        return ended.stdout


@contextmanager
def another_site(root: Path, *words: str, room: int = 0, **switches: str) -> Iterator[Site]:
    """Bring up a second site with switches of the recipe, and take it down again.

    With `room`, its homes have so many MiB together.
    """
    number = _free_number()
    settings = {
        _PREFIX: f"q{number}",
        "REALSLURM_NET": f"10.{180 + number}.0",
        "REALSLURM_OUT": f"198.18.{number}",
        **{f"REALSLURM_{name}": value for name, value in switches.items()},
    }
    site = Site(root, settings)
    homes = root / "home"
    homes.mkdir(parents=True)
    if room:
        size = f"size={room}m,mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", homes], check=True)
    try:
        site._program("up", *words)
        yield site
    finally:
        site._program("down")
        if room:
            subprocess.run(["umount", homes], check=True)
        site._program("down", "--purge")


def _free_number() -> int:
    taken = {path.name.partition("-")[0] for path in Path("/run/netns").glob("q*")}
    return next(number for number in range(1, 64) if f"q{number}" not in taken)


def take_along(here: Site, there: Site, user: str = "alice") -> None:
    """Put what `host install` has put into alice's home into one of another site, or user."""
    source, target = here.home() / INSTALLED, there.home(user) / INSTALLED
    shutil.copytree(source, target, symlinks=True)
    for file in [*target.glob("*/bin/*"), *target.glob("*/pyvenv.cfg")]:
        if file.is_file() and not file.is_symlink() and b"/home/alice/" in file.read_bytes():
            file.write_text(file.read_text().replace("/home/alice/", f"/home/{user}/"))
    there.at("login", f"chown -R {user}: /home/{user}/.local")
