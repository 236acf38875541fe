"""Finds or installs the files of the WebUI, which are part of the wheel `backend.ai-webserver`.

Pip installs only that wheel into atoll's data folder, since its dependencies conflict with ours.
"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree, which

import trio

from atoll import AtollError, Context, NotFound
from atoll.files import make_private

PACKAGE = "backend.ai-webserver"
RELEASE = "23.9.10"
_STATIC = Path("ai", "backend", "web", "static")
_TIMEOUT = 600.0
"""Seconds that the installation may take."""


def find_files(context: Context) -> Path:
    """Return the folder of the page's files; raises NotFound when they are not installed."""
    folder = _folder(context) / _STATIC
    if not (folder / "index.html").is_file():
        raise NotFound("the web page is not installed", hint="atoll web --install gets it (13 MB)")
    return folder


async def install_files(context: Context) -> None:
    """Install the files unless they are installed; raises AtollError with the output of pip."""
    folder = _folder(context)
    if (folder / _STATIC / "index.html").is_file():
        return
    make_private(folder.parent)
    draft = folder.with_name(f".{folder.name}.part")
    rmtree(draft, ignore_errors=True)
    with context.output.progress(f"installing {PACKAGE} {RELEASE} …"):
        await _run([*_installer(), f"{PACKAGE}=={RELEASE}", "--no-deps", "--target", str(draft)])
    rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    context.output.note(f"the web page of Backend.AI {RELEASE} is installed")


def _folder(context: Context) -> Path:
    return context.paths.data / "web" / RELEASE


def _installer() -> list[str]:
    """Return the command line that installs a package: pip of this Python, else uv."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
    if (uv := which("uv")) is not None:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    raise AtollError(
        "pip, which installs the web page, is missing",
        hint=f"install pip for {sys.executable}, or uv",
    )


async def _run(command: list[str]) -> None:
    with trio.move_on_after(_TIMEOUT):
        done = await trio.run_process(
            command, stdin=subprocess.DEVNULL, capture_stdout=True, capture_stderr=True, check=False
        )
        if done.returncode:
            raise AtollError(f"{PACKAGE} could not be installed: {_last_line(done.stderr)}")
        return
    raise AtollError(f"{PACKAGE} could not be installed in {_TIMEOUT:g} s")


def _last_line(text: bytes) -> str:
    lines = [line for line in text.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR", "error"))]
    return (errors or lines or ["the installer did not say why"])[-1].strip()
