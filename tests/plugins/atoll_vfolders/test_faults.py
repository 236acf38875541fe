"""Transfers when the way breaks, and when the other side lies."""

import io
import os
import zipfile

import pytest

MIB = 1024 * 1024
CHUNK = "--chunk-size 1m"
NEWER = "v9.20250722"
"""The API of a storage that drops what has come of a request that was cut."""


@pytest.fixture
def large(here):
    """A file of three chunks and a bit."""
    path = here / "large"
    path.write_bytes(os.urandom(3 * MIB + 7))
    return path


async def test_an_upload_goes_on_where_the_storage_stands(facing, cluster, make_fault, large):
    """Not where we left off: a cut request may have brought some of its bytes."""
    cluster.faults = [make_fault("PATCH", cut=MIB + 1000)]
    async with facing() as shell:
        done = await shell.run(f"vfolder upload data large {CHUNK}")

    assert (done.code, done.stderr) == (0, "uploaded 1 file (3 MiB) to data\n")
    assert cluster.files == {"large": large.read_bytes()}
    offsets = [int(headers["upload-offset"]) for _, headers, _ in cluster.requests("PATCH")]
    assert offsets == [0, MIB + 1000]
    assert len(cluster.requests("POST", "request-upload")) == 1


async def test_a_file_that_changes_while_it_is_sent_does_not_become_whole(
    facing, cluster, large, monkeypatch
):
    """The storage may have pieces of both contents by then."""
    read = os.pread

    def read_and_change(descriptor, size, offset):
        piece = read(descriptor, size, offset)
        if offset == MIB:
            large.write_bytes(os.urandom(3 * MIB + 7))
            os.utime(large, (1, 1))
        return piece

    monkeypatch.setattr("atoll_vfolders.transfer.uploader.os.pread", read_and_change)
    async with facing() as shell:
        done = await shell.run(f"vfolder upload data large {CHUNK}")
    assert (done.code, cluster.files) == (1, {})
    assert "atoll: large has changed while it was uploaded" in done.stderr.splitlines()


@pytest.mark.parametrize(("version", "before"), [("v7.20230615", 0), (NEWER, 3)])
async def test_an_upload_whose_last_answer_is_lost_is_not_sent_again(
    facing, cluster, make_fault, large, version, before
):
    """That it is complete shows in the folder alone."""
    cluster.version = version
    cluster.faults = [make_fault("PATCH", cut=4 * MIB, after=before)]
    async with facing() as shell:
        done = await shell.run(f"vfolder upload data large {CHUNK}")
    assert done.code == 0, done.stderr
    assert cluster.files == {"large": large.read_bytes()}
    assert len(cluster.requests("PATCH")) == before + 1


async def test_a_conflict_is_settled_by_asking(facing, cluster, make_fault, answer, large):
    """Newer storages refuse an offset that is not theirs, or while a cut request lingers."""
    cluster.version = NEWER
    cluster.faults = [make_fault("PATCH", answer(b"{}", status=409), after=1)]
    async with facing() as shell:
        done = await shell.run(f"vfolder upload data large {CHUNK}")
    assert done.code == 0
    assert cluster.files["large"] == large.read_bytes()
    assert cluster.requests("HEAD")


async def test_requests_are_as_large_as_the_way_takes(facing, cluster, make_fault, answer, large):
    """One for all of a file, and chunks once something on the way has refused that."""
    cluster.faults = [make_fault("PATCH", answer(b"{}", status=413))]
    async with facing() as shell:
        done = await shell.run(f"vfolder upload data large {CHUNK}")
    assert (done.code, cluster.files) == (0, {"large": large.read_bytes()})
    sizes = [len(body) for _, _, body in cluster.requests("PATCH")]
    assert sizes == [3 * MIB + 7, MIB, MIB, MIB, 7]


async def test_a_storage_that_got_too_much_gets_it_again(facing, cluster, make_fault, large):
    """Two requests whose bytes were mixed make no file."""
    mixed = b"HTTP/1.1 204 No\r\nUpload-Offset: 99999999\r\n\r\n"
    cluster.version = NEWER
    cluster.faults = [make_fault("PATCH", mixed, after=3)]
    async with facing() as shell:
        done = await shell.run(f"vfolder upload data large {CHUNK}")
    assert done.code == 0
    assert cluster.files["large"] == large.read_bytes()
    assert len(cluster.requests("POST", "request-upload")) == 2


async def test_a_full_storage_ends_it_in_one_line(facing, cluster, make_fault, answer, here):
    """The files that follow would not fit either."""
    for number in range(5):
        (here / f"f{number}").write_bytes(b"x" * 10)
    full = answer(b'{"title": "No space left on device"}', status=507)
    cluster.faults = [make_fault("PATCH", full) for _ in range(5)]
    async with facing() as shell:
        done = await shell.run("vfolder upload data f* --parallel 1")
    told = done.stderr.splitlines()
    assert (done.code, cluster.files) == (1, {})
    assert told[-1] == "atoll: line 1: f0: the storage has no room for it"
    assert len(cluster.requests("PATCH")) == 1


async def test_a_refused_file_does_not_keep_the_others(facing, cluster, make_fault, answer, here):
    """Its reason is one line; the exit code tells."""
    for name in ("a", "b", "c"):
        (here / name).write_text(name)
    cluster.faults = [make_fault("PATCH", answer(b'{"title": "Bad name"}', status=400))]
    async with facing() as shell:
        done = await shell.run("vfolder upload data a b c --parallel 1")
    assert (done.code, sorted(cluster.files)) == (1, ["b", "c"])
    assert "atoll: a: Bad name" in done.stderr.splitlines()


async def test_what_a_folder_hides_does_not_keep_the_others(facing, cluster, here):
    """A name that is no text can't be sent; the files beside it can."""
    (here / "tree").mkdir()
    (here / "tree" / "good").write_text("good")
    (here / "tree" / os.fsdecode(b"bad-\xff")).write_text("bad")
    async with facing() as shell:
        done = await shell.run("vfolder upload data tree")
    assert (done.code, list(cluster.files)) == (1, ["tree/good"])
    assert "atoll: b'tree/bad-\\xff' is not named in Unicode" in done.stderr.splitlines()


@pytest.mark.parametrize(
    "line",
    ["upload data ''", "upload data -b . ''", "download data ''", "request-download data ''"],
)
async def test_no_name_is_not_the_name_of_all(facing, cluster, here, line):
    """It is what a script's variable that is not set becomes."""
    (here / "a").write_text("mine")
    cluster.files = {"a": b"theirs"}
    async with facing() as shell:
        done = await shell.run(f"vfolder {line}")
    assert (done.code, done.stderr) == (2, "atoll: line 1: the name of a file is empty\n")
    assert (cluster.files, (here / "a").read_text()) == ({"a": b"theirs"}, "mine")


async def test_a_name_may_begin_like_a_home(facing, cluster, here, monkeypatch):
    """What lies here comes first; then `~` is whose home it names, if anybody's."""
    (here / "~nobody").write_text("here")
    (here / "home").mkdir()
    (here / "home" / "~x").write_text("home")
    monkeypatch.setenv("HOME", str(here / "home"))
    async with facing() as shell:
        assert (await shell.run("vfolder upload data '~nobody' '~/~x'")).code == 0
        missing = await shell.run("vfolder upload data '~no-such-user/x'")
    assert cluster.files == {"~nobody": b"here", "home/~x": b"home"}
    assert (missing.code, missing.stderr) == (
        5,
        "atoll: line 1: ~no-such-user/x: no such file\n",
    )


async def test_a_name_that_no_file_can_have(facing, here):
    async with facing() as shell:
        done = await shell.run(f"vfolder upload data {'a' * 300}")
    assert (done.code, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.endswith(": File name too long\n")


async def test_a_folder_that_vanishes_does_not_keep_the_others(
    facing, cluster, make_fault, answer, here
):
    """Or one that can't be asked for, for its name is no text and the cluster tells another."""
    cluster.files = {"a": b"a", "gone/b": b"b"}
    gone = answer(b'{"title": "gone is not there"}', status=404)
    cluster.faults = [make_fault("GET", gone, path="/files", after=1)]
    async with facing() as shell:
        done = await shell.run("vfolder download data")
    assert (done.code, (here / "a").read_bytes()) == (5, b"a")
    assert "atoll: gone is not there" in done.stderr.splitlines()


async def test_a_download_goes_on_from_what_is_there(facing, cluster, make_fault, here):
    """Only what is missing is asked for, of the same file."""
    cluster.files["large"] = os.urandom(3 * MIB)
    cluster.faults = [make_fault("GET", cut=2 * MIB, path="/download")]
    async with facing() as shell:
        done = await shell.run("vfolder download data large")
    assert done.code == 0, done.stderr
    assert (here / "large").read_bytes() == cluster.files["large"]
    first, second = (headers for _, headers, _ in cluster.requests("GET", "/download"))
    assert "range" not in first
    assert second["if-range"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert int(second["range"][6:-1]) > 0
    assert [path.name for path in here.iterdir()] == ["large"]


async def test_a_file_that_changes_meanwhile_is_not_pieced_together(
    facing, cluster, make_fault, here
):
    """Its second half belongs to another file: nothing shows under the name."""
    cluster.files["large"] = os.urandom(3 * MIB)
    cluster.faults = [make_fault("GET", cut=2 * MIB, path="/download")]
    other = os.urandom(3 * MIB)

    def replace(seen):
        if "range" in seen.headers:
            cluster.files["large"] = other

    cluster.before = replace
    async with facing() as shell:
        done = await shell.run("vfolder download data large")
    assert done.code == 1
    assert "large has changed while it was downloaded" in done.stderr
    assert not (here / "large").exists()


@pytest.mark.parametrize("name", ["../evil", "a/b", "..", "", "a\0b"])
async def test_names_outside_the_folder_end_the_download(facing, cluster, here, name):
    """A cluster that lists them is not believed in anything."""
    cluster.items = [cluster.item(name, 1)]
    async with facing() as shell:
        done = await shell.run("vfolder download data")
    assert (done.code, len(done.stderr.splitlines())) == (1, 1)
    assert "the cluster lists a file called" in done.stderr
    assert list(here.iterdir()) == []


async def test_links_on_the_way_are_not_followed(facing, cluster, here, tmp_path):
    """What lies here already may lead anywhere."""
    cluster.files["sub/file"] = b"text"
    (here / "sub").symlink_to(tmp_path)
    async with facing() as shell:
        done = await shell.run("vfolder download data")
    assert done.code == 1
    assert "a symbolic link is in the way" in done.stderr
    assert not (tmp_path / "file").exists()


async def test_more_than_was_listed_is_not_taken(facing, cluster, here):
    """Neither of a small file nor of a large one."""
    cluster.files = {"small": b"x" * 100, "large": bytes(2 * MIB)}
    cluster.items = [cluster.item("small", 10), cluster.item("large", 2 * MIB - 1)]
    async with facing() as shell:
        done = await shell.run("vfolder download data")
    assert done.code == 1
    assert list(here.glob("[!.]*")) == []


def packed(files):
    """An archive of files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return archive.getvalue()


async def test_small_files_come_in_one_archive(facing, cluster, here):
    """What is not in it as it was listed is fetched by itself."""
    cluster.files = {f"d/{number}": f"{number}".encode() for number in range(20)}
    told = {name.removeprefix("d/"): content for name, content in cluster.files.items()}
    del told["7"]
    cluster.archive = packed({**told, "3": b"too long", "../evil": b"evil"})
    async with facing() as shell:
        done = await shell.run("vfolder download data d -b to")

    assert done.code == 0, done.stderr
    assert {path.name for path in (here / "to" / "d").iterdir()} == set(map(str, range(20)))
    assert (here / "to" / "d" / "3").read_bytes() == b"3"
    assert [path.name for path in here.iterdir()] == ["to"]
    asked = [query["token"] for query, _, _ in cluster.requests("GET", "/download")]
    assert sorted(asked) == ["d", "d/3", "d/7"]


async def test_a_storage_that_packs_no_archives_gives_files(facing, cluster, here):
    """It is asked once."""
    cluster.files = {f"d{number % 3}/{number}": b"x" for number in range(30)}
    async with facing() as shell:
        done = await shell.run("vfolder download data --parallel 1")
    assert done.code == 0
    assert sum(path.is_file() for path in here.rglob("*")) == 30


async def test_small_files_go_up_packed_where_that_is_possible(facing, cluster, here):
    """A pack that is refused is sent file by file, as is everything where there are no packs."""
    files = {f"{number}": f"{number}".encode() for number in range(300)}
    for name, content in files.items():
        (here / name).write_bytes(content)
    cluster.takes_packed, cluster.refused = True, {"299"}
    async with facing() as shell:
        done = await shell.run("vfolder upload data .")
    assert done.code == 0, done.stderr
    assert cluster.files == files
    assert len(cluster.requests("PATCH")) < 300
    assert done.stderr.startswith("uploaded 300 files")


@pytest.mark.parametrize("many", [7, 9])
async def test_no_packs_are_sent_where_none_are_taken(facing, cluster, here, many):
    """It takes one small request to know, and none where it would not be worth it."""
    for number in range(many):
        (here / f"{number}").write_bytes(b"x")
    async with facing() as shell:
        done = await shell.run("vfolder upload data .")
    assert (done.code, len(cluster.files)) == (0, many)
    assert len(cluster.requests("POST", "upload-packed")) == (many > 8)


@pytest.mark.parametrize(
    ("line", "method", "path"),
    [
        ("upload data mine", "POST", "request-upload"),
        ("download data theirs", "POST", "request-download"),
        ("upload data mine", "PATCH", "upload"),
        ("download data theirs", "GET", "download"),
    ],
)
async def test_a_frozen_manager_is_asked_once(
    facing, cluster, make_fault, answer, here, line, method, path
):
    """It says 503, as an outage does, and stays so."""
    (here / "mine").write_text("mine")
    cluster.files = {"theirs": b"theirs"}
    body = b'{"type": "https://api.backend.ai/probs/server-frozen", "title": "It is frozen."}'
    frozen = answer(body, status=503, content_type="application/problem+json")
    cluster.faults = [make_fault(method, frozen, path=path) for _ in range(9)]
    async with facing() as shell:
        done = await shell.run(f"vfolder {line}")
    assert (done.code, len(cluster.faults)) == (1, 8)
    assert "It is frozen" in done.stderr


async def test_a_storage_that_failed_behind_the_manager_is_asked_again(
    facing, cluster, make_fault, answer, here
):
    """The manager of 23.09 tells of it as of a bad request."""
    (here / "mine").write_text("mine")
    body = (
        b'{"type": "https://api.backend.ai/probs/vfolder-operation-failed",'
        b' "title": "Virtual folder operation has failed.",'
        b' "msg": "Storage proxy responded with 500 Internal Server Error"}'
    )
    stumbled = answer(body, status=400, content_type="application/problem+json")
    cluster.faults = [make_fault("POST", stumbled, path="request-upload") for _ in range(2)]
    async with facing() as shell:
        done = await shell.run("vfolder upload data mine")
    assert (done.code, cluster.faults) == (0, []), done
    assert cluster.files["mine"] == b"mine"


async def test_a_busy_storage_is_asked_again(facing, cluster, make_fault, answer, here):
    """Whichever of the requests of a transfer it puts off."""
    (here / "mine").write_text("mine")
    cluster.files = {"theirs": b"theirs"}
    busy = answer(b"{}", status=503, headers=["Retry-After: 0"])
    cluster.faults = [
        make_fault("POST", busy, path="request-upload"),
        make_fault("PATCH", busy),
        make_fault("POST", busy, path="request-download"),
        make_fault("GET", busy, path="download"),
    ]
    async with facing() as shell:
        done = await shell.run("vfolder upload data mine\nvfolder download data theirs\n")
    assert (done.code, cluster.faults) == (0, [])
    assert (cluster.files["mine"], (here / "theirs").read_bytes()) == (b"mine", b"theirs")
