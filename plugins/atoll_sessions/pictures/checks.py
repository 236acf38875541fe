"""The checks of `doctor` for pictures and charts: how they are drawn here, and which libraries that
needs.
"""

from collections.abc import AsyncIterator
from importlib.util import find_spec

from atoll import Context, Finding
from atoll_sessions.pictures.painter import INSTALL, SETTING
from atoll_sessions.pictures.terminals import known_protocol

_HOW = {
    "kitty": "kitty's graphics",
    "iterm2": "iTerm2's graphics",
    "sixel": "sixels",
    "blocks": "half blocks",
    "none": "not at all",
    None: "as the terminal says when it is asked",
}
_LIBRARIES = (
    ("pictures", {"PIL": "Pillow", "resvg_py": "resvg_py"}, INSTALL),
    ("charts", {"plotext": "plotext", "matplotlib": "matplotlib"}, "pip install 'atoll[plots]'"),
)


async def check(context: Context) -> AsyncIterator[Finding]:
    """Look for the libraries; the terminal itself is not queried."""
    for name, libraries, install in _LIBRARIES:
        missing = [library for module, library in libraries.items() if find_spec(module) is None]
        if missing:
            yield Finding(name, "absent", f"{' and '.join(missing)} not installed", install)
        else:
            yield Finding(name, "ok", _drawn(context) if name == "pictures" else "")


def _drawn(context: Context) -> str:
    wanted = str(context.settings[SETTING])
    found = known_protocol(context.environ) if wanted == "auto" else wanted
    if not context.output.color and found in (None, "blocks"):
        found = "none" if found else None
    return f"drawn: {_HOW[found]}"
