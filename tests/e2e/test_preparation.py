"""What a session runs first is told when it fails, and is an error when that was asked for."""

import json
from uuid import uuid4

import pytest

FAILS = [
    ("exit 5", "exit code 5"),
    ("echo out of milk >&2; false", "exit code 1: out of milk"),
    ("printf 'no end of line'; nosuchprogram", "exit code 127"),
    ("printf 'no end of line'; exit 4", "exit code 4: no end of line"),
    ("kill -9 $$", "exit code 137"),
]


@pytest.fixture
def script(tmp_path):
    def script(text):
        (tmp_path / "boot.sh").write_text(text)
        return ["--bootstrap-script", str(tmp_path / "boot.sh")]

    return script


@pytest.mark.parametrize(("text", "told"), FAILS)
def test_a_failure_is_told(shared, script, text, told):
    ran = shared.run("run", "--rm", *script(text), "-c", "print('ran')", "python")
    assert (ran.returncode, ran.stdout) == (0, "ran\n")
    assert f"has failed: {told}" in ran.stderr


@pytest.mark.parametrize("text", ["true", "echo well", "echo exited with code 3; exit 0"])
def test_what_succeeds_is_not(shared, script, text):
    ran = shared.run("run", "--rm", "--strict", *script(text), "-c", "print('ran')", "python")
    assert (ran.returncode, ran.stdout, "failed" in ran.stderr) == (0, "ran\n", False)


def test_strict_makes_it_an_error(shared, script):
    name = f"strict-{uuid4().hex[:6]}"
    ran = shared.run("run", "--rm", "--strict", *script("exit 5"), "-c", "print('ran')", "python")
    assert (ran.returncode, ran.stdout, "runs" in ran.stderr) == (1, "", False)
    started = shared.run("start", "-t", name, "--strict", *script("exit 5"), "python")
    assert (started.returncode, "exit code 5" in started.stderr) == (1, True)
    assert shared.run("rm", name).returncode == 0


def test_a_template_tells_too(shared):
    name = f"tells-{uuid4().hex[:6]}"
    kernel = {
        "image": "python",
        "environ": {},
        "git": {"repository": "file:///nowhere/at-all", "destinationDir": "there"},
    }
    template = {
        "api_version": "6",
        "kind": "taskTemplate",
        "metadata": {"name": name},
        "spec": {"sessionType": "interactive", "kernel": kernel, "mounts": {}, "resources": {}},
    }
    made = shared.run("sesstpl", "create", stdin=json.dumps(template))
    assert made.returncode == 0, made.stderr
    started = shared.run("start-template", "-t", name, name)
    assert (started.returncode, "has failed: exit code 128" in started.stderr) == (0, True)
    assert shared.run("rm", name).returncode == 0
    strict = shared.run("start-template", "-t", name, "--strict", name)
    assert (strict.returncode, "failed" in strict.stderr) == (1, True)
    assert shared.run("rm", name).returncode == 0
