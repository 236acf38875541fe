"""Reads text input of a command, from a file or from standard input."""

from pathlib import Path

from atoll import Context, UsageError


async def read_text_input(context: Context, file: Path | None, most: int) -> str:
    """Read a file, or standard input if it is None or `-`.

    Raises UsageError if the file can't be read, is not text, or has more than `most` bytes.
    """
    name = "-" if file is None else str(file)
    content = await context.stdin.rest() if name == "-" else _read(Path(name), most)
    if len(content) > most:
        raise UsageError(f"{name} is too large: at most {most // 1024} KiB are allowed")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not text in UTF-8") from None


def _read(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(most + 1)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
