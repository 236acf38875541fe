"""Run Slurm's programs, with a time limit, and without variables that would change their output."""

import os
import re
import subprocess
from collections.abc import Sequence

import anyio
from attrs import frozen

from atoll_cluster.engines import EngineError

TIMEOUT = 20.0
"""Time limit of a program in seconds; while the controller is down, programs retry for minutes."""
MOST_OUTPUT = 16 * 2**20
_OWN = re.compile(r"S(LURM|BATCH|RUN|QUEUE|INFO|CANCEL|ALLOC|LURMD)_")
"""Variables that change the programs' behaviour; a job around us or the user may have set them."""


class NoAnswer(Exception):
    """Slurm cannot be asked at present; the text says why. The states of jobs are unknown then."""


@frozen
class Ran:
    """The result of a program: its exit code and its output."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """The program's error message, in one line."""
        lines = [line.strip() for line in (self.err or self.out).splitlines() if line.strip()]
        messages = [re.sub(r"^s\w+: (error: )?", "", line) for line in lines]
        return "; ".join(dict.fromkeys(messages)) or f"exit code {self.code}"


async def run(argv: Sequence[str], stdin: str = "") -> Ran:
    """Run a program of Slurm; raises NoAnswer if it takes too long, EngineError if missing."""
    try:
        with anyio.fail_after(TIMEOUT):
            ended = await anyio.run_process(
                argv, input=stdin.encode(), check=False, env=environment()
            )
    except FileNotFoundError:
        hint = "if this is a login node with Slurm, have ~/.bashrc put its programs into PATH"
        raise EngineError(f"there is no {argv[0]} here; {hint}") from None
    except TimeoutError:
        raise NoAnswer(f"{argv[0]} does not answer within {TIMEOUT:g} s") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise NoAnswer(f"{argv[0]}: {error}") from None
    out, err = (
        part[:MOST_OUTPUT].decode(errors="replace") for part in (ended.stdout, ended.stderr)
    )
    return Ran(ended.returncode, out, err)


def environment() -> dict[str, str]:
    """Return our environment without variables that change the output of Slurm's programs."""
    kept = {name: value for name, value in os.environ.items() if not _OWN.match(name)}
    return {**kept, "LC_ALL": "C", "SLURM_TIME_FORMAT": "standard"}


_UNREACHED = (
    "unable to contact slurm controller",
    "socket timed out",
    "connection refused",
    "connection timed out",
    "zero bytes were transmitted",
    "communication connection failure",
    "communications connection failure",
)


def is_unreached(ran: Ran) -> bool:
    """Return whether a program failed because the controller did not answer."""
    message = ran.err.lower()
    return bool(ran.code) and any(words in message for words in _UNREACHED)
