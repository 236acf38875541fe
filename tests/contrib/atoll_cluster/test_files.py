"""Files of sessions: what goes in comes out, and nothing else can be reached."""

import email
import io
import json
import tarfile
from email import policy

import pytest

NAME = "files1"


@pytest.fixture(scope="module", autouse=True)
def session(shared, http):
    client = shared.client(http)
    client.create(NAME)
    yield
    client.ask("DELETE", f"/session/{NAME}")


def upload(client, *files):
    """Upload (name, content) pairs."""
    parts = [("src", (name, content, "application/octet-stream")) for name, content in files]
    request = client.http.build_request(
        "POST", client.endpoint + f"/session/{NAME}/upload", files=parts
    )
    content_type = request.headers["Content-Type"]
    return client.ask(
        "POST",
        f"/session/{NAME}/upload",
        content=request.read(),
        headers={"Content-Type": content_type},
    )


def listing(client, path="."):
    answer = client.ask("GET", f"/session/{NAME}/files", json={"path": path})
    assert answer.status_code == 200, answer.text
    return {entry["filename"]: entry for entry in json.loads(answer.json()["files"])}


def fetch(client, path, method="GET"):
    return client.ask(method, f"/session/{NAME}/download_single", params={"file": path})


def test_round_trip(client):
    content = bytes(range(256)) + b"\r\n--boundary\r\n\n" * 3
    assert upload(client, ("deep/er/data.bin", content), ("top.txt", b"")).status_code == 204
    assert listing(client)["deep"]["mode"] == "drwxr-xr-x"
    entry = listing(client, "deep/er")["data.bin"]
    assert (entry["size"], entry["mode"]) == (len(content), "-rw-r--r--")
    assert fetch(client, "deep/er/data.bin").content == content
    assert fetch(client, "/home/work/top.txt", "POST").content == b""
    turns = client.run(NAME, "import os; print(os.path.getsize('deep/er/data.bin'))")
    assert turns[-1]["console"] == [["stdout", f"{len(content)}\n"]]
    client.run(NAME, "open('deep/er/data.bin', 'a').write('mine too')")
    assert fetch(client, "deep/er/data.bin").content == content + b"mine too"


def test_several_files_in_one_answer(client):
    upload(client, ("one.txt", b"1"), ("sub/two.txt", b"22"))
    for method in ("GET", "POST"):
        answer = client.ask(
            method, f"/session/{NAME}/download", json={"files": ["one.txt", "sub/two.txt"]}
        )
        found = {}
        for archive in archives(answer):
            for member in archive:
                found[member.name] = archive.extractfile(member).read()
        assert found == {"one.txt": b"1", "two.txt": b"22"}


def archives(answer):
    """Open the archives of an answer, one after the other."""
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.content, policy=policy.HTTP)
    for part in message.iter_parts():
        assert part["Content-Encoding"] == "identity"
        content = io.BytesIO(part.get_payload(decode=True))
        yield tarfile.open(fileobj=content)  # noqa: SIM115 - read after this has ended


def download(client, *paths):
    return client.ask("POST", f"/session/{NAME}/download", json={"files": paths})


def test_a_folder_comes_in_one_archive(client):
    code = """
import os, pathlib
tree = pathlib.Path("tree"); (tree / "deep").mkdir(parents=True)
(tree / "deep" / "x.sh").write_text("run me"); (tree / "deep" / "x.sh").chmod(0o755)
(tree / "empty").mkdir(); (tree / "out").symlink_to("/etc/passwd"); os.mkfifo(tree / "pipe")
os.link(tree / "deep" / "x.sh", tree / "twin")
"""
    client.run(NAME, code)
    (archive,) = archives(download(client, "tree"))
    kinds = {member.name: member.type for member in archive}
    assert kinds == {
        "tree": tarfile.DIRTYPE, "tree/deep": tarfile.DIRTYPE, "tree/empty": tarfile.DIRTYPE,
        "tree/deep/x.sh": tarfile.REGTYPE, "tree/twin": tarfile.REGTYPE,
        "tree/out": tarfile.SYMTYPE,
    }  # fmt: skip
    script = archive.getmember("tree/deep/x.sh")
    assert (archive.extractfile(script).read(), script.mode, script.uid) == (b"run me", 0o755, 0)


def test_archives_have_a_limit(client):
    client.run(NAME, "import os; os.mkdir('fat'); open('fat/hole', 'wb').truncate(1 << 40)")
    for number in range(3):
        upload(client, (f"sum/{number}", b"x" * 400_000))
    for path in ("fat", "sum", "fat/hole"):
        refused = download(client, path)
        assert (refused.status_code, refused.json()["msg"]) == (400, "Too large file")


def test_names_are_those_of_the_files(client):
    upload(client, ("with blank ✓.txt", b"x"))
    assert "with blank ✓.txt" in listing(client)


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "/home/work/../../etc/passwd", "a/../../x", "x\0y"]
)
def test_paths_outside_are_refused(client, path):
    for answer in (fetch(client, path), upload(client, (path.replace("\0", "%00"), b"x"))):
        assert answer.status_code == 400
        assert "outside" in answer.json()["msg"]


@pytest.mark.parametrize(
    "link",
    ["/etc/passwd", "../../../../../../../etc/passwd", "/proc/self/environ"],
)
def test_links_lead_nowhere_outside(client, link):
    client.run(
        NAME,
        f"import os; os.path.lexists('trap') and os.remove('trap'); os.symlink({link!r}, 'trap')",
    )
    assert fetch(client, "trap").status_code == 400
    assert upload(client, ("trap", b"overwritten")).status_code == 400
    assert listing(client)["trap"]["mode"].startswith("l")


def test_linked_folders_lead_nowhere_outside(client):
    client.run(NAME, "import os; os.symlink('/etc', 'etc-link')")
    assert fetch(client, "etc-link/passwd").status_code == 400
    assert upload(client, ("etc-link/atoll-was-here", b"x")).status_code == 400


def test_links_within_the_home_are_followed(client):
    code = "import os; os.makedirs('real', exist_ok=True); open('real/f', 'w').write('inside')\n"
    client.run(
        NAME, code + "os.symlink('/home/work/real', 'abs'); os.symlink('real/../real', 'rel')"
    )
    assert fetch(client, "abs/f").content == b"inside"
    assert fetch(client, "rel/f").content == b"inside"
    client.run(NAME, "import os; os.symlink('loop', 'loop')")
    assert fetch(client, "loop").status_code == 400


def test_limits(client):
    many = upload(client, *((f"f{number}", b"") for number in range(21)))
    assert (many.status_code, many.json()["msg"]) == (400, "Too many files")
    large = upload(client, ("large", b"x" * 1024 * 1024))
    assert (large.status_code, large.json()["msg"]) == (400, "Too large file")
    assert upload(client, ("nearly", b"x" * (1024 * 1024 - 1))).status_code == 204
    assert "large" not in listing(client)


def test_other_kinds_of_files_are_refused(client):
    missing = fetch(client, "nothing")
    assert (missing.status_code, missing.json()["msg"]) == (400, "The file is not found.")
    client.run(NAME, "import os; os.mkfifo('pipe')")
    assert fetch(client, "pipe").status_code == 400
    assert fetch(client, ".").status_code == 400
    assert download(client, "pipe").status_code == 400


@pytest.mark.parametrize(
    ("path", "why"), [("nothing", "No such file"), ("top.txt/below", "Not a directory")]
)
def test_unreadable_entries_are_reported_beside_the_files(client, path, why):
    upload(client, ("top.txt", b""))
    answer = client.ask("GET", f"/session/{NAME}/files?path={path}")
    assert (answer.status_code, answer.json()["files"]) == (200, "")
    assert why in answer.json()["errors"]


def test_cut_off_form(client):
    answer = client.ask(
        "POST",
        f"/session/{NAME}/upload",
        content=b"--x\r\nContent-Disposition: form-data; filename=a\r\n\r\nabc",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert (answer.status_code, answer.json()["msg"]) == (400, "The body is cut short")
