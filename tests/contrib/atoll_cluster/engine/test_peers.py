"""What a kernel on another machine is given to reach the others of its session."""

import subprocess

import pytest

from atoll_cluster.engine.folder import KernelFolder
from atoll_cluster.engine.peers import introduce

PEERS = {"main1": "k1", "sub1": "k2"}


@pytest.fixture
def folder(tmp_path):
    made = KernelFolder(tmp_path / "100% mine" / "k1")
    for path in (made.share / "bin", made.home / ".ssh"):
        path.mkdir(parents=True)
    return made


@pytest.mark.needs("ssh")
def test_ssh_finds_the_other_kernels_by_name_with_any_folder_name(spec, folder):
    introduce(spec(peers=PEERS), folder)
    (folder.home / ".ssh/config").write_text("Host *\n    ServerAliveInterval 77\n")
    ssh = folder.share / "bin" / "ssh"
    told = subprocess.run([ssh, "-G", "sub1"], capture_output=True, text=True, check=True).stdout
    found = dict(line.partition(" ")[::2] for line in told.splitlines())
    assert found["user"] == "work"
    peer = str(folder.path.parent / "k2").replace("%", "%%")
    assert found["identityfile"] == f"{peer}/keys/user_key"
    assert found["proxycommand"].endswith(f" reach '{peer}' sshd")
    assert found["serveraliveinterval"] == "77"


def test_a_single_kernel_gets_no_peers(spec, folder):
    introduce(spec(peers={"main1": "k1"}), folder)
    assert list((folder.share / "bin").iterdir()) == []
