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
_CASE = """\
import os

print("loss=1")
os.environ["X"] == "0" or os.stat("/home/work/{x}r/go")
"""
"""A case of a sweep; the second fails until there is a folder of that name."""
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
        (self.home / "case.py").write_text(_CASE.format(x=self.x))
        by_name = {leaf.name: leaf for leaf in leaves}
        found = {}
        # SSH clients of older releases put keys there, and do not make it.
        (self.home / ".ssh").mkdir(mode=0o700)
        for step in STEPS:
            if step.name == "session ssh" and self.shared:
                self._make_user()
            if step.prepares:
                self._prepare(step, say)
            elif step.name in by_name:
                outcome = self._run(by_name[step.name], step)
                found.setdefault(step.name, outcome)
                say(f"{step.name}: {outcome}")
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
        self._ask(["run", "-q", "-t", f"{self.x}-a", "-c", MAKE_USER, self._value("image")])

    def _prepare(self, step: Step, say: Callable[[str], None]) -> None:
        try:
            done = self._ask(shlex.split(self._fill(step.given)), of_user=step.is_of_user)
        except LookupError as missing:
            say(f"({step.given}: there is no {missing.args[0]})")
        else:
            if done.returncode:
                say(f"({step.given}: {done.stderr.strip()})")

    def _stand_for(self, below: Sequence[Leaf]) -> tuple[str, Outcome]:
        chosen = next((leaf for leaf in below if not leaf.takes_arguments), below[0])
        step = Step(chosen.name, "", None, "", "")
        return chosen.name, self._run(chosen, step)

    def _run(self, leaf: Leaf, step: Step) -> Outcome:
        if step.disturbs and self.shared:
            return Outcome("not tried", "it would disturb others")
        given = step.arguments(takes_arguments=leaf.takes_arguments)
        try:
            filled = self._fill(given)
        except LookupError as missing:
            return Outcome("not tried", f"there is no {missing.args[0]}")
        return self._execute([*leaf.words, *shlex.split(filled)], step)

    def _fill(self, given: str) -> str:
        return _PLACE.sub(lambda match: self._value(match[1]), given)

    def _execute(self, words: Sequence[str], step: Step) -> Outcome:
        line = [str(self.program), *words]
        process = subprocess.Popen(
            ["script", "-qec", shlex.join(line), "/dev/null"] if step.needs_terminal else line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=self.home,
            env=self._environ(of_user=step.is_of_user),
        )
        typed = step.typed.encode()
        try:
            printed, _ = process.communicate(typed, _A_WHILE if step.goes_on else _DEADLINE)
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

    def _ask(
        self, words: Sequence[str], *, of_user: bool = False
    ) -> "subprocess.CompletedProcess[str]":
        """Have atoll itself run a line."""
        line = [str(self.ours), *words]
        try:
            return subprocess.run(
                line,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_DEADLINE,
                cwd=self.home,
                env=self._environ(of_user=of_user),
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(line, 124, "", "it did not end")

    def _environ(self, *, of_user: bool = False) -> dict[str, str]:
        # The older clients start themselves by their name.
        path = f"{self.program.parent}:{os.environ['PATH']}"
        plain = {"PATH": path, "HOME": str(self.home), "LANG": "C.UTF-8"}
        keys = self._keys_of_user() if of_user else {}
        plain |= {"PAGER": "cat", "TERM": "xterm", "BACKEND_SKIP_SSLCERT_VALIDATION": "0"}
        return {**plain, **self.environ, **keys}

    def _keys_of_user(self) -> dict[str, str]:
        return {
            "BACKEND_ACCESS_KEY": self._value("access_key"),
            "BACKEND_SECRET_KEY": self._value("secret_key"),
        }

    def _value(self, name: str) -> str:
        if name == "x":
            return self.x
        if name not in self._learned or name in _ANEW:
            self._learned[name] = self._learn(name)
        return self._learned[name]

    def _learn(self, name: str) -> str:
        line, key = _QUESTIONS[name]
        done = self._ask([*shlex.split(self._fill(line)), "--output", "json"])
        told = json.loads(done.stdout) if done.returncode == 0 and done.stdout else []
        rows = told if isinstance(told, list) else [told]
        rows = [row for row in rows if name not in _OF_WALK or self.x in json.dumps(row)]
        if not rows:
            raise LookupError(name.replace("_", " "))
        row = max(rows, key=_created) if name in _NEWEST else rows[0]
        if key == "image":
            return f"{row['registry']}/{row['name']}:{row['tag']}"
        return str(row[key])


def _created(row: Mapping[str, str]) -> str:
    return row.get("created_at") or row.get("created") or ""


_ANEW = {"folder_id", "key", "made_image", "sweep"}
"""What changes on the way."""
_OF_WALK = {"made_image", "template"}
"""What is looked for among things that others have made."""
_NEWEST = {"key", "sweep"}
"""What the latest of several is meant by."""
_QUESTIONS = {
    "access_key": ("admin keypairs -u {x}u@example.org -f access_key,secret_key", "access_key"),
    "agent": ("admin agents", "id"),
    "arch": ("admin images", "architecture"),
    "default_gid": ("admin groups-by-name default", "id"),
    "folder_id": ("vfolder info {x}o", "id"),
    "gid": ("admin groups-by-name {x}g", "id"),
    "host": ("vfolder list-hosts", "name"),
    "image": ("admin images", "image"),
    "key": ("admin keypairs -u {x}u@example.org -f access_key,created_at", "access_key"),
    "made_image": ("admin images", "image"),
    "secret_key": ("admin keypairs -u {x}u@example.org -f access_key,secret_key", "secret_key"),
    "session_id": ("ps --filter 'name like \"{x}%\"' -f id", "id"),
    "shared_id": ("vfolder info {x}g", "id"),
    "sweep": ("sweep list", "id"),
    "task": ("ps -f task_id --filter 'name == \"{x}-a\"'", "task_id"),
    "template": ("session-template list", "id"),
    "uuid": ("admin user {x}u@example.org", "uuid"),
}
