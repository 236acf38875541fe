"""Run a kernel's supervisor, and accept callers who have the kernel's key until it has ended.

Another program can be run in its place, such as one that starts further supervisors.

The relay writes the port to `relay.json`, passes signals on to the supervisor, and ends with its
exit code. The supervisor is a copy of this process: a second Python would have to start first. So
the copy is made before the libraries are imported that only the relay needs, and both go on
together.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import signal
import socket
import sys

from .temporary import TemporaryFolder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Callable

    Become = Callable[[Sequence[str], int], None]

KEEPS_TMPDIR = "--keep=TMPDIR"
"""The option by which the kernel gets the variable TMPDIR; then it has a folder of its own."""
ADDRESS = "relay.json"
"""The file in a kernel's `run/` that contains `host` and `port`."""
HANDSHAKE = 10.0
"""Seconds in which a caller must prove that it has the key."""
REPORT_TO, NODE = "--report-to", "--node"
"""The options for the address of the reports, and for the variable that contains the node."""
PASSED_ON = {signal.SIGTERM, signal.SIGUSR2, signal.SIGQUIT}


def listen(words: Sequence[str], become: Become, kernels: str = "") -> int:
    """Run a program with these arguments; returns its exit code. See `carry` for `kernels`."""
    temporary = temporary_folder() if KEEPS_TMPDIR in words else None
    ready, tell = os.pipe()
    supervisor = _fork(become, words, tell)
    os.close(tell)
    try:
        code = _accept(words, supervisor, ready, kernels, temporary)
    except BaseException:
        _pass_on(supervisor, signal.SIGQUIT)  # Nobody could reach its kernel.
        raise
    if temporary is not None:
        temporary.delete()
    return code


def _accept(
    words: Sequence[str],
    supervisor: int,
    ready: int,
    kernels: str,
    temporary: TemporaryFolder | None,
) -> int:
    """Accept callers until the supervisor has ended; returns its exit code."""
    listener = socket.socket()
    listener.bind(("0.0.0.0", 0))  # noqa: S104 - callers without the key are refused
    listener.listen(100)
    _tell(listener.getsockname()[1], words)
    import asyncio

    os.read(ready, 1)  # Callers need the sockets of the supervisor.
    return asyncio.run(_serve(listener, supervisor, kernels, temporary))


def temporary_folder() -> TemporaryFolder | None:
    """Create a folder for the kernel, and let TMPDIR name it; None if that is not possible."""
    try:
        folder = TemporaryFolder()
    except OSError:
        return None
    os.environ["TMPDIR"] = folder.path
    return folder


def _fork(become: Become, words: Sequence[str], tell: int) -> int:
    """Start the program, which writes to `tell` when its sockets exist; returns its pid.

    No signal is lost meanwhile.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    pid = os.fork()
    if pid == 0:
        become(words, tell)
    for number in PASSED_ON:
        signal.signal(number, lambda number, _frame: _pass_on(pid, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    return pid


def become_supervisor(words: Sequence[str], tell: int) -> None:
    """Run the supervisor in this process, which then ends."""
    code = 1
    try:
        code = importlib.import_module("supervisor.program").main(words, tell)
    except BaseException:  # noqa: BLE001 - nothing may get back into the relay
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def become(words: Sequence[str], tell: int) -> None:
    """Run another program in this process; its last argument is the descriptor `tell`."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    os.set_inheritable(tell, True)
    try:
        os.execvp(words[0], [*words, str(tell)])  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"cannot start {words[0]}: {error.strerror}\n")
    os._exit(127)


def _pass_on(supervisor: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(supervisor, number)


def _tell(port: int, words: Sequence[str]) -> None:
    """Write the address to a file, and report it if the arguments ask for this.

    A reader finds the complete file or no file.
    """
    address = {"host": socket.gethostname(), "port": port}
    new = f"{ADDRESS}.new"
    with open(new, "w", encoding="utf-8") as file:
        json.dump(address, file)
    os.replace(new, ADDRESS)
    given = dict(word.split("=", 1) for word in words if word.startswith((REPORT_TO, NODE)))
    if REPORT_TO in given:
        import threading

        kernel_id = os.path.basename(os.path.dirname(os.getcwd()))
        node = os.environ.get(given.get(NODE, ""), "")
        news = {"kernel_id": kernel_id, "node": node, **address}
        threading.Thread(target=_report, args=(given[REPORT_TO], news), daemon=True).start()


def _report(address: str, news: dict[str, Any]) -> None:
    from .report import report  # In this thread, because the import takes a while.

    report(address, news)


async def _serve(
    listener: socket.socket, supervisor: int, kernels: str, temporary: TemporaryFolder | None
) -> int:
    """Accept callers until the supervisor has ended; returns its exit code."""
    import asyncio
    import ssl

    from .carry import CHUNK, carry
    from .tls import PEM, context

    loop = asyncio.get_running_loop()
    for number in PASSED_ON:
        loop.add_signal_handler(number, _pass_on, supervisor, number)
    server = await asyncio.start_server(
        functools.partial(carry, kernels=kernels),
        sock=listener,
        limit=CHUNK,
        ssl=context(PEM, ssl.PROTOCOL_TLS_SERVER),
        ssl_handshake_timeout=HANDSHAKE,
    )
    if temporary is not None:
        await loop.run_in_executor(None, temporary.delete_others)
    # Not before the server listens, because asyncio ends only after this thread has ended.
    _, status = await loop.run_in_executor(None, os.waitpid, supervisor, 0)
    server.close()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
