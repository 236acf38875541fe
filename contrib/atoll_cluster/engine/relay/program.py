"""The relay: it carries one connection over its standard input and output, or many over TCP.

`listen` runs a kernel's supervisor and meanwhile accepts callers at a port, see `listening.py`.
`reach` connects one kernel to another kernel.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str]) -> int:
    """Run the command that `words` give; returns the exit code.

    Only what this command needs is imported, because a kernel starts the sooner.
    """
    how, *others = words
    if how == "listen":
        from .listening import listen

        return listen(others)
    import asyncio

    if how == "reach":
        from .reach import reach

        return asyncio.run(reach(*others))
    from .stdio import serve_stdio

    return asyncio.run(serve_stdio())
