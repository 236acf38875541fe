"""Backend.AI's own tests of its command line: by our program, and by theirs on the embedded
cluster.

On a real 23.09, that release's own client passes 32 of them.
"""

import json
import os
import re
import subprocess

import pytest

pytestmark = pytest.mark.interop

LEAST = 32
SUITE = "ai.backend.test.cli_integration"
_DEADLINE = 600
_NOTING = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef):
    value = yield
    if fixturedef.argname == "users":
        with open("made", "a") as file:
            file.writelines(user.email + " " for user in value)
    return value
"""
"""Notes which users the suite makes: it leaves some behind, and others may use the cluster, too."""
_SUMMARY = re.compile(r"^(PASSED|FAILED|ERROR|SKIPPED) (.*)$", re.MULTILINE)


@pytest.fixture
def accounts(cluster, atoll, make_cluster, tmp_path):
    """Keys of an administrator and of two users; what is made meanwhile is gone in the end."""

    def told(*words):
        done = atoll(*words, "--output", "json")
        assert done.code == 0, done
        return json.loads(done.out) if done.out else None

    made = tmp_path / "made"
    made.write_text("suite1@example.org suite2@example.org ")
    try:
        users = [_user(told, make_cluster, cluster, number) for number in (1, 2)]
        yield {"admin_file": cluster, "user_file": users[0], "user2_file": users[1]}
    finally:
        for one in told("ps", "--all", "-f", "name,access_key"):
            if one["name"].startswith("test_session_"):
                told("rm", "-f", "-o", one["access_key"], one["name"])
        for one in told("admin", "users"):
            if one["email"] in made.read_text().split():
                # A folder goes some time after it was deleted, and its user not before.
                purge = ("admin", "users", "purge", one["email"], "--yes")
                assert any(atoll(*purge).code == 0 for _ in range(40))


def _user(told, make_cluster, cluster, number):
    """Make a user in the default group; returns the keys."""
    email = f"suite{number}@example.org"
    told("admin", "users", "add", "default", email, "s3cret-Pass1")
    told("admin", "groups", "add-users", "default", email)
    pair = told("admin", "keypairs", "add", email, "default")
    told("admin", "users", "update", email, "--main-access-key", pair["access_key"])
    return make_cluster(cluster.endpoint, pair["access_key"], pair["secret_key"])


@pytest.fixture
def passes(suite_python, accounts, tmp_path):
    """Run the suite by a program; returns which tests pass, and what the others say."""

    def run(program):
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
        for name, keys in accounts.items():
            lines = [f"export {key}={value}\n" for key, value in keys.environ.items()]
            (tmp_path / name).write_text("".join(lines))
            environ[name] = str(tmp_path / name)
        wrapped = _program_of_a_build(tmp_path / "build", program)
        (tmp_path / "noting.py").write_text(_NOTING)
        options = ["-q", "-rA", "-p", "no:cacheprovider", "-p", "noting", "--rootdir", "."]
        done = subprocess.run(
            [suite_python, "-m", "pytest", *options, "--pyargs", SUITE],
            cwd=tmp_path,
            env={**environ, "BACKEND_BUILD_ROOT": str(wrapped.parent), "PYTHONPATH": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
        )
        told = _SUMMARY.findall(done.stdout)
        passed = [name for outcome, name in told if outcome == "PASSED"]
        return passed, [one for one in told if one[0] != "PASSED"]

    return run


def _program_of_a_build(folder, program):
    """Put a program where the suite looks for one, without what tells the suite where to look."""
    folder.mkdir()
    wrapper = folder / "backend.ai"
    wrapper.write_text(f'#!/bin/sh\nunset BACKEND_BUILD_ROOT\nexec {program} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def test_by_our_program(passes, make_program):
    passed, others = passes(make_program("backend.ai").command[0])
    assert len(passed) >= LEAST, others


@pytest.mark.parametrize("cluster", ["embedded"], indirect=True)
def test_by_their_program(passes, client_of_23):
    passed, others = passes(client_of_23)
    assert len(passed) >= LEAST, others
