"""Show the user's objects as pictures and pages.

`cell.py` loads this file from its own folder; the file needs only the standard library. It does not
import drawing libraries: after the user's code has imported one, this configures the library to
send its pictures.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import os
import sys
from typing import Any, Callable, Iterator

RICH = {
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
    "image/svg+xml": "_repr_svg_",
    "text/html": "_repr_html_",
}
"""Media types that can be shown, best first, each with the method that returns the data."""
BACKEND = "atoll_figures"
"""The module name of our backend for matplotlib; the file is `figures.py`."""


class RichDisplay:
    """Shows objects as notebooks do; `send` gets the media type, and the data as text."""

    def __init__(self, send: Callable[[str, str], None]) -> None:
        self._send = send

    def rich(self, value: object) -> bool:
        """Send an object as a picture or page; returns False if it has neither."""
        for mime, data in _forms(value):
            self._send(mime, _as_text(data))
            return True
        return False

    def display(self, *values: object, raw: bool = False, **_options: object) -> None:
        """Show objects as pictures or pages, or else as text. With `raw`, each object is a
        dictionary of media types and data.
        """
        for value in values:
            shown = _Raw(value) if raw and isinstance(value, dict) else value
            if not self.rich(shown):
                sys.stdout.write(f"{shown!r}\n")

    def install(self) -> None:
        """Configure libraries that are imported later, so that they send their pictures."""
        import builtins

        builtins.display = self.display  # type: ignore[attr-defined]
        sys.meta_path.insert(0, _Watcher(self))


class _Raw:
    """A dictionary of media types and data that the user has given."""

    def __init__(self, bundle: dict[str, Any]) -> None:
        self._bundle = bundle

    def _repr_mimebundle_(self, **_options: object) -> dict[str, Any]:
        return self._bundle

    def __repr__(self) -> str:
        return str(self._bundle.get("text/plain", self._bundle))


def _forms(value: object) -> Iterator[tuple[str, Any]]:
    """Yield the media types and the data with which an object can be shown, best first."""
    if value is None or isinstance(value, type):
        return
    figures = sys.modules.get("matplotlib.figure")
    if figures is not None and isinstance(value, figures.Figure):
        yield "image/png", _drawn(value)
        return
    bundle = _called(value, "_repr_mimebundle_", include=None, exclude=None) or {}
    for mime, method in RICH.items():
        data = bundle.get(mime) if isinstance(bundle, dict) else None
        data = _called(value, method) if data is None else data
        if data is not None:
            yield mime, data


def _called(value: object, method: str, **options: object) -> Any:
    """Call a method of an object; returns the result without metadata, None without the method."""
    found = getattr(value, method, None)
    result = found(**options) if callable(found) else None
    return result[0] if isinstance(result, tuple) and result else result


def _drawn(figure: Any) -> bytes:
    import io

    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    return file.getvalue()


def _as_text(data: object) -> str:
    return base64.b64encode(data).decode() if isinstance(data, bytes) else str(data)


class _Watcher:
    """An import hook that configures a few modules after their import."""

    def __init__(self, rich_display: RichDisplay) -> None:
        self._rich_display = rich_display
        self._after: dict[str, Callable[[Any], None]] = {
            "matplotlib": _choose_backend,
            BACKEND: lambda module: module.show_by(self._rich_display.display),
            "IPython.core.display_functions": self._take_over,
        }

    def _take_over(self, module: Any) -> None:
        module.display = self._rich_display.display

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Find a module in the usual way; wrap the loader of the modules in `_after`."""
        after = self._after.pop(name, None)
        if after is None:
            return None
        spec = _backend() if name == BACKEND else _found(self, name, path, target)
        if spec is not None and spec.loader is not None:
            _do_after(spec.loader, after)
        return spec


def _backend() -> Any:
    path = os.path.join(os.path.dirname(__file__), "figures.py")
    return importlib.util.spec_from_file_location(BACKEND, path)


def _found(watcher: _Watcher, name: str, path: Any, target: Any) -> Any:
    for finder in sys.meta_path:
        if finder is not watcher and hasattr(finder, "find_spec"):
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                return spec
    return None


def _do_after(loader: Any, after: Callable[[Any], None]) -> None:
    """Call `after` when a loader has run its module, if the loader can be changed."""
    run = loader.exec_module

    def exec_module(module: Any) -> None:
        run(module)
        try:
            after(module)
        except Exception as error:  # noqa: BLE001 - the user's import must not fail because of this
            sys.stderr.write(f"[pictures of {module.__name__} are not shown: {error}]\n")

    with contextlib.suppress(AttributeError):  # a loader that is written in C can't be changed
        loader.exec_module = exec_module


def _choose_backend(matplotlib: Any) -> None:
    """Select our backend for matplotlib, unless the user has selected one."""
    chosen = dict.get(matplotlib.rcParams, "backend")
    if not isinstance(chosen, str):
        matplotlib.rcParams["backend"] = f"module://{BACKEND}"
