"""The program: connects the parts, serves requests until a signal arrives, and shuts down."""

import asyncio
import logging
import resource
import signal
import socket
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.to_thread
import uvicorn
from attrs import field, frozen

from atoll_cluster.api.app import build_app
from atoll_cluster.api.request.http_protocol import HttpProtocol
from atoll_cluster.api.request.websocket_protocol import WebSocketProtocol
from atoll_cluster.claim import Claim
from atoll_cluster.cleanup import start_cleanup
from atoll_cluster.cluster import Cluster
from atoll_cluster.configuration import read_configuration
from atoll_cluster.credentials import ensure_accounts
from atoll_cluster.engine import cgroup
from atoll_cluster.engine.kernels import KernelEngine, open_engine
from atoll_cluster.engine.launcher import AccountLauncher, GroupedLauncher, NodeLauncher, Site
from atoll_cluster.engine.launcher_loading import load_launcher
from atoll_cluster.instance import Announcement, bind, lock
from atoll_cluster.paths import DataDir
from atoll_cluster.put_aside import PutAside
from atoll_cluster.scheduler.bus import Bus
from atoll_cluster.scheduler.groups import sync_groups
from atoll_cluster.scheduler.machine import Machine
from atoll_cluster.scheduler.nodes import Nodes
from atoll_cluster.scheduler.recovery import recover
from atoll_cluster.scheduler.scheduler import Scheduler
from atoll_cluster.storage import Storage
from atoll_cluster.store.store import Store
from atoll_cluster.store_opening import as_start_errors, open_store, unwrapped_start_errors
from atoll_cluster.supervision import TaskKind, supervised

_log = logging.getLogger(__name__)

_TIMEOUT = 3
"""Seconds that open requests get to end when the program stops."""

_KEEP_ALIVE = 75
"""Seconds that an idle connection stays open; if it is short, clients may use a closed one."""

_OPEN_FILES = 16384
"""How many files the program may open at the same time, if the system allows this."""

_LONGEST_LAST_OUTPUT = 64 * 1024

_SESSION_TIMEOUT = 20
"""Seconds that sessions get to end first; the next program finds those that still run."""


@frozen(kw_only=True)
class Options:
    """The options of the command line."""

    data: Path
    port: int = 0
    sandbox: Literal["auto", "plain"] = "auto"
    keep_sessions: bool = False
    slots: Mapping[str, Decimal] = field(factory=dict)
    engine: str | None = None
    version: str = "0"


def serve(options: Options) -> None:
    """Serve the data folder until SIGTERM or SIGINT; raises StartError and AlreadyRunningError."""
    data = DataDir.prepare(options.data)
    _allow_many_connections()
    with ExitStack() as stack:
        with as_start_errors(data):
            held = stack.enter_context(lock(data))
            if claim := Claim.take(data):
                stack.callback(claim.close)
            listener = stack.enter_context(bind(data, options.port))
            _log_last_end(data)
            store = stack.enter_context(closing(open_store(data)))
            ensure_accounts(data, store)
        announcement = Announcement(data, listener.getsockname()[1], options.version, held, claim)
        with unwrapped_start_errors():
            anyio.run(_run, options, data, store, listener, announcement)


def _log_last_end(data: DataDir) -> None:
    """Log how the last program ended, if that was abnormal."""
    if data.server.exists():
        _log.error("the last program did not shut down: it was killed or it crashed")
    with suppress(OSError):
        with data.last_output.open("rb") as file:
            words = file.read(_LONGEST_LAST_OUTPUT).decode("utf-8", "replace").strip()
        data.last_output.unlink()
        if words:
            _log.error("the last output of that program: %s", words)


def _allow_many_connections() -> None:
    """Raise the limit of open files, because each tunnel needs two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def _log_faults(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log errors of callbacks, except for expected ones."""
    if not is_late_wake(context):
        loop.default_exception_handler(context)


def is_late_wake(context: Mapping[str, Any]) -> bool:
    """Return whether an error of a callback is expected: if a task that reads from a socket is
    cancelled just when the socket becomes readable, anyio still tries to wake it.
    """
    woken = "Future.set_result" in repr(context.get("handle"))
    return woken and isinstance(context.get("exception"), asyncio.InvalidStateError)


async def _run(
    options: Options,
    data: DataDir,
    store: Store,
    listener: socket.socket,
    announcement: Announcement,
) -> None:
    asyncio.get_running_loop().set_exception_handler(_log_faults)
    configuration = read_configuration(data)
    await anyio.to_thread.run_sync(cgroup.prepare_delegated)
    here = Machine.this({**configuration.slots, **options.slots}, _network(data))
    site = Site(
        root=data.kernels,
        settings=configuration.settings,
        plain=options.sandbox == "plain",
        slots=here.slots.amounts(),
    )
    launcher = load_launcher(options.engine or configuration.engine)
    storage = Storage.prepare(data.storage)
    async with (
        open_engine(launcher, site) as engine,
        supervised(PutAside.read(data.put_aside)) as supervisor,
    ):
        is_here = engine.launcher.is_here
        machine = here if is_here else _other_machine(engine)
        scheduler = Scheduler(store, engine, machine, Bus(), supervisor)
        nodes = Nodes(engine.launcher, store.kernels)
        cluster = Cluster(store, scheduler, storage, f"atoll {options.version}", nodes)
        supervisor.start(TaskKind.ANNOUNCEMENT, announcement.keep)
        scheduler.begin()
        await recover(scheduler)
        scheduler.serve()
        await start_cleanup(cluster)
        server = _Server(_configure(cluster), announcement)
        supervisor.start(TaskKind.WARM_UP, partial(_warm_up, engine, server))
        supervisor.start(
            TaskKind.SIGNALS, partial(_stop_on_signal, server, cluster, options.keep_sessions)
        )
        if isinstance(engine.launcher, GroupedLauncher | AccountLauncher):
            supervisor.start(TaskKind.GROUPS, partial(sync_groups, store, engine.launcher))
        supervisor.start(TaskKind.USES, store.usage.keep_writing)
        await server.serve([listener])
        await store.usage.settle()


def _other_machine(engine: KernelEngine) -> Machine:
    has_nodes = isinstance(engine.launcher, NodeLauncher)
    return Machine.elsewhere(engine.capacity(), has_nodes=has_nodes)


def _network(data: DataDir) -> int:
    """Return the second octet of this folder's loopback addresses, usually another for each."""
    return 100 + zlib.crc32(bytes(data.root)) % 100


async def _warm_up(engine: KernelEngine, server: "_Server") -> None:
    """Load in advance what the first session and the first GraphQL query need."""
    await server.listening.wait()
    await anyio.to_thread.run_sync(_load_first_needs, engine, abandon_on_cancel=True)


def _load_first_needs(engine: KernelEngine) -> None:
    from atoll_cluster.api.gql.schema import schema

    schema()
    engine.images()
    engine.missing_services()
    _log.info("sandbox: %s", engine.probe)


def _configure(cluster: Cluster) -> uvicorn.Config:
    return uvicorn.Config(
        build_app(cluster),
        loop="asyncio",
        http=HttpProtocol,
        ws=WebSocketProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        # There is no trusted proxy, so headers do not prove the address of a client.
        proxy_headers=False,
        server_header=False,
        headers=[("Server", "BackendAI")],
        timeout_graceful_shutdown=_TIMEOUT,
        timeout_keep_alive=_KEEP_ALIVE,
        # Without pings, a client that is stopped for a while (Ctrl-Z) does not lose its run. On
        # loopback, a dead client is noticed without them, and compression gains nothing.
        ws_ping_interval=None,
        ws_per_message_deflate=False,
    )


class _Server(uvicorn.Server):
    """Uvicorn's server; publishes its address when it listens, and does not handle signals."""

    def __init__(self, config: uvicorn.Config, announcement: Announcement) -> None:
        super().__init__(config)
        self._announcement = announcement
        self.listening = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announcement.publish()
        self.listening.set()
        _log.info("answering at %s", self._announcement.endpoint)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._announcement.withdraw()
        await super().shutdown(sockets)


async def _stop_on_signal(server: _Server, cluster: Cluster, keep_sessions: bool) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            _log.info("stopping on %s", signal.Signals(number).name)
            try:
                await _end_sessions(cluster, keep_sessions)
            finally:
                server.should_exit = True  # The program must end even after an error.
            return


async def _end_sessions(cluster: Cluster, keep_sessions: bool) -> None:
    cluster.stopping.set()
    if not keep_sessions:
        with anyio.move_on_after(_SESSION_TIMEOUT):
            await cluster.scheduler.end_all("agent-termination")
    cluster.bus.close()
