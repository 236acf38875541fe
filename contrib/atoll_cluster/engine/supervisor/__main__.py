"""Start the supervisor: `python -I -S supervisor launch.json [--detach]`, in a kernel's `run/`.

Python sets `sys.path[0]` to the folder that it runs; this replaces it by the parent folder, so that
the modules here can import one another as a package.
"""

import importlib
import os
import sys

sys.path[0], package = os.path.split(sys.path[0])
sys.exit(importlib.import_module(f"{package}.program").main(sys.argv[1:]))
