"""sftp: browses and transfers files of the remote host."""

import asyncio
import errno
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
from attrs import define

from atoll_ssh.client.arguments import Arguments, Misused
from atoll_ssh.client.connection import connection

_FAILED = 1
_EXIT_COMMANDS = {"bye", "exit", "quit"}


async def main(arguments: Arguments) -> int:
    """Run lines from the batch file or standard input; returns 1 if a batch has failed."""
    if len(arguments.rest) != 1:
        raise Misused("one host is needed")
    host, _, path = arguments.rest[0].partition(":")
    batch = arguments.setting("batch")
    async with connection(arguments, host) as connected, connected.start_sftp_client() as sftp:
        if path:
            await sftp.chdir(path)
        source = _lines_of(batch) if batch and batch != "-" else None
        return await Files(sftp, batch=bool(batch)).run(source)


def _lines_of(batch: str) -> list[str]:
    return Path(batch).read_text(encoding="utf-8").splitlines()


@define
class Files:
    """One sftp session."""

    sftp: Any
    batch: bool = False

    async def run(self, lines: list[str] | None) -> int:
        """Run all lines; a batch stops at the first that fails."""
        while (line := await self._next_line(lines)) is not None:
            words = _words(line)
            if words and words[0] in _EXIT_COMMANDS:
                break
            may_fail = line.startswith("-")
            if words and not await self._run_line(words) and self.batch and not may_fail:
                return _FAILED
        return 0

    async def _next_line(self, lines: list[str] | None) -> str | None:
        if lines is not None:
            return lines.pop(0) if lines else None
        if sys.stdin.isatty() and not self.batch:
            _say("sftp> ", end="")
        line = await asyncio.to_thread(sys.stdin.readline)
        return line.rstrip("\n") if line else None

    async def _run_line(self, words: list[str]) -> bool:
        """Run one line; returns whether it succeeded."""
        name, *rest = words
        command = self._commands().get(name.lstrip("-"))
        if command is None:
            _say(f"commands: {' '.join(sorted({*self._commands(), 'exit'}))}")
            return name in {"help", "?"}
        flags = {letter for word in rest if word.startswith("-") for letter in word[1:]}
        paths = [word for word in rest if not word.startswith("-")]
        try:
            await command(paths, flags)
        except (asyncssh.Error, OSError, IndexError) as error:
            sys.stderr.write(f"{name}: {_reason(error)}\n")
            return False
        return True

    def _commands(self) -> dict[str, Callable[[list[str], set[str]], Awaitable[None]]]:
        return {
            "cd": self._cd,
            "get": self._get,
            "ls": self._ls,
            "mkdir": self._mkdir,
            "put": self._put,
            "pwd": self._pwd,
            "rename": self._rename,
            "rm": self._rm,
            "rmdir": self._rmdir,
        }

    async def _cd(self, paths: list[str], _flags: set[str]) -> None:
        folder = paths[0] if paths else "."
        # chdir itself may accept a folder that does not exist.
        if not await self.sftp.isdir(folder):
            raise NotADirectoryError(errno.ENOTDIR, f"{folder} is not a folder")
        await self.sftp.chdir(folder)

    async def _get(self, paths: list[str], flags: set[str]) -> None:
        here = paths[1] if len(paths) > 1 else "."
        await self.sftp.mget(paths[0], here, recurse="r" in flags, preserve="p" in flags)

    async def _put(self, paths: list[str], flags: set[str]) -> None:
        there = paths[1] if len(paths) > 1 else "."
        await self.sftp.mput(paths[0], there, recurse="r" in flags, preserve="p" in flags)

    async def _ls(self, paths: list[str], flags: set[str]) -> None:
        entries = await self.sftp.readdir(paths[0] if paths else ".")
        for entry in sorted(entries, key=lambda entry: str(entry.filename)):
            if not str(entry.filename).startswith(".") or "a" in flags:
                _say(str(entry.longname if "l" in flags else entry.filename))

    async def _mkdir(self, paths: list[str], _flags: set[str]) -> None:
        await self.sftp.mkdir(paths[0])

    async def _pwd(self, _paths: list[str], _flags: set[str]) -> None:
        _say(f"Remote working directory: {await self.sftp.getcwd()}")

    async def _rename(self, paths: list[str], _flags: set[str]) -> None:
        await self.sftp.rename(paths[0], paths[1])

    async def _rm(self, paths: list[str], _flags: set[str]) -> None:
        await self.sftp.remove(paths[0])

    async def _rmdir(self, paths: list[str], _flags: set[str]) -> None:
        await self.sftp.rmdir(paths[0])


def _words(line: str) -> list[str]:
    """Split a line; unclosed quotes make it an unknown command."""
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return [line]


def _reason(error: Exception) -> str:
    if isinstance(error, IndexError):
        return "a path is missing"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return getattr(error, "reason", "") or str(error)


def _say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()
