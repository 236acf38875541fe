"""The result of a transfer, as a line or a record."""

from attrs import frozen

from atoll import Context
from atoll.output import Column, binary_size, counted
from atoll_vfolders.transfer.progress import Progress

_COLUMNS = [
    Column("folder"),
    Column("files", right=True),
    Column("bytes", right=True),
    Column("unchanged", right=True),
    Column("failed", right=True),
    Column("seconds", right=True),
]


@frozen(kw_only=True)
class Summary:
    """How many files were transferred, left out because the other side has them, and failed."""

    folder: str
    files: int
    bytes: int
    unchanged: int
    failed: int
    seconds: float


def report(
    context: Context, progress: Progress, folder: str, where: str, *, unchanged: int, failed: int
) -> None:
    """Report the result; `where` is the destination."""
    summary = Summary(
        folder=folder,
        files=progress.files,
        bytes=progress.whole,
        unchanged=unchanged,
        failed=failed,
        seconds=round(progress.seconds, 3),
    )
    note = (
        f"{progress.verb[:-3]}ed {counted(progress.files)} ({binary_size(progress.whole)}) {where}"
    )
    if unchanged:
        note += f", {unchanged:,} unchanged"
    official = "" if failed else f"{note}. Done."
    shown = summary if context.output.format else None
    context.output.done(note, shown, _COLUMNS, kind="transfer", official=official)
