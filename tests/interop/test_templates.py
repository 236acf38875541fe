"""Session templates by the shell, on the embedded cluster and on one not written here."""

import json

import pytest

pytestmark = pytest.mark.interop

TEMPLATE = """\
---
api_version: v1
kind: taskTemplate
metadata:
  name: {name}
  tag: example-tag
spec:
  kernel:
    environ:
      MYCONFIG: XXX
    image: {image}
  resources:
    cpu: '1'
    mem: 512m
  mounts: {{}}
  sessionType: interactive
"""


@pytest.fixture
def template(atoll, name, image):
    """A template kept by the cluster; gives its id."""
    text = TEMPLATE.format(name=name, image=image)
    made = atoll("sesstpl", "create", "--output", "json", stdin=text)
    assert made.code == 0, made
    [kept] = json.loads(made.out)
    yield kept["id"]
    atoll("sesstpl", "delete", "-f", kept["id"])


def test_its_life(atoll, template, name):
    """Listed, fetched, changed, and gone."""
    listed = json.loads(atoll("sesstpl", "list", "--output", "json").out)
    assert name in [one["name"] for one in listed if one["id"] == template]
    shown = atoll("sesstpl", "get", name)
    assert "MYCONFIG: XXX" in shown.out, shown
    updated = atoll("sesstpl", "update", name, stdin=shown.out.replace("XXX", "YYY"))
    assert updated.code == 0, updated
    assert atoll("sesstpl", "get", name).out == shown.out.replace("XXX", "YYY")
    again = json.loads(atoll("sesstpl", "get", template, "-f", "json").out)
    assert again["spec"]["kernel"]["environ"] == {"MYCONFIG": "YYY"}
    deleted = atoll("sesstpl", "delete", "-f", template)
    assert deleted.code == 0, deleted
    assert atoll("sesstpl", "get", template).code == 5


def test_a_session_of_it(atoll, template, name, image):
    """In its environment."""
    started = atoll("start-template", template, "-t", name)
    try:
        assert started.code == 0, started
        ran = atoll("run", "-t", name, "-c", "import os; print(os.environ['MYCONFIG'])", image)
        assert ran.out == "XXX\n", ran
    finally:
        atoll("rm", name)


def test_a_password_is_not_shown(atoll, name, image):
    """And what was shown can be given back."""
    git = "git: {repository: r, destinationDir: d, credential: {username: u, password: hush}}"
    text = f"{TEMPLATE.format(name=name, image=image)}  type: batch\n"
    text = text.replace("  sessionType: interactive\n", "").replace(
        "    environ:", f"    run: {{startup: 'true'}}\n    {git}\n    environ:"
    )
    assert atoll("sesstpl", "create", stdin=text).code == 0
    shown = atoll("sesstpl", "get", name)
    assert (shown.code, "hush" in shown.out) == (0, False), shown
    again = atoll("sesstpl", "update", name, stdin=shown.out)
    assert again.code == 0, again
    assert atoll("sesstpl", "get", name).out == shown.out
    assert atoll("sesstpl", "delete", "-f", name).code == 0


def test_what_a_template_runs_first(atoll, name, image):
    """It runs, and when it fails that is told."""
    text = TEMPLATE.format(name=name, image=image)
    for script, code, told in (("echo done > it", 0, ""), ("exit 5", 1, "exit code 5")):
        run = f"    run: {{bootstrap: '{script}'}}\n    environ:"
        made = atoll("sesstpl", "create", stdin=text.replace("    environ:", run))
        assert made.code == 0, made
        try:
            started = atoll("start-template", name, "-t", name, "--strict", "--max-wait", "60")
            assert (started.code, told in started.err) == (code, True), started
            if code == 0:
                ran = atoll("run", "-q", "-t", name, "--exec", "cat it", image)
                assert ran.out == "done\n", ran
        finally:
            atoll("rm", name)
            atoll("sesstpl", "delete", "-f", name)
