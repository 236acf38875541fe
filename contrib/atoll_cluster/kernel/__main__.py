"""Start the kernel program with the descriptor and the file for `program.main`.

A folder given to Python becomes `sys.path[0]`; its parent takes that place so that the modules here
can import one another as a package, whatever the folder above is called.
"""

import importlib
import os
import sys

sys.path[0], package = os.path.split(sys.path[0])
program = importlib.import_module(f"{package}.program")
sys.exit(program.main(int(sys.argv[1]), sys.argv[2]))
