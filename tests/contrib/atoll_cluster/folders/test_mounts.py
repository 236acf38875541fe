"""Folders in sessions: where they are asked for, as far as they may be written to."""

import json

import pytest


@pytest.fixture
def look(client):
    """Return the function that runs shell commands in a session and gives what they print."""

    def look(session: str, command: str, who=client) -> str:
        code = f"import subprocess\nprint(subprocess.getoutput({command!r}))"
        return who.console(who.run(session, code)).strip()

    return look


@pytest.fixture
def start(client):
    """Return the function that starts a session; they are ended after the test."""
    started = []

    def start(name: str, who=client, **config):
        made = who.create(name, config=config)
        started.append((who, name))
        assert made["status"] == "RUNNING", made
        return made

    yield start
    for who, name in started:
        who.ask("DELETE", f"/session/{name}?forced=true")


def test_a_folder_is_in_the_home_and_survives_the_session(storage, folder, start, look):
    storage.put(folder, "in.txt", b"from outside")
    start("mount-1", mounts=[folder])
    assert look("mount-1", f"cat {folder}/in.txt; echo inside > {folder}/out.txt") == "from outside"
    assert storage.fetch(folder, "out.txt") == b"inside\n"


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("/home/work/other", "/home/work/other"),
        ("other/place", "/home/work/other/place"),
        ("/data", "/data"),
    ],
)
def test_a_folder_is_mounted_at_the_requested_path(storage, folder, start, look, asked, seen):
    storage.put(folder, "file", b"found")
    start("mount-2", mounts=[folder], mount_map={folder: asked})
    assert look("mount-2", f"cat {seen}/file; ls {folder}").startswith("found")


def test_newer_clients_name_folders_by_id(client, storage, folder, start, look):
    storage.put(folder, "file", b"found")
    folder_id = client.ask("GET", f"/folders/{folder}").json()["id"]
    start("mount-3", mount_ids=[folder_id], mount_id_map={folder_id: "by-id"})
    assert look("mount-3", "cat by-id/file") == "found"


def test_a_session_shows_its_mounts(client, folder, start):
    session_id = start("mount-4", mounts=[folder])["sessionId"]
    query = "query($id: UUID!) { compute_session(id: $id) { mounts } }"
    assert client.gql(query, id=session_id)["data"]["compute_session"]["mounts"] == [folder]


def test_a_folder_in_use_is_not_deleted(client, folder, start):
    start("mount-5", mounts=[folder])
    assert client.ask("GET", f"/folders/{folder}").json()["status"] == "mounted"
    refused = client.ask("DELETE", f"/folders/{folder}")
    assert refused.status_code == 400
    assert "mount-5" in refused.json()["msg"]
    assert client.ask("DELETE", "/session/mount-5").status_code == 200
    assert client.ask("DELETE", f"/folders/{folder}").status_code == 204


@pytest.mark.parametrize("way", ["folder", "option", "share"])
def test_read_only_is_read_only(client, user, storage, make_folder, start, look, way):
    folder = make_folder(permission="ro" if way == "folder" else "rw")
    storage.put(folder, "file", b"content")
    who, options = client, {}
    if way == "option":
        options = {"mount_options": {folder: {"permission": "ro"}}}
    if way == "share":
        share(client, user, folder, "ro")
        who = user
    start("mount-6", who, mounts=[folder], **options)
    said = look("mount-6", f"cat {folder}/file; touch {folder}/x; rm {folder}/file", who)
    assert said.startswith("content")
    assert said.count("Read-only file system") == 2
    assert storage.names(folder) == ["file"]


def share(client, user, folder, permission):
    body = {"emails": ["user@atoll.local"], "perm": permission}
    assert client.ask("POST", f"/folders/{folder}/invite", json=body).status_code == 201
    offered = user.ask("GET", "/folders/invitations/list").json()["invitations"]
    (found,) = [one for one in offered if one["vfolder_name"] == folder]
    accepted = user.ask("POST", "/folders/invitations/accept", json={"inv_id": found["id"]})
    assert accepted.status_code == 200


def test_a_mount_option_cannot_extend_the_permission(client, user, storage, folder, start, look):
    share(client, user, folder, "ro")
    start("mount-7", user, mounts=[folder], mount_options={folder: {"permission": "rw"}})
    assert "Read-only" in look("mount-7", f"touch {folder}/x", user)


def test_folders_with_a_dot_are_always_mounted_with_private_keys(user, make_storage, start, look):
    storage = make_storage(user)
    for name in (".ssh", ".config"):
        assert user.ask("POST", "/folders", json={"name": name}).status_code == 201
    storage.put(".ssh", "authorized_keys", b"ssh-ed25519 AAAA\n")
    session_id = start("mount-8", user)["sessionId"]
    said = look("mount-8", "stat -c %a .ssh .ssh/authorized_keys; ls -d .config", user)
    assert said.split() == ["700", "600", ".config"]
    query = "query($id: UUID!) { compute_session(id: $id) { mounts } }"
    mounts = user.gql(query, id=session_id)["data"]["compute_session"]["mounts"]
    assert sorted(mounts) == [".config", ".ssh"]
    shared = user.ask("POST", "/folders/.ssh/invite", json={"emails": ["admin@atoll.local"]})
    assert shared.status_code == 403
    user.ask("DELETE", "/session/mount-8?forced=true")
    assert user.ask("DELETE", "/folders/.ssh").status_code == 204
    assert user.ask("DELETE", "/folders/.config").status_code == 204


def test_mounts_survive_a_restart(client, storage, folder, start, look):
    storage.put(folder, "file", b"still there")
    start("mount-9", mounts=[folder])
    assert client.ask("PATCH", "/session/mount-9").status_code == 204
    assert look("mount-9", f"cat {folder}/file") == "still there"


@pytest.mark.parametrize("sandbox", ["auto", "plain"])
def test_files_of_a_session_are_those_of_its_folders(program, http, make_storage, sandbox):
    program.arguments = ("--sandbox", sandbox)
    client = program.start().client(http)
    storage = make_storage(client)
    for name in ("data", "fixed"):
        assert client.ask("POST", "/folders", json={"name": name}).status_code == 201
        storage.put(name, "there", name.encode())
    options = {"fixed": {"permission": "ro"}}
    config = {"mounts": ["data", "fixed"], "mount_map": {"data": "deep/data"}}
    client.create("filed-1", config={**config, "mount_options": options})
    listed = client.ask("GET", "/session/filed-1/files", params={"path": "deep/data"}).json()
    assert [one["filename"] for one in json.loads(listed["files"])] == ["there"]
    got = client.ask("GET", "/session/filed-1/download_single", params={"file": "fixed/there"})
    assert got.content == b"fixed"
    sent = upload(client, "filed-1", "deep/data/new/sent")
    assert sent.status_code == 204
    assert storage.fetch("data", "new/sent") == b"sent"
    for path in ("fixed/sent", "fixed/new/sent"):
        assert "Read-only" in upload(client, "filed-1", path).json()["msg"]
    assert storage.names("fixed") == ["there"]


def upload(client, session, path):
    content = {"src": (path, b"sent")}
    form = client.http.build_request("POST", client.endpoint, files=content)
    kind = form.headers["content-type"]
    target = f"/session/{session}/upload"
    headers = client.headers("POST", target, "multipart/form-data") | {"Content-Type": kind}
    return client.http.post(client.endpoint + target, content=form.read(), headers=headers)


def test_a_link_at_a_mount_point_is_not_followed(client, folder, start, look, tmp_path):
    start("mount-10", mounts=[folder], mount_map={folder: "deep/er/place"})
    look("mount-10", f"mv deep away; ln -s /oldroot{tmp_path} deep")
    client.ask("PATCH", "/session/mount-10")
    query = '{ compute_session_list(limit: 1, offset: 0, filter: "name == \\"mount-10\\"") '
    told = client.gql(query + "{ items { status status_info } } }")
    (item,) = told["data"]["compute_session_list"]["items"]
    assert "can be mounted at /home/work/deep/er/place: " in item["status_info"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "config",
    [
        {"mounts": ["{f}", "{f}/deep"]},
        {"mounts": [1]},
        {"mounts": ["{f}"], "mount_map": {"{f}": "/etc/there"}},
        {"mounts": ["{f}"], "mount_map": {"{f}": "/usr"}},
        {"mounts": ["{f}"], "mount_map": {"{f}": "/"}},
        {"mounts": ["{f}"], "mount_map": {"{f}": "."}},
        {"mounts": ["{f}"], "mount_map": {"{f}": "../other"}},
        {"mounts": ["{f}"], "mount_map": {"{f}": "a\0b"}},
        {"mounts": ["{f}", "{g}"], "mount_map": {"{g}": "{f}"}},
        {"mounts": ["{f}", "{g}"], "mount_map": {"{g}": "{f}/inside"}},
        {"mounts": ["{f}"], "mount_options": {"{f}": {"permission": "all"}}},
        {"mounts": ["{f}"], "mount_options": {"{f}": {"subpath": "deep"}}},
    ],
    ids=str,
)
def test_invalid_mounts_are_refused(client, folder, make_folder, config):
    text = json.dumps(config).replace("{f}", folder).replace("{g}", make_folder())
    body = {"name": "mount-x", "image": "python", "config": json.loads(text)}
    refused = client.ask("POST", "/session", json=body)
    assert refused.status_code == 400, refused.text
    assert "\n" not in refused.json()["msg"]
    assert client.ask("GET", "/session/mount-x").status_code == 404


def test_a_folder_in_the_trash_is_not_mounted(client, folder):
    folder_id = client.ask("GET", f"/folders/{folder}").json()["id"]
    client.ask("DELETE", "/folders", json={"id": folder_id})
    body = {"name": "mount-x", "image": "python", "config": {"mounts": [folder]}}
    assert "in the trash" in client.ask("POST", "/session", json=body).json()["msg"]


def test_without_a_sandbox_a_folder_is_a_link(program, http, make_storage):
    program.arguments = ("--sandbox", "plain")
    client = program.start().client(http)
    client.ask("POST", "/folders", json={"name": "data"})
    make_storage(client).put("data", "file", b"linked")
    client.create("plain-1", config={"mounts": ["data"], "mount_map": {"data": "deep/data"}})
    assert client.console(client.run("plain-1", "print(open('deep/data/file').read())")) == (
        "linked\n"
    )
    body = {"name": "plain-2", "image": "python"}
    body["config"] = {"mounts": ["data"], "mount_map": {"data": "/data"}}
    told = client.ask("POST", "/session", json=body).json()
    assert told["status"] == "ERROR"
    assert "without a sandbox" in told["statusInfo"]
