"""Sessions committed to images: what is in them, whose they are, how they go."""

import json
import sqlite3
import time
from contextlib import closing

import pytest

DEADLINE = 60.0
INSTALL = """
import pathlib, site
folder = pathlib.Path(site.getusersitepackages())
folder.mkdir(parents=True)
(folder / "own_package.py").write_text("answer = 42")
pathlib.Path("tool").write_text("#!/bin/sh\\necho made")
pathlib.Path("tool").chmod(0o755)
pathlib.Path("deep/er").mkdir(parents=True)
pathlib.Path("deep/er/link").symlink_to("../../tool")
"""
USE = """
import own_package, subprocess
print(own_package.answer, subprocess.run(["deep/er/link"], capture_output=True, text=True).stdout)
"""


def finish(client, task_id):
    """Wait for a background task; returns the name of its last event, and its data."""
    path = f"/events/background-task?task_id={task_id}"
    headers = client.headers("GET", path)
    with client.http.stream("GET", client.endpoint + path, headers=headers) as answer:
        lines = [line for line in answer.iter_lines() if line]
    name, data = lines[-4:-2]
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def commit(client, session):
    """Commit a session and wait for it; returns the image."""
    answer = client.ask("POST", f"/session/{session}/commit")
    assert answer.status_code == 201, answer.text
    assert finish(client, answer.json()["bgtask_id"])[0] == "bgtask_done"
    return answer.json()["image"]


def imagify(client, session, name, **more):
    return client.ask("POST", f"/session/{session}/imagify", json={"image_name": name, **more})


def images(client):
    """Return the committed images that are offered, by name."""
    found = client.gql("{ customized_images { name tag size_bytes aliases labels { key value } } }")
    return {f"{one['name']}:{one['tag']}": one for one in found["data"]["customized_images"]}


def forget(client, image):
    asked = 'forget_image(reference: $r, architecture: "x86_64") { ok msg }'
    return client.gql(f"mutation($r: String!) {{ {asked} }}", r=image)["data"]["forget_image"]


def kept(program):
    """Return the names of what there is on the disk of committed images."""
    return [path.name for path in (program.data / "kernels" / ".kept-homes").iterdir()]


def until(condition):
    give_up = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


@pytest.fixture(scope="module")
def made(shared, http):
    """A session with files of its own, and the image that it was committed to."""
    client = shared.client(http)
    client.create("origin")
    client.run("origin", INSTALL)
    return commit(client, "origin")


def test_a_session_starts_with_the_files_of_the_image(client, made):
    client.create("begun", image=made)
    assert client.console(client.run("begun", USE)).split() == ["42", "made"]
    (row,) = client.gql(
        '{ compute_session_list(limit: 1, offset: 0, filter: "name == \\"begun\\"") '
        "{ items { image } } }"
    )["data"]["compute_session_list"]["items"]
    assert row["image"] == f"local/{made}"
    client.ask("DELETE", "/session/begun")


def test_later_changes_do_not_affect_the_image(client, made):
    client.create("changing", image="origin")
    client.run("changing", "open('tool', 'w').write('gone')")
    client.ask("PATCH", "/session/changing")  # which keeps its home
    assert client.console(client.run("changing", "print(open('tool').read())")).strip() == "gone"
    again = commit(client, "changing")
    client.ask("DELETE", "/session/changing")
    client.create("changed", image=again)
    assert client.console(client.run("changed", "print(open('tool').read())")).strip() == "gone"
    client.create("unchanged", image=made)
    assert client.console(client.run("unchanged", USE)).split() == ["42", "made"]
    for name in ("changed", "unchanged"):
        client.ask("DELETE", f"/session/{name}")


def test_a_name_without_a_tag_is_the_newest(client, made):
    newer = commit(client, "origin")
    assert newer != made
    assert (images(client)[newer]["aliases"], images(client)[made]["aliases"]) == (["origin"], [])
    created = client.create("newest", image="origin")
    assert (created["servedBy"], created["servedExactly"]) == (newer, True)
    client.ask("DELETE", "/session/newest")
    assert forget(client, newer)["ok"]
    assert images(client)[made]["aliases"] == ["origin"]


def test_runtimes_keep_their_names(client):
    client.create("python")
    image = commit(client, "python")
    client.ask("DELETE", "/session/python")
    assert client.create("plain", image="python")["servedBy"].startswith("python:3")
    assert client.create("exact", image=image)["servedBy"] == image
    for name in ("plain", "exact"):
        client.ask("DELETE", f"/session/{name}")


def test_folders_are_left_out(client):
    client.ask("POST", "/folders", json={"name": "outside"})
    client.create("mounting", config={"mounts": ["outside"]})
    client.run("mounting", "open('outside/kept', 'w').write('x'); open('mine', 'w').write('y')")
    image = commit(client, "mounting")
    client.ask("DELETE", "/session/mounting")
    client.create("mountless", image=image)
    found = client.console(client.run("mountless", "import os; print(*os.listdir())")).split()
    assert "mine" in found
    assert "outside" not in found
    client.ask("DELETE", "/session/mountless")


def test_a_session_that_ends_at_once_is_committed_completely(client):
    client.create("hasty")
    client.run("hasty", "for n in range(1000): open(f'file{n}', 'w').write('x')")
    answer = client.ask("POST", "/session/hasty/commit").json()
    assert client.ask("DELETE", "/session/hasty").status_code == 200
    assert finish(client, answer["bgtask_id"])[0] == "bgtask_done"
    client.create("whole", image=answer["image"])
    counted = client.run("whole", "import glob; print(len(glob.glob('file*')))")
    assert client.console(counted).strip() == "1000"
    client.ask("DELETE", "/session/whole")


def test_the_progress_is_reported(client, made):
    ready = client.ask("GET", "/session/origin/commit").json()
    assert ready["status"] == "ready"
    client.run("origin", "for n in range(1000): open(f'more{n}', 'w').write('x')")
    task = client.ask("POST", "/session/origin/commit").json()["bgtask_id"]
    assert client.ask("GET", "/session/origin/commit").json() == {**ready, "status": "ongoing"}
    twice = client.ask("POST", "/session/origin/commit")
    assert (twice.status_code, "already" in twice.json()["msg"]) == (400, True)
    name, data = finish(client, task)
    assert (name, "committed as origin:" in data["message"]) == ("bgtask_done", True)
    client.run("origin", "import glob, os; [os.unlink(one) for one in glob.glob('more*')]")


def test_images_are_their_owner_s_alone(client, user, made):
    assert made not in images(user)
    refused = user.ask("POST", "/session", json={"name": "stolen", "image": made})
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (
        404,
        "object-not-found",
    )
    assert not forget(user, made)["ok"]
    user.create("theirs")
    own = imagify(user, "theirs", "origin").json()
    assert finish(user, own["task_id"])[0] == "bgtask_done"
    assert user.create("begun2", image="origin")["servedBy"] == own["image"]
    assert images(client)[own["image"]]["labels"][-1] == {
        "key": "ai.backend.customized-image.user.email",
        "value": "user@atoll.local",
    }
    assert client.create("mine", image="origin")["servedBy"] not in {own["image"], "origin"}
    for one, name in ((user, "begun2"), (user, "theirs"), (client, "mine")):
        one.ask("DELETE", f"/session/{name}")
    assert not forget(user, "python:3.11")["ok"]
    assert forget(user, own["image"])["ok"]


def test_an_image_in_use_stays(client, shared, made):
    image = commit(client, "origin")
    client.create("using", image=image)
    refusal = forget(client, image)
    assert (refusal["ok"], "in use by session using" in refusal["msg"]) == (False, True)
    client.ask("DELETE", "/session/using")
    before = len(kept(shared))
    assert forget(client, image)["ok"]
    assert image not in images(client)
    until(lambda: len(kept(shared)) == before - 1)
    assert client.ask("POST", "/session", json={"name": "late", "image": image}).status_code == 404


@pytest.mark.parametrize(
    ("name", "more", "told"),
    [
        ("a b", {}, "letters"),
        ("x" * 65, {}, "letters"),
        ("../up", {}, "letters"),
        ("", {}, "required"),
        ("python", {}, "runtime"),
        ("fine", {"image_visibility": "project"}, "only the owner can use"),
    ],
)
def test_invalid_names_are_refused(client, made, name, more, told):
    refused = imagify(client, "origin", name, **more)
    assert (refused.status_code, told in refused.json()["msg"]) == (400, True)


def test_only_running_sessions_can_be_committed(client):
    client.ask("POST", "/session", json={"name": "later", "image": "python", "type": "batch",
               "startupCommand": "true", "starts_at": "1h", "enqueueOnly": True})  # fmt: skip
    refused = client.ask("POST", "/session/later/commit")
    assert (refused.status_code, "PENDING" in refused.json()["msg"]) == (400, True)
    assert client.ask("POST", "/session/nobody/commit").status_code == 404
    client.ask("DELETE", "/session/later")


def test_a_policy_limits_the_number_of_images(client, user):
    props = "props: {max_customized_image_count: %d}"
    limit = f'mutation {{ modify_user_resource_policy(name: "default", {props}) {{ ok }} }}'
    client.gql(limit % 1)
    user.create("bounded")
    assert imagify(user, "bounded", "first").status_code == 200
    until(lambda: images(user))
    refused = imagify(user, "bounded", "second")
    assert (refused.status_code, "1 committed images" in refused.json()["msg"]) == (412, True)
    client.gql(limit % 0)
    user.ask("DELETE", "/session/bounded")


def test_images_survive_a_restart_and_incomplete_ones_are_deleted(program, http):
    client = program.start().client(http)
    client.create("lasting")
    client.run("lasting", INSTALL)
    image = commit(client, "lasting")
    assert program.end() == 0
    with closing(sqlite3.connect(program.data / "cluster.sqlite3")) as database, database:
        database.execute(
            "INSERT INTO committed_images SELECT 'half', name, 'half', base, owner, session_id, 0, "
            "'committing', created_at FROM committed_images"
        )
    homes = program.data / "kernels" / ".kept-homes"
    for name in ("half", "nobodys"):
        (homes / name).mkdir()
        (homes / name / "file").write_text("x")
    client = program.start().client(http)
    assert list(images(client)) == [image]
    client.create("after", image=image)
    assert client.console(client.run("after", USE)).split() == ["42", "made"]
    until(lambda: "half" not in kept(program))
    (left,) = json.loads((program.data / "put-aside.json").read_text())
    assert (left["what"], left["name"]) == ("image", "nobodys")
    client.ask("POST", "/local/repair", json={"remove": True})
    assert len(kept(program)) == 1


def test_the_images_of_a_purged_user_are_deleted(program, http):
    client = program.start().client(http)
    user = program.client(http, "user")
    user.create("leaving")
    commit(user, "leaving")
    user.ask("DELETE", "/session/leaving")
    asked = 'purge_user(email: "user@atoll.local", props: {}) { ok msg }'
    purged = client.gql(f"mutation {{ {asked} }}")
    assert purged["data"]["purge_user"]["ok"], purged
    until(lambda: not kept(program))
