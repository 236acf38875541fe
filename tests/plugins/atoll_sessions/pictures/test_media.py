"""What clusters send as media, and the folders it is kept in."""

import base64
import stat

import pytest

from atoll import UsageError
from atoll_sessions.pictures.albums import Album, AlbumFull
from atoll_sessions.pictures.media import Broken, Medium, medium

PLAIN = base64.b64encode(b"picture").decode()


@pytest.mark.parametrize(
    ("mime", "data", "content"),
    [
        ("image/png", PLAIN, b"picture"),
        ("image/png", f"{PLAIN[:4]}\n{PLAIN[4:]}\n", b"picture"),
        ("image/png", f"data:image/png;base64,{PLAIN}", b"picture"),
        ("image/svg+xml", "<svg>ä</svg>", "<svg>ä</svg>".encode()),
        ("image/svg+xml", "data:image/svg+xml,%3Csvg/%3E", b"<svg/>"),
        ("Text/HTML; charset=utf-8", "<b>", b"<b>"),
        ("application/json", "{}", b"{}"),
        ("application/pdf", PLAIN, b"picture"),
        ("", PLAIN, b"picture"),
    ],
)
def test_each_way_to_send_it(mime, data, content):
    assert medium(mime, data).content == content


@pytest.mark.parametrize("data", ["no base64!", "data:image/png;base64,?", "\ud800", "abc"])
def test_what_is_no_base64(data):
    with pytest.raises(Broken, match="base64"):
        medium("image/png", data)


def test_what_is_too_much():
    with pytest.raises(Broken, match="MB are too much to show"):
        medium("text/html", "x" * (44 << 20))


def test_nothing_is_overwritten_or_followed(tmp_path):
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "s-1.png").write_text("there already")
    (tmp_path / "s-2.png").symlink_to(target)
    (tmp_path / "s-3.png").symlink_to(tmp_path / "nowhere")
    album = Album.named(tmp_path)

    kept = [album.keep(Medium("image/png", b"1"), "s").name for _ in range(2)]

    assert kept == ["s-4.png", "s-5.png"]
    assert target.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("../../etc/x", "_.._etc_x-1.png"),
        (".ssh", "ssh-1.png"),
        ("-rf", "rf-1.png"),
        ("a b\x1b[2J", "a_b_2J-1.png"),
        ("", "picture-1.png"),
    ],
)
def test_names_are_safe(tmp_path, stem, name):
    path = Album.named(tmp_path / "made" / "here").keep(Medium("image/png", b"1"), stem)
    assert path == tmp_path / "made" / "here" / name


def test_only_the_owner_reads_the_private_ones(atoll_paths):
    for number in range(55):
        path = Album.private(atoll_paths).keep(Medium("image/png", b"1"), f"s{number}")
    kept = list(path.parent.iterdir())

    assert len(kept) == 50
    assert {stat.S_IMODE(one.stat().st_mode) for one in kept} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.fixture
def atoll_paths(home):
    from atoll import Paths

    return Paths.from_environment({"ATOLL_HOME": str(home)})


def test_a_run_does_not_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("atoll_sessions.pictures.albums._MOST_FILES", 2)
    album = Album.named(tmp_path)
    for _ in range(2):
        album.keep(Medium("image/png", b"1"), "s")
    with pytest.raises(AlbumFull, match="further ones are not kept"):
        album.keep(Medium("image/png", b"1"), "s")


def test_a_folder_that_can_not_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"--media .*file: "):
        Album.named(tmp_path / "file")
    with pytest.raises(UsageError, match=r"--media .*below: "):
        Album.named(tmp_path / "file" / "below")
