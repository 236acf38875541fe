"""Folders in folders, deeper than any recursion and longer than any path: nothing minds them."""

import os
import subprocess

import pytest
from tests.contrib.trees import nest

from atoll_cluster.storage.removal import remove

DEEP = (
    "import os\nfor _ in range(1500):\n os.mkdir('d'); os.chdir('d')\nopen('bottom', 'w').close()"
)


@pytest.fixture(autouse=True)
def _gone_at_the_end(program, tmp_path):
    """Remove what pytest itself, which goes by recursion, could not."""
    yield
    if program.process is not None:
        program.end()
    remove(tmp_path)


def is_refused(answer):
    return answer.status_code == 400


def folder_on(program, client, name):
    assert client.ask("POST", "/folders", json={"name": name}).status_code == 201
    found = client.ask("GET", f"/folders/{name}").json()["id"]
    return program.data / "storage" / "folders" / found


def test_a_session_ends_whatever_depth_its_home_has(program, http):
    client = program.start().client(http)
    client.create("deep")
    client.run("deep", DEEP)
    path = "/".join(["d"] * 1500)
    listed = client.ask("GET", "/session/deep/files", json={"path": path}).json()
    assert '"bottom"' in listed["files"]
    beyond = "/".join(["d" * 200] * 30)
    refused = client.ask("GET", "/session/deep/files", json={"path": beyond}).json()
    assert "File name too long" in refused["errors"]
    answer = client.ask("POST", "/session/deep/download", json={"files": ["d"]})
    assert answer.json()["msg"] == "Too large file"
    assert client.ask("GET", "/session/deep").status_code == 200
    assert client.ask("DELETE", "/session/deep").status_code == 200
    assert program.end() == 0
    assert not [path for path in (program.data / "kernels").iterdir() if path.is_dir()]
    assert program.start().client(http).ask("GET", "/folders").status_code == 200


@pytest.mark.parametrize(("depth", "name"), [(1500, "d"), (3000, "n" * 100)])
def test_a_folder_serves_whatever_depth_it_has(program, http, depth, name):
    client = program.start().client(http)
    place = folder_on(program, client, "deep")
    nest(place, depth, name, b"deep")
    (place / "plain").write_text("plain")
    info = client.ask("GET", "/folders/deep").json()
    assert (info["numFiles"], info["used_bytes"]) == (depth + 2, 9)
    query = "{ vfolder_list(limit: 9, offset: 0) { items { num_files cur_size } } }"
    assert client.gql(query)["data"]["vfolder_list"]["items"] == [
        {"num_files": depth + 2, "cur_size": 9}
    ]
    ask = client.ask("POST", "/folders/deep/request-download", json={"path": ".", "archive": True})
    token = ask.json()
    packed = http.get(token["url"], params={"token": token["token"], "archive": "true"})
    assert packed.status_code == 200
    assert b"plain" in packed.content
    answer = client.ask("DELETE", "/folders/deep/delete-files", json={"files": [name]})
    assert is_refused(answer)
    body = {"files": [name], "recursive": True}
    assert client.ask("DELETE", "/folders/deep/delete-files", json=body).status_code == 200
    assert [path.name for path in place.iterdir()] == ["plain"]
    nest(place, depth, name)
    assert client.ask("DELETE", "/folders/deep").status_code == 204
    assert not list((program.data / "storage" / "graves").iterdir())


def test_files_that_cannot_be_deleted_are_reported(program, http):
    client = program.start().client(http)
    place = folder_on(program, client, "deep")
    nest(place, 3)
    kept = place / "d" / "d" / "kept"
    kept.touch()
    try:
        subprocess.run(["chattr", "+i", kept], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no immutable files on this file system")
    try:
        body = {"files": ["d"], "recursive": True}
        answer = client.ask("DELETE", "/folders/deep/delete-files", json=body)
        assert (answer.status_code, [path.name for path in place.rglob("*")]) == (
            400, ["d", "d", "kept"],
        )  # fmt: skip
        assert "'d/d/kept': Operation not permitted" in answer.text
        assert client.ask("DELETE", "/folders/deep").status_code == 204
        assert program.end() == 0
        program.start()
    finally:
        (kept,) = [*program.data.rglob("kept")]
        subprocess.run(["chattr", "-i", kept], check=True)


def test_a_clone_has_every_depth(program, http):
    client = program.start().client(http)
    nest(folder_on(program, client, "deep"), 1200, "d", b"deep")
    client.ask("POST", "/folders/deep/update-options", json={"cloneable": True})
    body = {"target_name": "twin", "target_host": "local:volume1"}
    task = client.ask("POST", "/folders/deep/clone", json=body).json()["bgtask_id"]
    path = f"/events/background-task?task_id={task}"
    told = client.ask("GET", path).text
    assert "bgtask_done" in told
    assert client.ask("GET", "/folders/twin").json()["numFiles"] == 1201


def test_a_program_deletes_the_folders_that_an_earlier_one_left(program, http):
    client = program.start().client(http)
    client.ask("POST", "/folders", json={"name": "other"})
    program.end()
    graves, lost = (
        program.data / "storage" / "graves",
        program.data / "storage" / "folders" / "lost",
    )
    for place in (graves / "deep", lost, graves / os.fsdecode(b"\xff")):
        place.mkdir()
        nest(place, 2000)
    program.start()
    assert [item["name"] for item in program.client(http).ask("GET", "/folders").json()] == [
        "other"
    ]
    assert program.end() == 0
    program.start()
    program.end()
    assert not lost.exists()
