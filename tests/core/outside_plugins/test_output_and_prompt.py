"""A binary format, and a plugin that joins in at sessions, at the prompt and in its toolbar."""

import sqlite3
import subprocess
from contextlib import closing

import pytest

from atoll.testing import Prompt

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def atoll(make_atoll):
    """The program with both plugins, and a session on its cluster."""
    atoll = make_atoll("sqlite_format", "session_notes")
    started = atoll.run("start", "-t", "mine", "--note", "for trying", "python")
    assert started.returncode == 0, started.stderr
    assert "noted: for trying (0)" in started.stderr
    return atoll


def rows_of(content):
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(content)
        return database.execute("SELECT name, status FROM records").fetchall()


def test_bytes_go_to_a_pipe_and_into_a_file(atoll, tmp_path):
    command = [atoll.program(), "ps", "--output", "sqlite", "-f", "name,status"]
    piped = subprocess.run(command, env=atoll.environ(), capture_output=True, timeout=60)
    assert rows_of(piped.stdout) == [("mine", "RUNNING")]

    file = tmp_path / "sessions.db"
    done = atoll.run(stdin=f"ps --output sqlite -f name,status > {file}\n")
    assert done.returncode == 0, done.stderr
    assert rows_of(file.read_bytes()) == [("mine", "RUNNING")]

    copy = tmp_path / "copy.db"
    done = atoll.run(stdin=f"ps --output sqlite -f name,status | cat > {copy}\n")
    assert done.returncode == 0, done.stderr
    assert rows_of(copy.read_bytes()) == [("mine", "RUNNING")]


def test_a_column_is_shown(atoll):
    told = atoll.run("ps", "-f", "name,loud_name", "--output", "csv")
    assert told.stdout == "name,loud_name\nmine,MINE\n"


def test_the_prompt_has_the_segment_the_key_and_the_last_line(atoll):
    environ = {**atoll.environ(), "COLUMNS": "120"}
    prompt = Prompt.open([str(atoll.program())], environ, columns=120)
    try:
        prompt.appears("notes: 1")
        prompt.type("\x1b[20~")
        prompt.see("MINE")
        prompt.ready()
        prompt.type("ps --output sqlite\r")
        prompt.see("sqlite can't be written to a terminal")
        prompt.ready()
        assert atoll.run("rm", "mine").returncode == 0
        prompt.appears("farewell, mine")
        assert prompt.leave() == 0
    finally:
        prompt.close()
