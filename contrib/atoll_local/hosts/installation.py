"""Install atoll on another machine: a folder for each installation, a link to the current one.

A new installation is created beside the others; the link is changed when it is complete. So a
failed installation changes nothing, and a running cluster keeps the files with which it was
started.
"""

import io
import re
import secrets
import shlex
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import trio
from attrs import frozen

from atoll import AtollError, __version__
from atoll_local.hosts.host import FOLDER, Host
from atoll_local.hosts.wheels import Platform, dependencies, make_wheels, wheels_in

_OLDEST = 11
"""The oldest minor version of Python 3 that can run atoll."""
_PYTHONS = " ".join(f"python3.{minor}" for minor in range(15, _OLDEST - 1, -1))
_ASK = "import sys; print(sys.version_info[1], sys.executable)"
_PROBE = (
    "echo machine=$(uname -sm); echo glibc=$(getconf GNU_LIBC_VERSION 2> /dev/null); "
    f"for python in python3 {_PYTHONS} $HOME/.local/bin/python3; do "
    f'echo python=$("$python" -c "{_ASK}" 2> /dev/null); done; '
    "uv=$(command -v uv || command -v $HOME/.local/bin/uv); echo uv=$uv; "
    f"echo current=$(readlink {FOLDER}/current); "
    f"echo apps=$(ls -d {FOLDER}/current/lib/python3*/site-packages/jupyterlab 2> /dev/null)"
)
_KEPT_INSTALLATIONS = 2
"""How many installations are kept: the current one, and the previous, which a cluster may use."""


@frozen
class HostFacts:
    """What a machine has: `python` and `uv` are paths, `current` is the name of the installation in
    use; each is empty if it does not exist. `has_apps` tells whether JupyterLab is installed.
    """

    platform: Platform
    python: str
    uv: str
    current: str
    has_apps: bool = False


async def examine(host: Host) -> HostFacts:
    """Find out what a machine has; raises AtollError if atoll cannot run there."""
    ran = await host.script(_PROBE)
    facts: dict[str, list[str]] = {}
    for line in ran.stdout.decode(errors="replace").splitlines():
        key, _, value = line.partition("=")
        facts.setdefault(key, []).append(value.strip())
    return _understand(host.name, facts)


def _understand(name: str, facts: dict[str, list[str]]) -> HostFacts:
    system, _, machine = "".join(facts.get("machine", [])).partition(" ")
    glibc = re.fullmatch(r"glibc 2\.(\d+)", "".join(facts.get("glibc", [])))
    if system != "Linux" or glibc is None:
        raise AtollError(f"{name} is not a Linux system with glibc, which atoll needs")
    pythons = [line.partition(" ") for line in facts.get("python", [])]
    numbered = {path: int(minor) for minor, _, path in pythons if minor.isdecimal()}
    usable = {path: minor for path, minor in numbered.items() if minor >= _OLDEST}
    path, minor = next(iter(usable.items()), ("", _OLDEST))
    platform = Platform(machine, int(glibc[1]), minor)
    uv, current, apps = ("".join(facts.get(name, [])) for name in ("uv", "current", "apps"))
    return HostFacts(platform, path, uv, current, bool(apps))


async def install(
    host: Host, names: Sequence[str], say: Callable[[str], None], *, apps: bool = False
) -> str:
    """Install these distributions (atoll and its engines) there; raises AtollError.

    With `apps`, install JupyterLab and a web terminal, too. Returns the name of the installation.
    The machine loads dependencies from its package index; if it reaches none, they are sent from
    here.
    """
    found = await examine(host)
    if not (found.python or found.uv):
        raise AtollError(
            f"{host.name} has no Python 3.{_OLDEST} or newer, and no uv",
            hint="install one of them there; your home folder will do",
        )
    name = f"{__version__}-{secrets.token_hex(4)}"
    with TemporaryDirectory(prefix="atoll-host-") as scratch:
        folder = Path(scratch)
        own = await make_wheels(names, folder)
        try:
            await _put(host, name, found, own)
            if not await _installed_from_index(host, name, apps=apps):
                say(f"{host.name} reaches no package index; the dependencies are sent from here")
                await dependencies(_with(own, apps=apps), found.platform, folder)
                await _send(host, name, wheels_in(folder))
                await _installed_from_here(host, name, apps=apps)
            await _take_over(host, name)
        except BaseException:
            with trio.move_on_after(10, shield=True):
                await host.script(f"rm -rf {_path(name)}")
            raise
    return name


async def remove(host: Host) -> None:
    """Delete all installations; the data of the cluster stays."""
    await _must(host, f"rm -rf {FOLDER}", "deleting it")


async def _put(host: Host, name: str, found: HostFacts, own: Sequence[Path]) -> None:
    """Create the folder of an installation, with its Python and our wheels."""
    path = _path(name)
    await _must(host, f"umask 077; mkdir -p {path}", "making its folder")
    await _send(host, name, own)
    if found.python:
        make = f"{shlex.quote(found.python)} -m venv --without-pip {path}"
    else:
        make = f"{shlex.quote(found.uv)} venv --quiet --python 3.{_OLDEST} {path}"
    await _must(host, make, "making a virtual environment")


def _with(wheels: Sequence[Path], *, apps: bool) -> list[str]:
    """Return the wheels as pip's words; with `apps`, atoll's wheel gets the extra `apps`."""
    extra = "[apps]" if apps else ""
    return [f"{one}{extra if one.name.startswith('atoll-') else ''}" for one in wheels]


def _wanted(path: str, *, apps: bool) -> str:
    """Return the same words for the wheels on the machine, for its shell."""
    extra = "'[apps]'" if apps else ""
    return f"$(ls {path}/wheels/atoll-*.whl){extra} $(ls {path}/wheels/atoll_*.whl 2> /dev/null)"


async def _installed_from_index(host: Host, name: str, *, apps: bool) -> bool:
    path = _path(name)
    wanted = _wanted(path, apps=apps)
    pip = f"PIP_RETRIES=0 PIP_TIMEOUT=5 {path}/bin/python -m pip install --quiet"
    uv = f"uv pip install --quiet --python {path}/bin/python"
    script = f"{path}/bin/python -m ensurepip > /dev/null 2>&1 && {pip} {wanted} || {uv} {wanted}"
    return (await host.script(script)).exit_code == 0


async def _installed_from_here(host: Host, name: str, *, apps: bool) -> None:
    """Install the wheels that were sent; pip is one of them."""
    path = _path(name)
    pip = f"{path}/bin/python $(ls {path}/wheels/pip-*.whl)/pip"
    wanted = _wanted(path, apps=apps)
    install = f"{pip} install --quiet --no-index --find-links {path}/wheels {wanted}"
    await _must(host, install, "installing it")


async def _take_over(host: Host, name: str) -> None:
    """Test the new installation and make it the current one; delete old ones."""
    path = _path(name)
    await _must(host, f"{path}/bin/atoll --version", "starting it")
    keep = f"ls -1dt {FOLDER}/*-* | tail -n +{_KEPT_INSTALLATIONS + 1}"
    link = f"cd {FOLDER} && ln -sfn {shlex.quote(name)} next && mv -fT next current"
    await _must(host, f"{link} && rm -rf {path}/wheels $({keep})", "activating it")


async def _send(host: Host, name: str, files: Sequence[Path]) -> None:
    packed = await trio.to_thread.run_sync(_tar, files)
    into = f"{_path(name)}/wheels"
    await _must(host, f"mkdir -p {into} && tar -xf - -C {into}", "sending it", packed)


def _tar(files: Sequence[Path]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for file in files:
            archive.add(file, file.name)
    return packed.getvalue()


async def _must(host: Host, script: str, doing: str, stdin: bytes = b"") -> None:
    """Run a script; raises AtollError with its message if it fails."""
    ran = await host.script(script, stdin)
    if ran.exit_code:
        lines = (ran.stderr or ran.stdout).decode(errors="replace").strip().splitlines()
        words = lines[-1] if lines else f"exit code {ran.exit_code}"
        raise AtollError(f"{host.name}: {doing} failed: {words}")


def _path(name: str) -> str:
    return f"{FOLDER}/{shlex.quote(name)}"
