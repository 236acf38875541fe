"""What atoll asks of a cluster, beside what the official client asks for by the same command line.

`tests/recorded/requests-23.09.json` has the official client's requests; the two must say the same,
field by field. What differs on purpose stands here, with the reason.
"""

import json
import re
import runpy
import subprocess
from pathlib import Path

import pytest

RECORDED = Path(__file__).parents[1] / "recorded"
RECORDER = runpy.run_path(str(RECORDED / "recorder.py"))
THEIRS = json.loads((RECORDED / "requests-23.09.json").read_text())
ON_PURPOSE = {
    ("/session", "architecture"): "the cluster's own is the one that is not named",
    ("/session", "maxWaitSeconds"): "the wait is ours, so that its reason can be told meanwhile",
    ("/session", "dependencies"): "ids are never ambiguous",
    ("/session", "config.preopen_ports"): "all that are given, as numbers",
    ("/session/{id}", "forced"): "true as JSON has it",
    ("/folders", "group"): "the id, which managers of all releases take",
    ("/folders/{id}/invite", "emails"): "the first of two names for it",
    ("/folders/{id}/invite", "user_ids"): "the second",
    ("/folders/{id}/invite", "permission"): "the first of two names for it",
    ("/folders/{id}/invite", "perm"): "the second",
    ("/user-config/dotfiles", "permission"): "nobody runs a dotfile",
    ("/template/session", "payload"): "checked here first, and sent as JSON",
    ("/template/session", "group"): "the first of two names for it",
    ("/template/session", "group_name"): "the second",
    ("/template/session", "domain"): "the first of two names for it",
    ("/template/session", "domain_name"): "the second",
    ("/manager/status", "force_kill"): "false, as it is without being said",
}
UNSAID = ("{}", False, True, "active")
"""What things that are made have without its being said; the official client says it."""
ASKED = {
    "vfolder rm -r recorded old.txt",
    "admin domain purge new",
    "admin user purge new@example.com",
}
"""Lines that either client does nothing for before it has asked."""
NOT_NEEDED = {("GET", "/folders/{id}")}
"""Requests of the official client that ours has no use for: the list of folders tells it."""
_NAMES = re.compile(rf"(?<=/)(recorded|{RECORDER['SESSION']}|{RECORDER['FOLDER']})(?=/|$)")


def flat(given, above=""):
    """Yield the fields of a request with what they say; what says nothing is left out."""
    for name, value in given.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{name}.")
        elif value not in (None, [], ""):
            yield f"{above}{name}", value if isinstance(value, list | bool) else str(value)


def by_route(requests):
    """Return the fields of requests by their method and path."""
    return {
        (one["method"], _NAMES.sub("{id}", one["path"])): dict(flat(one["given"]))
        for one in requests
    }


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """What atoll asks for by each of the command lines, all of them lines of one script.

    After each comes a line that is asked for, too, by which they are told apart.
    """
    folder = tmp_path_factory.mktemp("requests")
    for name, content in RECORDER["FILES"].items():
        (folder / name).write_text(content)
    script = "".join(f"{line}{' --yes' * (line in ASKED)}\nadmin etcd get end\n" for line in THEIRS)
    program = Path(subprocess.sys.executable).with_name("backend.ai")
    with RECORDER["recording"]() as (endpoint, seen):
        environ = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **RECORDER["environ"](endpoint)}
        environ["ATOLL_HOME"] = str(folder / "home")
        command = [program, "--keep-going"]
        subprocess.run(command, input=script.encode(), cwd=folder, env=environ, timeout=120,
                       capture_output=True)  # fmt: skip
        found, requests = [], []
        for one in seen:
            if one["given"].get("key") == "end":
                found.append(requests)
                requests = []
            else:
                requests.append(one)
    assert len(found) == len(THEIRS)
    return dict(zip(THEIRS, found, strict=True))


@pytest.mark.parametrize("line", THEIRS)
def test_the_same_is_asked_for(ours, line):
    theirs, own = by_route(THEIRS[line]), by_route(ours[line])
    assert theirs.keys() - own.keys() - NOT_NEEDED == set()
    for route in theirs.keys() & own.keys():
        assert list(differences(route[1], theirs[route], own[route])) == []


def differences(path, theirs, own):
    """Yield the fields in which two requests differ, but for those that differ on purpose."""
    for name in theirs.keys() | own.keys():
        left, right = theirs.get(name), own.get(name)
        is_unsaid = right is None and left in UNSAID and path.startswith(("create_", "purge_"))
        if left != right and not is_unsaid and (path, name) not in ON_PURPOSE:
            yield name, left, right
