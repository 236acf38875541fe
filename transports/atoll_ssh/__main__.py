"""`python -m atoll_ssh PROGRAM …`: small versions of ssh, scp, sftp and ssh-keyscan, for machines
without OpenSSH.

They accept the options of OpenSSH that atoll's commands use, and a few that people type. They run
in a process of their own, with asyncio only, since asyncssh needs it.
"""

import asyncio
import sys
from importlib import import_module

import asyncssh

from atoll_ssh.client.arguments import Misused, parse

_PROGRAMS = {
    "ssh": "atoll_ssh.client.shell",
    "scp": "atoll_ssh.client.copy",
    "sftp": "atoll_ssh.client.files",
    "ssh-keyscan": "atoll_ssh.client.keyscan",
}
_FAILED = 255
_INTERRUPTED = 130


def main() -> int:
    """Run the program that the first argument names; returns its exit code, or 255 for an error
    here.
    """
    name, *words = sys.argv[1:] or [""]
    if name not in _PROGRAMS:
        return _fail("atoll_ssh", f"no such program: {name or 'none is named'}")
    program = import_module(_PROGRAMS[name])
    try:
        code: int = asyncio.run(program.main(parse(name, words)))
    except (Misused, asyncssh.Error, OSError, ValueError) as error:
        return _fail(name, _reason(error))
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = error.filename
        name = where.decode(errors="replace") if isinstance(where, bytes) else where
        return f"{name}: {error.strerror.lower()}" if name else error.strerror.lower()
    return getattr(error, "reason", "") or str(error)


def _fail(name: str, message: str) -> int:
    sys.stderr.write(f"{name}: {message}\n")
    return _FAILED


if __name__ == "__main__":
    sys.exit(main())
