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
      MYCONFIG: {value}
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
    text = TEMPLATE.format(name=name, value="XXX", image=image)
    made = atoll("sesstpl", "create", "--output", "json", stdin=text)
    assert made.code == 0, made
    [kept] = json.loads(made.out)
    yield kept["id"]
    atoll("sesstpl", "delete", "-f", kept["id"])


def test_its_life(atoll, template, name, image):
    """Listed, fetched, changed, and gone."""
    listed = json.loads(atoll("sesstpl", "list", "--output", "json").out)
    assert name in [one["name"] for one in listed if one["id"] == template]
    assert "MYCONFIG: XXX" in atoll("sesstpl", "get", template).out
    changed = TEMPLATE.format(name=name, value="YYY", image=image)
    updated = atoll("sesstpl", "update", template, stdin=changed)
    assert updated.code == 0, updated
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
