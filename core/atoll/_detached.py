"""Starting the program once more, in a process that outlives this one.

It goes where the command went that has started it, with the keys of that moment, whatever is done
to profiles meanwhile. These are handed over by a pipe: nobody else reads them, and they are on no
disk.
"""

import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from atoll._program import Program
from atoll._target import Choice

# The shell ends at once, so that the process is nobody's child to wait for. It gives what runs in
# the background its own input only where that is asked for.
_SHELL = ("/bin/sh", "-c", 'exec 3<&0; "$@" <&3 3<&- >>"$0" 2>&1 &')
# -P: what lies in the current folder is no part of the program.
_PROGRAM = (sys.executable, "-P", "-m", "atoll._detached_process")


@frozen
class Handed:
    """What such a process is handed: its words, how the program was started, where it goes."""

    words: tuple[str, ...]
    program_name: str
    plugins: bool
    skip_tls_check: bool
    choice: Choice


def spawn(program: Program, choice: Choice, words: Sequence[str], log: Path) -> None:
    """Start a process that runs a command, and whose output is added to the file `log`.

    Raises what is wrong with the choice, and OSError.
    """
    handed = Handed(
        tuple(words),
        sys.argv[0],
        program.takes_plugins,
        program.settings.skip_tls_check,
        _settled(program, choice),
    )
    subprocess.run(
        [*_SHELL, str(log), *_PROGRAM],
        check=True,
        input=pickle.dumps(handed),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )


def _settled(program: Program, choice: Choice) -> Choice:
    """Return a choice that depends on no variable of the environment. One that a plugin offers
    stays a name: its cluster may be started anew, at another port.
    """
    if choice.offered:
        return choice
    profile = program.profile(choice, lambda _text: None)
    return Choice(profile.name, profile)
