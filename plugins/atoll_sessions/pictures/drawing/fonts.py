"""Finds fonts for the text of SVG pictures: those that the system prefers, or else matplotlib's."""

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_TIMEOUT = 5.0


def fonts() -> dict[str, Any]:
    """Return the options of resvg that name fonts. By default, resvg uses fonts of Windows, and
    draws no text where they are missing.
    """
    if sans := _preferred("sans-serif"):
        return _named(sans, _preferred("monospace") or sans)
    own = _of_matplotlib()
    return {**_named("DejaVu Sans", "DejaVu Sans Mono"), "font_dirs": [str(own)]} if own else {}


def _named(sans: str, mono: str) -> dict[str, Any]:
    # The serif font also replaces fonts that are missing, and most of those are sans-serif in
    # charts.
    usual = ("font_family", "serif_family", "sans_serif_family")
    return {**dict.fromkeys(usual, sans), "monospace_family": mono}


def _preferred(kind: str) -> str:
    """Return the name of the font that fontconfig prefers for a kind, "" if there is none."""
    if not (program := shutil.which("fc-match")):
        return ""
    try:
        done = subprocess.run(
            [program, "-f", "%{family[0]}", kind],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _of_matplotlib() -> Path | None:
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    return folder if folder.is_dir() else None
