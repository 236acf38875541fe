"""Sweeps on disk: a folder each below `state/sweeps`, held by the process that runs it.

In the folder are

- plan.json: what to run,
- files/: what is uploaded into each session,
- journal.jsonl: what became of the cases,
- output/0003.out: what case 3 has printed, 0003.err what it has printed on standard error,
  0003-1.png the first picture that it has shown,
- lock: locked as long as a process runs the sweep; the system undoes that whatever ends it,
- cancel: there when that process is asked to end the sweep,
- log: what a detached process had to say.
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from atoll import AtollError, NotFound, Paths
from atoll.files import make_private, open_private, refuse, remove_tree, walk, write_atomic
from atoll_sessions.files.sending import LocalFile, is_program
from atoll_sessions.sweep.journal import read_progress
from atoll_sessions.sweep.lock import lockable, locked
from atoll_sessions.sweep.plan import Plan, dump_plan, load_plan
from atoll_sessions.sweep.progress import Progress

if TYPE_CHECKING:
    from atoll.transport import Part

Stream = Literal["stdout", "stderr"]
_SHORT_ID_BYTES, _LONG_ID_BYTES = 2, 4
"""How many bytes an id is made of: few, which are quick to type, unless those are taken."""
_SUFFIXES = {"stdout": "out", "stderr": "err"}


@frozen
class Sweep:
    """One sweep, identified by its folder."""

    folder: Path

    @property
    def id(self) -> str:
        """Its id, which is the name of its folder."""
        return self.folder.name

    @property
    def journal(self) -> Path:
        """The path of its journal."""
        return self.folder / "journal.jsonl"

    @cached_property
    def plan(self) -> Plan:
        """Its plan; raises AtollError if the plan can't be read."""
        try:
            return load_plan((self.folder / "plan.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError, AtollError) as error:
            raise AtollError(f"the plan of sweep {self.id} can't be read: {error}") from None

    def files(self) -> "list[Part]":
        """Return the files that are uploaded into each session."""
        root = self.folder / "files"
        found = (one for one in walk(root, refuse) if one.is_file) if root.exists() else ()
        paths = sorted(one.path for one in found)
        return [LocalFile(path, str(path.relative_to(root))).read() for path in paths]

    def progress(self) -> Progress:
        """Return the current state of its cases."""
        # The lock is checked before the journal is read: a process that ends in between has written
        # its last event by then.
        held = self.held()
        progress = read_progress(self.journal, self.plan.count)
        if not held:
            progress.interrupt()
        return progress

    def status(self, progress: Progress) -> str:
        """Return its status, in one word."""
        if self.held():
            return "running"
        if progress.ended == progress.count:
            return "done" if progress.succeeded else "failed"
        if not progress.runs:
            return "waiting"
        return progress.ending.how or "interrupted"

    def output(self, number: int, stream: Stream) -> Path:
        """Return the path of the output of a case; the file exists only if the case printed
        something.
        """
        return self.output_folder / f"{number:04}.{_SUFFIXES[stream]}"

    @property
    def output_folder(self) -> Path:
        """The folder in which the output of the cases is stored."""
        return Path(self.plan.out) if self.plan.out else self.folder / "output"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the sweep's lock while running it; raises AtollError if another process holds it."""
        with locked(self.folder / "lock") as is_ours:
            if not is_ours:
                raise AtollError(f"sweep {self.id} is running", hint=f"sweep cancel {self.id}")
            yield

    def held(self) -> bool:
        """Tell whether a process runs the sweep."""
        return (self.folder / "lock").exists() and not lockable(self.folder / "lock")

    @property
    def cancel_asked(self) -> bool:
        """Whether the process that runs the sweep was asked to end it."""
        return (self.folder / "cancel").exists()

    def ask_cancel(self) -> None:
        """Ask the process that runs the sweep to end it."""
        (self.folder / "cancel").touch(mode=0o600)

    def forget_cancel(self) -> None:
        """Withdraw the request to end the sweep."""
        (self.folder / "cancel").unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete all files of the sweep, except those in a folder that the user has named."""
        remove_tree(self.folder)


@frozen
class Sweeps:
    """All sweeps of this user on this machine."""

    root: Path

    @classmethod
    def of(cls, paths: Paths) -> "Sweeps":
        """Return the sweeps that are stored in the user's state folder."""
        return cls(paths.state / "sweeps")

    def reserve(self) -> Sweep:
        """Make an empty folder under a new id."""
        make_private(self.root)
        for size in chain(repeat(_SHORT_ID_BYTES, 16), repeat(_LONG_ID_BYTES)):
            folder = self.root / f"s-{secrets.token_hex(size)}"
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                return Sweep(folder)
        raise AssertionError("there is always another id")

    def save(self, sweep: Sweep, plan: Plan, files: "Sequence[Part]") -> None:
        """Write a sweep to disk. The plan is written last, since a folder without a plan is no
        sweep.
        """
        for part in files:
            path = sweep.folder / "files" / part.filename
            make_private(path.parent)
            with os.fdopen(open_private(path, os.O_TRUNC), "wb") as file:
                file.write(part.content)
            if is_program(part):
                path.chmod(0o700)
        if plan.out is None:
            make_private(sweep.folder / "output")
        write_atomic(sweep.folder / "plan.json", dump_plan(plan))

    def all(self) -> list[Sweep]:
        """Return all sweeps, the newest first."""
        plans = [(path.stat().st_mtime_ns, path.parent) for path in self.root.glob("*/plan.json")]
        return [Sweep(folder) for _, folder in sorted(plans, reverse=True)]

    def find(self, reference: str) -> Sweep:
        """Find a sweep by its id, or by the start of it, with or without `s-`; raises NotFound."""
        starts = (reference, f"s-{reference}")
        # An empty text, such as the value of an unset variable in a script, would match every
        # sweep.
        found = [sweep for sweep in self.all() if reference and sweep.id.startswith(starts)]
        exact = [sweep for sweep in found if sweep.id in starts]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if found:
            listed = ", ".join(sweep.id for sweep in found)
            raise NotFound(f"{reference!r} matches several sweeps", hint=listed)
        raise NotFound(f"no sweep has the id {reference!r}", hint="atoll sweep list shows them")

    def alike(self, fingerprint: str) -> Sweep | None:
        """Return the newest sweep with the same cases, code and files."""
        return next((sweep for sweep in self.all() if _is_alike(sweep, fingerprint)), None)


def _is_alike(sweep: Sweep, fingerprint: str) -> bool:
    try:
        return sweep.plan.fingerprint == fingerprint
    except AtollError:
        return False
