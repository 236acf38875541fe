"""The options that uploads and downloads share."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from atoll import UsageError

_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b?)", re.IGNORECASE)
_LEAST_CHUNK = 64 * 1024


@frozen(kw_only=True)
class TransferOptions:
    """How files are transferred, from the options; `chunk` is in bytes."""

    chunk: int
    sync: bool
    parallel: int
    overrides: Mapping[str, str]


class Size(click.ParamType[int]):
    """A number of bytes, such as 16m, 16.0M or 16MiB."""

    name = "size"

    def convert(self, value: Any, _param: Any, _ctx: Any) -> int:
        """Convert a text to a number of bytes."""
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a size such as 16m")
        return int(float(match[1]) * 1024 ** _UNITS[match[2].lower()])


def transfer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of transfers to a command."""
    for option in (
        click.option(
            "--override-storage-proxy",
            "overrides",
            envvar="BACKEND_OVERRIDE_STORAGE_PROXY",
            metavar="URL=URL,…",
            callback=lambda _ctx, _param, text: _read_overrides(text),
            help="Use another URL for a storage proxy.",
        ),
        click.option(
            "--parallel",
            type=click.IntRange(1, 64),
            default=8,
            help="How many files are transferred at a time; 8 by default.",
        ),
        click.option(
            "--sync", is_flag=True, help="Skip files that are unchanged on the other side."
        ),
        click.option(
            "--chunk-size",
            "chunk",
            type=Size(),
            default="16m",
            callback=lambda _ctx, _param, size: max(size, _LEAST_CHUNK),
            help="The size of a request; a broken connection may lose one; 16m by default.",
        ),
    ):
        command = option(command)
    return command


def _read_overrides(text: str | None) -> Mapping[str, str]:
    pairs = {}
    for pair in filter(None, (text or "").split(",")):
        given, equals, real = pair.strip().partition("=")
        if not equals or not all(url.startswith(("http://", "https://")) for url in (given, real)):
            raise UsageError(f"{pair}: not of the form URL=URL")
        pairs[given] = real
    return pairs


def base_dir(*, exists: bool) -> Callable[..., Any]:
    """Return the option `-b`."""
    return click.option(
        "-b",
        "--base-dir",
        type=click.Path(exists=exists, file_okay=False, path_type=Path),
        help="The folder on this machine that paths are relative to.",
    )
