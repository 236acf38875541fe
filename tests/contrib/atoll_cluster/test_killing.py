"""Forty-five times something is killed in the midst of something else; what was answered stays.

The program of the cluster, a session's supervisor or its kernel is killed at a random moment of an
action. Afterwards whatever was acknowledged is there, byte for byte, and nothing is left over.
"""

import json
import os
import random
import signal
import threading
import time
import zlib
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from attrs import define, field
from tests.contrib.atoll_cluster.conftest import DEADLINE, Client, Program

pytestmark = pytest.mark.slow

ROUNDS, SEED = 45, 20261127
LONGEST_DELAY = 0.4
TEMPLATE = {
    "api_version": "v1",
    "kind": "taskTemplate",
    "metadata": {"name": "small"},
    "spec": {"kernel": {"image": "python"}, "resources": {"mem": "256m"}},
}


@define
class Told:
    """What the cluster has acknowledged, and so has to keep."""

    files: dict[str, bytes] = field(factory=dict)
    folders: set[str] = field(factory=set)
    gone: set[str] = field(factory=set)
    templates: set[str] = field(factory=set)


@define
class Killer:
    """Does something to the cluster in a thread and kills something meanwhile."""

    program: Program
    http: httpx.Client
    chance: random.Random = field(factory=lambda: random.Random(SEED))
    told: Told = field(factory=Told)
    number: int = 0
    witness: int = 0
    """The supervisor that is left alone."""

    @property
    def client(self) -> Client:
        return self.program.client(self.http)

    def round(self, client: Client) -> None:
        self.number += 1
        actions = [
            self.create, self.run, self.upload, self.batch, self.template, self.remove,
            self.restart, self.make_folder, self.delete_folder,
        ]  # fmt: skip
        action = actions[self.number % len(actions)]
        victim = self.chance.choice(["cluster", "supervisor", "kernel"])
        thread = threading.Thread(target=self.attempt, args=(action, client))
        thread.start()
        # The moment is what is random here.
        threading.Event().wait(self.chance.uniform(0, LONGEST_DELAY))
        if victim == "cluster":
            self.program.end(signal.SIGKILL)
            thread.join()
            self.program.start()
        else:
            self.kill_of_session(victim)
            thread.join()

    def attempt(self, action, client) -> None:
        with suppress(httpx.HTTPError):  # The cluster was killed: nothing was acknowledged.
            action(client)

    def kill_of_session(self, victim: str) -> None:
        """Kill the supervisor, or the kernel, of each session but the witness."""
        for state in (self.program.data / "kernels").glob("*/run/supervisor.json"):
            with suppress(OSError, ValueError):  # It is just being made, or has just gone.
                pid = json.loads(state.read_text())["pid"]
                if pid != self.witness:
                    for one in [pid] if victim == "supervisor" else children(pid):
                        os.kill(one, signal.SIGKILL)

    def create(self, client):
        client.ask("POST", "/session", json={"name": "prey", "image": "python"})

    def run(self, client):
        self.create(client)
        body = {"mode": "query", "code": "open('kept', 'w').write('x')", "runId": None}
        client.ask("POST", "/session/prey", json=body)

    def upload(self, client):
        name, content = f"file-{self.number}", self.chance.randbytes(200_000)
        request = client.http.build_request(
            "POST", f"{client.endpoint}/session/witness/upload", files={"src": (name, content)}
        )
        headers = client.headers("POST", "/session/witness/upload", "multipart/form-data")
        request.headers.update(headers)
        if client.http.send(request).status_code == 204:
            self.told.files[name] = content

    def batch(self, client):
        body = {"type": "batch", "startupCommand": "echo done", "enqueueOnly": True}
        names = [f"case-{self.number}-{case}" for case in (1, 2)]
        for name in names:
            client.ask("POST", "/session", json={"name": name, "image": "python", **body})

    def template(self, client):
        body = {"payload": json.dumps([{"template": TEMPLATE}])}
        answer = client.ask("POST", "/template/session", json=body)
        if answer.status_code == 200:
            self.told.templates.add(answer.json()[0]["id"])

    def remove(self, client):
        client.ask("DELETE", "/session/prey?forced=true")

    def restart(self, client):
        self.create(client)
        client.ask("PATCH", "/session/prey")

    def make_folder(self, client):
        name = f"folder-{self.number}"
        if client.ask("POST", "/folders", json={"name": name}).status_code == 201:
            self.told.folders.add(name)

    def delete_folder(self, client):
        """Delete the folder of the round before, every other time."""
        name = f"folder-{self.number - 1 - self.number % 2}"
        self.told.folders.discard(name)
        if client.ask("DELETE", f"/folders/{name}").status_code == 204:
            self.told.gone.add(name)

    def check(self) -> None:
        """See that all is there that was acknowledged, and that the witness goes on."""
        client = self.client
        assert client.console(client.run("witness", "print(x)")) == "41\n"
        folders = {one["name"] for one in client.ask("GET", "/folders").json()}
        assert self.told.folders <= folders
        assert not self.told.gone & folders
        templates = {one["id"] for one in client.ask("GET", "/template/session").json()}
        assert self.told.templates <= templates


def children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def processes_of(program: Program) -> list[str]:
    """List the processes in the groups of a program's kernels, whose names end in its mark."""
    mark = f"-{zlib.crc32(bytes(program.data / 'kernels')):08x}"
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "cgroup").read_text():
                found.append(process.name)
    return found


def test_acknowledged_changes_survive_every_kill(program, http):
    program.arguments = ("--slots", "cpu=8")
    client = program.start().client(http)
    client.create("witness")
    client.run("witness", "x = 41")
    kernel = client.ask("GET", "/session/witness").json()["containerId"]
    killer = Killer(program, http)
    killer.witness = program.supervisor(kernel)
    for _ in range(ROUNDS):
        killer.round(killer.client)
        killer.check()
    home = program.data / "kernels" / kernel / "home"
    told = killer.told
    assert told.files
    assert told.folders
    assert told.gone
    assert told.templates
    for name, content in told.files.items():
        assert (home / name).read_bytes() == content, name
    for prefix in ("prey", "case", "witness"):
        found = killer.client.ask("GET", f"/session/_/match?id={prefix}").json()["matches"]
        for one in found:
            killer.client.ask("DELETE", f"/session/{one['id']}?forced=true")
    assert killer.client.ask("POST", "/local/repair").json()["put_aside"] == []
    deadline = time.monotonic() + DEADLINE
    while [path for path in (program.data / "kernels").iterdir() if path.is_dir()]:
        assert time.monotonic() < deadline
        os.sched_yield()
    while left := processes_of(program):
        assert time.monotonic() < deadline, left
        os.sched_yield()
    assert program.end() == 0
