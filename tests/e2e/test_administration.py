"""Every command of administrators that the user's document and the command line of 21.03 name, run
against an embedded cluster: once with success, and once refused.
"""

import json
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest
import trio
from attrs import define, field

import atoll_admin
import atoll_rest
import atoll_sessions
from atoll.testing import Shell
from atoll_admin import completions

pytestmark = pytest.mark.slow

# The table of `admin` in the user's document.
DOCUMENT = """
agent agents alias-image dealias-image domain domains etcd group groups images keypair
keypair-resource-policies keypair-resource-policy keypairs list-scaling-groups rescan-images
resources scaling-group scaling-groups session sessions show-license storage storage-list user users
vfolders watcher
"""
# The commands of 21.03, each with its arguments, and its options in all their spellings.
CLI_21_03 = Path(__file__).parents[1] / "plugins" / "atoll_admin" / "cli-21.03.txt"


# What is run, in this order: the command, what follows it, and a line that is refused with a code.
# `user:` before that line has the plain user type it. Names in braces are learned on the way.
WALK = [
    ("admin users", "-s active --filter 'email like \"%@%\"' --order -created_at", "user:", 4),
    ("admin user", "-e {admin}", "user: -e {admin}", 4),
    ("admin agents", "-s ALIVE --sgroup default --filter 'status == \"ALIVE\"' --order id",
     "user:", 4),
    ("admin agent", "{agent}", "user: {agent}", 4),
    ("admin domains", "", "user:", 4),
    ("admin domains add", ("tenant -d 'A tenant' -i --total-resource-slots '{{\"cpu\": 4}}'"
     " --allowed-vfolder-hosts {host}"), "user: other", 4),
    ("admin domains update", "tenant --description other --is-active true", "nowhere --is-active 0",
     5),
    ("admin domain", "-n tenant", "user: -n tenant", 5),
    ("admin groups add", "tenant team -d 'A team' --total-resource-slots '{{}}'", "user: tenant x",
     4),
    ("admin groups", "-d tenant", "--no-such-option", 2),
    ("admin groups-by-name", "team", "", 2),
    ("admin group", "team", "nobody", 5),
    ("admin groups update", "team --is-active true -d better", "user: default -d x", 4),
    ("admin users add", ("tenant ann@lab.org s3cret-pass -u ann -n 'Ann Lab' -r user -s active"
     " --need-password-change --description x"), "user: tenant ben@lab.org s3cret-pass", 4),
    ("admin users update", "ann@lab.org -n 'Ann Other' -s active", "user: {admin} -r user", 4),
    ("admin groups add-users", "team ann@lab.org", "user: default ann@lab.org", 4),
    ("admin groups remove-users", "team ann@lab.org", "user: default ann@lab.org", 4),
    ("admin keypair-resource-policies add", ("strict --default-for-unspecified UNLIMITED"
     " --total-resource-slots '{{}}' --max-concurrent-sessions 1 --max-containers-per-session 1"
     " --max-vfolder-count 2 --max-vfolder-size 0 --idle-timeout 60"
     " --allowed-vfolder-hosts {host}"), "user: lax", 4),
    ("admin keypair-resource-policies update", "strict --idle-timeout 600",
     "user: strict --idle-timeout 0", 4),
    ("admin keypair-resource-policies", "", "-f nonsense", 2),
    ("admin keypair-resource-policy", "-n strict", "-n nowhere", 5),
    ("admin keypairs add", "ann@lab.org strict -r 100", "user: {admin} default", 4),
    ("admin keypairs", ("-u ann@lab.org --is-active true --filter 'rate_limit == 100'"
     " --order access_key"), "--filter 'rate_limit = 100'", 2),
    ("admin keypair", "", "nowhere", 5),
    ("admin keypairs deactivate", "{key}", "user: {key}", 4),
    ("admin keypairs activate", "{key}", "user: {key}", 4),
    ("admin keypairs update", "{key} --resource-policy default --is-admin false -r 200",
     "user: {key} --is-admin true", 4),
    ("admin keypairs delete", "{key} --yes", "{admin_key}", 2),
    ("admin keypair-resource-policies delete", "strict --yes", "user: default --yes", 4),
    ("admin scaling-groups add", ("spare -d Spare --driver static --driver_opts '{{}}'"
     " --scheduler fifo --scheduler_opts '{{}}'"), "user: other", 4),
    ("admin scaling-groups update", "spare -d Other -i --scheduler lifo", "user: spare -i", 4),
    ("admin scaling-groups", "", "user:", 4),
    ("admin scaling-group", "-n spare", "user: -n spare", 4),
    ("admin scaling-groups associate-scaling-group", "spare tenant", "user: spare default", 4),
    ("admin scaling-groups dissociate-scaling-group", "spare tenant", "user: default default", 4),
    ("admin scaling-groups delete", "spare --yes", "user: default --yes", 4),
    ("admin list-scaling-groups", "default", "", 2),
    ("admin groups delete", "team --yes", "user: default --yes", 4),
    ("admin groups purge", "team --yes", "user: default --yes", 4),
    ("admin users delete", "ann@lab.org --yes", "user: {admin} --yes", 4),
    ("admin users purge", "ann@lab.org --purge-shared-vfolders --yes", "user: {admin} --yes", 4),
    ("admin domains delete", "tenant --yes", "user: default --yes", 4),
    ("admin domains purge", "tenant --yes", "user: default --yes", 4),
    ("admin images", "", "-f nonsense", 2),
    ("admin alias-image", "snake {image}", "user: eel {image}", 4),
    ("admin dealias-image", "snake", "user: python", 4),
    ("admin rescan-images", "", "user:", 4),
    ("admin sessions", "--all", "user: --access-key {admin_key}", 4),
    ("admin session", "{session}", "nowhere", 5),
    ("admin etcd set", "tests/colour blue --yes", "user: tests/colour red --yes", 4),
    ("admin etcd get", "tests/colour", "user: tests/colour", 4),
    ("admin etcd delete", "-p tests --yes", "user: tests/colour --yes", 4),
    ("admin resources docker-registries", "", "user:", 4),
    ("admin resources recalculate-usage", "", "user:", 4),
    ("admin resources resource-slots", "", "and more", 2),
    ("admin resources usage-per-month", "202611 default", "user: 202611", 4),
    ("admin resources usage-per-period", "default 20261101 20261102",
     "user: default 20261101 20261102", 4),
    ("admin resources vfolder-types", "", "and more", 2),
    ("admin show-license", "", "user:", 4),
    ("admin storage", "{host}", "user: {host}", 4),
    ("admin storage-list", "--order id", "user:", 4),
    ("admin vfolders", "-g default --filter 'name like \"%\"' --order name", "-g nowhere", 5),
    ("admin vfolders list-hosts", "", "user:", 4),
    ("admin vfolders perf-metric", "{host}", "user: {host}", 4),
    ("admin vfolders get-fstab-contents", "", "user:", 4),
    ("admin vfolders list-mounts", "", "user:", 4),
    ("admin vfolders mount-host", "/nowhere other -o ro --edit-fstab --dry-run",
     "user: /nowhere other", 4),
    ("admin vfolders umount-host", "other --edit-fstab --dry-run", "user: other", 4),
    ("admin watcher status", "{agent}", "user: {agent}", 4),
    ("admin watcher agent-stop", "{agent}", "user: {agent}", 4),
    ("admin watcher agent-start", "{agent}", "user: {agent}", 4),
    ("admin watcher agent-restart", "{agent}", "user: {agent}", 4),
    ("announcement update", "-m 'Down at noon'", "user: -m gotcha", 4),
    ("announcement get", "", "and more", 2),
    ("announcement dismiss", "", "and more", 2),
    ("announcement delete", "--yes", "user: --yes", 4),
    ("manager status", "", "and more", 2),
    ("manager scheduler exclude-agents", "{agent}", "user: {agent}", 4),
    ("manager scheduler include-agents", "{agent}", "user: {agent}", 4),
    ("manager freeze", "--force-kill --yes", "user: --yes", 4),
    ("manager unfreeze", "", "user:", 4),
    ("server-logs list", "--mark-read -l 5 -n 1", "-l 1000", 2),
    ("update-password", "{password} other-s3cret other-s3cret", "wrong other-s3cret other-s3cret",
     4),
]  # fmt: skip
_PASSWORD = "first-s3cret"


@define
class Cluster:
    """An embedded cluster, the shell in process facing it, and what is known of it."""

    shell: Shell
    keys: dict
    known: dict = field(factory=dict)

    async def run(self, line, visible_to="admin", **how):
        """Run a line as `admin` or `user`."""
        pair = self.keys[visible_to]
        self.shell.environ |= {
            "BACKEND_ACCESS_KEY": pair["access_key"],
            "BACKEND_SECRET_KEY": pair["secret_key"],
        }
        return await self.shell.run(line, **how)

    async def records(self, line, visible_to="admin"):
        """Run a line and return what it told, decoded."""
        result = await self.run(f"{line} --output json", visible_to)
        assert result.code == 0, result
        return json.loads(result.stdout)


@pytest.fixture(scope="module")
def cluster(shared, tmp_path_factory):
    """An embedded cluster with a session in it."""
    started = shared.run("start", "-t", "walked", "--enqueue-only", "python")
    assert started.returncode == 0, started.stderr
    data = shared.home / "data" / "local"
    shell = Shell(tmp_path_factory.mktemp("walk"))
    for plugin in (atoll_admin, atoll_sessions, atoll_rest):
        shell.add(plugin, plugin.__name__)
    shell.environ = {
        "BACKEND_ENDPOINT": json.loads((data / "server.json").read_text())["endpoint"],
        "BACKEND_ENDPOINT_TYPE": "api",
    }
    return Cluster(shell, json.loads((data / "credentials.json").read_text()))


@pytest.fixture(scope="module")
def walked(cluster):
    """What each command of the walk did: the one that shall succeed, and the refused one."""

    async def walk():
        cluster.known |= await learn(cluster)
        return {command: await step(cluster, command, *rest) for command, *rest in WALK}

    async def in_time():
        with trio.fail_after(120):
            return await walk()

    # Not by pytest-trio, whose fixtures are each for one test.
    return trio.run(in_time)


async def learn(cluster):
    """Find out the names that the lines of the walk hold."""
    [image, *_] = await cluster.records("admin images -f name,registry,tag")
    admin = (await cluster.records("admin user -f email"))["email"]
    assert (await cluster.run(f"admin users update {admin} -p {_PASSWORD}")).code == 0
    return {
        "admin": admin,
        "admin_key": cluster.keys["admin"]["access_key"],
        "agent": (await cluster.records("admin agents"))[0]["id"],
        "host": (await cluster.records("admin storage-list"))[0]["id"],
        "image": f"{image['registry']}/{image['name']}:{image['tag']}",
        "password": _PASSWORD,
        "session": "walked",
    }


async def step(cluster, command, line, refused, _code):
    """Run a command with success, then its refused line."""
    visible_to = "user" if refused.startswith("user:") else "admin"
    good = f"{command} {line.format_map(cluster.known)}"
    bad = f"{command} {refused.removeprefix('user:').format_map(cluster.known)}"
    done = await cluster.run(f"{good} --output json")
    if command == "admin keypairs add" and done.code == 0:
        cluster.known["key"] = json.loads(done.stdout)["access_key"]
    return done, await cluster.run(bad, visible_to)


def cli_21_03():
    """Return the commands of 21.03, each with its arguments and options."""
    lines = CLI_21_03.read_text().replace("\n    ", " ").splitlines()
    named = [line.partition(":") for line in lines]
    return {name: words.split() for name, _, words in named}


def test_every_spelling_of_21_03_is_taken(cluster):
    tree = cluster.shell.program().tree
    for name, words in cli_21_03().items():
        node, left = tree.find(name.split())
        assert (left, node.runs) == ([], True), name
        params = node.load().params
        spelled = {text for param in params for text in param.opts}
        options = {text for word in words if word[0] == "-" for text in word.split(",")}
        assert options <= spelled, name
        arguments = [param for param in params if param.param_type_name == "argument"]
        assert len(arguments) >= sum(word[0] != "-" for word in words), name


def test_no_command_of_the_documents_is_left_out():
    walked = {command for command, *_ in WALK}
    named = {f"admin {word}" for word in DOCUMENT.split()}
    # Those two name only what lies below them.
    named -= {"admin etcd", "admin resources", "admin watcher"}
    assert walked == named | set(cli_21_03())


@pytest.mark.parametrize("command", [command for command, *_ in WALK])
def test_it_works(walked, command):
    done, _ = walked[command]
    assert done.code == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("command", "code"), [(command, code) for command, *_, code in WALK])
def test_it_is_refused_in_one_line(walked, command, code):
    _, refused = walked[command]
    assert refused.code == code, refused
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1


async def test_users_as_csv(cluster):
    """The shape that docs/administration.md tells of."""
    result = await cluster.run("admin users --output csv --order email")
    header, admin, *_ = result.stdout.splitlines()
    assert header == (
        "uuid,email,username,role,domain_name,groups,status,need_password_change,created_at"
    )
    assert ",admin@atoll.local,admin,superadmin,default," in admin


async def test_a_keypair_for_a_script(cluster):
    """Both keys and nothing else on standard output, and they work at once."""
    added = await cluster.run("admin keypairs add user@atoll.local default --output json")
    pair = json.loads(added.stdout)
    assert pair["secret_key"] not in added.stderr
    cluster.keys["new"] = pair
    me = await cluster.records("admin keypair", "new")
    assert (await cluster.run(f"admin keypairs deactivate {pair['access_key']}")).code == 0
    refused = await cluster.run("admin keypair", "new")
    assert list(pair) == [
        "access_key", "secret_key", "user_id", "resource_policy", "is_active", "is_admin",
        "rate_limit",
    ]  # fmt: skip
    assert (me["access_key"], me["user_id"]) == (pair["access_key"], "user@atoll.local")
    assert "secret_key" not in me
    assert refused.code == 4


async def test_newer_spellings(cluster):
    """What clients of today call the same commands."""
    lines = {
        "admin user list": "admin users",
        "admin user info -e user@atoll.local": "admin user user@atoll.local",
        "admin domain info default": "admin domain -n default",
        "admin group info default": "admin group default",
        "admin keypair list": "admin keypairs",
        "admin image list": "admin images",
        "admin scaling-group get-available default": "admin list-scaling-groups default",
        "admin resource query-slots": "admin resources resource-slots",
        "admin manager status": "manager status",
        "admin license show": "admin show-license",
    }
    for newer, older in lines.items():
        assert (await cluster.run(newer)).code == 0, newer
        assert (await cluster.run(older)).code == 0, older


async def test_groups_and_users_go_by_their_names(cluster):
    """Wherever the API wants an id, a name does."""
    assert (await cluster.run("admin groups add default named --output json")).code == 0
    assert (await cluster.run("admin groups add-users named user@atoll.local")).code == 0
    [user] = await cluster.records("admin users -g named -f email,groups")
    assert (await cluster.run("admin groups purge named --yes")).code == 0
    assert user["email"] == "user@atoll.local"
    assert "named" in [group["name"] for group in user["groups"]]


async def test_names_are_completed(cluster):
    """The prompt knows users, groups, policies and the rest; a plain user's only what that sees."""

    async def names(run_query, visible_to="admin"):
        await cluster.run("manager status", visible_to)
        program = cluster.shell.program()
        api = await program.connect(None, print)
        try:
            return [candidate.text for candidate in await run_query(api)]
        finally:
            await program.aclose()

    assert "user@atoll.local" in await names(completions.users)
    assert "default" in await names(completions.groups)
    assert "default" in await names(completions.policies)
    assert "default" in await names(completions.domains)
    own = [cluster.keys["user"]["access_key"]]
    assert own[0] in await names(completions.keypairs, "user")
    assert await names(completions.users, "user") == []


async def test_a_password_is_changed_at_a_terminal_unseen(cluster, shared):
    """Three questions, none of the answers on the screen."""
    assert (await cluster.run("admin users update admin@atoll.local -p seen-0nce")).code == 0
    environ = {**shared.environ(), "TERM": "xterm"}
    child = pexpect.spawn(str(shared.program()), ["update-password"], env=environ, timeout=60)
    child.delaybeforesend = None
    for question, secret in (("old", "seen-0nce"), ("new", "hidden-2x"), ("again", "hidden-2x")):
        child.expect_exact(question)
        child.waitnoecho()
        child.sendline(secret)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert (await cluster.run("update-password hidden-2x seen-0nce seen-0nce")).code == 0


async def test_a_purge_asks_at_a_terminal(cluster, shared):
    """No is no; yes is yes."""
    add = "admin users add default gone@lab.org s3cret-pass"
    assert (await cluster.run(add)).code == 0
    environ = {**shared.environ(), "TERM": "xterm"}
    for answer, code in (("n", 1), ("y", 0)):
        child = pexpect.spawn(
            str(shared.program()), ["admin", "users", "purge", "gone@lab.org"], env=environ,
            timeout=60,
        )  # fmt: skip
        child.delaybeforesend = None
        child.expect_exact("[y/N]")
        child.sendline(answer)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == code
    assert (await cluster.run("admin user gone@lab.org")).code == 5


async def test_an_announcement_is_told_at_the_prompt_until_it_is_dismissed(cluster, shared):
    """Above the prompt, once it is on the screen."""
    assert (await cluster.run("announcement update -m 'Down at noon'")).code == 0
    with opened_prompt(shared) as prompt:
        prompt.expect_exact("announcement: Down at noon")
    assert shared.run("announcement", "dismiss").returncode == 0
    with opened_prompt(shared) as prompt:
        for _ in range(2):
            prompt.send("announcement get --output json\r")
            prompt.expect('"dismissed": true')
            assert "announcement: Down" not in prompt.before
            prompt.expect_exact("atoll>")
    assert (await cluster.run("announcement delete --yes")).code == 0


@contextmanager
def opened_prompt(shared):
    """Open a prompt, and leave it."""
    environ = {**shared.environ(), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    child = pexpect.spawn(str(shared.program()), env=environ, timeout=60, encoding="utf-8")
    child.delaybeforesend = None
    child.expect_exact("atoll>")
    yield child
    child.send("\x04")
    child.expect(pexpect.EOF)
    child.close()
