"""The matplotlib backend of the interpreter: `show()` sends each figure as a picture."""

from __future__ import annotations

from typing import Any, Callable

from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase as FigureManager
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

__all__ = ["FigureCanvas", "FigureManager", "show"]

_shown_by: list[Callable[..., None]] = []


def show_by(display: Callable[..., None]) -> None:
    """Set the function that shows figures."""
    _shown_by[:] = [display]


def show(*_args: Any, **_options: Any) -> None:
    """Show all figures and close them."""
    try:
        for manager in Gcf.get_all_fig_managers():
            for display in _shown_by:
                display(manager.canvas.figure)
    finally:
        Gcf.destroy_all()
