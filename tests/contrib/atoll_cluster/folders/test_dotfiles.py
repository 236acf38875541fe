"""Dotfiles of keypairs, groups and domains, and what becomes of them in sessions."""

import pytest

SCOPES = {
    "user": ("/user-config/dotfiles", {}),
    "group": ("/group-config/dotfiles", {"group": "default"}),
    "domain": ("/domain-config/dotfiles", {"domain": "default"}),
}


@pytest.fixture(params=SCOPES)
def ask(request, client):
    """Return the function that asks for the dotfiles of one scope."""
    path, scope = SCOPES[request.param]

    def ask(method, who=client, **body):
        return who.ask(method, path, json={**scope, **body})

    return ask


def test_life_of_a_dotfile(ask):
    body = {"path": ".vimrc", "data": "set nu\n", "permission": "640"}
    assert ask("POST", **body).status_code == 200
    assert body in ask("GET").json()
    assert ask("GET", path=".vimrc").json()["perm"] == "640"
    again = ask("POST", **body)
    assert (again.status_code, again.json()["title"]) == (400, "Dotfile already exists.")
    assert ask("PATCH", **{**body, "data": "set nonu\n"}).status_code == 200
    assert ask("GET", path=".vimrc").json()["data"] == "set nonu\n"
    assert ask("DELETE", path=".vimrc").json() == {"success": True}
    for method in ("GET", "DELETE"):
        assert ask(method, path=".vimrc").status_code == 404
    assert ask("PATCH", **body).status_code == 404


def test_users_can_change_only_their_own_dotfiles(ask, user, request):
    body = {"path": ".theirs", "data": "", "permission": "644"}
    answer = ask("POST", user, **body)
    own = "user" in request.node.callspec.id
    assert answer.status_code == (200 if own else 403)
    assert body not in ask("GET").json()
    assert ask("GET", user).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"path": "../x"},
        {"path": "/etc/passwd"},
        {"path": "a\0b"},
        {"path": ".ssh"},
        {"path": ".ssh/authorized_keys"},
        {"path": ""},
        {"path": "n" * 300},
        {"path": ".x", "permission": "9"},
        {"path": ".x", "permission": "0644"},
        {"path": ".x", "data": "x" * 65536},
        {"path": ".x", "data": ["x"]},
    ],
    ids=lambda body: str(body)[:40],
)
def test_invalid_values_are_refused(client, body):
    body = {"data": "", "permission": "644", **body}
    assert client.ask("POST", "/user-config/dotfiles", json=body).status_code == 400
    assert client.ask("GET", "/user-config/dotfiles").json() == []


def test_a_hundred_dotfiles_are_allowed(program, http):
    client = program.start().client(http)
    for number in range(101):
        body = {"path": f".file{number}", "data": "", "permission": "644"}
        answer = client.ask("POST", "/user-config/dotfiles", json=body)
        assert answer.status_code == (200 if number < 100 else 400)


def test_sessions_start_with_dotfiles_and_the_users_have_precedence(client):
    files = [
        ("domain", ".conf", "of the domain", "644"),
        ("group", ".conf", "of the group", "600"),
        ("group", "bin/run.sh", "echo ran\n", "755"),
        ("user", ".conf", "of the user", "400"),
    ]
    for scope, path, data, permission in files:
        route, keys = SCOPES[scope]
        body = {**keys, "path": path, "data": data, "permission": permission}
        assert client.ask("POST", route, json=body).status_code == 200
    client.create("dotted")
    code = "import subprocess\nprint(subprocess.getoutput("
    code += "'cat .conf; echo; stat -c %a .conf bin/run.sh; bin/run.sh'))"
    said = client.console(client.run("dotted", code)).split("\n")
    assert said[:4] == ["of the user", "400", "755", "ran"]
    # What has become of them is not undone by a restart.
    client.run("dotted", "import os; os.remove('.conf')")
    assert client.ask("PATCH", "/session/dotted").status_code == 204
    said = client.console(client.run("dotted", "import os; print(os.path.exists('.conf'))"))
    assert said == "False\n"
    client.ask("DELETE", "/session/dotted?forced=true")
    for scope, path, _, _ in files:
        route, keys = SCOPES[scope]
        assert client.ask("DELETE", route, json={**keys, "path": path}).status_code == 200


def test_a_keypair_keeps_a_bootstrap_script(client, user):
    path = "/user-config/bootstrap-script"
    assert user.ask("GET", path).json() == ""
    assert user.ask("POST", path, json={"script": "echo kept > made"}).status_code == 200
    assert user.ask("GET", path).json() == "echo kept > made"
    assert client.ask("GET", path).json() == ""
    user.create("booted")
    assert user.console(user.run("booted", "print(open('made').read())")) == "kept\n\n"
    user.ask("DELETE", "/session/booted?forced=true")
    assert user.ask("POST", path, json={"script": ""}).status_code == 200
    refused = user.ask("POST", path, json={"script": "x" * 65537})
    assert refused.status_code == 400
