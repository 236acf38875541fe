"""Write the files with which a kernel's supervisor and its program start."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import attrs
from attrs import frozen

from . import home_setup, sandbox, shells
from .contract import EngineError, Image, KernelSpec, Mount
from .environment import SYSTEM_PATH, KernelPaths, environ
from .folder import KernelFolder
from .node_sandbox import NodeSandbox
from .peers import PLACE
from .services.definition import KernelSite
from .services.installed import Installed
from .services.kernel_services import KernelServices, provide
from .services.own_python import outermost

KERNEL_PROGRAM = Path(__file__).parent.parent / "kernel"
LISTENING_FD, OPTIONS_FD = 3, 4
"""The kernel's descriptors besides 0, 1 and 2; its output, 1 and 2, goes to the pipe of its log."""
MOST_PROCESSES = 4096
"""Limit of processes and threads of one kernel, so that a fork bomb cannot harm the machine."""
OWN_PROCESSES = 64
"""How many more the supervisor allows: the sandbox's own processes, which no other limit counts."""
OPTIONS = "bwrap.options"
"""The file of the sandbox's options, because a process inside can read the command line."""


@frozen(kw_only=True)
class Preparation:
    """Writes these files; its attributes are the same for all kernels."""

    probe: sandbox.Probe
    installed: Installed
    network: bool
    grace: float
    patience: float
    shown: Sequence[Path] | None = None
    """The folders that a kernel on another machine sees in its sandbox; None for no sandbox."""

    def prepare(
        self, spec: KernelSpec, runner: Image, folder: KernelFolder, cgroups: Sequence[Path]
    ) -> None:
        """Write a new kernel's files; `runner` is the Python that runs the kernel program."""
        _check_mounts(spec.mounts)
        home_setup.restrict_ssh_keys(spec.mounts)
        paths = self._paths_of(folder)
        services = self._provide(spec, folder, paths)
        services.remember(folder.run)
        self._write_share(spec, folder, paths, services)
        _write_etc(spec, folder)
        settings = str(paths.share / "kernel.json")
        words = [*runner.prefix, *runner.argv, "-I", "-S", str(paths.program)]
        argv = [*words, str(LISTENING_FD), settings]
        if self.probe.bwrap is not None:
            prefixes = (*spec.image.prefixes, *runner.prefixes, *services.prefixes)
            options = sandbox.bwrap_options(self._view(spec, folder, outermost(prefixes)))
            home_setup.make_mount_points(folder.home, spec.mounts)
            _write_private(folder.run / OPTIONS, "\0".join(options))
            argv = [self.probe.bwrap, "--args", str(OPTIONS_FD), "--", *argv]
        else:
            home_setup.link_mounts(folder.home, spec.mounts)
        launch = self._launch(spec, folder, argv, cgroups)
        if self.shown is not None:
            prefixes = (KERNEL_PROGRAM, *spec.image.prefixes, *runner.prefixes, *services.prefixes)
            launch["sandbox"] = self._node_sandbox(spec, folder, outermost(prefixes))
        _write_json(folder.run / "launch.json", launch)

    def _node_sandbox(
        self, spec: KernelSpec, folder: KernelFolder, programs: Sequence[Path]
    ) -> dict[str, Any]:
        made = NodeSandbox(folder=folder, programs=programs, shown=self.shown or ())
        options = folder.run / OPTIONS
        _write_private(options, "\0".join(made.options(spec)))
        return made.launch(options)

    def _provide(
        self, spec: KernelSpec, folder: KernelFolder, paths: KernelPaths
    ) -> KernelServices:
        site = KernelSite(
            spec=spec,
            folder=folder,
            paths=paths,
            environ=environ(spec, paths),
            is_sandboxed=self.probe.tier != "plain",
        )
        return provide(self.installed, site)

    def _write_share(
        self, spec: KernelSpec, folder: KernelFolder, paths: KernelPaths, services: KernelServices
    ) -> None:
        bootstrap = None
        if spec.bootstrap is not None:
            (folder.share / "bootstrap.sh").write_bytes(spec.bootstrap)
            bootstrap = str(paths.share / "bootstrap.sh")
        settings = {
            "language": spec.image.language,
            "argv": list(spec.image.argv),
            "shell": list(shells.argv(paths, environ(spec, paths))),
            "environ": environ(spec, paths),
            "place": str(folder.run / PLACE) if self.probe.tier == "plain" else None,
            "prefixed": bool(spec.image.prefix),
            "home": str(paths.home),
            "memory": spec.memory,
            "processes": MOST_PROCESSES if self.probe.counts_processes else None,
            "bootstrap": bootstrap,
            "task": attrs.asdict(spec.task) if spec.task else None,
            "patience": self.patience,
            "grace": self.grace,
            "services": services.settings(),
        }
        _write_json(folder.share / "kernel.json", settings)
        (folder.share / shells.BASHRC).write_text(shells.bashrc())
        (folder.share / "kernel").mkdir()
        if not spec.image.prefix:
            _link_interpreter(spec.image, folder.share / "bin")

    def _launch(
        self, spec: KernelSpec, folder: KernelFolder, argv: list[str], cgroups: Sequence[Path]
    ) -> dict[str, Any]:
        plain = self.probe.tier == "plain"
        return {
            "argv": argv,
            # The supervisor may be the same Python, and need not start another one.
            "program": str(KERNEL_PROGRAM) if plain else None,
            "environ": self._first_environ(spec, folder),
            "cwd": str(folder.home),
            "log": str(folder.log),
            "files": [] if plain else [str(folder.run / OPTIONS)],
            "cpus": list(spec.cpus),
            "memory": spec.memory,
            "processes": MOST_PROCESSES + OWN_PROCESSES,
            "cgroups": [str(path) for path in cgroups],
            "plain": plain,
            "task": spec.task is not None,
            "wrappers": 0 if plain else 2,
            "grace": self.grace,
        }

    def _first_environ(self, spec: KernelSpec, folder: KernelFolder) -> Mapping[str, str]:
        """Return the environment of the kernel program.

        A `prefix` of the image gets the environment that the user's programs will get.
        """
        if spec.image.prefix:
            return {**environ(spec, self._paths_of(folder)), "PATH": SYSTEM_PATH}
        return {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"}

    def _paths_of(self, folder: KernelFolder) -> KernelPaths:
        if self.probe.tier == "plain":
            return KernelPaths(home=folder.home, share=folder.share, program=KERNEL_PROGRAM)
        return KernelPaths(home=sandbox.HOME, share=sandbox.SHARE, program=sandbox.PROGRAM)

    def _view(
        self, spec: KernelSpec, folder: KernelFolder, prefixes: Sequence[Path]
    ) -> sandbox.SandboxView:
        return sandbox.SandboxView(
            home=folder.home,
            share=folder.share,
            program=KERNEL_PROGRAM,
            etc=folder.etc,
            hostname=spec.hostname,
            prefixes=prefixes,
            mounts=spec.mounts,
            devices=spec.devices,
            network=self.network,
            room=spec.memory // 2 if spec.memory and self.probe.sizes_tmpfs else None,
        )


def _check_mounts(mounts: Sequence[Mount]) -> None:
    for mount in mounts:
        parts = PurePosixPath(mount.name).parts
        if not parts or ".." in parts or parts == ("/",):
            raise EngineError(f"this is not a valid mount path: {mount.name!r}")
        if not mount.source.is_dir():
            raise EngineError(f"there is no folder to mount as {mount.name}")


def _link_interpreter(image: Image, folder: Path) -> None:
    """Create links so that `python` (or `node`, …) in shells is that of the image."""
    folder.mkdir()
    names = {image.language, Path(image.argv[0]).name}
    if image.language == "python":
        names |= {"python3"}
    for name in names:
        (folder / name).symlink_to(image.argv[0])


def _write_etc(spec: KernelSpec, folder: KernelFolder) -> None:
    name = spec.hostname
    local = "localhost" if name in spec.hosts else f"localhost {name}"
    others = "".join(f"{address} {host}\n" for host, address in spec.hosts.items())
    files = {
        "passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\n"
        "work:x:1000:1000:work:/home/work:/bin/bash\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "group": "root:x:0:\nwork:x:1000:\nnogroup:x:65534:\n",
        "hostname": f"{name}\n",
        "hosts": f"127.0.0.1 {local}\n::1 localhost\n{others}",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n",
        **shells.etc(),
    }
    for file, text in files.items():
        (folder.etc / file).write_text(text)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    _write_private(path, json.dumps(content))


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")
