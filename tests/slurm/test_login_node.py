"""The login node as another machine: its own cluster, by SSH alone."""

import json

from tests.slurm.site import INSTALLED


def test_sessions_run_on_the_login_node(laptop):
    laptop.ssh(f"{INSTALLED}/current/bin/atoll local down")
    laptop.must("profile add site --host site --engine here")
    code = "import socket; print(socket.gethostname())"
    assert laptop.must(f"run --profile site --rm -c '{code}' python") == "login\n"
    shown = json.loads(laptop.must("host status site --output json"))
    assert shown["cluster"] == "running"
