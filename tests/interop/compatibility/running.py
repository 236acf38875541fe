"""Walks a program along the steps, facing a cluster."""

import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import define, field
from leaves import Leaf
from outcomes import Outcome, outcome_of
from walk import STEPS, Step
from work_user import MAKE_USER

_DEADLINE, _A_WHILE = 60, 8
_PLACE = re.compile(r"\{(\w+)\}")
_TEMPLATE = """\
api_version: 6
kind: task_template
metadata: {{name: {x}t}}
spec: {{kernel: {{image: "{image}", environ: {{}}}}}}
"""
COLLAPSED = (
    "admin export",
    "admin prometheus-query-definition",
    "deployment",
    "fair-share",
    "network",
    "notification",
    "resource-usage",
    "scheduling-history",
    "service auto-scaling-rule",
    "v2",
)
"""Groups of commands that only 26.x has; one command stands for all of each."""


@define
class Walker:
    """A program, by its path, facing a cluster; `ours` is atoll, which answers what is learned."""

    program: Path
    ours: Path
    environ: Mapping[str, str]
    shared: bool
    """Whether others use the cluster, too."""
    home: Path = field(factory=lambda: Path(tempfile.mkdtemp()))
    x: str = field(factory=lambda: f"w{secrets.randbelow(900000) + 100000}")
    _learned: dict[str, str] = field(factory=dict)

    def walk(self, leaves: Sequence[Leaf], say: Callable[[str], None]) -> dict[str, Outcome]:
        """Run all that there is a step for; returns what has come of each, by name."""
        for name in ("note.txt", "spare.txt"):
            (self.home / name).write_text("a note\n")
        text = _TEMPLATE.format(x=self.x, image=self._value("image"))
        (self.home / "template.yaml").write_text(text)
        by_name = {leaf.name: leaf for leaf in leaves}
        found = {}
        # SSH clients of older releases put keys there, and do not make it.
        (self.home / ".ssh").mkdir(mode=0o700)
        for step in STEPS:
            if step.name == "session ssh" and self.shared:
                self._make_user()
            if step.name in by_name:
                found[step.name] = self._run(by_name[step.name], step)
                say(f"{step.name}: {found[step.name]}")
        for group in COLLAPSED:
            below = [leaf for leaf in leaves if leaf.name.startswith(f"{group} ")]
            if below:
                name, outcome = self._stand_for(below)
                found[f"{group} … ({len(below)})"] = Outcome(
                    outcome.kind, f"by `{name}`: {outcome.reason}".removesuffix(": ")
                )
        return found

    def _make_user(self) -> None:
        """Give the session the user that SSH logs in as, which the images of test beds lack."""
        words = ["run", "-q", "-t", f"{self.x}a", "-c", MAKE_USER, self._value("image")]
        subprocess.run(
            [self.ours, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DEADLINE,
            env=self._environ(),
        )

    def _stand_for(self, below: Sequence[Leaf]) -> tuple[str, Outcome]:
        chosen = next((leaf for leaf in below if not leaf.takes_arguments), below[0])
        step = Step(chosen.name, "", None, goes_on=False, disturbs=False)
        return chosen.name, self._run(chosen, step)

    def _run(self, leaf: Leaf, step: Step) -> Outcome:
        if step.disturbs and self.shared:
            return Outcome("not tried", "it would disturb others")
        given = step.arguments(takes_arguments=leaf.takes_arguments)
        try:
            filled = _PLACE.sub(lambda match: self._value(match[1]), given)
        except LookupError as missing:
            return Outcome("not tried", f"there is no {missing.args[0]}")
        return self._execute([*leaf.words, *shlex.split(filled)], step)

    def _execute(self, words: Sequence[str], step: Step) -> Outcome:
        process = subprocess.Popen(
            [self.program, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=self.home,
            env=self._environ(),
        )
        try:
            printed, _ = process.communicate(b"y\n", _A_WHILE if step.goes_on else _DEADLINE)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                printed, _ = process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                printed, _ = process.communicate()
            code = None
        return outcome_of(code, printed.decode(errors="replace"), goes_on=step.goes_on)

    def _environ(self) -> dict[str, str]:
        # The older clients start themselves by their name.
        path = f"{self.program.parent}:{os.environ['PATH']}"
        plain = {"PATH": path, "HOME": str(self.home), "LANG": "C.UTF-8"}
        return {**plain, **self.environ, "PAGER": "cat", "BACKEND_SKIP_SSLCERT_VALIDATION": "0"}

    def _value(self, name: str) -> str:
        if name == "x":
            return self.x
        if name not in self._learned or name in _ANEW:
            self._learned[name] = self._learn(name)
        return self._learned[name]

    def _learn(self, name: str) -> str:
        line, key = _QUESTIONS[name]
        words = shlex.split(line.format(x=self.x))
        done = subprocess.run(
            [self.ours, *words, "--output", "json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            env=self._environ(),
        )
        told = json.loads(done.stdout) if done.returncode == 0 and done.stdout else []
        rows = told if isinstance(told, list) else [told]
        rows = [row for row in rows if name != "template" or self.x in row["name"]]
        if not rows:
            raise LookupError(name.replace("_", " "))
        # The last keypair of a user is the one that was added.
        row = max(rows, key=lambda one: one.get("created_at") or "") if name == "key" else rows[0]
        if name == "image":
            return f"{row['registry']}/{row['name']}:{row['tag']}"
        return str(row[key])


_ANEW = {"folder_id", "key"}
"""What changes on the way."""
_QUESTIONS = {
    "agent": ("admin agents", "id"),
    "folder_id": ("vfolder info {x}f", "id"),
    "gid": ("admin groups-by-name {x}g", "id"),
    "host": ("vfolder list-hosts", "name"),
    "image": ("admin images", "name"),
    "key": ("admin keypairs -u {x}u@example.org -f access_key,created_at", "access_key"),
    "session_id": ("ps --filter 'name like \"{x}%\"' -f id", "id"),
    "task": ("ps -f task_id --filter 'name == \"{x}a\"'", "task_id"),
    "template": ("session-template list", "id"),
    "uuid": ("admin user {x}u@example.org", "uuid"),
}
