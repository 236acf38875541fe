"""JupyterLab: the services `jupyter` and `jupyterlab`, which are the same server.

The server runs on the Python of the cluster's program, where `atoll[apps]` is installed. Its
notebooks run on the Python of the session's image. If the image has no ipykernel, they use the
ipykernel of the cluster's Python.
"""

import json
from pathlib import Path

from atoll_cluster.engine.contract import Service

from . import own_python
from .definition import ARGUMENTS, PRIVATE, SOCKET, KernelSite, ServiceDefinition

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
_ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"
_ARGV = own_python.argv(
    *("-m", "jupyterlab", "--no-browser", "--allow-root"),
    *(f"--ServerApp.sock={SOCKET}", "--ServerApp.sock_mode=0600"),
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=None",
    ARGUMENTS,
)
_DEFAULTS: dict[str, str | None] = {
    # The tunnel controls access. The server refuses other web pages by their host and origin.
    "--ServerApp.token": "",
    "--ServerApp.password": "",
    # At a TCP port, every user of the machine could read the output of a notebook.
    "--KernelManager.transport": "ipc",
}


def definitions(site: KernelSite) -> list[ServiceDefinition]:
    """Define the service under both names, and write its files."""
    _write_kernel(site)
    _write_page_config(site)
    return [
        ServiceDefinition(
            service=Service(
                name=name,
                protocol="http",
                ports=(port,),
                allowed_arguments=_ALLOWED,
                allowed_envs=("LANG", "TZ"),
            ),
            kind="socket",
            program="jupyter",
            argv=_ARGV,
            defaults=_DEFAULTS | {"--ServerApp.root_dir": str(site.paths.home)},
            environ=own_python.environ() | _paths(site.paths.share),
            prefixes=own_python.prefixes(),
        )
        for name, port in _PORTS.items()
    ]


def _paths(share: Path) -> dict[str, str]:
    return {
        # The sockets of notebook kernels are in this folder, because the home's path may be too
        # long for sockets.
        "JUPYTER_RUNTIME_DIR": PRIVATE,
        "JUPYTER_PATH": str(share / "jupyter"),
        "JUPYTER_CONFIG_PATH": str(share / "jupyter/config"),
    }


def _write_page_config(site: KernelSite) -> None:
    """Turn off JupyterLab's news, and the requests to the internet that load them."""
    folder = site.folder.share / "jupyter/config/labconfig"
    folder.mkdir(parents=True)
    config = {"disabledExtensions": {_ANNOUNCEMENTS: True}}
    (folder / "page_config.json").write_text(json.dumps(config), "utf-8")


def _write_kernel(site: KernelSite) -> None:
    """Write Jupyter's kernel specification for the Python of the session's image."""
    image = site.spec.image
    if image.language != "python":
        return
    own = site.folder.share / "jupyter/kernels/python3"
    own.mkdir(parents=True)
    (own / "start.py").write_text(_START.read_text("utf-8"), "utf-8")
    start = site.paths.share / "jupyter/kernels/python3/start.py"
    borrowed = [str(path) for path in own_python.packages()]
    words = ["--", own_python.MINOR, own_python.argv()[0], ":".join(borrowed)]
    description = {
        "argv": [*image.argv, str(start), "-f", "{connection_file}", *words],
        "display_name": f"Python {image.version}",
        "language": "python",
        "metadata": {"debugger": True},
    }
    (own / "kernel.json").write_text(json.dumps(description), "utf-8")
