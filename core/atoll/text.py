"""Text for people: safe to show, quoted for a line, suggestions for misspelled names."""

import shlex
from collections.abc import Sequence

__all__ = ["near_matches", "printable", "quote"]


def printable(text: str) -> str:
    """Return a text on one line, without characters that control a terminal.

    Names and messages come from clusters and scripts. A line break in them must not break a table,
    and an escape sequence must not reach the terminal.
    """
    if text.isprintable():
        return text
    one_line = " ".join(text.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in one_line)


def quote(word: str) -> str:
    """Quote a word so that the shell reads it as the same word."""
    quoted = shlex.quote(word)
    # shlex does not quote a tilde, since only some shells expand it.
    return f"'{quoted}'" if quoted.startswith("~") else quoted


def near_matches(word: str, known: Sequence[str]) -> str:
    """Return `did you mean …` with names similar to the word; empty if there are none."""
    import difflib

    close = difflib.get_close_matches(word, known, n=3, cutoff=0.6)
    # A name with a version is similar if its name is: `pyton` and `python:3.11`.
    close = (
        close
        or [
            name
            for name in known
            if difflib.get_close_matches(
                word.partition(":")[0], [name.partition(":")[0]], cutoff=0.8
            )
        ][:3]
    )
    return f"did you mean {' or '.join(close)}?" if close else ""
