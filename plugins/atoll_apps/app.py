"""`app`: forwards local ports to services of a session until it is stopped."""

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import click
import trio
from attrs import evolve, frozen

from atoll import AtollError, Context, Name, UsageError
from atoll.output import Column
from atoll_apps.access_options import AccessOptions, page_options, share_option
from atoll_apps.arguments import parse_arguments, parse_environment, start_options
from atoll_apps.http.filter import RequestFilter
from atoll_apps.ports.connection_filter import ConnectionFilter
from atoll_apps.ports.listeners import Bind, check_share, listening
from atoll_apps.ports.serving import until_interrupted
from atoll_apps.ports.transfer_rate import TransferRate
from atoll_apps.services import Service, Services, list_services, shut_down
from atoll_apps.tunnel.connector import Connector
from atoll_apps.tunnel.forwarding import forward_all
from atoll_apps.tunnel.service_start import wait_until_ready
from atoll_apps.tunnel.target import Target
from atoll_sessions.api import find_running

_USUAL_PORT = 8080
_COLUMNS = [
    Column("app", width=12),
    Column("address", width=24, keep=True),
    Column("port", right=True),
]


@frozen
class Forward:
    """A local port that is forwarded to a service, and who may use it.

    `web` checks requests; if it is None, bytes are copied unchecked.
    """

    service: Service
    connector: Connector
    bind: Bind
    listeners: Sequence[trio.SocketListener]
    connections: ConnectionFilter
    web: RequestFilter | None

    @property
    def app(self) -> str:
        """The service's name."""
        return self.service.name

    @property
    def address(self) -> str:
        """The local URL of the service, or `unix:PATH` for a socket."""
        if self.bind.path:
            return self.bind.name
        url = self.service.url(self.bind.shown_host, self.bind.port)
        return self.web.rules.with_token(url) if self.web else url

    @property
    def port(self) -> int | None:
        """The local port."""
        return self.bind.port or None


@click.command()
@click.argument("session", type=Name("session"))
@click.argument("apps", nargs=-1, required=True, type=Name("app"), metavar="APP...")
@click.option(
    "-b",
    "--bind",
    "binds",
    multiple=True,
    metavar="[HOST:]PORT|unix:PATH",
    help="Listen here, at 127.0.0.1 without HOST; 0 is any free port. Once for each APP; further"
    " ones get the ports after it.",
)
@click.option(
    "-p",
    "--protocol",
    type=click.Choice(["http", "tcp", "preopen"]),
    help="The protocol of the service, if it differs from the session's information.",
)
@start_options
@click.option("--restart", is_flag=True, help="Stop the services first if they are running.")
@share_option()
@click.option("--token", is_flag=True, help="Require a secret, which is in the address shown.")
@page_options
@click.option("--open", "show", is_flag=True, help="Open web services in the browser.")
@click.option(
    "--max-wait",
    type=click.IntRange(0),
    default=60,
    metavar="SECONDS",
    show_default=True,
    help="Wait at most this long for a service; 0 waits without limit.",
)
async def app(
    context: Context,
    session: str,
    apps: tuple[str, ...],
    **options: Any,
) -> None:
    """Make services of a session reachable at local ports, until Ctrl-C.

    atoll apps SESSION lists them. An address is shown once its service answers. Your own programs
    can connect, other accounts and pages of other sites can't. If the cluster can't be reached,
    atoll tries again, and connections wait.
    """
    binds = parse_binds(options["binds"], len(apps))
    for bind in filter(None, binds):
        check_share(bind, share=options["share"])
    access = AccessOptions(
        say=context.output.warn,
        hosts=options["allow_hosts"],
        origins=options["allow_origins"],
        share=options["share"],
        token=options["token"],
        protocol_given=options["protocol"] is not None,
    )
    start: dict[str, Any] = {
        "arguments": parse_arguments(options["arguments"]),
        "envs": parse_environment(options["env"]),
    }
    api = await context.connect()
    found = await find_running(api, session)
    services = await list_services(api, found.id)
    chosen = [choose(services, name, options["protocol"], found.name) for name in apps]
    connectors = [
        Connector(api, Target(session_id=found.id, app=service.name, **start), context.output.warn)
        for service in chosen
    ]
    access.check(chosen)
    if options["restart"]:
        for service in chosen:
            await shut_down(api, found.id, service)
    async with _listening(chosen, connectors, binds, access) as forwards:
        await _serve(context, forwards, options["max_wait"] or math.inf, show=options["show"])


def parse_binds(texts: Sequence[str], count: int) -> list[Bind | None]:
    """Return the address for each of `count` services, None for any free port.

    Raises UsageError.
    """
    binds: list[Bind | None] = [Bind.parse(text) for text in texts]
    if len(binds) > count:
        raise UsageError("there are more --bind than apps")
    while len(binds) < count:
        binds.append(binds[-1].next() if binds and binds[-1] else None)
    return binds


def choose(services: Services, name: str, protocol: str | None, session: str) -> Service:
    """Find a service by name, with the protocol if the user gave one; raises NotFound."""
    if protocol == "preopen" and name.isdigit() and name not in {one.name for one in services}:
        return Service(name=name, protocol=protocol, ports=(int(name),))
    service = services.pick(name, session)
    return service.speaking(protocol) if protocol else service


@asynccontextmanager
async def _listening(
    services: Sequence[Service],
    connectors: Sequence[Connector],
    binds: Sequence[Bind | None],
    access: AccessOptions,
) -> AsyncIterator[list[Forward]]:
    """Listen at all ports before anything else is done, so that a port in use is reported at
    once.
    """
    async with AsyncExitStack() as stack:
        forwards = []
        for service, connector, bind in zip(services, connectors, binds, strict=True):
            listeners, port = await _listen(stack, bind, share=access.share)
            at = evolve(bind or Bind(), port=port)
            connections = access.connection_filter(service.name)
            web = access.request_filter(service, at, connections)
            access.warn(at, service.name)
            forwards.append(Forward(service, connector, at, listeners, connections, web))
        yield forwards


async def _listen(
    stack: AsyncExitStack, bind: Bind | None, *, share: bool
) -> tuple[list[trio.SocketListener], int]:
    if bind is not None:
        return await stack.enter_async_context(listening(bind, share=share))
    try:
        return await stack.enter_async_context(listening(Bind(port=_USUAL_PORT)))
    except AtollError:
        return await stack.enter_async_context(listening(Bind()))


async def _serve(
    context: Context, forwards: Sequence[Forward], max_wait: float, *, show: bool
) -> None:
    """Forward connections and show their addresses until Ctrl-C."""
    send, ready = trio.open_memory_channel[Forward](len(forwards))
    rate = TransferRate()
    async with until_interrupted(context) as nursery:
        for forward in forwards:
            nursery.start_soon(_forward_when_ready, forward, max_wait, send.clone(), rate)
        send.close()
        with context.output.progress(f"waiting for {', '.join(one.app for one in forwards)} …"):
            first = await ready.receive()
        await context.output.rows(_shown(first, ready, show=show), _COLUMNS, live=True)
        end = "Ctrl-C" if context.foreground else "kill %N"
        context.output.note(f"{end} closes {'it' if len(forwards) == 1 else 'them'}")
        if context.output.show_progress is not None:
            nursery.start_soon(rate.show, context)


async def _forward_when_ready(
    forward: Forward,
    max_wait: float,
    send: "trio.MemorySendChannel[Forward]",
    rate: TransferRate,
) -> None:
    # The listeners are closed synchronously: an await would be cancelled here, and hide the cause
    # of a failure.
    with send:
        await wait_until_ready(forward.connector, forward.service, max_wait)
        await send.send(forward)
    await forward_all(forward.connector, forward.listeners, forward.connections, forward.web, rate)


async def _shown(
    first: Forward, others: "trio.MemoryReceiveChannel[Forward]", *, show: bool
) -> AsyncIterator[Forward]:
    """Yield each forward when it is ready; with `show`, open its page in the browser."""
    yield first
    if show:
        await _open_page(first)
    async for forward in others:
        yield forward
        if show:
            await _open_page(forward)


async def _open_page(forward: Forward) -> None:
    if forward.address.startswith("http"):
        import webbrowser

        await trio.to_thread.run_sync(webbrowser.open, forward.address)
