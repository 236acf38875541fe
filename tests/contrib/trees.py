"""Trees that sessions can make and few programs can take: deep, locked, looped, of any bytes."""

import os
from pathlib import Path

LATIN = os.fsdecode(b"caf\xe9")
ODD_NAMES = (LATIN, " ", "q ", "q\t", "q\n", "q\r", "q\v", "q\N{NO-BREAK SPACE}", "-rf", "a\\b",
             'say "hi"', "100%", "%41", "a;b", "\x1b[31m", "*")  # fmt: skip


def nest(root: Path, depth: int, name: str = "d", content: bytes = b"") -> None:
    """Put folders into each other below `root`, the innermost holding a file."""
    folder = os.open(root, os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir(name, dir_fd=folder)
            below = os.open(name, os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = below
        put(folder, "bottom", content)
    finally:
        os.close(folder)


def put(folder: int, name: str, content: bytes) -> None:
    """Write a file into an open folder."""
    with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=folder), "wb") as file:
        file.write(content)


def fill_oddly(root: Path, outside: Path) -> None:
    """Put one of each thing into a folder that its makers may leave there, and their names."""
    for number, name in enumerate(ODD_NAMES):
        (root / name).write_bytes(b"x" * number)
    (root / "loop").symlink_to("loop")
    (root / "up").symlink_to("..")
    (root / "out").symlink_to(outside)
    os.mkfifo(root / "pipe")
    with (root / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    for mode in (0, 0o111, 0o444, 0o555):
        folder = root / f"mode-{mode:o}"
        folder.mkdir()
        (folder / "file").touch()
        folder.chmod(mode)
