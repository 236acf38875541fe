"""Starts the program again in a process that outlives this one.

The new process uses the same profile as the command that starts it, with the keys of that moment;
later changes of profiles do not affect it. The keys are sent through a pipe, so that nobody else
can read them and they are not stored on disk.
"""

import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from atoll._program import Program
from atoll._target import Choice

# The shell ends at once, so that this process is not the parent of the new one and need not wait
# for it. A shell connects the input of a background command to /dev/null unless it is redirected.
_SHELL = ("/bin/sh", "-c", 'exec 3<&0; "$@" <&3 3<&- >>"$0" 2>&1 &')
# -P: files in the current folder must not be imported.
_PROGRAM = (sys.executable, "-P", "-m", "atoll._detached_process")


@frozen
class Handed:
    """The data for such a process: the words of the command, the options of the program, and the
    profile.
    """

    words: tuple[str, ...]
    program_name: str
    plugins: bool
    skip_tls_check: bool
    choice: Choice


def spawn(program: Program, choice: Choice, words: Sequence[str], log: Path) -> None:
    """Start a process that runs a command; its output is appended to the file `log`.

    Raises the errors of the choice of profile, and OSError.
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
    """Return a choice that does not depend on environment variables. A profile that a plugin offers
    is kept by name, since its cluster may be restarted at another port.
    """
    if choice.offered:
        return choice
    profile = program.profile(choice, lambda _text: None)
    return Choice(profile.name, profile)
