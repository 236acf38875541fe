"""Start the kernel program: `python -I -S <this folder> <listening fd> <settings file>`.

A folder given to Python becomes `sys.path[0]`; its parent takes that place so that the modules here
can import one another as a package, whatever the folder above is called.
"""

import importlib
import sys
from pathlib import Path

package = Path(sys.path[0])
sys.path[0] = str(package.parent)
program = importlib.import_module(f"{package.name}.program")
sys.exit(program.main(int(sys.argv[1]), Path(sys.argv[2])))
