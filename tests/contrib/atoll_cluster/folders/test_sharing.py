"""Folders for others: offered, taken, limited, given back, given away."""

import pytest

USER = "user@atoll.local"


@pytest.fixture
def others(user, make_storage):
    return make_storage(user)


@pytest.fixture
def offer(client, user):
    """Return the function that offers a folder to the plain user; gives the invitation."""

    def offer(folder: str, permission: str = "rw"):
        body = {"emails": [USER], "perm": permission}
        answer = client.ask("POST", f"/folders/{folder}/invite", json=body)
        assert (answer.status_code, answer.json()) == (201, {"invited_ids": [USER]})
        received = user.ask("GET", "/folders/invitations/list").json()["invitations"]
        return next(one for one in received if one["vfolder_name"] == folder)

    return offer


def accept(user, invitation):
    return user.ask("POST", "/folders/invitations/accept", json={"inv_id": invitation["id"]})


def test_an_invitation_has_no_effect_until_it_is_accepted(
    client, user, storage, others, folder, offer
):
    storage.put(folder, "file", b"shared")
    invitation = offer(folder)
    assert user.ask("GET", f"/folders/{folder}").status_code == 404
    sent = client.ask("GET", "/folders/invitations/list-sent").json()["invitations"]
    assert invitation["id"] in {one["id"] for one in sent}
    assert accept(user, invitation).status_code == 200
    assert others.fetch(folder, "file") == b"shared"
    others.put(folder, "back", b"answer")
    assert storage.fetch(folder, "back") == b"answer"
    listed = {one["name"]: one for one in user.ask("GET", "/folders").json()}
    assert not listed[folder]["is_owner"]


def test_what_is_shared_is_in_a_list_of_its_own(user, folder, offer):
    accept(user, offer(folder, "ro"))
    told = user.gql("{ vfolder_invited_list(limit: 99, offset: 0) { items { name permission } } }")
    items = told["data"]["vfolder_invited_list"]["items"]
    assert {"name": folder, "permission": "ro"} in items


@pytest.mark.parametrize(
    ("method", "route", "body"),
    [
        ("POST", "mkdir", {"path": "dir"}),
        ("POST", "request-upload", {"path": "new", "size": 1}),
        ("POST", "rename-file", {"target_path": "file", "new_name": "other"}),
        ("POST", "move-file", {"src": "file", "dst": "other"}),
        ("DELETE", "delete-files", {"files": ["file"]}),
        ("POST", "rename", {"new_name": "mine"}),
        ("POST", "update-options", {"permission": "ro"}),
        ("POST", "invite", {"emails": ["admin@atoll.local"]}),
        ("DELETE", "", {}),
    ],
    ids=str,
)
def test_read_permission_allows_only_reading(
    user, others, storage, folder, offer, method, route, body
):
    storage.put(folder, "file", b"shared")
    accept(user, offer(folder, "ro"))
    assert others.fetch(folder, "file") == b"shared"
    answer = user.ask(method, f"/folders/{folder}/{route}".rstrip("/"), json=body)
    assert answer.status_code == 403
    assert storage.names(folder) == ["file"]


def test_a_user_can_leave_a_shared_folder(user, folder, offer):
    accept(user, offer(folder))
    assert user.ask("POST", f"/folders/{folder}/leave", json={}).status_code == 200
    assert user.ask("GET", f"/folders/{folder}").status_code == 404


def test_the_owner_can_end_and_change_a_share_but_not_leave(client, user, folder, offer):
    accept(user, offer(folder))
    (entry,) = [
        one
        for one in client.ask("GET", "/folders/_/shared").json()["shared"]
        if one["vfolder_name"] == folder
    ]
    assert entry["shared_to"]["email"] == USER
    who = {"vfolder": entry["vfolder_id"], "user": entry["shared_to"]["uuid"]}
    assert client.ask("POST", "/folders/_/shared", json={**who, "perm": "ro"}).status_code == 200
    assert user.ask("POST", f"/folders/{folder}/mkdir", json={"path": "x"}).status_code == 403
    assert client.ask("POST", "/folders/_/shared", json={**who, "perm": None}).status_code == 200
    assert user.ask("GET", f"/folders/{folder}").status_code == 404
    assert client.ask("POST", f"/folders/{folder}/leave", json={}).status_code == 400


def test_an_invitation_can_be_declined_or_cancelled(client, user, make_folder, offer):
    delete = ("DELETE", "/folders/invitations/delete")
    for who in (user, client):
        invitation = offer(make_folder())
        assert who.ask(*delete, json={"inv_id": invitation["id"]}).status_code == 200
        assert accept(user, invitation).status_code == 404


def test_only_the_invitee_accepts(client, folder, offer):
    assert accept(client, offer(folder)).status_code == 404


def test_a_folder_of_the_same_name_prevents_accepting(user, folder, offer):
    assert user.ask("POST", "/folders", json={"name": folder}).status_code == 201
    refused = accept(user, offer(folder))
    assert refused.json()["type"].endswith("vfolder-already-exists")


def test_an_unknown_user_is_told(client, folder):
    body = {"emails": [USER, "nobody@atoll.local"]}
    refused = client.ask("POST", f"/folders/{folder}/invite", json=body)
    assert refused.status_code == 404
    assert "nobody@atoll.local" in refused.json()["msg"]


def test_an_address_that_is_no_text_is_refused(client, folder):
    body = {"content": rb'{"emails": ["\udcff"]}', "headers": {"Content-Type": "application/json"}}
    refused = client.ask("POST", f"/folders/{folder}/invite", **body)
    assert (refused.status_code, refused.json()["msg"]) == (
        400,
        "emails contains an incomplete UTF-16 pair",
    )


def test_members_can_use_the_folders_of_their_group(client, user, storage, others, make_folder):
    folder = make_folder(group="default", permission="ro")
    storage.put(folder, "file", b"for all")
    assert others.fetch(folder, "file") == b"for all"
    listed = {one["name"]: one for one in user.ask("GET", "/folders").json()}[folder]
    assert (listed["ownership_type"], listed["group_name"]) == ("group", "default")
    assert user.ask("POST", f"/folders/{folder}/mkdir", json={"path": "x"}).status_code == 403
    body = {"emails": [USER], "permission": "rw"}
    shared = client.ask("POST", f"/folders/{folder}/share", json=body)
    assert shared.json() == {"shared_emails": [USER]}
    others.put(folder, "answer", b"mine")
    gone = client.ask("DELETE", f"/folders/{folder}/unshare", json={"emails": [USER]})
    assert gone.json() == {"unshared_emails": [USER]}
    assert user.ask("POST", f"/folders/{folder}/mkdir", json={"path": "x"}).status_code == 403


def test_only_admins_make_folders_of_groups(user, name):
    body = {"name": name, "group": "default"}
    assert user.ask("POST", "/folders", json=body).status_code == 403


def test_a_users_folder_needs_an_invitation_to_be_shared(client, folder):
    answer = client.ask("POST", f"/folders/{folder}/share", json={"emails": [USER]})
    assert "invite others" in answer.json()["msg"]


def test_a_folder_gets_another_owner(client, user, storage, others, folder):
    storage.put(folder, "file", b"given away")
    folder_id = client.ask("GET", f"/folders/{folder}").json()["id"]
    body = {"vfolder": folder_id, "user_email": USER}
    assert client.ask("POST", "/folders/_/change-ownership", json=body).status_code == 200
    assert client.ask("GET", f"/folders/{folder}").status_code == 404
    assert others.fetch(folder, "file") == b"given away"
    assert user.ask("DELETE", f"/folders/{folder}").status_code == 204
