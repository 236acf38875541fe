"""Makes the manual page of atoll, in roff, from the commands, options and settings."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from atoll._errors import ExitCode
from atoll._help import listings
from atoll._version import __version__

if TYPE_CHECKING:
    from atoll._commands import CommandTree

_SYNOPSIS = (
    "atoll [OPTIONS]",
    "atoll [OPTIONS] COMMAND [ARGS]...",
    "atoll [OPTIONS] -c LINES | -f FILE | < FILE",
)
_DESCRIPTION = """\
A shell for compute clusters that speak the Backend.AI API: sessions, code, files and
administration. Without a command it opens a prompt; with one it runs that; lines of a file or of a
pipe are run one after the other, up to the first that fails.

Where no profile is configured, the embedded cluster of this machine is used, which is started when
it is needed.

What commands find goes to standard output, everything else to standard error. The same program
under the name backend.ai answers as Backend.AI's own client does."""
_GRAMMAR = (
    ("'a b' \"a b\" a\\ b", "quotes, as shells have them; # begins a comment"),
    ("a; b  a && b  a || b", "one after the other; if the first succeeds; if it fails"),
    ("a &", "in the background of the prompt"),
    ("a | b  a > f  a >> f  a < f", "into a command of the system, to files and from them"),
    ("! b", "a command of the system alone"),
    ("let x = a", "stores the result of a command: $x, $x.id"),
    ("for x in 1 2 { ... }", "once for each value"),
    ("@NAME a", "with another profile; @* with all of them"),
)
_EXIT_CODES = {
    ExitCode.OK: "all went well",
    ExitCode.FAILED: "it was refused or has failed",
    ExitCode.USAGE: "the line can't be understood",
    ExitCode.UNREACHABLE: "the cluster can't be reached",
    ExitCode.UNAUTHORIZED: "the cluster does not allow it",
    ExitCode.NOT_FOUND: "there is no such thing, or there are several",
    ExitCode.TIMED_OUT: "it took too long",
    ExitCode.INTERRUPTED: "it was interrupted",
}
_ENVIRONMENT = (
    ("ATOLL_HOME", "a folder for all of the files below"),
    ("ATOLL_PROFILE", "the profile to use"),
    ("ATOLL_PLUGINS", "the only plugins to load, with commas between them"),
    ("ATOLL_...", "a setting, as ATOLL_OUTPUT; atoll config lists them"),
    ("BACKEND_ENDPOINT, BACKEND_ACCESS_KEY, BACKEND_SECRET_KEY", "a cluster without a profile"),
    ("NO_COLOR", "no colours"),
    ("PAGER", "what long tables are read with"),
)
_FILES = (
    ("~/.config/atoll", "config.yaml and profiles"),
    ("~/.local/state/atoll", "the history, sweeps, logins"),
    ("~/.cache/atoll", "what may be deleted"),
    ("~/.local/share/atoll", "the embedded cluster"),
)
_SHOWN = ("ps", "run", "app", "vfolder upload", "sweep plot", "profile add")
"""The commands whose examples the page shows."""


def manual(tree: "CommandTree", options: Sequence[tuple[str, str]]) -> str:
    """Return the page; `options` are those of atoll itself."""
    commands = [(name, summary) for rows in listings(tree.root).values() for name, summary in rows]
    lines = [f'.TH ATOLL 1 "" "atoll {__version__}" "User Commands"']
    lines += [".SH NAME", "atoll \\- a shell for compute clusters"]
    lines += [".SH SYNOPSIS", *_separated(_text(one) for one in _SYNOPSIS)]
    lines += [".SH DESCRIPTION", *_paragraphs(_DESCRIPTION.split("\n\n"))]
    lines += [".SH OPTIONS", *_list(options)]
    lines += [".SH LINES", *_list(_GRAMMAR)]
    lines += [".SH COMMANDS", *_paragraphs(["atoll COMMAND --help tells all about one."])]
    lines += _list(sorted(commands))
    lines += [".SH EXIT STATUS", *_paragraphs(["run has that of the code."])]
    lines += _list((str(int(code)), text) for code, text in _EXIT_CODES.items())
    lines += [".SH ENVIRONMENT", *_list(_ENVIRONMENT)]
    lines += [".SH FILES", *_list(_FILES)]
    lines += [".SH EXAMPLES", *_list(_examples(tree))]
    return "\n".join(lines) + "\n"


def _examples(tree: "CommandTree") -> Iterator[tuple[str, str]]:
    for name in _SHOWN:
        node = tree.root
        for word in name.split():
            below = node.child(word)
            if below is None:
                break
            node = below
        else:
            yield from ((f"atoll {one.line}", one.text) for one in node.examples())


def _text(text: str) -> str:
    """Escape a text for roff, which takes a line that begins with a dot for an instruction."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    ascii_only = "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in escaped)
    return f"\\&{ascii_only}" if ascii_only.startswith(".") else ascii_only


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (".PP", _text(text))


def _separated(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from (line, ".br")


def _list(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in rows:
        yield from (".TP", f"\\fB{_text(term)}\\fR", _text(text) or "\\&")
