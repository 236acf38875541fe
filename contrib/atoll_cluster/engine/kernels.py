"""The engine: each kernel has a folder here, and a supervisor that a launcher has started."""

import math
import os
import re
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup
from attrs import define, field

from . import cgroup, delayed_files, peers, remote, sandbox
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
from .control import flush_log
from .folder import KernelFolder
from .home_setup import write_files
from .images import Catalog
from .kernel import LaunchedKernel, until_ended
from .launcher import Job, Launcher, OpenLauncher, SandboxingLauncher, Site
from .local import LocalLauncher
from .preparation import MOST_PROCESSES, Preparation
from .relay.tls import PEM
from .remote_usage import RemoteUsageMeter
from .services.installed import Installed
from .services.kernel_services import recall
from .services.ssh import own_files
from .snapshots import HomeSnapshots
from .start import OnState, wait_until_ready
from .states import Ended, Running, State, Unknown, Waiting
from .usage import UsageMeter

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
KEPT = ".kept-homes"
"""The folder of snapshots, beside the folders of kernels; no kernel can have this name."""
ELSEWHERE = sandbox.Probe(tier="plain", reason="sessions run on other machines")
PREFIXED = sandbox.Probe(tier="plain", reason="a command goes before its program")
UNKNOWN_TIMEOUT = 4.0
"""Seconds after which a kernel of an earlier program counts as running if its state is unknown."""
END_TIMEOUT = 60.0
"""Seconds to wait for the end of a kernel that is discarded."""


def _ignore(*_: object) -> None:
    pass


@define(slots=False)
class KernelEngine:
    """Starts kernels with a launcher, in the folders of a site, and finds them again.

    `network` tells whether programs in the sandbox can use the host's network. `grace` is the
    number of seconds between SIGTERM and SIGKILL when a kernel is ended. `patience` is the number
    of seconds that a program's output waits for a reader that does not read. The tasks of
    `carriers` copy the bytes of services if the launcher's connections cannot carry descriptors.
    """

    site: Site
    launcher: Launcher
    network: bool = True
    grace: float = 5.0
    patience: float = 30.0
    carriers: TaskGroup | None = None
    _usage_meter: UsageMeter = field(factory=UsageMeter, init=False)
    _report_fault: Callable[[str, str], None] = field(default=_ignore, init=False)
    _copied: dict[str, anyio.Lock] = field(factory=lambda: defaultdict(anyio.Lock), init=False)
    """Locks by kernel: a home is not deleted while it is copied."""

    @classmethod
    def here(cls, root: Path, *, plain: bool = False, **settings: Any) -> Self:
        """Return the engine of this machine; `settings` are attributes of this class."""
        site = Site(root=root, plain=plain)
        return cls(site, LocalLauncher(site), **settings)

    def on_fault(self, tell: Callable[[str, str], None]) -> None:
        self._report_fault = tell

    @property
    def root(self) -> Path:
        """The folder of kernels."""
        return self.site.root

    def capacity(self) -> Mapping[str, Decimal] | None:
        return self.launcher.capacity()

    @cached_property
    def probe(self) -> sandbox.Probe:
        """The sandbox of kernels; it is tested once."""
        return sandbox.probe(force_plain=self.site.plain) if self.launcher.is_here else ELSEWHERE

    @cached_property
    def catalog(self) -> Catalog:
        """The runtimes; the machine is scanned once."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        images = self.launcher.images()
        return Catalog.discover(self.root) if images is None else Catalog(images)

    @cached_property
    def _far_gauge(self) -> RemoteUsageMeter:
        return RemoteUsageMeter(self.launcher)

    @cached_property
    def installed(self) -> Installed:
        """The programs of services; the machine is scanned once."""
        return Installed.discover()

    def missing_services(self) -> Mapping[str, str]:
        return self.installed.missing()

    def images(self) -> Sequence[Image]:
        return self.catalog.images

    def rescan(self) -> Sequence[Image]:
        self.__dict__.pop("catalog", None)
        return self.catalog.images

    def resolve(self, name: str) -> Resolution:
        return self.catalog.resolve(name)

    async def start(self, spec: KernelSpec, on_state: OnState = _ignore) -> LaunchedKernel:
        folder = self._folder(spec.kernel_id)
        if not await self._is_starting(spec, folder):
            folder.create()
            await to_thread.run_sync(self._add_home_files, spec, folder)
            await self._launch(spec, folder)
        return await wait_until_ready(self._kernel(spec, folder), folder, self.launcher, on_state)

    async def restart(self, spec: KernelSpec, on_state: OnState = _ignore) -> LaunchedKernel:
        folder = self._folder(spec.kernel_id)
        folder.renew()
        await self._launch(spec, folder)
        return await wait_until_ready(self._kernel(spec, folder), folder, self.launcher, on_state)

    async def adopt(self, spec: KernelSpec) -> LaunchedKernel | ExitStatus:
        folder = self._folder(spec.kernel_id)
        is_recorded = await to_thread.run_sync(folder.has_recorded_end)
        state: State = Unknown()
        # A kernel without a recorded end can be used now; `wait` tells later if it has ended.
        with anyio.move_on_after(math.inf if is_recorded else UNKNOWN_TIMEOUT):
            state = await self._known_state(spec.kernel_id)
        if isinstance(state, Ended):
            return await self._exit_status(folder, state)
        kernel = self._kernel(spec, folder)
        if self.launcher.is_here:
            try:
                await kernel.ready()
            except EngineError:
                return await kernel.stop(forced=True)
        # On another machine, the launcher tells whether a kernel runs, even an unreachable one.
        return kernel

    async def measure(self, kernel_ids: Sequence[str]) -> Mapping[str, Usage]:
        if not self.launcher.is_here:
            return await self._far_gauge.measure(kernel_ids)
        folders = {kernel_id: self._folder(kernel_id) for kernel_id in kernel_ids}
        return await to_thread.run_sync(self._usage_meter.measure, folders)

    async def logs(self, kernel_id: str) -> AsyncIterator[bytes]:
        self._folder(kernel_id)  # This raises EngineError for an invalid id.
        printed = await flush_log(partial(self.launcher.connect, kernel_id))
        if not self.launcher.is_here:
            await delayed_files.wait_for_log(self._folder(kernel_id), printed)
        async with aclosing(self.launcher.logs(kernel_id)) as pieces:
            async for piece in pieces:
                yield piece

    async def remove(self, kernel_id: str) -> None:
        folder = self._folder(kernel_id)
        await to_thread.run_sync(cgroup.remove, folder.cgroups())
        async with self._copied[kernel_id]:
            await to_thread.run_sync(folder.delete)
        self._copied.pop(kernel_id, None)

    async def discard(self, kernel_id: str) -> None:
        self._folder(kernel_id)
        await self.launcher.end(kernel_id, grace=0)
        with anyio.move_on_after(END_TIMEOUT):
            await until_ended(self.launcher, kernel_id)
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

    def _add_home_files(self, spec: KernelSpec, folder: KernelFolder) -> None:
        if spec.image.home is not None:
            self._kept_homes.fill(spec.image.home, folder.home)
        write_files(folder.home, spec.files)

    async def _is_starting(self, spec: KernelSpec, folder: KernelFolder) -> bool:
        """Return whether an earlier cluster program has started this kernel.

        The kernel's task may already be over, and must not run twice. If the earlier program has
        created the folder but not started the kernel, this deletes the folder.
        """
        if self.launcher.is_here or not folder.path.exists():
            return False
        state = await self._known_state(spec.kernel_id)
        if not isinstance(state, Ended) or state.reason is not None:
            return True
        if spec.task is not None and await to_thread.run_sync(folder.has_begun):
            return True
        await self.remove(spec.kernel_id)
        return False

    async def _launch(self, spec: KernelSpec, folder: KernelFolder) -> None:
        await to_thread.run_sync(self._prepare, spec, folder)
        await self.launcher.start(_job(spec, folder))

    async def _known_state(self, kernel_id: str) -> Waiting | Running | Ended:
        """Wait until the launcher knows a kernel's state; returns the state."""
        state = await self.launcher.watch(kernel_id, None)
        while isinstance(state, Unknown):
            state = await self.launcher.watch(kernel_id, state)
        return state

    async def _exit_status(self, folder: KernelFolder, ended: Ended) -> ExitStatus:
        """Return how a kernel ended, as its supervisor and its launcher tell."""
        if not self.launcher.is_here:
            await delayed_files.wait_for_end(folder)
        return folder.exit_status(ended)

    def _folder(self, kernel_id: str) -> KernelFolder:
        return KernelFolder(self.root / _checked(kernel_id, "kernel"))

    def _kernel(self, spec: KernelSpec, folder: KernelFolder) -> LaunchedKernel:
        return LaunchedKernel(
            spec,
            folder,
            self.launcher,
            self.grace,
            partial(self._report_fault, spec.session_id),
            self._exit_status,
            self.carriers,
            recall(folder.run),
        )

    def _prepare(self, spec: KernelSpec, folder: KernelFolder) -> None:
        preparation = Preparation(
            probe=PREFIXED if spec.image.prefix else self.probe,
            installed=self.installed,
            network=self.network,
            grace=self.grace,
            patience=self.patience,
            shown=self._shown(spec),
        )
        groups = self._groups(spec) if self.launcher.is_here else []
        try:
            preparation.prepare(spec, self.catalog.runner(spec.image), folder, groups)
            if not self.launcher.is_here:
                remote.write_key(folder.run / PEM, spec.kernel_id)
                peers.introduce(spec, folder)
        except BaseException:
            cgroup.remove(groups)
            raise

    def _shown(self, spec: KernelSpec) -> Sequence[Path] | None:
        """Return the folders that a kernel on another machine sees in its sandbox; None for none.

        Kernels that reach each other have none, nor have those with a command of their own.
        """
        if spec.image.prefix or len(spec.peers) > 1:
            return None
        launcher = self.launcher
        return launcher.shown() if isinstance(launcher, SandboxingLauncher) else None

    def _groups(self, spec: KernelSpec) -> Sequence[Path]:
        limits = cgroup.Limits(memory=spec.memory, cpu=spec.cpu_quota, processes=MOST_PROCESSES)
        # All users of the machine share these names, and another user's kernel may have this id.
        return cgroup.create(f"{spec.kernel_id}-{zlib.crc32(bytes(self.root)):08x}", limits)


@asynccontextmanager
async def open_engine(opener: OpenLauncher, site: Site) -> AsyncIterator[KernelEngine]:
    """Open a launcher, and yield an engine that uses it."""
    async with opener(site) as launcher, anyio.create_task_group() as carriers:
        yield KernelEngine(
            site,
            launcher,
            carriers=None if launcher.is_here else carriers,
        )
        carriers.cancel_scope.cancel()


def _job(spec: KernelSpec, folder: KernelFolder) -> Job:
    return Job(
        kernel_id=spec.kernel_id,
        session_id=spec.session_id,
        name=spec.session_name,
        folder=folder.path,
        cluster_role=spec.cluster_role,
        cluster_index=spec.cluster_index,
        hostname=spec.hostname,
        terms=spec.terms,
    )


def _checked(name: str, what: str) -> str:
    """Return an id that is a valid folder name; raises EngineError."""
    if not NAME.fullmatch(name):
        raise EngineError(f"not a {what} id: {name!r}")
    return name
