"""Keys for a password, accounts that people make themselves, and looking after the own one."""

from uuid import uuid4

import attrs
import pytest


def email_of(client):
    return client.gql("{ user { email } }")["data"]["user"]["email"]


def authorize(client, username, password, **more):
    """Ask for keys without signing."""
    body = {"type": "keypair", "domain": "default", "username": username, "password": password}
    return client.http.post(client.endpoint + "/auth/authorize", json={**body, **more})


def test_a_password_gives_the_main_keypair(make_user):
    user = make_user(password="right")
    found = authorize(user, email_of(user), "right").json()["data"]
    assert (found["access_key"], found["secret_key"]) == (user.access_key, user.secret_key)
    assert (found["role"], found["status"]) == ("user", "active")


@pytest.mark.parametrize(
    ("name", "password", "more"),
    [
        ("user@atoll.local", "", {}),
        ("user@atoll.local", "guess", {}),
        ("nobody@atoll.local", "guess", {}),
        ("user@atoll.local", "guess", {"domain": "other"}),
    ],
)
def test_a_wrong_password_gives_no_keys(client, name, password, more):
    answer = authorize(client, name, password, **more)
    assert answer.status_code in {400, 401}
    assert "secret_key" not in answer.text


def test_a_password_change_needs_the_old_password(make_user):
    user = make_user(password="old")
    email = email_of(user)

    def change(old, new, again):
        body = {"old_password": old, "new_password": new, "new_password2": again}
        return user.ask("POST", "/auth/update-password", json=body)

    assert change("wrong", "new", "new").status_code == 401
    differing = change("old", "new", "newer")
    assert (differing.status_code, differing.json()) == (
        400,
        {"error_msg": "new password mismatch"},
    )
    assert change("old", "new", "new").status_code == 200
    assert authorize(user, email, "old").status_code == 401
    assert authorize(user, email, "new").status_code == 200


def test_an_expired_password_is_refused_until_it_is_changed(make_user):
    """Until it is changed, by whoever knows it; that works once."""
    user = make_user(password="old", need_password_change=True)
    email = email_of(user)
    body = {"domain": "default", "username": email, "new_password": "new"}

    def change(current):
        route = user.endpoint + "/auth/update-password-no-auth"
        return user.http.post(route, json={**body, "current_password": current})

    refused = authorize(user, email, "old")
    assert refused.status_code == 401
    assert refused.json()["type"].endswith("/password-expired")
    assert authorize(user, email, "wrong").json()["type"].endswith("/auth-failed")
    assert change("wrong").status_code == 401
    assert change("old").status_code == 201
    assert authorize(user, email, "new").status_code == 200
    assert change("new").status_code == 400


def test_the_first_accounts_have_an_empty_password(user):
    body = {"old_password": "", "new_password": "mine", "new_password2": "mine"}
    assert user.ask("POST", "/auth/update-password", json=body).status_code == 200
    assert user.ask("POST", "/auth/update-password", json=body).status_code == 401


def test_a_new_account_is_inactive_until_an_administrator_activates_it(client, mutate):
    email = f"{uuid4().hex[:8]}@example.com"
    body = {"domain": "default", "email": email, "password": "secret", "full_name": "New"}
    made = client.http.post(client.endpoint + "/auth/signup", json=body)
    assert made.status_code == 201
    newcomer = attrs.evolve(client, **made.json())
    assert newcomer.ask("GET", "/auth").status_code == 401
    assert mutate(client, f'modify_user(email: "{email}", props: {{status: "active"}})')["ok"]
    assert newcomer.ask("GET", "/auth").status_code == 200
    again = client.http.post(client.endpoint + "/auth/signup", json=body)
    assert again.status_code == 400


def test_users_can_delete_their_account(make_user):
    user = make_user(password="secret")
    email = email_of(user)
    other = {"email": "user@atoll.local", "password": "secret"}
    assert user.ask("POST", "/auth/signout", json=other).status_code == 401
    body = {"email": email, "password": "secret"}
    assert user.ask("POST", "/auth/signout", json=body).status_code == 200
    assert user.ask("GET", "/auth").status_code == 401


def test_users_can_change_their_name(make_user):
    user = make_user()
    body = {"email": email_of(user), "full_name": "A New Name"}
    assert user.ask("POST", "/auth/update-full-name", json=body).status_code == 200
    assert user.gql("{ user { full_name } }")["data"]["user"] == {"full_name": "A New Name"}
    body["email"] = "admin@atoll.local"
    assert user.ask("POST", "/auth/update-full-name", json=body).status_code == 403


def test_ssh_keys(make_user):
    user = make_user()
    assert user.ask("GET", "/auth/ssh-keypair").json() == {"ssh_public_key": ""}
    made = user.ask("PATCH", "/auth/ssh-keypair").json()
    assert made["ssh_public_key"].startswith("ssh-rsa ")
    assert "PRIVATE KEY" in made["ssh_private_key"]
    told = user.ask("GET", "/auth/ssh-keypair").json()
    assert told == {"ssh_public_key": made["ssh_public_key"]}
    own = {"pubkey": made["ssh_public_key"], "privkey": made["ssh_private_key"]}
    assert user.ask("POST", "/auth/ssh-keypair", json=own).json() == made
    own["privkey"] = "nonsense"
    assert user.ask("POST", "/auth/ssh-keypair", json=own).status_code == 400


def test_roles_are_returned(client, make_user):
    chief = make_user(role="admin")
    roles = [one.ask("GET", "/auth/role").json() for one in (client, chief, make_user())]
    assert [one["global_role"] for one in roles] == ["superadmin", "user", "user"]
    assert [one["domain_role"] for one in roles] == ["admin", "admin", "user"]
