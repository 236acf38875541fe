"""Folders as wholes: made, found, changed, thrown away, brought back."""

import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing

import pytest


def test_a_folder_is_made_listed_and_described(client, name):
    body = {"name": name, "host": None, "usage_mode": "data", "permission": "ro", "quota": "0"}
    made = client.ask("POST", "/folders", json=body)
    assert made.status_code == 201
    listed = {one["name"]: one for one in client.ask("GET", "/folders").json()}[name]
    assert listed["id"] == made.json()["id"]
    assert listed["is_owner"]
    assert (listed["usage_mode"], listed["permission"]) == ("data", "ro")
    assert listed["user_email"] == "admin@atoll.local"
    told = client.ask("GET", f"/folders/{name}").json()
    assert (told["num_files"], told["used_bytes"], told["status"]) == (0, 0, "ready")


def test_a_folder_is_found_by_name_and_by_either_spelling_of_its_id(client, folder):
    found = client.ask("GET", "/folders/_/id", json={"name": folder}).json()
    for reference in (folder, found["id"], str(uuid.UUID(found["id"]))):
        assert client.ask("GET", f"/folders/{reference}").json()["name"] == folder


def test_files_are_counted(client, storage, folder):
    storage.put(folder, "a/b.bin", b"x" * 1000)
    storage.put(folder, "c.bin", b"y" * 24)
    told = client.ask("GET", f"/folders/{folder}").json()
    assert (told["num_files"], told["numFiles"], told["used_bytes"]) == (3, 3, 1024)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-dash",
        "a/b",
        "a b",
        "grün",
        ".",
        "..",
        "x" * 65,
        ".bashrc",
        ".jupyter",
        "a\0b",
        "_",
        "invitations",
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_a_name_that_cannot_be_is_refused(client, name):
    refused = client.ask("POST", "/folders", json={"name": name})
    assert refused.status_code == 400
    assert "name" in refused.json()["msg"]


@pytest.mark.parametrize(
    "body",
    [
        {"host": "elsewhere:volume9"},
        {"permission": "rwx"},
        {"usage_mode": "attic"},
        {"quota": "lots"},
        {"unmanaged_path": "/nowhere"},
    ],
    ids=lambda body: next(iter(body)),
)
def test_what_makes_no_sense_is_refused(client, name, body):
    assert client.ask("POST", "/folders", json={"name": name, **body}).status_code == 400
    assert client.ask("GET", f"/folders/{name}").status_code == 404


def test_a_name_can_be_used_once(client, folder):
    again = client.ask("POST", "/folders", json={"name": folder})
    assert again.status_code == 400
    assert again.json()["type"].endswith("vfolder-already-exists")


def test_only_superadmins_use_folders_of_the_host(client, user, storage, name, tmp_path):
    body = {"name": name, "unmanaged_path": str(tmp_path)}
    assert user.ask("POST", "/folders", json=body).status_code == 403
    assert client.ask("POST", "/folders", json=body).status_code == 201
    (tmp_path / "mine").write_text("of the host")
    assert storage.fetch(name, "mine") == b"of the host"
    storage.put(name, "yours", b"sent")
    assert client.ask("DELETE", f"/folders/{name}").status_code == 204
    assert (tmp_path / "yours").read_bytes() == b"sent"


def test_a_folder_is_renamed(client, storage, folder):
    storage.put(folder, "kept", b"kept")
    other = f"{folder}-other"
    answer = client.ask("POST", f"/folders/{folder}/rename", json={"new_name": other})
    assert answer.status_code == 201
    assert storage.fetch(other, "kept") == b"kept"
    assert client.ask("GET", f"/folders/{folder}").status_code == 404


def test_a_folder_cannot_be_renamed_to_a_used_name(client, folder, make_folder):
    other = make_folder()
    refused = client.ask("POST", f"/folders/{folder}/rename", json={"new_name": other})
    assert refused.json()["type"].endswith("vfolder-already-exists")


def test_options_are_updated(client, folder):
    path, body = f"/folders/{folder}/update-options", {"cloneable": True, "permission": "ro"}
    assert client.ask("POST", path, json=body).status_code == 201
    told = client.ask("GET", f"/folders/{folder}").json()
    assert (told["cloneable"], told["permission"]) == (True, "ro")


def test_older_clients_delete_permanently(client, on_disk, storage, folder):
    storage.put(folder, "deep/file", b"content")
    place = on_disk(folder)
    (place / "deep").chmod(0)
    assert client.ask("DELETE", f"/folders/{folder}").status_code == 204
    assert not place.exists()
    assert client.ask("GET", f"/folders/{folder}").status_code == 404


def test_newer_clients_delete_restore_and_purge(client, storage, folder):
    storage.put(folder, "file", b"content")
    folder_id = client.ask("GET", f"/folders/{folder}").json()["id"]
    assert client.ask("DELETE", "/folders", json={"id": folder_id}).status_code == 204
    assert client.ask("GET", f"/folders/{folder}").json()["status"] == "delete-pending"
    refused = client.ask("GET", f"/folders/{folder}/files")
    assert "in the trash" in refused.json()["msg"]
    restored = client.ask("POST", "/folders/restore-from-trash-bin", json={"id": folder_id})
    assert restored.status_code == 204
    assert storage.fetch(folder, "file") == b"content"
    purge = ("POST", "/folders/purge")
    assert client.ask(*purge, json={"id": folder_id}).status_code == 400
    client.ask("DELETE", "/folders", json={"id": folder_id})
    assert client.ask(*purge, json={"id": folder_id}).status_code == 204
    assert client.ask("GET", f"/folders/{folder}").status_code == 404


def test_a_clone_has_the_files_and_the_links(client, storage, on_disk, folder, name):
    storage.put(folder, "a/b.txt", b"cloned")
    (on_disk(folder) / "link").symlink_to("a/b.txt")
    path, body = f"/folders/{folder}/clone", {"target_name": name}
    assert client.ask("POST", path, json=body).status_code == 403
    client.ask("POST", f"/folders/{folder}/update-options", json={"cloneable": True})
    answer = client.ask("POST", path, json=body)
    assert answer.status_code == 201
    task = f"/events/background-task?task_id={answer.json()['bgtask_id']}"
    assert "bgtask_done" in client.ask("GET", task).text
    assert storage.fetch(name, "a/b.txt") == b"cloned"
    assert (on_disk(name) / "link").readlink().name == "b.txt"
    assert client.ask("GET", f"/folders/{name}").json()["status"] == "ready"


def test_hosts_report_their_usage(client):
    told = client.ask("GET", "/folders/_/hosts").json()
    assert told["default"] in told["allowed"]
    usage = told["volume_info"][told["default"]]["usage"]
    assert 0 < usage["used"] < usage["total"]


def test_graphql_lists_filters_and_counts(client, storage, folder):
    storage.put(folder, "file", b"12345")
    query = """query($f: String) { vfolder_list(limit: 5, offset: 0, filter: $f, order: "-name") {
        items { id name user_email status num_files cur_size } total_count } }"""
    told = client.gql(query, f=f'name == "{folder}" & ownership_type == "user"')
    (item,) = told["data"]["vfolder_list"]["items"]
    assert told["data"]["vfolder_list"]["total_count"] == 1
    assert (item["num_files"], item["cur_size"]) == (1, 5)
    node = client.gql(f'{{ vfolder_node(id: "{item["id"]}") {{ row_id name }} }}')
    assert node["data"]["vfolder_node"] == {"row_id": item["id"], "name": folder}


@pytest.mark.parametrize(
    ("policy", "more", "complaint"),
    [
        ({"max_vfolder_count": 1}, {}, "allows 1 folders"),
        ({"max_vfolder_size": 1000}, {"size": 1001}, "allows 1000 bytes"),
        ({"max_quota_scope_size": 1000}, {"size": 1001}, "allows 1000 bytes"),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)
def test_policies_are_enforced(client, user, name, policy, more, complaint):
    change = "mutation($p: ModifyKeyPairResourcePolicyInput!) {"
    change += ' modify_keypair_resource_policy(name: "default", props: $p) { ok msg } }'
    made = user.ask("POST", "/folders", json={"name": name}).status_code
    assert made == 201
    try:
        assert client.gql(change, p=policy)["data"]["modify_keypair_resource_policy"]["ok"]
        path, body = "/folders", {"name": f"{name}-2"}
        if more:
            path, body = f"/folders/{name}/request-upload", {"path": "big", **more}
        refused = user.ask("POST", path, json=body)
        assert refused.status_code in {412, 413}
        assert complaint in refused.json()["msg"]
    finally:
        assert client.gql(change, p=dict.fromkeys(policy, 0))
        assert user.ask("DELETE", f"/folders/{name}").status_code == 204


def test_superadmins_limit_all_folders_of_a_user(client, user, name):
    owner = user.gql("{ user { uuid } }")["data"]["user"]["uuid"]
    who = f'storage_host_name: "local:volume1", quota_scope_id: "user:{owner}"'
    details = "quota_scope { details { usage_bytes hard_limit_bytes } }"
    limit = (
        f"mutation {{ set_quota_scope({who}, props: {{hard_limit_bytes: 1000}}) {{ {details} }} }}"
    )
    assert user.ask("POST", "/folders", json={"name": name}).status_code == 201
    assert user.gql(limit)["data"]["set_quota_scope"]["quota_scope"] is None
    told = client.gql(limit)["data"]["set_quota_scope"]["quota_scope"]["details"]
    assert told == {"usage_bytes": 0, "hard_limit_bytes": 1000}
    body = {"path": "big", "size": 1001}
    refused = user.ask("POST", f"/folders/{name}/request-upload", json=body)
    assert "1000 bytes" in refused.json()["msg"]
    assert client.gql(f"mutation {{ unset_quota_scope({who}) {{ quota_scope {{ id }} }} }}")
    assert user.ask("POST", f"/folders/{name}/request-upload", json=body).status_code == 200
    assert user.ask("DELETE", f"/folders/{name}").status_code == 204


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"path": "new"}, 201),
        ({"path": "a/b/c"}, 201),
        ({"path": ["one", "two/three"]}, 201),
        ({"path": "there", "exist_ok": True}, 201),
        ({"path": "there"}, 400),
        ({"path": "file", "exist_ok": True}, 400),
        ({"path": "file/x"}, 400),
        ({"path": "not/there", "parents": False}, 404),
        ({"path": ""}, 400),
        ({"path": []}, 400),
        ({"path": [3]}, 400),
    ],
    ids=str,
)
def test_folders_are_made_in_folders(client, storage, folder, body, status):
    storage.put(folder, "there/x", b"")
    storage.put(folder, "file", b"content")
    answer = client.ask("POST", f"/folders/{folder}/mkdir", json=body)
    assert answer.status_code == status, answer.text
    assert storage.fetch(folder, "file") == b"content"


def test_files_are_moved_and_never_lost(client, storage, folder):
    storage.put(folder, "one", b"1")
    storage.put(folder, "two", b"2")
    storage.put(folder, "dir/three", b"3")

    def move(source, target):
        body = {"src": source, "dst": target}
        return client.ask("POST", f"/folders/{folder}/move-file", json=body).status_code

    assert move("one", "two") == 400
    assert move("one", "dir") == 400
    assert move("dir", "dir/inside") == 400
    assert move("nothing", "else") == 404
    assert move("one", "dir/one") == 200
    assert storage.fetch(folder, "dir/one") == b"1"
    body = {"target_path": "dir/three", "new_name": "four"}
    assert client.ask("POST", f"/folders/{folder}/rename-file", json=body).status_code == 200
    assert sorted(storage.names(folder, "dir")) == ["four", "one"]
    assert storage.fetch(folder, "two") == b"2"


def test_work_of_a_killed_program_is_finished(program, http, make_storage):
    storage = make_storage(program.start().client(http))
    for name in ("kept", "deleted", "cloned"):
        assert storage.client.ask("POST", "/folders", json={"name": name}).status_code == 201
        storage.put(name, "file", b"content")
    program.end(9)
    with closing(sqlite3.connect(program.data / "cluster.sqlite3")) as database:
        for name, status in (("deleted", "delete-ongoing"), ("cloned", "cloning")):
            database.execute("UPDATE vfolders SET status = ? WHERE name = ?", (status, name))
        database.commit()
    places = program.data / "storage" / "folders"
    (places / ("0" * 32)).mkdir()
    (places / ("0" * 32) / "locked").mkdir(mode=0)
    storage = make_storage(program.start().client(http))
    assert [one["name"] for one in storage.client.ask("GET", "/folders").json()] == ["kept"]
    assert len(list(places.iterdir())) == 1
    assert storage.fetch("kept", "file") == b"content"


def test_unusable_storage_is_reported_in_one_line(tmp_path):
    (tmp_path / "kernels").mkdir()
    (tmp_path / "storage").write_text("in the way")
    command = [sys.executable, "-m", "atoll_cluster", "--data", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0
    assert ended.stderr.count("\n") == 1
    assert f"cannot use {tmp_path / 'storage'}" in ended.stderr
