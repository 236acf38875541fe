"""The user `work`, as whom SSH logs in, for sessions of test beds, whose images run as root.

Elsewhere Backend.AI makes that user.
"""

MAKE_USER = """
import contextlib, os, pathlib, pwd
home = pathlib.Path("/home/work")
if os.getuid() == 0 and not any(one.pw_name == "work" for one in pwd.getpwall()):
    for name, line in (
        ("passwd", "work:x:1000:1000::/home/work:/bin/bash"),
        ("group", "work:x:1000:"),
        ("shadow", "work:*:19000:0:99999:7:::"),
    ):
        with open(f"/etc/{name}", "a") as file:
            file.write(f"{line}\\n")
    for path in (home, *home.rglob("*")):
        with contextlib.suppress(OSError):
            os.chown(path, 1000, 1000, follow_symlinks=False)
"""
"""Code that makes it, to be run in the session."""
