"""Bytes up and down: piece by piece, cut, resumed, whole, or not there at all."""

import base64
import io
import json
import os
import socket
import subprocess
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from atoll_cluster.storage.tokens import LIFETIME, Signer


def test_an_uploaded_file_appears_when_it_is_complete(storage, folder):
    sent = storage.upload(folder, "new/dir/file.bin", 10)
    assert sent.patch(b"01234").headers["upload-offset"] == "5"
    assert sent.head().headers["upload-offset"] == "5"
    assert storage.names(folder) == []
    done = sent.patch(b"56789", 5)
    assert (done.status_code, done.headers["upload-offset"]) == (204, "10")
    assert storage.fetch(folder, "new/dir/file.bin") == b"0123456789"
    assert sent.head().status_code == 404
    gone = sent.patch(b"x", 10)
    assert gone.json()["type"].endswith("storage/no-such-upload-session")


def test_a_file_is_replaced_at_once(storage, folder):
    storage.put(folder, "file", b"old content")
    sent = storage.upload(folder, "file", 3)
    sent.patch(b"ne")
    assert storage.fetch(folder, "file") == b"old content"
    sent.patch(b"w", 2)
    assert storage.fetch(folder, "file") == b"new"


@pytest.mark.parametrize("path", ["empty", "Grüße 🏝/ö ' \" .txt", "n" * 255, ".hidden", "-r"])
def test_odd_names_and_empty_files(storage, folder, path):
    content = b"" if path == "empty" else b"\0content"
    storage.put(folder, path, content)
    got = storage.download(folder, path).get()
    assert got.content == content
    assert got.headers["content-length"] == str(len(content))


@pytest.mark.parametrize("offset", [0, 4, 6])
def test_a_piece_for_another_place_is_refused(storage, folder, offset):
    sent = storage.upload(folder, "file", 10)
    sent.patch(b"01234")
    refused = sent.patch(b"xxxxx", offset)
    assert refused.status_code == 409
    assert "at offset 5" in refused.json()["msg"]
    assert sent.head().headers["upload-offset"] == "5"


@pytest.mark.parametrize("offset", ["", "five", "-1", "1" * 30])
def test_an_invalid_offset_is_refused(storage, folder, offset):
    sent = storage.upload(folder, "file", 10)
    assert sent.patch(b"01234", offset).status_code == 400


def test_more_than_announced_is_refused(storage, folder):
    sent = storage.upload(folder, "file", 3)
    assert sent.patch(b"0123").status_code == 409
    assert sent.patch(b"012").status_code == 204


def cut_short(sent, announced, content):
    """Send a piece whose connection breaks before its end."""
    url = urlsplit(sent.url)
    head = (
        f"PATCH {url.path}?token={sent.token} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Upload-Offset: 0\r\nContent-Length: {announced}\r\n\r\n"
    )
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(head.encode() + content)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


def test_an_interrupted_upload_resumes_at_its_offset(storage, folder):
    content = bytes(range(256)) * 8192
    sent = storage.upload(folder, "file", len(content))
    cut_short(sent, len(content), content[:1_500_000])
    offset = int(sent.head().headers["upload-offset"])
    assert 0 < offset <= 1_500_000
    assert sent.patch(content[offset:], offset).status_code == 204
    assert storage.fetch(folder, "file") == content


def test_an_upload_survives_a_restart_of_the_program(program, http, make_storage):
    storage = make_storage(program.start().client(http))
    storage.client.ask("POST", "/folders", json={"name": "kept"})
    sent = storage.upload("kept", "file", 6)
    sent.patch(b"abc")
    program.end(9)
    program.start()
    assert sent.head().headers["upload-offset"] == "3"
    assert sent.patch(b"def", 3).status_code == 204
    assert storage.fetch("kept", "file") == b"abcdef"


def test_an_upload_interrupted_by_the_end_of_the_program_can_be_retried(
    program, http, make_storage
):
    storage = make_storage(program.start().client(http))
    storage.client.ask("POST", "/folders", json={"name": "kept"})
    sent = storage.upload("kept", "file", 6)
    url = urlsplit(sent.url)
    head = (
        f"PATCH {url.path}?token={sent.token} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        "Upload-Offset: 0\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        program.end()
        assert connection.recv(4096).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    "more",
    [
        {"dst_dir": "above"},
        {"dst_dir": "../.."},
        {"dst_dir": ["", "above"]},
    ],
)
def test_a_token_is_for_no_other_folder(storage, folder, more):
    sent = storage.upload(folder, "file", 1)
    refused = sent.patch(b"x", **more)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (
        400,
        "invalid-api-params",
    )
    assert storage.names(folder, "") == []
    assert sent.patch(b"x", dst_dir="").status_code == 204
    assert storage.names(folder, "") == ["file"]


@pytest.mark.parametrize(
    "more",
    [{"path": "other"}, {"relpath": "other"}, {"vfid": "x"}, {"size": "9"}, {"op": "upload"}],
)
def test_nothing_else_redirects_a_token(storage, folder, more):
    storage.put(folder, "other", b"other")
    assert storage.upload(folder, "file", 1).patch(b"x", **more).status_code == 204
    assert storage.names(folder, "") == ["file", "other"]
    asked = storage.client.ask("POST", f"/folders/{folder}/request-download", json={"path": "file"})
    found = storage.client.http.get(
        asked.json()["url"], params={"token": asked.json()["token"], **more}
    )
    assert found.content == b"x"


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Offset": ""},
        {"Upload-Offset": "-1"},
        {"Upload-Offset": "9" * 30},
        {"Upload-Offset": "0x0"},
        {"Upload-Offset": b"\xff"},
        {"Upload-Offset": "1e3", "Upload-Length": "x", "Upload-Metadata": b"\xff\xfe"},
    ],
)
def test_invalid_offsets_are_refused(storage, folder, headers):
    sent = storage.upload(folder, "file", 1)
    answer = sent.http.patch(sent.url, params={"token": sent.token}, content=b"x", headers=headers)
    assert answer.status_code == 400


def test_the_protocol_is_announced(storage, folder):
    sent = storage.upload(folder, "file", 1)
    told = sent.http.options(sent.url)
    assert (told.status_code, told.headers["tus-version"]) == (204, "1.0.0")


def test_the_rest_of_a_file_if_it_is_still_the_same(storage, folder):
    storage.put(folder, "file", b"0123456789")
    granted = storage.download(folder, "file")
    whole = granted.get()
    for validator in (whole.headers["last-modified"], whole.headers["etag"]):
        rest = granted.get({"Range": "bytes=7-", "If-Range": validator})
        assert (rest.status_code, rest.content) == (206, b"789")
        assert rest.headers["content-range"] == "bytes 7-9/10"
    changed = granted.get({"Range": "bytes=7-", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, b"0123456789")


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=0-", 206, b"0123456789"),
        ("bytes=2-4", 206, b"234"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=-3", 206, b"789"),
        ("bytes=10-", 416, None),
        ("bytes=5-2", 416, None),
        ("bytes=1-2,4-5", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_ranges(storage, folder, asked, status, content):
    storage.put(folder, "file", b"0123456789")
    got = storage.download(folder, "file").get({"Range": asked})
    assert got.status_code == status
    assert content is None or got.content == content


def test_a_folder_comes_as_an_archive(storage, on_disk, folder):
    storage.put(folder, "top/a.txt", b"A" * 100_000)
    storage.put(folder, "top/ü/b.txt", b"B")
    (on_disk(folder) / "top" / "out").symlink_to("/etc/passwd")
    granted = storage.download(folder, "top", archive=True)
    assert granted.get(archive="false").status_code == 400
    archive = zipfile.ZipFile(io.BytesIO(granted.get(archive="true").content))
    assert archive.testzip() is None
    assert sorted(archive.namelist()) == ["a.txt", "ü/", "ü/b.txt"]
    assert archive.read("a.txt") == b"A" * 100_000


def test_several_things_come_as_one_archive(client, storage, folder):
    storage.put(folder, "one.txt", b"1")
    storage.put(folder, "dir/two.txt", b"2")
    path, body = f"/folders/{folder}/request-download-archive", {"files": ["one.txt", "dir"]}
    granted = client.ask("POST", path, json=body).json()
    got = client.http.get(granted["url"], params={"token": granted["token"]})
    archive = zipfile.ZipFile(io.BytesIO(got.content))
    assert sorted(archive.namelist()) == ["dir/", "dir/two.txt", "one.txt"]


def forged(token, **changes):
    """Return a token with other claims and the old signature."""
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | changes
    text = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{head}.{text}.{signature}"


def test_a_token_is_valid_only_for_its_operation(storage, folder):
    storage.put(folder, "file", b"content")
    down, up = storage.download(folder, "file"), storage.upload(folder, "other", 1)
    bad = [
        "",
        "a.b.c",
        "é",
        up.token,
        forged(down.token, relpath="secret"),
        forged(down.token, exp=2**40),
        down.token[:-2],
    ]
    for token in bad:
        got = down.http.get(down.url, params={"token": token})
        assert got.status_code == 400, token
        assert got.json()["type"].endswith("storage/invalid-api-params")
    assert up.http.patch(up.url, params={"token": down.token}, content=b"x").status_code == 400


def test_a_token_expires(shared, storage, folder, monkeypatch):
    storage.put(folder, "file", b"content")
    granted = storage.download(folder, "file")
    signer = Signer.of(shared.data / "storage" / "secret")
    claims = signer.read(granted.token, "download")
    monkeypatch.setattr("time.time", lambda: claims["exp"] - 2 * LIFETIME)
    old = signer.sign(claims)
    monkeypatch.undo()
    assert granted.http.get(granted.url, params={"token": old}).status_code == 400


def test_a_token_is_invalid_after_its_folder_is_deleted(client, storage, folder):
    storage.put(folder, "file", b"content")
    granted, sent = storage.download(folder, "file"), storage.upload(folder, "late", 1)
    assert client.ask("DELETE", f"/folders/{folder}").status_code == 204
    assert granted.get().status_code == 404
    assert sent.patch(b"x").status_code == 404


def test_a_quota_is_enforced(client, storage, make_folder):
    folder = make_folder(quota="1k")
    storage.put(folder, "half", b"x" * 600)
    body = {"path": "other", "size": 600}
    refused = client.ask("POST", f"/folders/{folder}/request-upload", json=body)
    assert refused.status_code == 413
    assert "1024 bytes" in refused.json()["msg"]
    assert storage.names(folder) == ["half"]


def test_quotas_are_enforced_for_concurrent_uploads(storage, make_folder):
    folder = make_folder(quota="1k")
    first, second = (storage.upload(folder, name, 600) for name in ("one", "two"))
    assert first.patch(b"x" * 600).status_code == 204
    refused = second.patch(b"x" * 600)
    assert refused.status_code == 413
    assert storage.names(folder) == ["one"]


def test_an_upload_larger_than_the_disk_is_refused_at_first(client, folder):
    body = {"path": "huge", "size": 2**60}
    refused = client.ask("POST", f"/folders/{folder}/request-upload", json=body)
    assert refused.status_code == 507


def test_an_aborted_download_leaves_no_file_open(shared, storage, folder):
    storage.put(folder, "file", b"x" * 8_000_000)
    granted = storage.download(folder, "file")
    for _ in range(20):
        with granted.http.stream("GET", granted.url, params={"token": granted.token}) as got:
            assert next(got.iter_bytes(1000))
    deadline = time.monotonic() + 60
    # The server learns of each broken connection by and by; any request gives it time to.
    while opened_files(shared.process.pid) and time.monotonic() < deadline:
        assert granted.head().status_code == 200
    assert opened_files(shared.process.pid) == []


def opened_files(pid):
    """Return the files of folders that a process has open."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return [path for path in found if "storage/folders" in path]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB of its own; gives where it is."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    yield place
    # The cluster ends later than this, and may still close a file.
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_folder_of_the_host_may_be_on_another_disk(client, storage, name, small_disk):
    body = {"name": name, "unmanaged_path": str(small_disk)}
    assert client.ask("POST", "/folders", json=body).status_code == 201
    storage.put(name, "dir/file", b"old")
    storage.put(name, "dir/file", b"far away")
    assert [path.read_bytes() for path in (small_disk / "dir").iterdir()] == [b"far away"]
    assert client.ask("DELETE", f"/folders/{name}").status_code == 204


def test_a_full_disk_is_reported_and_leaves_nothing_behind(program, http, make_storage, small_disk):
    (program.data / "storage").parent.mkdir(exist_ok=True)
    (program.data / "kernels").mkdir()
    (program.data / "storage").symlink_to(small_disk)
    storage = make_storage(program.start().client(http))
    assert storage.client.ask("POST", "/folders", json={"name": "data"}).status_code == 201
    # Both are begun while there is room for either; for both together there is none.
    first, second = (storage.upload("data", name, 2_500_000) for name in ("one", "two"))
    assert first.patch(b"x" * 2_500_000).status_code == 204
    refused = second.patch(b"y" * 2_500_000)
    assert refused.status_code == 507
    assert "full" in refused.json()["msg"]
    assert storage.names("data") == ["one"]
    offset = int(second.head().headers["upload-offset"])
    body = {"files": ["one"]}
    assert storage.client.ask("DELETE", "/folders/data/delete-files", json=body).status_code == 200
    assert second.patch(b"y" * (2_500_000 - offset), offset).status_code == 204
    assert storage.fetch("data", "two") == b"y" * 2_500_000


def test_names_that_are_not_text_cause_no_failure(client, storage, on_disk, folder):
    (on_disk(folder) / os.fsdecode(b"\xff.bin")).write_bytes(b"x")
    storage.put(folder, "good", b"y")
    assert storage.names(folder) == ["good", "\ufffd.bin"]
    got = storage.download(folder, "", archive=True).get(archive="true")
    assert len(zipfile.ZipFile(io.BytesIO(got.content)).namelist()) == 2
