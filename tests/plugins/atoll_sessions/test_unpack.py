"""Archives from a session, honest and hostile, and what becomes of the files around."""

import io
import os
import stat
import tarfile
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll import AtollError
from atoll.files import SafeFolder
from atoll_sessions.files.unpack import Archive, HostileArchive, Unpacked

TOP = PurePosixPath("top")


def member(name, content=b"", **attributes):
    """A member of an archive: a file, unless `attributes` say otherwise."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


def folder(name, **attributes):
    return member(name, type=tarfile.DIRTYPE, mode=0o755, **attributes)


def link(name, target):
    return member(name, type=tarfile.SYMTYPE, linkname=target)


def hard_link(name, target):
    return member(name, type=tarfile.LNKTYPE, linkname=target)


def archived(*members, format=tarfile.PAX_FORMAT):
    """Pack members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def around(tmp_path):
    """A folder with a secret in it, and the target below it."""
    (tmp_path / "secret").write_text("untouched")
    (tmp_path / "target").mkdir()
    return tmp_path


@pytest.fixture
def unpack(around):
    """Unpack members sent in answer to a request for `top`."""

    def unpacking(*members, content=None):
        done = Unpacked()
        sent = archived(*members) if content is None else content
        Archive.read("top", sent).unpack(SafeFolder(around / "target"), TOP, done)
        return done

    return unpacking


def listed(folder: Path) -> set[str]:
    """All that is in a folder, by its way from there."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_file_keeps_content_time_and_sane_mode(around, unpack):
    """Set-id bits, and others' right to write, are not for the cluster to give."""
    done = unpack(member("top", b"hello", mode=0o6777, mtime=1_600_000_000.5))

    written = around / "target" / "top"
    assert written.read_bytes() == b"hello"
    assert stat.S_IMODE(written.stat().st_mode) & ~0o755 == 0
    assert written.stat().st_mtime == 1_600_000_000.5
    assert (done.files, done.size) == (1, 5)


def test_a_private_file_stays_private(around, unpack):
    unpack(member("top", b"key", mode=0o600))
    assert stat.S_IMODE((around / "target" / "top").stat().st_mode) == 0o600


def test_a_folder_comes_with_all_that_is_in_it(around, unpack):
    """Empty folders, hard links as files of their own, and links that stay inside."""
    done = unpack(
        folder("top/"),
        folder("top/empty"),
        member("top/a/b/c.txt", b"deep"),
        hard_link("top/again", "top/a/b/c.txt"),
        link("top/a/up", "../a/b/c.txt"),
    )

    target = around / "target"
    assert listed(target / "top") == {"empty", "a", "a/b", "a/b/c.txt", "again", "a/up"}
    assert (target / "top" / "again").read_bytes() == b"deep"
    assert (target / "top" / "a" / "up").read_bytes() == b"deep"
    assert done.left_out == []


def test_a_file_may_get_another_name(around):
    """As the content of a link does."""
    archive = Archive.read("top", archived(member("top", b"x")))
    archive.unpack(SafeFolder(around / "target"), PurePosixPath("sub/name"), Unpacked())
    assert listed(around / "target") == {"sub", "sub/name"}


def test_a_link_alone_is_told():
    """Whoever wants its content asks for that."""
    assert Archive.read("top", archived(link("top", "other"))).link_target() == "other"
    assert Archive.read("top", archived(member("top"))).link_target() is None


HOSTILE = {
    "absolute name": [member("/top/x", b"!")],
    "another name": [member(".bashrc", b"!")],
    "another name beside": [member("top/x", b"!"), member("topping", b"!")],
    "parent": [member("top/../../secret", b"!")],
    "parent at the start": [member("../secret", b"!")],
    "parent after a folder": [folder("top"), member("top/x/../../../secret", b"!")],
    "no name": [member("", b"!")],
    "dots alone": [member(".", type=tarfile.DIRTYPE)],
    "later in the archive": [folder("top"), member("top/ok", b"fine"), member("/etc/x", b"!")],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_what_was_not_asked_for_is_refused_whole(around, unpack, members):
    """Before the first file is written."""
    with pytest.raises(HostileArchive):
        unpack(*members)

    assert listed(around) == {"secret", "target"}
    assert (around / "secret").read_text() == "untouched"


LEFT_OUT = {
    "absolute link": [link("top/l", "/etc/passwd")],
    "link to the parent": [link("top/l", "../../secret")],
    "link just above": [link("top/l", "..")],
    "deep link": [link("top/a/b/l", "../../../secret")],
    "link through a link": [link("top/here", "."), link("top/l", "here/here/../../secret")],
    "hard link out": [hard_link("top/l", "../secret")],
    "absolute hard link": [hard_link("top/l", "/etc/passwd")],
    "hard link to nothing": [hard_link("top/l", "top/nothing")],
    "hard link to itself": [hard_link("top/l", "top/l")],
    "hard link to a link": [link("top/s", "/etc/passwd"), hard_link("top/l", "top/s")],
    "device": [member("top/l", type=tarfile.CHRTYPE, devmajor=1, devminor=3)],
    "block device": [member("top/l", type=tarfile.BLKTYPE, devmajor=8, devminor=0)],
    "pipe": [member("top/l", type=tarfile.FIFOTYPE)],
}


@pytest.mark.parametrize("members", LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_leads_out_or_is_no_file_is_left_out(around, unpack, members):
    """And told, while the rest comes: a virtual environment links to /usr/bin/python3."""
    done = unpack(folder("top"), member("top/ok", b"fine"), *members)

    assert (around / "target" / "top" / "ok").read_bytes() == b"fine"
    assert not os.path.lexists(around / "target" / "top" / "l")
    (told,) = [told for told in done.left_out if told.startswith(members[-1][0].name)]
    assert told.endswith(")")
    assert (around / "secret").read_text() == "untouched"


ON_THE_WAY = {
    "a link out": [link("top/way", "../../.."), member("top/way/secret", b"!")],
    "a link inside": [folder("top/in"), link("top/way", "in"), member("top/way/x", b"!")],
    "a file": [member("top/way", b"file"), member("top/way/x", b"!")],
}


@pytest.mark.parametrize("members", ON_THE_WAY.values(), ids=ON_THE_WAY)
def test_nothing_is_written_through_what_the_archive_has_put_there(around, unpack, members):
    """No link of its own is a way to anywhere."""
    with suppress(AtollError):
        unpack(folder("top"), *members)

    assert (around / "secret").read_text() == "untouched"
    assert not (around / "target" / "top" / "in" / "x").exists()


def test_nothing_is_written_through_a_link_that_was_there(around, unpack):
    """One below the target: where it leads is the business of whoever made it."""
    (around / "elsewhere").mkdir()
    (around / "target" / "top").symlink_to(around / "elsewhere")

    with pytest.raises(AtollError):
        unpack(folder("top"), member("top/x", b"!"))
    assert listed(around / "elsewhere") == set()


def test_a_link_that_was_there_is_replaced_not_followed(around, unpack):
    (around / "target" / "top").symlink_to(around / "secret")
    unpack(member("top", b"new"))

    assert not (around / "target" / "top").is_symlink()
    assert (around / "target" / "top").read_bytes() == b"new"
    assert (around / "secret").read_text() == "untouched"


def test_a_file_that_can_not_be_written_leaves_the_old_one(around):
    """And no draft beside it."""
    (around / "target" / "top").write_text("old")

    class Breaks(io.BytesIO):
        def read(self, *_):
            raise OSError(28, "No space left on device")

    with pytest.raises(AtollError, match="No space left"):
        SafeFolder(around / "target").write(TOP, Breaks(), 0o644, 0)
    assert (around / "target" / "top").read_text() == "old"
    assert listed(around / "target") == {"top"}


def test_a_folder_is_not_replaced_by_a_file(around, unpack):
    (around / "target" / "top" / "x").mkdir(parents=True)
    with pytest.raises(AtollError, match="top"):
        unpack(member("top", b"file"))
    assert listed(around / "target") == {"top", "top/x"}


def false_size(size):
    """An archive whose member claims to have another size."""
    info, _ = member("top")
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024


@pytest.mark.parametrize("size", [10**12, 4096, -512, -(2**40)])
def test_a_false_size_is_refused(around, unpack, size):
    """Whether it would fill the disk, or send a reader round in circles."""
    with pytest.raises(HostileArchive):
        unpack(content=false_size(size))
    assert listed(around / "target") == set()


def test_a_bomb_is_refused(around, unpack):
    """Hard links that would each become a copy of one file."""
    bomb = [hard_link(f"top/{number}", "top/file") for number in range(100)]
    with pytest.raises(HostileArchive, match="more than is allowed"):
        unpack(folder("top"), member("top/file", bytes(1024 * 1024)), *bomb)
    assert listed(around / "target") == set()


def test_a_senseless_time_does_no_harm(around, unpack):
    """Nor one that is no number at all."""
    for mtime in ("nan", "inf", "-1e300"):
        unpack(member("top", b"x", pax_headers={"mtime": mtime}))
        assert (around / "target" / "top").stat().st_mtime == 0


@pytest.mark.parametrize("content", [b"", b"no archive", b"\0" * 511])
def test_what_is_no_archive_is_refused(unpack, content):
    with pytest.raises(HostileArchive, match="can't be read"):
        unpack(content=content)


@given(st.data())
def test_no_damage_gets_a_file_out_of_the_target(tmp_path_factory, data):
    """An archive with any of its bytes changed is unpacked inside, or refused in one line."""
    honest = archived(
        folder("top"), member("top/a", b"a" * 700), link("top/l", "a"), hard_link("top/h", "top/a")
    )
    damaged = bytearray(honest)
    for position in data.draw(st.lists(st.integers(0, 4095), max_size=6)):
        damaged[position % len(damaged)] = data.draw(st.integers(0, 255))
    around = tmp_path_factory.mktemp("around")
    (around / "target").mkdir()

    with suppress(AtollError):
        archive = Archive.read("top", bytes(damaged))
        archive.unpack(SafeFolder(around / "target"), TOP, Unpacked())
    assert [path.name for path in around.iterdir()] == ["target"]
    assert {path.name for path in (around / "target").iterdir()} <= {"top"}
