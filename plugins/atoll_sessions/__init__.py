"""Compute sessions: start them, run code in them, look at them, end them."""

from collections.abc import Iterator

from atoll import Command, Completion, hookimpl


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands about sessions."""
    yield Command("ps", "List your sessions", "atoll_sessions.ps:ps")
    yield Command("admin sessions", "List sessions, of others too", "atoll_sessions.ps:ps")
    yield Command("admin session", "Show everything about a session", "atoll_sessions.info:info")
    yield Command("run", "Run code in a session", "atoll_sessions.run:run")
    yield Command("start", "Start a session", "atoll_sessions.start:start", ("create",))
    yield Command("rm", "Terminate sessions", "atoll_sessions.rm:rm", ("kill", "terminate"))
    yield Command("info", "Show everything about a session", "atoll_sessions.info:info")
    yield Command("logs", "Show what a session has printed", "atoll_sessions.logs:logs")
    yield Command("ls", "List the files in a session", "atoll_sessions.ls:ls")
    yield Command("upload", "Upload files to a session", "atoll_sessions.upload:upload")
    yield Command("download", "Download files from a session", "atoll_sessions.download:download")


@hookimpl
def atoll_completions() -> Iterator[Completion]:
    """Names of sessions and images."""
    yield Completion("session", "atoll_sessions.completions:sessions", ttl=3.0)
    yield Completion("image", "atoll_sessions.completions:images", ttl=300.0)
