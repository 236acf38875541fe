"""The relay: it carries one connection over its standard input and output, or many over TCP.

`listen` runs a kernel's supervisor and meanwhile accepts callers at a port, see `listening.py`.
`hold` runs another program in the same way.
`reach` connects one kernel to another kernel.

With `--kernels=FOLDER` before the other words, callers can name any kernel whose folder is in it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


KERNELS = "--kernels="


def main(words: Sequence[str]) -> int:
    """Run the command that `words` give; returns the exit code.

    Only what this command needs is imported, because a kernel starts the sooner.
    """
    kernels = ""
    if words[0].startswith(KERNELS):
        kernels, words = words[0][len(KERNELS) :], words[1:]
    how, *others = words
    if how in {"listen", "hold"}:
        from .listening import become, become_supervisor, listen

        return listen(others, become_supervisor if how == "listen" else become, kernels)
    import asyncio

    if how == "reach":
        from .reach import reach

        return asyncio.run(reach(*others))
    from .stdio import serve_stdio

    return asyncio.run(serve_stdio(kernels))
