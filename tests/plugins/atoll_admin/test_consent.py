"""What asks before it is done, what `--dry-run` shows, and where secrets go."""

import json

import pytest

import atoll_admin

PURGE = "admin users purge a@b"


def tell(query, _):
    """Answer as a cluster in which everything is there and everything succeeds."""
    root = query.partition("{ ")[2].partition("(")[0].partition(" ")[0]
    key = {"access_key": "AKIA1", "secret_key": "s3cret", "email": "a@b", "name": "x", "id": "1"}
    return {"data": {root: {"ok": True, "msg": "", "keypair": key, "user": key, **key}}}


@pytest.fixture(autouse=True)
def willing(cluster):
    cluster.tell = tell


DESTRUCTIVE = [
    PURGE,
    "admin users delete a@b",
    "admin domains delete x",
    "admin domains purge x",
    "admin groups delete 61b4de89-0a13-461f-b43c-37dbe774706b",
    "admin groups purge 61b4de89-0a13-461f-b43c-37dbe774706b",
    "admin keypairs delete AKIA1",
    "admin keypair-resource-policies delete x",
    "admin scaling-groups delete x",
    "admin etcd set a b",
    "admin etcd delete a",
    "announcement delete",
    "manager freeze",
]


@pytest.mark.parametrize("line", DESTRUCTIVE)
async def test_it_needs_yes_where_nobody_can_answer(facing, cluster, line):
    async with facing() as shell:
        result = await shell.run(line)
    assert result.code == 2
    assert "--yes answers yes" in result.stderr
    assert not any("mutation" in query for query in cluster.queries())
    assert all(key == "POST /admin/gql" for key, _ in cluster.asked)


@pytest.mark.parametrize("key", ["''", "/"])
async def test_not_all_configuration_goes_for_want_of_a_key(facing, cluster, key):
    """As with a script's unset variable."""
    async with facing() as shell:
        result = await shell.run(f"admin etcd delete {key} -p --yes")
    assert (result.code, "give a key" in result.stderr) == (2, True)
    assert cluster.asked == []


def test_no_destructive_command_is_missing_above():
    words = {"delete", "purge", "freeze", "set"}
    named = {
        command.name
        for command in atoll_admin.atoll_commands()
        if command.load and command.name.split()[-1] in words
    }
    older = {name for name in named if not any(name.startswith(new) for new in NEWER)}
    assert older == {line[: line.index(last) + len(last)] for line, last in map(_last, DESTRUCTIVE)}


NEWER = (
    "admin user ", "admin domain ", "admin group ", "admin keypair ", "admin scaling-group ",
    "admin keypair-resource-policy ", "admin announcement ", "admin manager ",
)  # fmt: skip


def _last(line):
    return line, next(f" {w}" for w in ("delete", "purge", "freeze", "set") if f" {w}" in line)


async def test_a_dry_run_shows_the_request_and_changes_nothing(facing, cluster):
    async with facing() as shell:
        result = await shell.run(f"{PURGE} --purge-shared-vfolders --dry-run")
    shown = json.loads(result.stdout)
    assert (shown["method"], shown["path"]) == ("POST", "/admin/gql")
    assert "purge_user" in shown["body"]["query"]
    assert shown["body"]["variables"] == {"email": "a@b", "props": {"purge_shared_vfolders": True}}
    assert not any("mutation" in query for query in cluster.queries())


async def test_a_dry_run_keeps_passwords_to_itself(facing):
    async with facing() as shell:
        result = await shell.run("admin users add default a@b s3cret --dry-run")
    assert "s3cret" not in result.stdout + result.stderr
    assert json.loads(result.stdout)["body"]["variables"]["props"]["username"] == "a@b"


async def test_a_password_is_read_from_standard_input(facing, cluster):
    async with facing() as shell:
        result = await shell.run("admin users add default a@b", stdin="s3cret\n")
    assert result.code == 0
    [(_, body)] = [asked for asked in cluster.asked if "create_user" in asked[1]["query"]]
    assert body["variables"]["props"]["password"] == "s3cret"
    assert "s3cret" not in result.stdout + result.stderr


async def test_a_new_secret_key_is_on_standard_output_alone(facing):
    async with facing() as shell:
        result = await shell.run("admin keypairs add a@b --output json")
    assert json.loads(result.stdout)["secret_key"] == "s3cret"
    assert "s3cret" not in result.stderr


async def test_secret_keys_are_shown_only_when_asked_for(facing, cluster):
    async with facing() as shell:
        await shell.run("admin keypair")
        assert "secret_key" not in cluster.queries()[-1]
        await shell.run("admin keypair -f secret_key")
        assert "secret_key" in cluster.queries()[-1]


async def test_a_change_of_nothing_is_a_mistake(facing, cluster):
    async with facing() as shell:
        result = await shell.run("admin users update a@b")
    assert result.code == 2
    assert "nothing to change" in result.stderr
    assert cluster.queries() == []


async def test_new_passwords_that_differ_are_not_sent(facing, cluster):
    async with facing() as shell:
        result = await shell.run("update-password", stdin="old\nnew\nother\n")
    assert result.code == 2
    assert result.stderr.endswith("the new passwords differ\n")
    assert cluster.asked == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("admin groups add default x --total-resource-slots cpu", "'cpu' is not like cpu=4,mem=8g"),
        ("admin domains add x --total-resource-slots '{'", "is not JSON"),
        ("admin scaling-groups add x --driver-opts '[]'", "is not a JSON object"),
        ("admin domains add x --allowed-vfolder-hosts '{'", "folder hosts: '{' is not JSON"),
        ("admin users add default a@b pw -r boss", "'boss' is not one of"),
        ("admin users add default a@b pw --cgids a,b", "'a,b' is not a list of numbers"),
        ("manager freeze --wait --force-kill", "--wait and --force-kill exclude each other"),
        ("admin user a@b -e c@d", "name one user"),
        ("admin scaling-group", "name one scaling group"),
    ],
)
async def test_a_mistake_is_one_line(facing, line, said):
    async with facing() as shell:
        result = await shell.run(line)
    assert result.code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


async def test_a_value_of_several_lines_comes_as_it_is(facing, cluster):
    cluster.routes["POST /config/get"] = cluster.json({"result": "one\n  two\t3"})
    async with facing() as shell:
        plain = await shell.run("admin etcd get x")
        framed = await shell.run("admin etcd get x --output json")
    assert plain.stdout == "one\n  two\t3\n"
    assert json.loads(framed.stdout) == {"key": "x", "value": "one\n  two\t3"}
