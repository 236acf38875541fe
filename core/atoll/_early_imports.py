"""Imports what a command is going to need, while the command waits for something else."""

import threading
from collections.abc import Callable
from contextlib import suppress


def import_early(load: Callable[[], object]) -> None:
    """Call `load` in a thread. Whoever needs the module then waits for it; whether it fails, shows
    when it is needed.
    """
    threading.Thread(target=_try, args=(load,), daemon=True).start()


def _try(load: Callable[[], object]) -> None:
    with suppress(Exception):
        load()
