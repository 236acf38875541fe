"""One connection of OpenSSH to a host, which carries all streams, commands, and a relay.

An `ssh` in the background keeps it, and other processes of atoll share it. It ends some time after
the last of them (the setting `ssh.persist`). If the user's own OpenSSH keeps one open
(`ControlPath` in `~/.ssh/config`), that is used, and never ended here.
"""

import re
from contextlib import suppress
from functools import partial
from pathlib import Path

import trio
from attrs import define, field

from atoll.outages import Backoff
from atoll.transport import NotSent
from atoll_ssh.bastion import Bastion
from atoll_ssh.contract import Completed, NoForwarding
from atoll_ssh.openssh.command import START_TIMEOUT, run_command
from atoll_ssh.openssh.folder import shared_folder
from atoll_ssh.openssh.login import Master, log_in, log_in_at_relay, persistence
from atoll_ssh.openssh.mux import MuxClient, MuxGone, MuxRefused
from atoll_ssh.openssh.stream import ForwardedStream, open_forward
from atoll_ssh.openssh.target import Settings, Target
from atoll_ssh.user_questions import LoginGate

_CHANNEL_TIMEOUT = 10.0
_SIGNALLED = 255
_SESSION_BACKOFF = Backoff(first=0.05, longest=0.5, patience=5.0)


def connect_to(bastion: Bastion) -> "OpensshConnection":
    """Return the connection to a host; it is opened when the first stream is needed."""
    target = Target(bastion)
    return OpensshConnection(str(bastion), target, HostLogin(target))


@define(eq=False)
class HostLogin:
    """Finds the connection to a host, or opens one."""

    _target: Target
    _settings: Settings | None = field(default=None, init=False)

    async def __call__(self, *, alone: bool) -> Master:
        """Return a connection: unless `alone`, one that is open already if there is one."""
        if self._settings is None:
            self._settings = await self._target.settings()
        persist = 0 if alone else persistence()
        if not alone and (found := await self._joined(self._settings, sharing=bool(persist))):
            return found
        return await log_in(self._target, self._settings, persist=persist)

    async def _joined(self, settings: Settings, *, sharing: bool) -> Master | None:
        """Return the user's own open connection, or with `sharing` that of other processes."""
        if path := settings["controlpath"]:
            with suppress(MuxGone):
                return Master(Path(path), await MuxClient.connect(Path(path)))
        if sharing and (folder := shared_folder(settings.key)):
            try:
                return await Master.at(folder, is_shared=True)
            except MuxGone:
                folder.remove()
        return None


@define(eq=False)
class RelayLogin:
    """Connects to a relay on a host."""

    _outer: "OpensshConnection"
    _command: str

    async def __call__(self, *, alone: bool) -> Master:
        """Start the relay, and connect to it; it is never shared."""
        del alone
        socket = await self._outer.socket()
        return await log_in_at_relay(self._outer.name, self._outer.target, socket, self._command)


class _NoSession(NotSent):
    """The host starts no command on this connection."""


@define(eq=False)
class OpensshConnection:
    """A :class:`atoll_ssh.contract.SshConnection` by OpenSSH."""

    name: str
    """The name of the host in errors."""
    target: Target
    _log_in: HostLogin | RelayLogin
    _gate: LoginGate = field(factory=LoginGate, init=False)
    _alone: bool = field(default=False, init=False)
    """Whether the connection that processes share starts no command for this one."""
    _master: Master | None = field(default=None, init=False)
    _connecting: trio.Lock = field(factory=trio.Lock, init=False)

    async def dial(self, host: str, port: int) -> ForwardedStream:
        """Open a stream to `host:port`, as the remote host resolves it."""
        master = await self._connected()
        log_size = master.folder.log_size() if master.folder else 0
        try:
            with trio.fail_after(_CHANNEL_TIMEOUT):
                return await open_forward(master.socket, host, port)
        except MuxRefused:
            reason = master.folder.log_text(log_size) if master.folder else ""
            raise _no_channel(self.name, f"{host}:{port}", reason) from None
        except trio.TooSlowError:
            raise NotSent(
                f"{host}:{port} does not answer {self.name} within {_CHANNEL_TIMEOUT:g} s"
            ) from None
        except MuxGone:
            await self._leave(master)
            raise NotSent(f"the connection to {self.name} was lost") from None

    async def run(self, command: str, stdin: bytes = b"") -> Completed:
        """Run a command in the user's shell on the host, and wait for its end."""
        run = partial(self._run, command, stdin)
        passes = partial(_is_instance, _NoSession)
        try:
            return await _SESSION_BACKOFF.retry(run, passes=passes)
        except _NoSession:
            # Other processes may have as many sessions as the host allows a connection.
            master = self._master
            if self._alone or master is None or not master.is_shared:
                raise
            self._alone = True
            await self._leave(master)
            return await run()

    async def _run(self, command: str, stdin: bytes) -> Completed:
        master = await self._connected()
        try:
            client = await MuxClient.connect(master.socket)
            ended = await run_command(client, command, stdin)
        except MuxRefused as error:
            raise _NoSession(f"{self.name} opens no more sessions: {error}") from None
        except MuxGone:
            await self._leave(master)
            raise NotSent(f"the connection to {self.name} was lost") from None
        except trio.TooSlowError:
            # The host of a connection that was idle may be out of reach since.
            self._master = None
            await master.end()
            raise NotSent(f"{self.name} starts no command within {START_TIMEOUT:g} s") from None
        if ended.exit_code == _SIGNALLED and not master.client.is_open:
            raise NotSent(f"the connection to {self.name} was lost")
        return ended

    def through(self, command: str) -> "OpensshConnection":
        """Return a connection inside of this one, to the relay that `command` starts."""
        return OpensshConnection(self.name, self.target, RelayLogin(self, command))

    async def socket(self) -> Path:
        """Return the socket of the `ssh` that has a connection to the host."""
        return (await self._connected()).socket

    async def aclose(self) -> None:
        """Leave the connection; one that no other process can use ends."""
        if (master := self._master) is None:
            return
        self._master = None
        if master.is_shared:
            await master.client.aclose()
        else:
            await master.end()

    async def end(self) -> bool:
        """End the connection also if other processes use it; returns whether there was one."""
        folder = shared_folder((await self.target.settings()).key)
        if folder is None:
            return False
        try:
            master = await Master.at(folder, is_shared=True)
        except MuxGone:
            folder.remove()
            return False
        await master.end()
        return True

    async def _connected(self) -> Master:
        async with self._connecting:
            if self._master is not None and not self._master.client.is_open:
                await self._leave(self._master)
            if self._master is None:
                self._master = await self._gate.passed(partial(self._log_in, alone=self._alone))
            return self._master

    async def _leave(self, master: Master) -> None:
        await master.client.aclose()
        if self._master is master:
            self._master = None


def _no_channel(name: str, target: str, output: str) -> NotSent | NoForwarding:
    """Return the error for a stream that was refused, after what `ssh` has written about it."""
    if found := re.search(r"open failed: connect failed: (.+)", output):
        return NotSent(f"{name} can't reach {target}: {found[1].strip().lower()}")
    return NoForwarding(
        f"{name} does not forward connections to {target}",
        hint="its AllowTcpForwarding forbids it" if output else "or nothing listens there",
        permanent=True,
    )


def _is_instance(kind: type[Exception], error: Exception) -> bool:
    return isinstance(error, kind)
