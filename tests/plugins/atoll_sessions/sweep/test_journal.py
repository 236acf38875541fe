"""What the journal tells after the process that wrote it has gone, however it went."""

import subprocess
import sys

import pytest

from atoll_sessions.sweep.journal import open_journal, read_progress
from atoll_sessions.sweep.progress import INTERRUPTED
from atoll_sessions.sweep.store import Sweep

ONE_TURN = """
import os, signal, sys
from pathlib import Path
from atoll_sessions.sweep.journal import open_journal
with open_journal(Path(sys.argv[1]), 5) as journal:
    journal.begin()
    for case, code in ((1, 0), (2, 3)):
        journal.start(case, f"s-{case}")
        journal.session(case, f"id-{case}")
        journal.end(case, code, "", 0.25)
    journal.start(3, "s-3")
    journal.session(3, "id-3")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(tmp_path):
    """A journal whose process was killed in the middle of case 3."""
    path = tmp_path / "journal.jsonl"
    result = subprocess.run([sys.executable, "-c", ONE_TURN, path], check=False)
    assert result.returncode == -9
    return path


def test_nothing_that_was_written_is_lost(killed):
    """Not even what was written a moment before SIGKILL."""
    progress = read_progress(killed, 5)
    progress.interrupt()

    statuses = [state.status for state in progress.all()]
    assert statuses == ["done", "failed", "interrupted", "waiting", "waiting"]
    assert progress.state(2).exit_code == 3
    assert progress.state(3).session_id == "id-3"
    assert (progress.waiting, progress.ended, progress.succeeded) == (2, 2, False)


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_a_torn_line_costs_its_case_alone(killed, kept):
    """Wherever it was torn; and the next line begins on a line of its own."""
    text = killed.read_bytes()
    last = text.rstrip(b"\n").rindex(b"\n") + 1
    killed.write_bytes(text[: last + kept] if last + kept < len(text) else text)

    with open_journal(killed, 5) as journal:
        assert journal.progress.ended == 2
        journal.begin()
        assert journal.progress.state(3).status == INTERRUPTED
        journal.start(3, "s-3")
        journal.session(3, "again")
        journal.end(3, 0, "", 0.1)
    progress = read_progress(killed, 5)
    assert (progress.ended, progress.state(3).session_id) == (3, "again")


def test_lines_of_other_releases_are_passed_over(killed):
    """And those of no release."""
    with killed.open("ab") as file:
        file.write(b'{"event": "later"}\n[1]\n\xff\n{"event": "end"}\n"x"\n')

    assert read_progress(killed, 5).ended == 2


def test_only_one_process_holds_a_sweep(tmp_path):
    """And nobody does once it is gone."""
    sweep = Sweep(tmp_path)
    assert not sweep.held()
    with sweep.hold():
        assert sweep.held()
        with pytest.raises(Exception, match="is running"), sweep.hold():
            pass
    assert not sweep.held()
