"""Compute sessions: start them, run code in them, look at them, end them."""

from collections.abc import Iterator
from typing import Any

from atoll import (
    Background,
    Check,
    Command,
    Completion,
    Example,
    Hint,
    Hook,
    Setting,
    Status,
    hookimpl,
)
from atoll_sessions.hooks import SESSION_EVENTS, SESSION_FIELDS, SessionField, SessionListener

_LIVE = "atoll_sessions.live"
_WATCH = "atoll_sessions.repeat.command"
_TOP = "atoll_sessions.top.command"
_RANGES = ("--env-range", "--exec-range", "--build-range")


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands about sessions."""
    yield Command("ps", "List your sessions", "atoll_sessions.ps:ps")
    yield Command("admin sessions", "List sessions, of others too", "atoll_sessions.ps:ps")
    yield Command("admin session", "Show or list sessions", "atoll_sessions.ps:admin_session")
    yield Command("run", "Run code in a session", "atoll_sessions.run:run", variables=_RANGES)
    yield Command("start", "Start a session", "atoll_sessions.start:start", ("create",))
    yield Command(
        "shell", "Open a terminal in a session", "atoll_sessions.shell:shell", single=True
    )
    yield Command("restart", "Restart sessions", "atoll_sessions.restart:restart", destroys=True)
    yield Command("rename", "Rename a session", "atoll_sessions.rename:rename")
    yield Command(
        "rm",
        "Terminate sessions",
        "atoll_sessions.rm:rm",
        ("kill", "terminate", "destroy"),
        destroys=True,
    )
    yield Command("wait", "Wait until a session is in a status", "atoll_sessions.wait:wait")
    yield Command(
        "events", "Show the events of a session", "atoll_sessions.events:events", single=True
    )
    yield Command("watch", "Repeat a command, or watch a session", f"{_WATCH}:watch", single=True)
    yield Command("top", "Sessions and nodes, live on the full screen", f"{_TOP}:top", single=True)
    yield Command("info", "Show everything about a session", "atoll_sessions.info:info")
    yield Command("logs", "Show the output of a session", "atoll_sessions.logs:logs")
    yield Command("task-logs", "Show the output of a task", "atoll_sessions.task_logs:task_logs")
    yield Command("ls", "List the files in a session", "atoll_sessions.ls:ls")
    yield Command("upload", "Upload files to a session", "atoll_sessions.upload:upload")
    yield Command(
        "download",
        "Download files from a session",
        "atoll_sessions.download:download",
        writes_files=True,
    )
    yield from _about_sweeps()
    yield from _under_newer_names()


def _under_newer_names() -> Iterator[Command]:
    """Commands under the names that newer clients use, and commands that only newer clients
    have.
    """
    yield Command(
        "session watch",
        "Show events until a job is done",
        "atoll_sessions.watch:watch",
        single=True,
    )
    yield Command("session", "Commands about sessions, under their newer names")
    yield Command(
        "session show-graph", "Show which sessions it waits for", "atoll_sessions.graph:show_graph"
    )
    history = "atoll_sessions.history"
    yield Command(
        "session status-history", "Show the history of its status", f"{history}:status_history"
    )
    yield Command(
        "session abuse-history",
        "Show warnings about its use of the cluster",
        f"{history}:abuse_history",
    )
    yield Command("session commit", "Save its files", "atoll_sessions.commit:commit")
    yield Command(
        "session convert-to-image",
        "Make an image from it",
        "atoll_sessions.commit:convert_to_image",
    )
    for name, older in _NEWER.items():
        word = older.replace("-", "_")
        yield Command(
            name,
            f"Same as atoll {older}",
            f"atoll_sessions.{word}:{word}",
            variables=_RANGES if older == "run" else (),
            destroys=older in {"rm", "restart"},
            single=older in {"events", "watch"},
            writes_files=older == "download",
        )


def _about_sweeps() -> Iterator[Command]:
    yield Command("sweep", "Runs over ranges of parameters")
    for name, (summary, load) in _SWEEPS.items():
        # Each sweep knows the cluster that it runs on.
        yield Command(f"sweep {name}", summary, f"atoll_sessions.sweep.{load}", single=True)


_SWEEPS = {
    "list": ("List sweeps", "commands:list_sweeps"),
    "status": ("Show the cases of a sweep", "commands:status"),
    "logs": ("Show the output of cases", "commands:logs"),
    "results": ("List the results of cases", "plot:results"),
    "plot": ("Draw the results of cases", "plot:plot"),
    "cancel": ("End sweeps and their sessions", "commands:cancel"),
    "resume": ("Run missing and failed cases", "commands:resume"),
    "retry-failed": ("Run failed cases again", "commands:retry_failed"),
    "rm": ("Forget sweeps", "commands:rm"),
}

# Other names for commands: clients since 23.09 use these, and know most commands by both names.
_NEWER = {
    "admin session info": "info",
    "admin session list": "ps",
    "session create": "start",
    "session destroy": "rm",
    "session download": "download",
    "session events": "events",
    "session info": "info",
    "session kill": "rm",
    "session list": "ps",
    "session logs": "logs",
    "session ls": "ls",
    "session rename": "rename",
    "session restart": "restart",
    "session rm": "rm",
    "session run": "run",
    "session task-logs": "task-logs",
    "session upload": "upload",
    "session wait": "wait",
}


@hookimpl
def atoll_completions() -> Iterator[Completion]:
    """Names of sessions and images."""
    yield Completion("session", "atoll_sessions.completions:sessions", ttl=3.0)
    yield Completion("session-file", "atoll_sessions.completions:files", paths=True)
    yield Completion("image", "atoll_sessions.completions:images", ttl=300.0)
    yield Completion("sweep", "atoll_sessions.sweep.completions:sweeps", ttl=3.0)


@hookimpl
def atoll_hooks() -> Iterator[Hook[Any]]:
    """The hooks that other plugins can implement: fields of sessions, and listeners to their
    events.
    """
    yield SESSION_FIELDS
    yield SESSION_EVENTS


@hookimpl
def atoll_session_fields() -> Iterator[SessionField]:
    """Fields whose values are computed from several fields of the cluster."""
    yield SessionField(
        "trouble", "Trouble", "atoll_sessions.added_fields:trouble", ("status_data",), usual=False
    )
    yield SessionField(
        "exit_code",
        "Exit Code",
        "atoll_sessions.added_fields:exit_code",
        ("type", "status", "status_data", "result"),
        usual=False,
    )


@hookimpl
def atoll_hints() -> Iterator[Hint]:
    """Hints for errors that the cluster returns to requests about sessions."""
    yield Hint("too-many-sessions-matched", "name the session by its id")
    yield Hint(
        "quota-exceeded", "end sessions that are not needed, or ask an administrator for more"
    )


@hookimpl
def atoll_settings() -> Iterator[Setting]:
    """Settings for what the prompt shows of sessions, and for how pictures are drawn."""
    yield Setting(
        "sessions.announce",
        True,
        "Show a message above the prompt when a session runs, has ended or failed",
    )
    yield Setting("sessions.toolbar", True, "Show sessions and free slots below the prompt")
    yield Setting(
        "sessions.pictures",
        "auto",
        "How pictures that code shows are drawn in the terminal",
        ("auto", "kitty", "iterm2", "sixel", "blocks", "none"),
    )


@hookimpl
def atoll_status() -> Iterator[Status]:
    """Segments of the toolbar about the cluster in use."""
    yield Status("sessions", f"{_LIVE}.toolbar_data:sessions", weight=80)
    yield Status("free", f"{_LIVE}.toolbar_data:free", weight=40)
    yield Status("user", f"{_LIVE}.toolbar_data:user", weight=30)


@hookimpl
def atoll_background() -> Iterator[Background]:
    """Tasks of the prompt: the stream of events, if anybody listens, and what the prompt does with
    it.
    """
    yield Background("session events", "atoll_sessions.listening:listen")
    yield Background("toolbar", f"{_LIVE}.polling:keep")
    yield Background("announcements of sessions", f"{_LIVE}.announcing:announce")


@hookimpl
def atoll_session_events() -> Iterator[SessionListener]:
    """Listeners to events of sessions at the prompt."""
    yield SessionListener("announce", f"{_LIVE}.announcing:changed", "sessions.announce")
    yield SessionListener("toolbar", f"{_LIVE}.polling:changed", "sessions.toolbar")


@hookimpl
def atoll_checks() -> Iterator[Check]:
    """Checks of what pictures and charts need."""
    yield Check("pictures", "atoll_sessions.pictures.checks:check")


@hookimpl
def atoll_examples() -> Iterator[Example]:
    """Examples of the commands."""
    from atoll_sessions.examples import EXAMPLES

    yield from EXAMPLES
