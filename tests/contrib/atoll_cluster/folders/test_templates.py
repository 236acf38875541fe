"""Session templates: every spelling, what is wrong with them, and sessions started from them."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

PATH = "/template/session"

MANUAL = (Path(__file__).parents[3] / "manual-template.yaml").read_text()


@pytest.fixture
def make(client):
    """Return the function that keeps a template, given as map or text; gives its id."""

    def make(template, who=client, **body):
        text = template if isinstance(template, str) else json.dumps([{"template": template}])
        answer = who.ask("POST", PATH, json={"payload": text, **body})
        assert answer.status_code == 200, answer.text
        return answer.json()[0]["id"]

    return make


@pytest.fixture
def kept(client):
    """Return the function that gives a template as it is kept."""
    return lambda template_id: client.ask("GET", f"{PATH}/{template_id}").json()["template"]


def template(**kernel):
    """Make a small template."""
    return {
        "api_version": "v1",
        "kind": "taskTemplate",
        "metadata": {"name": "small"},
        "spec": {"kernel": {"image": "python", **kernel}, "resources": {"mem": "256m"}},
    }


def test_the_documented_template_is_stored_as_by_every_manager(make, kept):
    spec = kept(make(MANUAL))["spec"]
    assert spec["session_type"] == "interactive"
    assert spec["mounts"] == {"hostpath-test": "/home/work/hostDesktop", "test-vfolder": ""}
    assert spec["resources"] == {"cpu": "2", "mem": "4g"}
    assert spec["kernel"]["git"]["destination_dir"] == "/home/work/baiagent"
    assert spec["kernel"]["architecture"] == "x86_64"
    assert spec["kernel"]["run"] is None


@pytest.mark.parametrize(
    "change",
    [
        ("api_version:", "apiVersion:"),
        ("taskTemplate", "task_template"),
        ("sessionType:", "type:"),
        ("sessionType:", "session_type:"),
        ("destinationDir:", "destination_dir:"),
        ("'19.09'", "19.09"),
        ("cpu: '2'", "cpu: 2"),
        ("test-vfolder:", "test-vfolder: null"),
    ],
    ids=lambda change: change[1],
)
def test_every_spelling_means_the_same(make, kept, change):
    assert kept(make(MANUAL.replace(*change))) == kept(make(MANUAL))


@pytest.mark.parametrize("spelling", ["startup", "startup_command", "startupCommand", "stratup"])
def test_every_spelling_of_the_startup_command(make, kept, spelling):
    found = kept(make(template(run={spelling: "echo 1", "bootstrap": "true"})))
    assert found["spec"]["kernel"]["run"] == {"bootstrap": "true", "startup_command": "echo 1"}


def test_scalars_of_yaml_are_texts(make, kept):
    text = MANUAL.replace("MYCONFIG: XXX", "FLAG: yes\n      DATE: 2020-01-01\n      N: 010")
    environ = kept(make(text))["spec"]["kernel"]["environ"]
    assert environ == {"FLAG": "yes", "DATE": "2020-01-01", "N": "010"}


def test_several_documents_and_unknown_keys(client, kept):
    framed = "template:\n" + "\n".join(f"  {line}" for line in MANUAL.splitlines()[1:])
    payload = f"{MANUAL}---\n{framed}\n  extra: kept\n"
    made = client.ask("POST", PATH, json={"payload": payload}).json()
    assert len(made) == 2
    assert kept(made[1]["id"])["extra"] == "kept"


BOMB = "a: &a [1, 1]\n" + "".join(
    f"{letter}: &{letter} [{', '.join([f'*{chr(ord(letter) - 1)}'] * 10)}]\n" for letter in "bcdefg"
)
"""A short text that means a million ones."""

WRONG = {
    "": "payload is required",
    "42": "must be a map",
    "a: [": "neither JSON nor YAML",
    "!!python/object:os.system {}": "neither JSON nor YAML",
    MANUAL.replace("api_version: v1", ""): "template.api_version is required",
    MANUAL.replace("taskTemplate", "novel"): "template.kind must be",
    MANUAL.replace("  name: template1234", ""): "template.metadata.name is required",
    MANUAL.replace("image: python:3.6-ubuntu18.04", ""): "template.spec.kernel.image is required",
    MANUAL.replace("interactive", "eternal"): "template.spec.session_type must be",
    MANUAL.replace("repository: https", "url: https"): "git.repository is required",
    MANUAL.replace("'19.09'", "--upload-pack=x"): "git.branch must not begin",
    MANUAL.replace("cpu: '2'", "cpu: [2]"): "template.spec.resources.cpu must be a text",
    MANUAL + "  type: batch\n": "is given twice",
    f"{MANUAL}---\nx: y\n": "template.api_version is required",
    BOMB: "too large",
    "x" * 70_000: "at most",
}


@pytest.mark.parametrize("payload", WRONG, ids=range(len(WRONG)))
def test_an_invalid_template_is_refused_and_not_stored(client, payload):
    before = client.ask("GET", PATH).json()
    refused = client.ask("POST", PATH, json={"payload": payload})
    assert refused.status_code == 400
    assert WRONG[payload] in refused.json()["msg"]
    assert "\n" not in refused.json()["msg"]
    assert client.ask("GET", PATH).json() == before


def test_a_template_is_listed_changed_and_deleted(client, make, kept):
    template_id = make(MANUAL)
    listed = {one["id"]: one for one in client.ask("GET", PATH, json={"all": False}).json()}
    entry = listed[template_id]
    assert (entry["name"], entry["is_owner"], entry["type"]) == ("template1234", True, "task")
    assert entry["group_name"] == "default"
    path = f"{PATH}/{template_id}"
    changed = client.ask("PUT", path, json={"payload": MANUAL.replace("mem: 4g", "mem: 1g")})
    assert changed.json() == {"success": True}
    assert kept(template_id)["spec"]["resources"]["mem"] == "1g"
    assert client.ask("DELETE", path).json() == {"success": True}
    assert client.ask("GET", path).json() == {}
    for method in ("PUT", "DELETE"):
        assert client.ask(method, path, json={"payload": MANUAL}).status_code == 404


def test_only_the_owner_changes_a_template(client, user, make):
    path = f"{PATH}/{make(template())}"
    assert user.ask("GET", path).json()["name"] == "small"
    assert user.ask("PUT", path, json={"payload": MANUAL}).status_code == 403
    assert user.ask("DELETE", path).status_code == 403


def test_a_session_follows_its_template(client, make, make_folder):
    folder = make_folder()
    content = template(environ={"MYCONFIG": "XXX"}, run={"bootstrap": "echo made > made"})
    content["spec"]["mounts"] = {folder: "/home/work/seen"}
    content["metadata"]["tag"] = "tagged"
    body = {"template_id": make(content), "config": {"mounts": []}}
    started = client.ask("POST", "/session/_/create-from-template", json=body)
    assert started.status_code == 201, started.text
    name = started.json()["sessionName"]
    assert name.startswith("small-")
    code = "import os; print(os.environ['MYCONFIG'], open('made').read(), os.listdir())"
    said = client.console(client.run(name, code))
    assert said.startswith("XXX made")
    assert "seen" in said
    query = "query($id: UUID!) { compute_session(id: $id) { tag occupied_slots } }"
    told = client.gql(query, id=started.json()["sessionId"])["data"]["compute_session"]
    assert told["tag"] == "tagged"
    assert json.loads(told["occupied_slots"])["mem"] == str(256 * 1024**2)
    client.ask("DELETE", f"/session/{name}?forced=true")


def test_given_options_replace_those_of_the_template(client, make, make_folder):
    content = template(environ={"A": "of the template", "B": "too"})
    content["spec"]["mounts"] = {"folder-that-is-not-there": ""}
    config = {"environ": {"A": "given"}, "mounts": [make_folder()], "resources": {"mem": "300m"}}
    body = {"templateId": make(content), "name": "overridden", "tag": "given", "config": config}
    started = client.ask("POST", "/session/_/create-from-template", json=body)
    assert started.status_code == 201, started.text
    code = "import os; print(os.environ['A'], os.environ.get('B'))"
    assert client.console(client.run("overridden", code)) == "given None\n"
    client.ask("DELETE", "/session/overridden?forced=true")


def test_an_unknown_template_starts_nothing(client):
    for reference in ("nothing", "0" * 32):
        body = {"template_id": reference}
        refused = client.ask("POST", "/session/_/create-from-template", json=body)
        assert refused.json()["title"] == "No such task template."


@pytest.fixture(scope="module")
def repository(make_repository):
    return make_repository(private=True)


@pytest.mark.parametrize("where", ["credential", "url"])
def test_a_repository_is_cloned_and_its_password_never_shown(client, make, repository, where):
    url, password = repository.url, repository.password
    git = {"repository": url, "branch": "19.09", "destinationDir": "cloned/here"}
    git["commit"] = repository.first
    if where == "credential":
        git["credential"] = {"username": repository.user, "password": password}
    else:
        git["repository"] = url.replace("//", f"//{repository.user}:{quote(password, safe='')}@")
    template_id = make(template(git=git))
    body = {"template_id": template_id, "name": f"cloned-{where}"}
    started = client.ask("POST", "/session/_/create-from-template", json=body)
    assert started.status_code == 201, started.text
    session = started.json()["sessionName"]
    code = "print(open('cloned/here/file').read(), open('cloned/here/.git/config').read())"
    said = client.console(client.run(session, code))
    assert said.startswith("first")
    shown = [
        said,
        client.ask("GET", f"/session/{session}/logs").text,
        client.ask("GET", f"/session/{session}").text,
        client.ask("GET", f"{PATH}/{template_id}").text,
        client.ask("GET", PATH).text,
    ]
    client.ask("DELETE", f"/session/{session}?forced=true")
    assert all("p@ss" not in text and "p%40ss" not in text for text in shown)


def test_a_password_stays_when_a_template_comes_back_as_it_was_shown(
    client, make, kept, repository
):
    credential = {"username": repository.user, "password": repository.password}
    template_id = make(template(git={"repository": repository.url, "credential": credential}))
    shown = kept(template_id)
    shown["spec"]["resources"]["mem"] = "300m"
    payload = json.dumps([{"template": shown}])
    client.ask("PUT", f"{PATH}/{template_id}", json={"payload": payload})
    body = {"template_id": template_id, "name": "cloned-again"}
    assert client.ask("POST", "/session/_/create-from-template", json=body).status_code == 201
    said = client.console(client.run("cloned-again", "print(open('agent/file').read())"))
    assert said == "second\n"
    client.ask("DELETE", "/session/cloned-again?forced=true")


def test_others_start_a_template_without_its_password(client, user, make, repository):
    credential = {"username": repository.user, "password": repository.password}
    git = {"repository": repository.url, "credential": credential}
    body = {"template_id": make(template(git=git)), "name": "by-another"}
    assert user.ask("POST", "/session/_/create-from-template", json=body).status_code == 201
    code = "print(open('/run/atoll/bootstrap.sh').read())"
    said = user.console(user.run("by-another", code))
    assert repository.url in said
    assert "p@ss" not in said
    user.ask("DELETE", "/session/by-another?forced=true")


def test_a_missing_repository_is_reported_in_the_log(client, make, repository):
    nothing = repository.url.replace("agent", "nothing")
    git = {"repository": nothing, "credential": {"password": repository.password}}
    body = {"template_id": make(template(git=git)), "name": "cloned-not"}
    assert client.ask("POST", "/session/_/create-from-template", json=body).status_code == 201
    log = client.ask("GET", "/session/cloned-not/logs").text
    assert "fatal" in log
    assert "p@ss" not in log
    client.ask("DELETE", "/session/cloned-not?forced=true")


@pytest.mark.parametrize(
    ("bootstrap", "there", "code"),
    [("true", True, 0), ("false", True, 1), ("true", False, 128), ("exit 3", True, 3)],
)
def test_a_failed_step_is_reported_though_others_succeed(
    client, make, repository, bootstrap, there, code
):
    url = repository.url if there else repository.url.replace("agent", "nothing")
    credential = {"username": repository.user, "password": repository.password}
    git = {"repository": url, "credential": credential}
    content = template(git=git, run={"bootstrap": bootstrap})
    body = {"template_id": make(content), "name": "in-two-steps"}
    assert client.ask("POST", "/session/_/create-from-template", json=body).status_code == 201
    log = client.ask("GET", "/session/in-two-steps/logs").text
    assert f"The user bootstrap script has exited with code {code}\\n" in log
    client.ask("DELETE", "/session/in-two-steps?forced=true")
