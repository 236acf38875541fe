"""Session templates by the lines of the command line's own document."""

import json
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

DOCUMENTED = (Path(__file__).parents[1] / "manual-template.yaml").read_text()
SMALL = """\
api_version: v1
kind: task_template
metadata:
  name: overridden
spec:
  kernel:
    environ:
      MYCONFIG: XXX
    image: python
  resources:
    mem: 512m
  mounts:
    left-out:
"""
LOOK = """
import os
folders = sorted(entry.name for entry in os.scandir() if entry.is_dir() and entry.name[0] != ".")
print(os.environ["MYCONFIG"], open("/home/work/baiagent/file").read(), folders)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that the user is in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_lines_of_the_document(shared, here, make_repository):
    """Created twice, listed, fetched, updated, started from, and deleted."""
    for folder in ("hostpath-test", "test-vfolder"):
        assert shared.run("vfolder", "create", folder).returncode == 0
    repository = make_repository()
    spec = yaml.safe_load(DOCUMENTED)["spec"]["kernel"]["git"]
    text = DOCUMENTED.replace(spec["repository"], repository.url)
    text = text.replace(spec["commit"], repository.first)
    (here / "session-template.yaml").write_text(text)

    def documented(*words, stdin=""):
        return shared.run(*words, stdin=stdin, program="backend.ai")

    piped = documented("sesstpl", "create", stdin=text)
    assert piped.returncode == 0, piped.stderr
    made = documented("--output", "json", "sesstpl", "create", "-f", "session-template.yaml")
    (template,) = json.loads(made.stdout)["items"]
    listed = json.loads(documented("--output", "json", "sesstpl", "list").stdout)["items"]
    assert [one["name"] for one in listed] == ["template1234"] * 2
    twice = documented("sesstpl", "get", "template1234")
    assert (twice.returncode, template["id"] in twice.stderr) == (5, True)

    shown = documented("sesstpl", "get", template["id"])
    assert "MYCONFIG: XXX" in shown.stdout
    changed = shown.stdout.replace("XXX", "YYY")
    assert documented("sesstpl", "update", template["id"], stdin=changed).returncode == 0
    again = json.loads(documented("sesstpl", "get", template["id"], "-f", "json").stdout)
    assert again["spec"]["kernel"]["environ"] == {"MYCONFIG": "YYY"}

    started = documented("start-template", template["id"], "-t", "from-tpl")
    assert started.returncode == 0, started.stderr
    ran = shared.run("run", "-q", "-t", "from-tpl", "-c", LOOK, "python:3.6-ubuntu18.04")
    assert ran.stdout == "YYY first ['baiagent', 'hostDesktop', 'test-vfolder']\n", ran.stderr
    shared.run("rm", "from-tpl")

    for one in listed:
        assert documented("sesstpl", "delete", "-f", one["id"]).returncode == 0
    assert documented("sesstpl", "get", template["id"]).returncode == 5


def test_what_is_given_takes_the_place_of_what_the_template_says(shared):
    """Variables, and folders."""
    shared.run("vfolder", "create", "left-out")
    assert shared.run("sesstpl", "create", stdin=SMALL).returncode == 0
    started = shared.run(
        "start-template", "overridden", "-t", "given", "-e", "MYCONFIG=mine", "--no-mount"
    )
    assert started.returncode == 0, started.stderr
    code = "import os; print(os.environ['MYCONFIG'], os.path.exists('/home/work/left-out'))"
    ran = shared.run("run", "-q", "-t", "given", "-c", code, "python")
    assert ran.stdout == "mine False\n", ran.stderr
    shared.run("rm", "given")


def test_nothing_wrong_reaches_the_cluster(shared, here):
    """The first flaw is told where the template is stored, all of them by check."""
    (here / "bad.yaml").write_text("kind: task\nmetadata: {name: x}\n")
    refused = shared.run("sesstpl", "create", "-f", "bad.yaml")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert refused.stderr.startswith("atoll: bad.yaml: line 1, column 1: ")

    checked = shared.run("--output", "json", "sesstpl", "check", "bad.yaml")
    flaws = json.loads(checked.stdout)
    assert checked.returncode == 1
    assert {(one["line"], one["where"]) for one in flaws} == {(1, ""), (1, "kind")}
    missing = shared.run("sesstpl", "check", "nothing.yaml")
    assert (missing.returncode, len(missing.stderr.splitlines())) == (2, 1)


def test_templates_are_completed_by_name_and_by_id_where_a_name_is_shared(shared):
    for name in ("only-one", "twin", "twin"):
        made = shared.run("sesstpl", "create", stdin=SMALL.replace("overridden", name))
        assert made.returncode == 0, made.stderr
    offered = shared.run("completion", "answer", "--line", "atoll start-template ").stdout
    assert "only-one\tpython\n" in offered
    assert offered.count("\ttwin\n") == 2
