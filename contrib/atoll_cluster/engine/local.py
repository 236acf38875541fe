"""The engine of a single machine: each kernel is a sandbox, its supervisor and a folder."""

import contextlib
import os
import re
import subprocess
import sys
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path

import anyio
from anyio import to_thread
from attrs import define, field

from . import cgroup, log, sandbox
from .contract import (
    EngineError,
    ExitStatus,
    HomeSnapshot,
    Image,
    KernelSpec,
    Progress,
    Resolution,
    Usage,
)
from .control import settle_log
from .folder import KernelFolder
from .home_setup import write_files
from .images import Catalog
from .kernel import LocalKernel, end
from .launch import MOST_PROCESSES, Launcher
from .services.installed import Installed
from .services.kernel_services import recall
from .services.ssh import own_files
from .snapshots import HomeSnapshots
from .usage import Gauge

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
KEPT = ".kept-homes"
"""A folder beside those of kernels, whose ids are no such names."""
SUPERVISOR = Path(__file__).with_name("supervisor")


def _tell_nobody(_session_id: str, _reason: str) -> None:
    pass


@define(slots=False)
class LocalEngine:
    """Starts kernels below `root` and finds them again there after a restart.

    `plain` forgoes the sandbox; `network` keeps the host's network inside it. `grace` is how many
    seconds programs have between being asked to end and being killed, `patience` how many their
    output waits for a reader who stands still.
    """

    root: Path
    plain: bool = False
    network: bool = True
    grace: float = 5.0
    patience: float = 30.0
    _gauge: Gauge = field(factory=Gauge, init=False)
    _tell_fault: Callable[[str, str], None] = field(default=_tell_nobody, init=False)
    _copied: dict[str, anyio.Lock] = field(factory=lambda: defaultdict(anyio.Lock), init=False)
    """Held while the home of a kernel is copied, which is not deleted meanwhile."""

    def on_fault(self, tell: Callable[[str, str], None]) -> None:
        self._tell_fault = tell

    @cached_property
    def probe(self) -> sandbox.Probe:
        """The sandbox that kernels get here; tried out once."""
        return sandbox.probe(force_plain=self.plain)

    @cached_property
    def catalog(self) -> Catalog:
        """The runtimes found here; looked for once."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Catalog.discover(self.root)

    @cached_property
    def installed(self) -> Installed:
        """The programs for services found here; looked for once."""
        return Installed.discover()

    def missing_services(self) -> Mapping[str, str]:
        return self.installed.missing()

    def images(self) -> Sequence[Image]:
        return self.catalog.images

    def rescan(self) -> Sequence[Image]:
        found = Catalog.discover(self.root)
        self.__dict__["catalog"] = found
        return found.images

    def resolve(self, name: str) -> Resolution:
        return self.catalog.resolve(name)

    async def start(self, spec: KernelSpec) -> LocalKernel:
        folder = self._folder(spec.kernel_id)
        folder.create()
        await to_thread.run_sync(self._dress, spec, folder)
        return await self._bring_up(spec, folder)

    async def restart(self, spec: KernelSpec) -> LocalKernel:
        folder = self._folder(spec.kernel_id)
        folder.renew()
        return await self._bring_up(spec, folder)

    async def adopt(self, spec: KernelSpec) -> LocalKernel | ExitStatus:
        folder = self._folder(spec.kernel_id)
        kernel = self._running(spec, folder)
        if kernel is None:
            return folder.exit_status()
        try:
            await kernel.ready()
        except EngineError:
            return await kernel.stop(forced=True)
        return kernel

    async def measure(self, kernel_ids: Sequence[str]) -> Mapping[str, Usage]:
        folders = {kernel_id: self._folder(kernel_id) for kernel_id in kernel_ids}
        return await to_thread.run_sync(self._gauge.measure, folders)

    async def logs(self, kernel_id: str) -> AsyncIterator[bytes]:
        folder = self._folder(kernel_id)
        await settle_log(folder.run)
        with contextlib.closing(log.read(folder.log)) as pieces:
            while (piece := await to_thread.run_sync(next, pieces, None)) is not None:
                yield piece

    async def remove(self, kernel_id: str) -> None:
        folder = self._folder(kernel_id)
        await to_thread.run_sync(cgroup.remove, folder.cgroups())
        async with self._copied[kernel_id]:
            await to_thread.run_sync(folder.delete)
        self._copied.pop(kernel_id, None)

    async def discard(self, kernel_id: str) -> None:
        folder = self._folder(kernel_id)
        if supervisor := folder.supervisor():
            await end(supervisor, grace=0)
        await self.remove(kernel_id)

    def found(self) -> Sequence[str]:
        return [
            entry.name
            for entry in os.scandir(self.root)
            if NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        ]

    async def keep(self, spec: KernelSpec, home_id: str, progress: Progress) -> HomeSnapshot:
        folder, keep = self._folder(spec.kernel_id), self._kept_homes.keep
        name, own = _checked(home_id, "home"), own_files(folder)
        async with self._copied[spec.kernel_id]:
            return await to_thread.run_sync(keep, folder.home, name, spec.mounts, own, progress)

    async def drop(self, home_id: str) -> None:
        await to_thread.run_sync(self._kept_homes.drop, _checked(home_id, "home"))

    def kept(self) -> Sequence[str]:
        return self._kept_homes.found()

    @property
    def _kept_homes(self) -> HomeSnapshots:
        return HomeSnapshots(self.root / KEPT)

    def _dress(self, spec: KernelSpec, folder: KernelFolder) -> None:
        if spec.image.home is not None:
            self._kept_homes.fill(spec.image.home, folder.home)
        write_files(folder.home, spec.files)

    async def _bring_up(self, spec: KernelSpec, folder: KernelFolder) -> LocalKernel:
        await to_thread.run_sync(self._prepare, spec, folder)
        await self._launch(folder)
        kernel = self._running(spec, folder)
        if kernel is None:
            raise _ended_at_start(folder)
        try:
            await kernel.ready()
        except EngineError as error:
            await kernel.stop(forced=True)
            raise _ended_at_start(folder) from error
        except BaseException:
            with anyio.CancelScope(shield=True):
                await kernel.stop(forced=True)
            raise
        return kernel

    def _folder(self, kernel_id: str) -> KernelFolder:
        return KernelFolder(self.root / _checked(kernel_id, "kernel"))

    def _prepare(self, spec: KernelSpec, folder: KernelFolder) -> None:
        launcher = Launcher(
            probe=self.probe,
            installed=self.installed,
            network=self.network,
            grace=self.grace,
            patience=self.patience,
        )
        limits = cgroup.Limits(memory=spec.memory, cpu=spec.cpu_quota, processes=MOST_PROCESSES)
        # Groups are the whole machine's, and somebody else's kernel may have the same id.
        name = f"{spec.kernel_id}-{zlib.crc32(bytes(self.root)):08x}"
        groups = cgroup.create(name, limits)
        try:
            launcher.prepare(spec, self.catalog.runner(spec.image), folder, groups)
        except BaseException:
            cgroup.remove(groups)
            raise

    async def _launch(self, folder: KernelFolder) -> None:
        argv = [sys.executable, "-I", "-S", str(SUPERVISOR), "launch.json"]
        # Shielded, since a supervisor that nobody waits for would be there with nobody to end it.
        with anyio.CancelScope(shield=True), contextlib.suppress(subprocess.CalledProcessError):
            await anyio.run_process(
                argv, cwd=folder.run, env={}, stdin=subprocess.DEVNULL, stdout=None, stderr=None
            )

    def _running(self, spec: KernelSpec, folder: KernelFolder) -> LocalKernel | None:
        if process := folder.supervisor():
            tell = partial(self._tell_fault, spec.session_id)
            return LocalKernel(spec, folder, process, self.grace, tell, recall(folder.run))
        return None


def _checked(name: str, what: str) -> str:
    """Return an id that can be the name of a folder; raises EngineError for others."""
    if not NAME.fullmatch(name):
        raise EngineError(f"not a {what} id: {name!r}")
    return name


def _ended_at_start(folder: KernelFolder) -> EngineError:
    """Make the error for a kernel that never ran, with the last that it or its owner said."""
    said = map(log.last_line, (folder.log, folder.run / "supervisor.log"))
    words = next(filter(None, said), "it left no word")
    return EngineError(f"the kernel ended at its start: {words}")
