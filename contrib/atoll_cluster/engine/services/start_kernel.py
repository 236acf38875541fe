"""Start a notebook's kernel: `python start.py -f CONNECTION -- MINOR PYTHON PACKAGES`.

It does not import modules of atoll, because it runs on the Python of a session's image, 3.8 or
newer. It uses the ipykernel of that Python if there is one. Otherwise it adds the packages of the
Python that runs Jupyter, after its own packages. If the two Pythons have different versions, it
cannot use these packages; then the Python of Jupyter runs the notebook.
"""

import os
import sys


def main() -> None:
    end = sys.argv.index("--")
    minor, python, packages = sys.argv[end + 1 :]
    del sys.argv[end:]
    del sys.path[0]
    sys.path.insert(0, "")
    if not has_own():
        if minor != "{}.{}".format(*sys.version_info):
            os.execv(python, [python, "-m", "ipykernel_launcher", *sys.argv[1:]])  # noqa: S606 - no shell is wanted
        sys.path += packages.split(":")
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()


def has_own() -> bool:
    try:
        import ipykernel  # noqa: F401 - this tests whether it is installed
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    main()
