"""The machine of a plugin's author: a virtual environment with atoll in it, and a shell for lines.

The environment sees what the tests' own has installed, so that pip has nothing to fetch; what is
installed goes into the new one.
"""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

PROGRAMS = {
    "atoll": "from atoll._cli import main",
    "pip": "from pip._internal.cli.main import main",
    "pytest": "from pytest import main",
}


@frozen
class Author:
    """Somebody who works in a virtual environment, with a home of their own."""

    home: Path

    @classmethod
    def make(cls, folder: Path) -> "Author":
        """Make the environment and the home below a folder."""
        environment = folder / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
        site = sysconfig.get_path("purelib", vars={"base": str(environment)})
        there = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
        (Path(site) / "tests.pth").write_text(there)
        for name, line in PROGRAMS.items():
            program = environment / "bin" / name
            program.write_text(
                f"#!{environment}/bin/python\nimport sys\n{line}\nsys.exit(main())\n"
            )
            program.chmod(0o755)
        home = folder / "home"
        home.mkdir()
        return cls(home)

    @property
    def environ(self) -> Mapping[str, str]:
        """What the author's shell has for environment."""
        left_out = ("ATOLL_", "BACKEND_", "PYTHON", "COLUMNS", "LINES")
        kept = {name: v for name, v in os.environ.items() if not name.startswith(left_out)}
        return {
            **kept,
            "HOME": str(self.home),
            "ATOLL_HOME": str(self.home / "atoll"),
            "PATH": f"{self.home.parent / 'environment' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # which means that there is none
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "LC_ALL": "C.UTF-8",
        }

    def run(self, lines: str, folder: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run lines in a shell that ends at the first that fails."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=folder,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
