"""Slurm's own programs: each with a time limit, and with an environment that changes no answer."""

import os
import re
import subprocess
from collections.abc import Sequence

import anyio
from attrs import frozen

from atoll_cluster.engines import EngineError

TIMEOUT = 20.0
"""Seconds for one program: while the controller is down, they retry for minutes."""
MOST_OUTPUT = 16 * 2**20
_OWN = re.compile(r"S(LURM|BATCH|RUN|QUEUE|INFO|CANCEL|ALLOC|LURMD)_")
"""What the programs read from the environment: of a job that we may run in, or of a user's habits.
"""


class NoAnswer(Exception):
    """Slurm can't be asked at present; the text says why. Nothing is concluded from that."""


@frozen
class Ran:
    """How a program has ended."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """What it said of its failure, in one line."""
        lines = [line.strip() for line in (self.err or self.out).splitlines() if line.strip()]
        told = [re.sub(r"^s\w+: (error: )?", "", line) for line in lines]
        return "; ".join(dict.fromkeys(told)) or f"exit code {self.code}"


async def run(argv: Sequence[str], stdin: str = "") -> Ran:
    """Run a program of Slurm; raises NoAnswer when it takes too long, EngineError without it."""
    try:
        with anyio.fail_after(TIMEOUT):
            ended = await anyio.run_process(
                argv, input=stdin.encode(), check=False, env=environment()
            )
    except FileNotFoundError:
        hint = "is this the login node of a site with Slurm?"
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
    """Return our environment without what Slurm's programs would heed."""
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
    """Tell whether a program failed because the controller did not answer it."""
    told = ran.err.lower()
    return bool(ran.code) and any(words in told for words in _UNREACHED)
