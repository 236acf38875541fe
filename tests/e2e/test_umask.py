"""Whatever the umask, all that atoll and its cluster keep is for their owner alone."""

import re
import stat
import subprocess

import pytest

SCRIPT = """
profile add lab --endpoint https://lab.example.com --access-key AK --secret-key SECRET
profile use local
vfolder create data
vfolder upload data {file}
start -t kept -v data -r cpu=0.1 python
run -t kept -c 'open("made.txt", "w").write("x")' python
upload kept {file}
run --rm -t gone -r cpu=0.1 -c 'print(1)' python
run --exec-range 'x=case:1,2' --exec 'echo $x' --rm -r cpu=0.1 -t sweep python
"""
NAMES = {
    "lock", "cluster.log", "start.log", "cluster.sqlite3", "cluster.sqlite3-wal",
    "credentials.json", "lab.yaml", "server.json",
}  # fmt: skip
CONTENT = re.compile("/kernels/[^/]*/home/|/storage/folders/")
"""What users keep in sessions and folders; nobody else gets there."""


def run(atoll, umask, *arguments, stdin=""):
    done = subprocess.run(
        [atoll.program(), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        env=atoll.environ(),
        umask=umask,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def modes(home):
    """Return the modes of all that is kept, but for what users keep in sessions and folders."""
    found = ((path, path.lstat().st_mode) for path in (home, *home.rglob("*")))
    return {
        path: mode
        for path, mode in found
        if not stat.S_ISLNK(mode) and not CONTENT.search(str(path))
    }


def open_to_others(home):
    return [(path, oct(mode)) for path, mode in modes(home).items() if mode & 0o077]


@pytest.mark.parametrize("umask", [0, 0o077, 0o777], ids=oct)
def test_everything_is_private_whatever_the_umask(atoll, tmp_path, umask):
    file = tmp_path / "file.txt"
    file.write_text("content")
    run(atoll, umask, stdin=SCRIPT.format(file=file))
    assert open_to_others(atoll.home) == []
    kept = modes(atoll.home)
    assert {path.name for path in kept} >= NAMES
    assert any(map(stat.S_ISSOCK, kept.values()))
    assert all(mode & 0o600 == 0o600 for mode in kept.values())
    (uploaded,) = (atoll.home / "data/local/storage/folders").rglob("file.txt")
    assert stat.S_IMODE(uploaded.stat().st_mode) == 0o644
    inside = ["-t", "kept", "-c", "import os; print(oct(os.umask(0)))", "python"]
    assert run(atoll, umask, "run", *inside) == "0o22\n"


def test_what_was_left_open_is_closed_at_the_next_start(atoll):
    run(atoll, 0o022, "profile", "use", "local")
    run(atoll, 0o022, "ps")
    run(atoll, 0o022, "local", "down")
    parts = [atoll.home / name for name in ("config", "data", "data/local")]
    left = [path for part in parts for path in (part, *part.iterdir())]
    left = [path for path in left if path.name != "credentials.json"]
    for path in left:
        path.chmod(0o777 if path.is_dir() else 0o666)
    run(atoll, 0o022, "ps")
    assert open_to_others(atoll.home) == []
