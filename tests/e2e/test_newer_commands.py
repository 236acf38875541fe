"""Options, fields and commands that clients have brought since, or had before, the document."""

import json

import pytest


def ok(done):
    """Return what a command printed, once it is known to have gone well."""
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def chain(shared):
    """A session that runs, one that waits for it, and one that waits for both."""
    ok(shared.run("start", "-t", "first", "python"))
    ok(shared.run("start", "-t", "second", "--depends", "first", "--enqueue-only", "python"))
    both = ["--depends", "first", "--depends", "second"]
    ok(shared.run("start", "-t", "third", *both, "--enqueue-only", "python"))
    return "third"


@pytest.mark.parametrize(
    ("asked", "name", "value"),
    [
        ("owner", "access_key", str),
        ("kernel_id", "task_id", str),
        ("group", "group_name", "default"),
        ("cluster_hostname", "cluster_hostname", "main1"),
        ("user_email", "user_email", "admin@atoll.local"),
        ("agent_ids", "agent_ids", []),
        ("agent", "agent_ids", []),
        ("scheduled_at", "scheduled_at", None),
        ("idle_checks", "idle_checks", dict),
        ("group_id", "group_id", str),
        ("created_user_email", "created_user_email", "admin@atoll.local"),
        ("resource_opts", "resource_opts", dict),
        ("abusing_reports", "abusing_reports", []),
        ("cluster_template", "cluster_template", None),
        ("registry", "registry", str),
        ("num_queries", "num_queries", 0),
    ],
)
def test_fields_by_any_client_s_name(shared, chain, asked, name, value):
    filtered = ["--filter", f'name == "{chain}"', "-f", asked]
    (row,) = json.loads(ok(shared.run("ps", *filtered, "--output", "json")))
    assert list(row) == [name]
    assert isinstance(row[name], value) if isinstance(value, type) else row[name] == value
    ok(shared.run("ps", *filtered))  # as people see it


def test_what_a_session_depends_on(shared, chain):
    (row,) = json.loads(
        ok(
            shared.run(
                "ps", "--filter", f'name == "{chain}"', "-f", "dependencies", "--output", "json"
            )
        )
    )
    assert {one["name"] for one in row["dependencies"]} == {"first", "second"}
    tree = ok(shared.run("session", "show-graph", chain)).splitlines()
    assert tree[0] == "third PENDING"
    assert sorted(line.split("─ ")[1].split()[0] for line in tree[1:]) == [
        "first",
        "first",
        "second",
    ]
    table = json.loads(ok(shared.run("session", "show-graph", chain, "--output", "json")))
    assert sorted(node["name"] for node in table) == ["first", "second", "third"]


def test_a_page_of_sessions(shared, chain):
    names = ok(shared.run("ps", "--name-only")).split()
    assert (
        ok(shared.run("ps", "--name-only", "--offset", "1", "--limit", "1")).split() == names[1:2]
    )
    assert ok(shared.run("ps", "--name-only", "--limit", "0")) == ""
    assert ok(shared.run("ps", "--name-only", "--offset", "99")) == ""
    refused = shared.run("ps", "--all", "--limit", "3")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_the_past_of_a_session(shared, chain):
    history = json.loads(ok(shared.run("session", "status-history", "first", "--output", "json")))
    names = [row["status"] for row in history]
    assert names == ["PENDING", "SCHEDULED", "PREPARING", "RUNNING"]
    assert (
        "session first has no abuse reports"
        in shared.run("session", "abuse-history", "first").stderr
    )


def test_an_event_is_waited_for(shared, chain):
    ok(shared.run("events", "-q", "--wait", "session_started", "first"))
    ok(shared.run("session", "events", "--wait", "started", "first"))
    unknown = shared.run("events", "--wait", "sneezed!", "first")
    assert (unknown.returncode, "no such event" in unknown.stderr) == (2, True)


@pytest.mark.parametrize("command", ["exit 3", "true", "exit 300"])
def test_watching_a_batch_job_tells_its_exit_code(shared, tmp_path, command):
    wanted = {"exit 3": 3, "true": 0, "exit 300": 44}[command]
    (tmp_path / "go").touch()
    job = f"until [ -e go ]; do sleep 0.1; done; {command}"
    ok(shared.run("start", "--type", "batch", "-t", "job1", "-c", job, "python"))
    with shared.start("watch", "job1", "--output", "jsonl") as watching:
        assert "watching until" in watching.stderr.readline()
        ok(shared.run("upload", "job1", "--basedir", str(tmp_path), str(tmp_path / "go")))
        events, told = watching.communicate(timeout=60)
    assert watching.returncode == wanted, told
    last = json.loads(events.splitlines()[-1])
    assert last["event"] == ("session_failure" if wanted else "session_success")


def test_watching_no_session_in_particular(shared, chain):
    several = shared.run("watch")
    assert (several.returncode, "name one of" in several.stderr) == (5, True)
    timed = shared.run("session", "watch", "--max-wait", "1", "first")
    assert timed.returncode == 124


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--timeout", "3", "--type", "batch", "-c", "true"], "no --timeout: Backend.AI has it"),
        (["--network", "x"], "no --network: Backend.AI has it"),
        (["--timeout", "3"], "--timeout is for batch sessions"),
        (["--depends", "nobody"], "no session has the name or id 'nobody'"),
        (["--callback-url", "ftp://x"], "callback_url: must begin with http"),
    ],
)
def test_what_this_cluster_cannot_do_is_told_in_a_line(shared, words, told):
    refused = shared.run("start", *words, "python")
    assert refused.returncode > 0
    assert told in refused.stderr.splitlines()[-1]


def test_accepted_where_the_cluster_can(shared):
    line = ["start", "-t", "arch", "--arch", "x86_64", "--type", "inference", "--enqueue-only"]
    ok(shared.run(*line, "--callback-url", "http://127.0.0.1:9/", "python"))
    ok(shared.run("rm", "arch"))


def test_logs_of_one_container(shared, chain):
    assert ok(shared.run("logs", "-k", "main1", "first")) == ""
    missing = shared.run("session", "logs", "--kernel-id", "sub9", "first")
    assert (missing.returncode, "it has main1" in missing.stderr) == (5, True)


def test_sharing_seen_by_an_administrator(shared):
    ok(shared.run("vfolder", "create", "-g", "default", "lent"))
    (folder,) = [
        row
        for row in json.loads(ok(shared.run("vfolder", "list", "--output", "json")))
        if row["name"] == "lent"
    ]
    ok(
        shared.run(
            "admin",
            "users",
            "add",
            "default",
            "b@example.org",
            "-u",
            "b",
            "-g",
            "default",
            "s3cret-word",
        )
    )
    ok(shared.run("vfolder", "share", "lent", "b@example.org", "-p", "ro"))
    (share,) = json.loads(
        ok(shared.run("admin", "vfolder", "list-shared-vfolders", "--output", "json"))
    )
    assert (share["shared_to"], share["perm"]) == ("b@example.org", "ro")
    ids = folder["id"], share["user_id"]
    ok(shared.run("admin", "vfolder", "update-shared-vf-permission", *ids, "-p", "rw"))
    info = ["admin", "vfolder", "shared-vfolder-info", folder["id"], "--output", "json"]
    assert json.loads(ok(shared.run(*info)))[0]["perm"] == "rw"
    unsure = shared.run("admin", "vfolder", "remove-shared-vf-permission", *ids)
    assert unsure.returncode == 2
    ok(shared.run("admin", "vfolder", "remove-shared-vf-permission", "-y", *ids))
    assert shared.run(*info).returncode == 5
    ok(shared.run("vfolder", "create", "given"))
    (given,) = [
        row
        for row in json.loads(ok(shared.run("vfolder", "list", "--output", "json")))
        if row["name"] == "given"
    ]
    gift = [given["id"], "b@example.org"]
    ok(shared.run("admin", "vfolder", "change-vfolder-ownership", "-y", *gift))
    wrong = shared.run("update-password-no-auth", "default", "b@example.org", "wrong", "new-word")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (4, 1)


def test_what_a_session_has_become_can_be_started(shared, chain):
    ok(shared.run("run", "-t", "first", "-c", "open('kept', 'w').write('there')", "python"))
    committed = shared.run("session", "commit", "first", "--output", "json")
    image = json.loads(ok(committed))["image"]
    assert f"start {image} goes on from there" in committed.stderr
    converted = shared.run("session", "convert-to-image", "first", "mine")
    assert "start mine:" in converted.stderr, converted.stderr
    listed = json.loads(ok(shared.run("admin", "images", "--output", "json")))
    assert {"first", "mine"} <= {one["name"] for one in listed}
    ok(shared.run("start", "-t", "again", "mine"))
    assert ok(shared.run("run", "-t", "again", "-c", "print(open('kept').read())", "mine")) == (
        "there\n"
    )
    assert ok(shared.run("ssh", "again", "--", "cat", "kept")) == "there"
    used = shared.run("admin", "image", "forget", "mine", "--yes")
    assert (used.returncode, "in use by session again" in used.stderr) == (1, True)
    ok(shared.run("rm", "again"))
    ok(shared.run("admin", "image", "forget", "mine", "--yes"))
    ok(shared.run("admin", "forget-image", image, "--yes"))
    gone = shared.run("start", "-t", "never", image)
    assert (gone.returncode, image in gone.stderr) == (5, True), gone.stderr


def test_what_cannot_be_committed_is_refused_in_a_line(shared, chain):
    for command in (("commit", chain), ("convert-to-image", "first", "python")):
        refused = shared.run("session", *command)
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1), refused.stderr


def test_rm_takes_those_that_depend_on_it_along(shared, chain):
    """Last, since it ends what the others look at."""
    removed = shared.run("rm", "-r", "first")
    assert "that depend on it" in removed.stderr, removed.stderr
    assert chain not in ok(shared.run("ps", "--name-only")).split()
