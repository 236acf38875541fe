"""Connections to services inside the kernel, and the programs that provide them.

The kernel program opens each connection itself, with the files and the network that the user's
programs see, and sends its descriptor to the engine. So no process outside the kernel follows a
path that the user may have changed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from .dialing import dial
from .listeners import addresses
from .server import ServiceProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .link import Link
    from .loop import Loop
    from .settings import Settings

LONGEST = 40
"""Most characters of the temporary folder's path; a socket's path in it must not be too long."""
ARGUMENTS = "{arguments}"
"""The word of a command line that is replaced by the arguments of a request."""
OTHERWISE = "it is already running with other options; restart it with atoll app --restart"


class Services:
    """Handles requests about services; the settings define the services.

    A service of kind `port` is a program of the user that listens at one of its `ports`. A service
    of kind `socket` is a program that is started at the first connection; it listens at the path
    that replaces `{socket}` in its command line, and each of its variables with the value
    `{private}` gets the path of a folder for this program alone. A service of kind `connection` is
    a program that is started for each connection, with the connection as standard input and output.
    """

    def __init__(self, loop: Loop, settings: Settings) -> None:
        self._loop, self._settings = loop, settings
        self._folder = _make_folder()
        self._numbers = itertools.count(1)
        self._servers: dict[str, ServiceProcess] = {}
        self._options: dict[str, tuple[dict[str, Any], dict[str, str]]] = {}
        """The options and variables with which each server was started."""
        self._single: dict[str, set[int]] = {}
        """The processes that serve one connection each."""

    def connect(self, link: Link, message: dict[str, Any]) -> None:
        """Answer with `connected` and a descriptor, with `refused`, or with an error."""
        service = self._settings.services.get(message["app"])
        if service is None:
            link.send({"error": f"this session has no service {message['app']}"})
            return
        ways = {"port": self._reach, "socket": self._call, "connection": self._begin}
        try:
            ways[service["kind"]](link, message, service)
        except OSError as error:
            _fail(link, message, str(error))

    def shut_down(self, link: Link, message: dict[str, Any]) -> None:
        """End the programs of a service; answers `shut-down` at once."""
        service = self._settings.services.get(message["app"], {})
        program = service.get("program", "")
        if program in self._servers:
            self._servers.pop(program).terminate()
        for pid in self._single.get(program, ()):
            _kill(pid, signal.SIGTERM)
        link.send({"event": "shut-down"})

    def stop(self) -> None:
        """Await the end of all programs, which were asked to end because the kernel ends."""
        for server in self._servers.values():
            server.expect_end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _reach(self, link: Link, message: dict[str, Any], service: dict[str, Any]) -> None:
        port = message["port"] or service["ports"][0]

        def decided(sock: socket.socket | None) -> None:
            if sock is None:
                link.send({"event": "refused"})
            else:
                _hand_out(link, sock)

        dial(self._loop, [(host, port) for host in addresses(port)], decided)

    def _call(self, link: Link, message: dict[str, Any], service: dict[str, Any]) -> None:
        name, options = service["program"], (message["arguments"], message["envs"])
        server = self._servers.get(name)
        if server and not server.ended and any(options) and options != self._options[name]:
            _fail(link, message, OTHERWISE)
            return
        if server is None or server.ended:
            # Each server gets a new path, because a server that ends may remove its socket late.
            # The name must end in `.sock`: ttyd takes other names for network interfaces.
            path = os.path.join(self._folder, f"{next(self._numbers)}.sock")
            argv, environ = self._command(service, message, path)
            server = ServiceProcess(self._loop, self._settings, path, argv, environ)
            self._servers[name], self._options[name] = server, options
        server.connect(lambda sock: _hand_out(link, sock), lambda why: _fail(link, message, why))

    def _begin(self, link: Link, message: dict[str, Any], service: dict[str, Any]) -> None:
        argv, environ = self._command(service, message, "")
        ours, theirs = socket.socketpair()
        with ours, theirs:
            process = subprocess.Popen(
                argv,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                cwd=self._settings.home,
                env=environ,
                start_new_session=True,
            )
            pids = self._single.setdefault(service["program"], set())
            pids.add(process.pid)
            self._loop.on_exit(process, lambda _code: pids.discard(process.pid))
            _hand_out(link, ours)

    def _command(
        self, service: dict[str, Any], message: dict[str, Any], path: str
    ) -> tuple[list[str], dict[str, str]]:
        """Return the command line and the environment of a program for a request."""
        argv: list[str] = []
        for word in service["argv"]:
            if word == ARGUMENTS:
                argv += _words({**service.get("defaults", {}), **message["arguments"]})
            else:
                argv.append(word.replace("{socket}", path))
        own = {
            name: self._private(path) if value == "{private}" else value
            for name, value in service["environ"].items()
        }
        return argv, {**self._settings.environ, **own, **message["envs"]}

    def _private(self, path: str) -> str:
        """Create a folder for a program, beside its socket at `path`; returns the folder's path."""
        folder = f"{path}.d"
        os.mkdir(folder, 0o700)
        return folder


def _make_folder() -> str:
    """Create a folder for sockets, in `/tmp` if the paths would be too long elsewhere."""
    where = tempfile.gettempdir()
    if len(where) > LONGEST:
        where = "/tmp"  # noqa: S108 - mkdtemp makes a folder that nobody else can enter
    return tempfile.mkdtemp(prefix="services-", dir=where)


def _words(arguments: dict[str, Any]) -> list[str]:
    """Convert options to arguments; the value of an option is None, a text or a list of texts.

    A text is joined to its option in one word, so that a program cannot read it as another option.
    """
    words = []
    for option, value in arguments.items():
        if isinstance(value, list):
            words += [option, *value]
        else:
            words.append(option if value is None else f"{option}={value}")
    return words


def _hand_out(link: Link, sock: socket.socket) -> None:
    with sock:
        link.send_descriptor({"event": "connected"}, sock.fileno())


def _fail(link: Link, message: dict[str, Any], why: str) -> None:
    link.send({"error": f"{message['app']} can't be reached: {why}"})


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
