"""Start the kernel program; its two arguments are those of `program.main`.

Python sets `sys.path[0]` to the folder that it runs; this replaces it by the parent folder, so that
the modules here can import one another as a package, whatever the name of this folder.
"""

import importlib
import os
import sys

sys.path[0], package = os.path.split(sys.path[0])
program = importlib.import_module(f"{package}.program")
sys.exit(program.main(int(sys.argv[1]), sys.argv[2]))
