"""Every command of a working day, from a laptop that reaches the SSH of the login node alone."""

import csv
import io
import json
import os
import subprocess
from uuid import uuid4

import httpx
import pytest
import yaml
from tests.notebook import DEADLINE, compute

CASES = 50
LISTS = ("agents", "scaling-groups", "images", "sessions", "users", "keypairs", "groups", "domains")
TEMPLATE = {
    "apiVersion": "6",
    "kind": "taskTemplate",
    "metadata": {"name": "made"},
    "spec": {
        "kernel": {"image": "python"},
        "scaling_group": "long",
        "resources": {"cpu": "1", "mem": "256m"},
    },
}


@pytest.fixture(scope="module")
def work(lab):
    """One session for all who change nothing that others see."""
    name = f"w{uuid4().hex[:8]}"
    lab.must(f"start -t {name} python")
    yield name
    lab.run(f"rm -f {name}")


@pytest.fixture
def files(lab, tmp_path):
    """A folder and a file of the laptop, their names with spaces."""
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder/deep one").write_bytes(os.urandom(300_000))
    (tmp_path / "a file").write_text("one\n")
    return tmp_path


@pytest.fixture
def folder(lab):
    """A virtual folder."""
    name = f"f{uuid4().hex[:8]}"
    lab.must(f"vfolder create {name}")
    yield name
    lab.run(f"vfolder delete {name} --yes")


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def same(left, right):
    """Whether two folders have the same files."""
    return subprocess.run(["diff", "-r", left, right], stdout=subprocess.PIPE).returncode == 0


def test_a_program_reads_its_files_and_what_is_piped(lab, tmp_path):
    (tmp_path / "main.py").write_text("print(open('data').read(), input(), end='')")
    (tmp_path / "data").write_text("of a file")
    line = f"run --rm --basedir {tmp_path} --exec 'python3 main.py; exit 5' python"
    ran = lab.run(f"{line} {tmp_path}/main.py {tmp_path}/data", "and piped\n")
    assert (ran.returncode, ran.stdout) == (5, "of a file and piped"), ran.stderr


def test_a_notebook_computes_on_the_node(lab, work):
    node = lab.must(f"run -q -t {work} -c 'import socket; print(socket.gethostname())' python")
    words = ["app", work, "jupyterlab", "-b", "0", "--output", "jsonl"]
    with lab.started(*words) as app, httpx.Client() as http:
        app.wait_for("}")
        address = json.loads(app.printed())["address"].split("/")[2]
        page = http.get(f"http://{address}/lab", timeout=DEADLINE)
        assert page.status_code == 200
        assert "JupyterLab" in page.text
        assert compute(http, address, "import socket; print(socket.gethostname())") == node


def test_commands_and_files_go_by_ssh(lab, work, files):
    ran = lab.run(f"ssh {work} 'cat; exit 7'", "through\n")
    assert (ran.returncode, ran.stdout) == (7, "through\n")
    lab.must(f"scp -q {work} -r '{files}/a folder' '{files}/a file' :")
    lab.must(f"scp -q {work} -r ':a folder' '{files}/back'")
    assert same(files / "a folder", files / "back")
    lab.must(f"sftp {work}", f'get "a file" "{files}/got"\nput "{files}/got" put\nbye\n')
    assert lab.must(f"ssh {work} cat put") == "one\n"


def test_openssh_and_rsync_know_sessions(lab, work, files):
    lab.must("ssh-config")
    ssh = f"ssh -F {lab.home}/.ssh/config"
    assert lab.program(*ssh.split(), f"{work}.atoll", "echo $BACKENDAI_SESSION_NAME") == f"{work}\n"
    lab.program("rsync", "-a", "-e", ssh, f"{files}/a folder", f"{work}.atoll:")
    lab.program("rsync", "-a", "-e", ssh, f"{work}.atoll:a folder/", f"{files}/back/")
    assert same(files / "a folder", files / "back")


def test_files_and_folders_come_back_as_they_went(lab, work, files):
    lab.must(f"upload {work} --basedir '{files}' '{files}/a folder' '{files}/a file'")
    assert "a folder" in lab.must(f"ls {work}")
    lab.must(f"download {work} 'a folder' 'a file' --dest '{files}/back'")
    assert same(files / "a folder", files / "back/a folder")
    assert (files / "back/a file").read_text() == "one\n"


def test_a_folder_outlives_the_session_that_writes_into_it(lab, files, folder):
    lab.must(f"vfolder upload {folder} --base-dir '{files}' '{files}/a folder' '{files}/a file'")
    line = f"run --rm -v {folder} --exec 'cp \"{folder}/a file\" {folder}/made' python"
    lab.must(line)
    names = {row["name"] for row in read(lab.must(f"vfolder ls {folder} --output csv"))}
    assert names == {"a folder", "a file", "made"}
    back = files / "back"
    back.mkdir()
    lab.program("atoll", "vfolder", "download", folder, "made", "a folder", cwd=back)
    assert (back / "made").read_text() == "one\n"
    assert same(files / "a folder", back / "a folder")
    lab.must(f"vfolder delete {folder} --yes")
    assert folder not in lab.must("vfolder list")


def test_a_template_names_the_partition(lab, tmp_path):
    (tmp_path / "made.yaml").write_text(yaml.safe_dump(TEMPLATE))
    lab.must(f"session-template create -f {tmp_path}/made.yaml")
    try:
        lab.must("start-template -t templated made")
        partition = lab.ssh("squeue --me -h -o '%P %j' | grep ' templated\\.'").split()[0]
        assert partition == "long"
    finally:
        lab.run("rm -f templated\nsession-template delete made --yes")


def test_a_killed_sweep_goes_on(lab):
    """Each case has one result, no job is left, and what was done is not done again."""
    line = ["run", "--rm", "--max-parallel", "6", "--exec", "echo $X"]
    with lab.started(*line, f"--exec-range=X=range:0,{CASES},1", "python") as sweep:
        sweep.wait_for(f"[12/{CASES} X=11] done", "err")
        sweep.process.kill()
    newest = read(lab.must("sweep list --output csv"))[0]
    assert newest["status"] == "interrupted"
    before = int(newest["done"])
    assert 0 < before < CASES
    resumed = lab.run(f"sweep resume {newest['id']} --output csv")
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stderr.count("] done") == CASES - before
    assert [row["status"] for row in read(resumed.stdout)] == ["done"] * CASES
    logs = lab.must(f"sweep logs {newest['id']}").splitlines()
    assert sorted(int(one.split()[-1]) for one in logs) == list(range(CASES))
    assert f" {newest['id']}-" not in lab.ssh("squeue --me -h -o ' %j'")


def test_a_log_and_events_are_followed_to_the_end(lab, session):
    with (
        lab.started("logs", "--follow", session) as log,
        lab.started("events", session) as events,
    ):
        events.wait_for("watching until the session ends", "err")
        lab.must(f"run -q -t {session} -c 'print(1); print(1 + 1)' python")
        log.wait_for("1\n2\n")
        lab.must(f"rm {session}")
        events.wait_for("session_terminated")
        assert (log.finish().code, events.finish().code) == (0, 0)


def test_a_restarted_session_keeps_its_files(lab, session):
    code = "kept = 1; open('kept', 'w').write('here')"
    lab.must(f"run -q -t {session} -c {code!r} python")
    for _ in range(3):  # Its node remembers files of the run before for seconds.
        lab.must(f"restart {session}")
    code = "print(open('kept').read(), 'kept' in dir())"
    assert lab.must(f"run -q -t {session} -c {code!r} python") == "here False\n"
    shown = json.loads(lab.must(f"info {session} --output json"))
    assert (shown["name"], shown["status"]) == (session, "RUNNING")


def test_the_administrator_has_all_lists(lab, work):
    for name in LISTS:
        assert read(lab.must(f"admin {name} --output csv")), name
    assert work in lab.must("admin sessions --format name --output csv").split()


def test_programs_without_keys_use_the_api(lab, work):
    with lab.started("proxy", "-p", "0", "--output", "jsonl") as proxy:
        proxy.wait_for("}")
        address = json.loads(proxy.printed())["address"].rstrip("/")
        found = httpx.get(f"{address}/session/{work}", timeout=DEADLINE)
        assert found.status_code == 200, found.text
        assert found.json()["status"] == "RUNNING"
