"""What is not shared is neither listed, read, mounted nor guessed; and no path leads outside."""

import uuid

import pytest

SECRET = b"nobody else's"


@pytest.fixture
def others(user, make_storage):
    """The plain user's storage; the folders here are the administrator's."""
    return make_storage(user)


ROUTES = [
    ("GET", "/folders/{f}", {}),
    ("DELETE", "/folders/{f}", {}),
    ("DELETE", "/folders/{f}/force", {}),
    ("GET", "/folders/{f}/files", {}),
    ("GET", "/folders/_/id", {"name": "{f}"}),
    ("POST", "/folders/{f}/rename", {"new_name": "mine"}),
    ("POST", "/folders/{f}/update-options", {"permission": "ro"}),
    ("POST", "/folders/{f}/mkdir", {"path": "dir"}),
    ("POST", "/folders/{f}/request-upload", {"path": "file", "size": 1}),
    ("POST", "/folders/{f}/request-download", {"path": "file"}),
    ("POST", "/folders/{f}/request-download-archive", {"files": ["file"]}),
    ("POST", "/folders/{f}/rename-file", {"target_path": "file", "new_name": "mine"}),
    ("POST", "/folders/{f}/move-file", {"src": "file", "dst": "mine"}),
    ("DELETE", "/folders/{f}/delete-files", {"files": ["file"]}),
    ("POST", "/folders/{f}/invite", {"emails": ["user@atoll.local"]}),
    ("POST", "/folders/{f}/share", {"emails": ["user@atoll.local"]}),
    ("DELETE", "/folders/{f}/unshare", {"emails": ["user@atoll.local"]}),
    ("POST", "/folders/{f}/leave", {}),
    ("POST", "/folders/{f}/clone", {"target_name": "mine"}),
    ("DELETE", "/folders", {"id": "{f}"}),
    ("POST", "/folders/purge", {"id": "{f}"}),
    ("POST", "/folders/restore-from-trash-bin", {"id": "{f}"}),
    ("POST", "/folders/delete-from-trash-bin", {"id": "{f}"}),
    ("GET", "/folders/_/shared", {"vfolder_id": "{f}"}),
    ("POST", "/folders/_/shared", {"vfolder": "{f}", "user": "x", "perm": "rw"}),
    ("POST", "/folders/_/sharing", {"vfolder": "{f}", "user_perm": []}),
    ("GET", "/folders/_/quota", {"id": "{f}"}),
    ("POST", "/folders/_/quota", {"id": "{f}", "input": {"size_bytes": 1}}),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=lambda value: str(value)[:40])
def test_folders_of_others_are_not_found(client, user, storage, folder, method, path, body):
    storage.put(folder, "file", SECRET)
    folder_id = client.ask("GET", f"/folders/{folder}").json()["id"]
    for reference in (folder, folder_id, str(uuid.UUID(folder_id))):
        sent = {key: reference if value == "{f}" else value for key, value in body.items()}
        for_theirs = user.ask(method, path.replace("{f}", reference), json=sent)
        for_nothing = user.ask(
            method,
            path.replace("{f}", "nothing"),
            json={key: "nothing" if value == "{f}" else value for key, value in body.items()},
        )
        assert for_theirs.status_code == 404
        # Not even by the words of the refusal can it be told that the folder exists.
        assert for_theirs.text.replace(reference, "nothing") == for_nothing.text
    assert storage.fetch(folder, "file") == SECRET


@pytest.mark.parametrize(
    "path",
    [
        ("GET", "/folders/_/all-hosts"),
        ("GET", "/folders/_/perf-metric"),
        ("GET", "/folders/_/usage"),
        ("GET", "/folders/_/fstab"),
        ("GET", "/folders/_/mounts"),
        ("POST", "/folders/_/mounts"),
        ("POST", "/folders/_/change-ownership"),
    ],
    ids=lambda pair: pair[1].rpartition("/")[2],
)
def test_what_is_for_superadmins_is_refused_to_users(user, path):
    assert user.ask(*path, json={}).status_code == 403


def test_lists_contain_nothing_of_others(client, user, folder):
    assert folder not in user.ask("GET", "/folders").text
    assert folder in client.ask("GET", "/folders").text
    lists = ("vfolder_list", "vfolder_own_list", "vfolder_invited_list", "vfolder_project_list")
    fields = " ".join(f"{one}(limit: 100, offset: 0) {{ items {{ name }} }}" for one in lists)
    told = user.gql(f"{{ {fields} vfolder_nodes {{ edges {{ node {{ name }} }} }} }}")
    assert "errors" not in told
    assert folder not in str(told)


def test_graphql_nodes_of_others_are_not_found(client, user, folder):
    folder_id = client.ask("GET", f"/folders/{folder}").json()["id"]
    query = f'{{ vfolder_node(id: "{folder_id}") {{ name }} }}'
    assert user.gql(query)["data"]["vfolder_node"] is None
    assert user.gql(f'{{ vfolder(id: "{folder_id}") {{ name }} }}')["errors"]


def test_a_folder_of_another_is_not_mounted(client, user, folder):
    folder_id = client.ask("GET", f"/folders/{folder}").json()["id"]
    for config in (
        {"mounts": [folder]},
        {"mounts": [folder_id]},
        {"mount_ids": [str(uuid.UUID(folder_id))]},
        {"mount_map": {folder: "/home/work/x"}},
    ):
        body = {"name": "thief", "image": "python", "config": config}
        assert user.ask("POST", "/session", json=body).status_code == 404


def test_everybody_has_names_of_their_own(client, user, storage, others, folder):
    assert user.ask("POST", "/folders", json={"name": folder}).status_code == 201
    storage.put(folder, "file", b"one")
    others.put(folder, "file", b"two")
    assert (storage.fetch(folder, "file"), others.fetch(folder, "file")) == (b"one", b"two")
    assert user.ask("DELETE", f"/folders/{folder}").status_code == 204
    assert storage.fetch(folder, "file") == b"one"


BAD_PATHS = {
    "above": "../file",
    "above later": "dir/../../file",
    "above and back": "dir/../file",
    "absolute": "/etc/passwd",
    "the folder's own place": "{place}/file",
    "NUL": "file\0.txt",
    "long name": "n" * 256,
    "long name in letters of two bytes": "ü" * 128,
    "long path": "dir/" * 1100 + "file",
    "link out": "out/passwd",
    "link out at the end": "passwd",
    "link above": "above/file",
    "link to the machine": "root/etc/passwd",
    "link to itself": "loop/file",
    "link that leads nowhere, out": "dangling/file",
}


@pytest.fixture
def traps(on_disk, storage, folder):
    """A folder full of links to other places; gives its name and where it lies."""
    storage.put(folder, "inside/file", b"inside")
    place = on_disk(folder)
    outside = place.parent / "secret"
    outside.mkdir(exist_ok=True)
    (outside / "file").write_bytes(SECRET)
    links = {
        "out": "/etc",
        "passwd": "/etc/passwd",
        "above": "../secret",
        "root": "/",
        "loop": "loop",
        "dangling": "/nowhere/at/all",
        "within": "inside",
    }
    for name, target in links.items():
        (place / name).symlink_to(target)
    return folder, place


USES = {
    "files": ("GET", "files", lambda path: {"path": path}),
    "download": ("POST", "request-download", lambda path: {"path": path}),
    "archive": ("POST", "request-download-archive", lambda path: {"files": ["inside", path]}),
    "upload": ("POST", "request-upload", lambda path: {"path": f"{path}/x", "size": 1}),
    "mkdir": ("POST", "mkdir", lambda path: {"path": f"{path}/x"}),
    "move from": ("POST", "move-file", lambda path: {"src": f"{path}/x", "dst": "taken"}),
    "move to": ("POST", "move-file", lambda path: {"src": "inside/file", "dst": f"{path}/x"}),
    "rename": ("POST", "rename-file", lambda path: {"target_path": f"{path}/x", "new_name": "x"}),
    "delete": ("DELETE", "delete-files", lambda path: {"files": [f"{path}/x"]}),
}


@pytest.mark.parametrize("use", USES)
def test_no_path_leads_outside(client, storage, traps, use):
    folder, place = traps
    method, route, body = USES[use]
    for what, pattern in BAD_PATHS.items():
        path = pattern.replace("{place}", str(place))
        refused = client.ask(method, f"/folders/{folder}/{route}", json=body(path))
        if use == "upload" and refused.status_code == 200:
            # A link can come between asking and sending: then the end of the upload is refused.
            granted = refused.json()
            query = {"token": granted["token"]}
            headers = {"Upload-Offset": "0"}
            refused = client.http.patch(granted["url"], params=query, headers=headers, content=b"x")
        assert refused.status_code in {400, 404}, what
        assert SECRET.decode() not in refused.text
        assert "root:" not in refused.text
    assert sorted(path.name for path in (place.parent / "secret").iterdir()) == ["file"]
    assert storage.fetch(folder, "inside/file") == b"inside"


def test_links_within_are_followed(storage, traps):
    folder, _ = traps
    assert storage.names(folder, "within") == ["file"]
    assert storage.fetch(folder, "within/file") == b"inside"


def test_links_are_listed_and_removed_as_links(client, storage, traps):
    folder, place = traps
    assert {"out", "loop", "passwd"} <= set(storage.names(folder))
    body = {"files": ["out", "above", "loop"], "recursive": True}
    assert client.ask("DELETE", f"/folders/{folder}/delete-files", json=body).status_code == 200
    assert (place.parent / "secret" / "file").read_bytes() == SECRET
    assert "out" not in storage.names(folder)


def test_a_file_replaces_a_link(storage, traps):
    folder, place = traps
    storage.put(folder, "passwd", b"harmless")
    assert not (place / "passwd").is_symlink()
    assert storage.fetch(folder, "passwd") == b"harmless"


@pytest.mark.parametrize("path", ["", ".", "inside", "inside/"])
def test_a_folder_cannot_be_written_as_a_file(client, traps, path):
    folder, _ = traps
    body = {"path": path, "size": 1}
    refused = client.ask("POST", f"/folders/{folder}/request-upload", json=body)
    assert refused.status_code == 400


def test_the_folder_itself_is_not_removed(client, traps):
    folder, place = traps
    for path in (".", "./", "inside/.."):
        body = {"files": [path], "recursive": True}
        answer = client.ask("DELETE", f"/folders/{folder}/delete-files", json=body)
        assert answer.status_code == 400
    assert (place / "inside" / "file").exists()
