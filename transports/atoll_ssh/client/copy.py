"""scp: copies files to or from the remote host over SFTP, as OpenSSH's current version does."""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

import asyncssh

from atoll_ssh.client.arguments import Arguments, Misused
from atoll_ssh.client.connection import connection

_FAILED = 1


async def main(arguments: Arguments) -> int:
    """Copy the files that the command line names; returns 1 if something could not be copied."""
    if len(arguments.rest) < 2:
        raise Misused("a source and a target are needed")
    *sources, target = arguments.rest
    remote = [_is_remote(source) for source in sources]
    if all(remote) and not _is_remote(target):
        return await _download(arguments, sources, target)
    if not any(remote) and _is_remote(target):
        return await _upload(arguments, sources, target)
    raise Misused("one side is remote, the other is not: install OpenSSH for anything else")


async def _download(arguments: Arguments, sources: list[str], target: str) -> int:
    failures: list[Exception] = []
    async with (
        connection(arguments, sources[0].partition(":")[0]) as connected,
        connected.start_sftp_client() as sftp,
    ):
        paths = [_path(source) for source in sources]
        await sftp.mget(paths, target, **_copy_options(arguments, failures))
    return _report(failures)


async def _upload(arguments: Arguments, sources: list[str], target: str) -> int:
    failures: list[Exception] = []
    host, _, _path_there = target.partition(":")
    # Without a slash at its end, a folder's path ends with the folder's name.
    paths = [str(Path(source)) for source in sources]
    for path in paths:
        _check_openable(path)
    async with connection(arguments, host) as connected, connected.start_sftp_client() as sftp:
        await sftp.put(paths, _path(target), **_copy_options(arguments, failures))
    return _report(failures)


def _check_openable(path: str) -> None:
    """Raise Misused if the path is, or contains, a pipe or another file that could block forever
    when it is opened.
    """
    below = (Path(above, name) for above, _, names in os.walk(path) for name in names)
    for one in (Path(path), *below):
        with suppress(OSError):  # a missing file is reported when it is to be copied
            mode = one.stat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise Misused(f"{one} is neither a file nor a folder")


def _copy_options(arguments: Arguments, failures: list[Exception]) -> dict[str, object]:
    return {
        "recurse": "r" in arguments.flags,
        "preserve": "p" in arguments.flags,
        "follow_symlinks": True,
        "error_handler": failures.append,
    }


def _report(failures: list[Exception]) -> int:
    for failure in failures:
        where = getattr(failure, "srcpath", b"") or b""
        name = where.decode(errors="replace") if isinstance(where, bytes) else str(where)
        reason = _reason(failure)
        sys.stderr.write(f"scp: {name}: {reason}\n" if name else f"scp: {reason}\n")
    return _FAILED if failures else 0


def _reason(failure: Exception) -> str:
    if isinstance(failure, asyncssh.Error):
        return failure.reason
    if isinstance(failure, OSError) and failure.filename:
        return f"{os.fsdecode(failure.filename)}: {failure.strerror}"
    return str(failure)


def _is_remote(place: str) -> bool:
    return ":" in place.partition("/")[0]


def _path(place: str) -> str:
    return place.partition(":")[2].rstrip("/") or "."
