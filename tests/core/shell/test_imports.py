"""What the first prompt may load: the time to it is most of what a start feels like."""

import subprocess
import sys

PROGRAM = """
import sys
sys.argv = ["atoll"]
import atoll._options
from atoll._program import Program
program = Program.load()
import atoll._shell.main, atoll._shell.prompt, atoll._shell.screen
own = sys.stdlib_module_names
others = own | {"__main__", "sitecustomize"}  # The latter is the machine's own.
print(*sorted({name.partition(".")[0] for name in sys.modules} - others))
"""
ALLOWED = {
    *("atoll", "attr", "attrs", "click", "pluggy"),
    *("trio", "outcome", "sniffio", "sortedcontainers", "idna", "exceptiongroup"),
    *("prompt_toolkit", "wcwidth"),
}


def test_the_prompt_loads_no_transport_and_no_command(home):
    """Of plugins only their light entry modules are there, of transports no library."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    loaded = {name for name in result.stdout.split() if not name.startswith("_")}
    assert {name for name in loaded if not name.startswith("atoll_")} <= ALLOWED
