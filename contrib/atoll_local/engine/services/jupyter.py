"""JupyterLab: `jupyter`, and `jupyterlab`, which is the same server.

It runs on the Python of the cluster program, where `atoll[apps]` is installed. Its notebooks run on
the Python of the session's image, which borrows ipykernel from there unless it has its own.
"""

import json
from pathlib import Path

from atoll_local.engine.contract import Service

from . import own_python
from .offer import ARGUMENTS, SOCKET, Offer, Site

_START = Path(__file__).with_name("start_kernel.py")
_PORTS = {"jupyter": 8081, "jupyterlab": 8090}
_ALLOWED = (
    "--ServerApp.allow_remote_access",
    "--ServerApp.base_url",
    "--ServerApp.default_url",
    "--ServerApp.password",
    "--ServerApp.root_dir",
    "--ServerApp.token",
)


def offers(site: Site) -> list[Offer]:
    """Return both names of the service."""
    _write_kernel(site)
    return [
        Offer(
            service=Service(
                name=name,
                protocol="http",
                ports=(port,),
                allowed_arguments=_ALLOWED,
                allowed_envs=("LANG", "TZ"),
            ),
            kind="socket",
            program="jupyter",
            argv=_argv(site),
            environ=own_python.environ() | {"JUPYTER_PATH": str(site.place.share / "jupyter")},
            prefixes=own_python.prefixes(),
        )
        for name, port in _PORTS.items()
    ]


def _argv(site: Site) -> tuple[str, ...]:
    return own_python.argv(
        *("-m", "jupyterlab", "--no-browser", "--allow-root"),
        *(f"--ServerApp.sock={SOCKET}", "--ServerApp.sock_mode=0600"),
        # The tunnel is the door. Other web pages are kept out by the names of host and origin.
        *("--IdentityProvider.token=", "--ServerApp.password="),
        f"--ServerApp.root_dir={site.place.home}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=None",
        ARGUMENTS,
    )


def _write_kernel(site: Site) -> None:
    """Write the description by which Jupyter starts the session's own Python."""
    image = site.spec.image
    if image.language != "python":
        return
    own = site.folder.share / "jupyter/kernels/python3"
    own.mkdir(parents=True)
    (own / "start.py").write_text(_START.read_text("utf-8"), "utf-8")
    start = site.place.share / "jupyter/kernels/python3/start.py"
    borrowed = [str(path) for path in own_python.packages()]
    words = ["--", own_python.MINOR, own_python.argv()[0], ":".join(borrowed)]
    description = {
        "argv": [*image.argv, str(start), "-f", "{connection_file}", *words],
        "display_name": f"Python {image.version}",
        "language": "python",
        "metadata": {"debugger": True},
    }
    (own / "kernel.json").write_text(json.dumps(description), "utf-8")
