"""`download`, `ls` and `task-logs`, facing clusters of both generations and faults on the wire."""

import io
import json
import tarfile

import pytest

SESSION = "/session/2ce87391-a5c7-4205-a9b7-84c82f353e9f"
PROBLEM = b'{"type": "https://api.backend.ai/probs/internal-server-error", "title": "Oops"}'
MIXED = "multipart/mixed; boundary=xyz"


def tar_of(name, content=b"", **attributes):
    """Pack one member."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def multipart(*contents):
    """Join archives as the API does."""
    head = b"--xyz\r\nContent-Type: application/octet-stream\r\nContent-Encoding: identity\r\n\r\n"
    return b"".join(head + content + b"\r\n" for content in contents) + b"--xyz--\r\n"


@pytest.fixture
def archives(answer):
    """Return the answer that holds archives."""
    return lambda *contents: answer(multipart(*contents), content_type=MIXED)


@pytest.fixture
def listing(answer):
    """Return the answer that lists files, given as (mode, size, name)."""

    def listed(*entries, errors=""):
        keys = ("mode", "size", "filename")
        files = [dict(zip(keys, entry, strict=True), mtime=1.5e9, ctime=0.0) for entry in entries]
        told = {"files": json.dumps(files), "errors": errors, "abspath": "."}
        return answer(json.dumps(told).encode())

    return listed


@pytest.fixture
def dest(tmp_path):
    """Where files are downloaded to."""
    return tmp_path / "dest"


@pytest.mark.parametrize(
    ("version", "method"), [("v7.20230615", "GET"), ("v9.20250722", "POST")], ids=["23.09", "26.x"]
)
async def test_each_generation_is_asked_its_way(facing, cluster, archives, dest, version, method):
    """One file a request, by the method that this generation has."""
    cluster.version = version
    cluster.routes[f"{method} {SESSION}/download"] = archives(tar_of("a.txt", b"hello"))
    async with facing() as shell:
        result = await shell.run(f"download sess a.txt --dest {dest}")

    assert (result.code, result.stderr) == (0, f"downloaded 1 file (5 B) to {dest}\n")
    assert (dest / "a.txt").read_bytes() == b"hello"
    assert cluster.asked[-1] == (f"{method} {SESSION}/download", {"files": ["a.txt"]})


async def test_the_other_method_is_tried_where_one_is_refused(facing, cluster, archives, dest):
    """The version that is announced does not tell everything."""
    cluster.routes[f"POST {SESSION}/download"] = archives(tar_of("a.txt", b"hello"))
    async with facing() as shell:
        result = await shell.run(f"download sess a.txt --dest {dest}")

    assert result.code == 0
    assert (dest / "a.txt").read_bytes() == b"hello"


@pytest.fixture
def refusing(cluster, answer):
    """A cluster that says nothing of why it packs no file, as both generations do."""
    cluster.routes[f"GET {SESSION}/download"] = answer(PROBLEM, status=500)
    return cluster


async def test_a_file_that_is_missing_is_not_found(facing, refusing, listing, dest):
    """Whatever the cluster calls it."""
    refusing.routes[f"GET {SESSION}/files"] = listing(("-rw-r--r--", 5, "other"))
    async with facing() as shell:
        result = await shell.run(f"download sess a.txt --dest {dest}")

    assert (result.code, result.stderr) == (5, "atoll: a.txt: no such file or folder\n")


async def test_a_file_that_is_too_large_is_said_to_be(facing, refusing, listing, dest):
    refusing.routes[f"GET {SESSION}/files"] = listing(("-rw-r--r--", 2_000_000, "a.txt"))
    async with facing() as shell:
        result = await shell.run(f"download sess a.txt --dest {dest}")

    assert result.code == 1
    assert "a.txt is too large to download this way (1.907 MiB)" in result.stderr


async def test_what_a_link_leads_to_is_fetched_under_its_name(facing, cluster, archives, dest):
    """The API packs the link itself."""
    left = [
        archives(tar_of("link", type=tarfile.SYMTYPE, linkname="../data/real")),
        archives(tar_of("real", b"content")),
    ]

    async def download(stream):
        await stream.send_all(left.pop(0))
        return True

    cluster.routes[f"GET {SESSION}/download"] = download
    async with facing() as shell:
        await shell.run(f"download sess dir/link --dest {dest}")

    assert (dest / "link").read_bytes() == b"content"
    assert cluster.asked[-1][1] == {"files": ["data/real"]}


async def test_a_link_out_of_the_home_is_not_followed(facing, cluster, archives, dest):
    """It would be for the cluster to refuse, too."""
    link = tar_of("link", type=tarfile.SYMTYPE, linkname="/etc/passwd")
    cluster.routes[f"GET {SESSION}/download"] = archives(link)
    async with facing() as shell:
        result = await shell.run(f"download sess link --dest {dest}")

    assert result.code == 1
    assert "link is a link to /etc/passwd, which is outside of /home/work" in result.stderr
    assert list(dest.iterdir()) == []


async def test_a_hostile_listing_leads_nowhere(facing, refusing, listing, dest):
    """Folders that are fetched piece by piece are named by the cluster."""
    refusing.routes[f"GET {SESSION}/files"] = listing(("-rw-r--r--", 5, "../../escape"))
    async with facing() as shell:
        result = await shell.run(f"download sess . --dest {dest}")

    assert result.code == 1
    assert "the cluster lists a file called '../../escape'" in result.stderr
    assert list(dest.iterdir()) == []


CUT = multipart(tar_of("a.txt", b"new"))
BROKEN = {
    "in the middle": (CUT[: len(CUT) // 2], MIXED),
    "before the end": (CUT[:-8], MIXED),
    "no multipart": (b"<html>", "text/html"),
    "no boundary": (CUT, "multipart/mixed"),
    "two archives": (multipart(tar_of("a.txt"), tar_of("a.txt")), MIXED),
    "none": (multipart(), MIXED),
    "too much": (bytes(17 * 1024 * 1024), MIXED),
}


@pytest.mark.parametrize(("body", "content_type"), BROKEN.values(), ids=BROKEN)
async def test_half_an_answer_changes_no_file(facing, cluster, answer, dest, body, content_type):
    """The old file stays, alone, and the error is one line."""
    dest.mkdir()
    (dest / "a.txt").write_text("old")
    cluster.routes[f"GET {SESSION}/download"] = answer(body, content_type=content_type)
    async with facing() as shell:
        result = await shell.run(f"download sess a.txt --dest {dest}")

    assert result.code == 1
    assert result.stderr.count("\n") == 1, result.stderr
    assert [(path.name, path.read_text()) for path in dest.iterdir()] == [("a.txt", "old")]


async def test_a_connection_that_breaks_leaves_the_old_file(facing, cluster, answer, dest):
    """And ends it all: nothing else can be fetched either."""
    dest.mkdir()
    (dest / "a.txt").write_text("old")
    whole = answer(CUT, content_type=MIXED)

    async def breaks(stream):
        await stream.send_all(whole[:-100])

    cluster.routes[f"GET {SESSION}/download"] = breaks
    async with facing() as shell:
        result = await shell.run(f"download sess a.txt b.txt --dest {dest}")

    assert result.code == 3
    assert result.stderr.count("\n") == 1
    assert [(path.name, path.read_text()) for path in dest.iterdir()] == [("a.txt", "old")]


async def test_files_are_listed_with_raw_values_for_programs(facing, cluster, listing):
    """And as `ls -l` does for people."""
    cluster.routes[f"GET {SESSION}/files"] = listing(
        ("drwxr-xr-x", 4096, "src"), ("-rw-r--r--", 12, "a.txt")
    )
    async with facing() as shell:
        table = await shell.run("ls sess data")
        lines = await shell.run("ls sess data --output jsonl")

    assert [line.split()[0] for line in table.stdout.splitlines()[2:]] == [
        "-rw-r--r--",
        "drwxr-xr-x",
    ]
    assert json.loads(lines.stdout.splitlines()[0]) == {
        "mode": "-rw-r--r--",
        "size": 12,
        "mtime": 1.5e9,
        "filename": "a.txt",
    }
    assert cluster.asked[-1][1] == {"path": ["data"]}


async def test_a_traceback_of_the_session_is_told_in_one_line(facing, cluster, listing):
    """The API passes on what its helper program in the session has printed."""
    python = 'Traceback (most recent call last):\n  File "<string>", line 8\n'
    said = python + "PermissionError: [Errno 13] Permission denied: '/home/work/x'\n"
    cluster.routes[f"GET {SESSION}/files"] = listing(errors=said)
    async with facing() as shell:
        result = await shell.run("ls sess x")

    assert (result.code, result.stderr) == (1, "atoll: line 1: x: permission denied\n")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("ls sess ../x", "../x is outside of /home/work"),
        ("download sess /etc/passwd", "/etc/passwd is outside of /home/work"),
        ("download sess a/x b/x", "two files would have the same path x"),
    ],
)
async def test_what_makes_no_sense_is_not_asked_for(facing, cluster, command, why):
    """What lies elsewhere no cluster gives, and most say so in puzzling words."""
    async with facing() as shell:
        result = await shell.run(command)

    assert result.code == 2
    assert why in result.stderr
    assert cluster.asked == []


async def test_a_tasks_log_comes_through_as_it_is(facing, cluster, answer):
    """Also when a character comes in two pieces."""
    task = "6871ec84-523f-4699-8ae9-4d037e51bf9b"
    whole = answer("naïve\n".encode(), content_type="text/plain")
    cluster.routes["GET /session/_/logs"] = whole
    async with facing() as shell:
        result = await shell.run(f"task-logs {task}")
        refused = await shell.run("task-logs sess")

    assert (result.code, result.stdout) == (0, "naïve\n")
    assert cluster.asked[-1] == ("GET /session/_/logs", {"taskId": [task]})
    assert (refused.code, "is not the id of a task" in refused.stderr) == (2, True)


async def test_no_log_of_a_task_is_not_found(facing, cluster, answer):
    """Clusters say that a folder is missing; what that means is added."""
    problem = b'{"type": "https://api.backend.ai/probs/object-not-found", "title": "No vfolder"}'
    cluster.routes["GET /session/_/logs"] = answer(problem, status=404)
    async with facing() as shell:
        result = await shell.run("task-logs 6871ec84-523f-4699-8ae9-4d037e51bf9b")

    assert result.code == 5
    assert ".logs" in result.stderr


async def test_an_upload_that_stops_in_the_middle_says_how_far_it_came(
    facing, cluster, answer, tmp_path
):
    """Twenty files go in one request; of those in one that is refused, each is tried by itself."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(25):
        (folder / f"{number}.txt").write_text("x")
    left = [answer(b"", status=204)]

    async def upload(stream):
        await stream.send_all(left.pop() if left else answer(PROBLEM, status=500))
        return True

    cluster.routes[f"POST {SESSION}/upload"] = upload
    async with facing() as shell:
        result = await shell.run(f"upload sess {folder}")

    assert result.code == 1
    *refused, told = result.stderr.splitlines()
    assert len(refused) == 5
    assert all(line.endswith(".txt: Oops") for line in refused)
    assert told.startswith("uploaded 20 files")
