"""What `run` and `start` make of their options, before anything is sent."""

from pathlib import Path

import pytest

from atoll import NotFound, UsageError
from atoll.output import local_time, show_slots
from atoll.transport import Part
from atoll_sessions.creation import SessionRequest, _list_known, creation_body
from atoll_sessions.files import MOST_BYTES, collect
from atoll_sessions.model import Session
from atoll_sessions.options import parse_pairs, parse_resources
from atoll_sessions.run import _code_of


def test_environment_values_may_hold_anything():
    """Only the first equals sign divides."""
    assert parse_pairs(["A=b=c", "D=", "E= f"], "-e") == {"A": "b=c", "D": "", "E": " f"}


@pytest.mark.parametrize("text", ["A", "=b", ""])
def test_a_pair_without_a_key_or_sign_is_refused(text):
    """Naming the option."""
    with pytest.raises(UsageError, match="not of the form KEY=VAL"):
        parse_pairs([text], "-e")


def test_memory_is_in_mib_unless_it_says_otherwise():
    """As the document of the command line has it."""
    assert parse_resources(["cpu=2", "mem=256"]) == {"cpu": "2", "mem": "256m"}
    assert parse_resources(["mem=8g", "cuda.shares=0.5"]) == {"mem": "8g", "cuda.shares": "0.5"}
    with pytest.raises(UsageError, match="no amount"):
        parse_resources(["mem="])


def test_the_body_holds_nothing_that_an_older_manager_refuses():
    """23.09 rejects keys it does not know."""
    body = creation_body(SessionRequest(image="python", name="sess", bootstrap_script="echo hi"))

    assert body["bootstrap_script"] == "echo hi"
    assert not {"priority", "batch_timeout", "callback_url"} & set(body)
    assert not {"mount_ids", "mount_id_map", "mount_options", "attach_network"} & set(
        body["config"]
    )


def test_an_unknown_image_brings_to_mind_several():
    """Each once, not one of them by all of its names."""
    names = {"python:3.11": "local/python:3.11", "python": "local/python:3.11", "bash": "bash:5"}
    assert _list_known(names) == "known: python:3.11, bash"
    assert _list_known(names | {f"r:{n}": f"x/r:{n}" for n in range(9)}) == (
        "known: python:3.11, bash, r:0, r:1, r:2, r:3; atoll admin images lists them all"
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with a few files."""
    (tmp_path / "here" / "sub").mkdir(parents=True)
    (tmp_path / "here" / "a.py").write_text("a")
    (tmp_path / "here" / "sub" / "b.py").write_text("b")
    (tmp_path / "c.py").write_text("c")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_files_keep_their_way_from_the_current_folder(folder):
    """Folders are taken whole; what lies elsewhere goes by its name."""
    parts = collect([Path("a.py"), Path("sub"), folder.parent / "c.py"], None)

    assert {part.filename: part.content for part in parts} == {
        "a.py": b"a",
        "sub/b.py": b"b",
        "c.py": b"c",
    }


def test_a_base_folder_is_what_files_are_named_from(folder):
    """And nothing outside it is taken."""
    assert [part.filename for part in collect([Path("sub/b.py")], folder / "sub")] == ["b.py"]
    with pytest.raises(UsageError, match="is not below"):
        collect([Path("a.py")], folder / "sub")


def test_links_go_by_their_own_names(folder):
    """With what they lead to."""
    (folder / "sub" / "newest").symlink_to("b.py")
    parts = collect([Path("sub")], None)

    assert {part.filename: part.content for part in parts} == {"sub/b.py": b"b", "sub/newest": b"b"}


def test_what_cannot_be_uploaded_is_refused_first(folder):
    """Before a session is made for it."""
    with pytest.raises(NotFound, match=r"nothing\.py: no such file"):
        collect([Path("nothing.py")], None)
    (folder / "big").write_bytes(b"\0" * (MOST_BYTES + 1))
    with pytest.raises(UsageError, match="big is too large"):
        collect([Path("big")], None)
    (folder.parent / "other").mkdir()
    (folder.parent / "other" / "a.py").write_text("another")
    with pytest.raises(UsageError, match=r"the same path a\.py"):
        collect([Path("a.py"), Path("../other/a.py")], None)


def test_what_is_run():
    """A snippet by the interpreter, files by what --exec, their suffix or first line says."""

    def files(*names, content=b""):
        return [Part("src", name, content) for name in names]

    assert _code_of("1", [], None, None, None).mode == "query"
    assert _code_of(None, files("sub/a b.py"), None, None, None).exec == "python3 'sub/a b.py'"
    assert _code_of(None, files("a.py", "b.py"), None, None, None).exec == "*"
    assert _code_of(None, files("a.c"), None, "make", "./a").build == "make"
    with pytest.raises(UsageError, match="nothing to run"):
        _code_of(None, [], None, None, None)
    with pytest.raises(UsageError, match="-c runs by itself"):
        _code_of("1", files("a.py"), None, None, None)


@pytest.mark.parametrize(
    ("name", "content", "command"),
    [
        ("noext", b"#!/bin/sh\necho", "/bin/sh noext"),
        ("no ext", b"#! /usr/bin/env -S python3 -u\r\n", "/usr/bin/env -S python3 -u 'no ext'"),
        ("x.awk", b"#!/usr/bin/awk -f", "/usr/bin/awk -f x.awk"),
        ("x.py", b"#!/bin/sh\n", "python3 x.py"),
        ("x.mjs", b"", "node x.mjs"),
        ("plain", b"print(1)\n", "*"),
        ("empty", b"", "*"),
        ("blank", b"#!\n", "*"),
    ],
)
def test_a_program_is_run_by_its_first_line(name, content, command):
    assert _code_of(None, [Part("src", name, content)], None, None, None).exec == command


def test_a_session_is_what_the_api_tells():
    """JSON inside JSON is decoded; fields of later releases are passed over."""
    session = Session.from_node(
        {
            "id": "x",
            "status": "NEW_STATE",
            "occupying_slots": '{"mem": "536870912", "cpu": "1"}',
            "new": 1,
        }
    )

    assert session.alive
    assert show_slots(session.occupying_slots) == "cpu 1, mem 512 MiB"
    assert show_slots({"mem": "1610612736", "cuda.shares": "0"}) == "mem 1.5 GiB"


def test_times_are_shown_in_the_readers_zone(monkeypatch):
    """To the second; what is no time is shown as it is."""
    monkeypatch.setenv("TZ", "UTC")

    assert local_time("2026-11-23T00:04:21.986027+00:00")[14:] == "04:21"
    assert (local_time(None), local_time("soon")) == ("", "soon")
