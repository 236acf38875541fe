"""Start the relay: `python -I -S relay stdio` or `relay listen launch.json …` in a kernel's run
folder, or `relay reach FOLDER SERVICE` in any folder.

Python sets `sys.path[0]` to the folder that it runs; this replaces it by the parent folder, so that
the modules here can import one another as a package.
"""

import importlib
import os
import sys

if sys.version_info < (3, 9):  # noqa: UP036 - a node may have any Python
    words = "atoll needs Python 3.9 or newer; {} of this node is {}"
    sys.exit(words.format(sys.executable, sys.version.split()[0]))
sys.path[0], package = os.path.split(sys.path[0])
sys.exit(importlib.import_module(f"{package}.program").main(sys.argv[1:]))
