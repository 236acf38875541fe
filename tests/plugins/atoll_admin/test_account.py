"""`login`, `logout`, `whoami`, `profile add --login` and `doctor`, facing a scripted web server."""

import json
from contextlib import asynccontextmanager

import pytest
from attrs import define, field, frozen
from tests.webserver import PASSWORD, USER, WebServer

import atoll_admin
import atoll_rest
import atoll_websocket
from atoll import Transport, hookimpl
from atoll.transport import Identity

ME = {
    "user": {
        "email": USER,
        "username": "ann",
        "role": "user",
        "domain_name": "lab",
        "groups": [{"name": "vision"}, {"name": "default"}],
    },
    "keypair": {"access_key": "AKIAANN", "resource_policy": "students"},
}
ANSWERS = f"{USER}\n{PASSWORD}\n"


@pytest.fixture
def web(answer):
    return WebServer(answer, api={"/admin/gql": {"data": ME}})


@pytest.fixture
def facing(shell, serve, web, home, monkeypatch):
    """Return a context manager that gives the shell, facing the web server."""
    for plugin in (atoll_admin, atoll_rest, atoll_websocket):
        shell.add(plugin, plugin.__name__)
    monkeypatch.setenv("ATOLL_HOME", str(shell.home))

    @asynccontextmanager
    async def face():
        async with serve(web.handle) as server:
            shell.environ = {
                "BACKEND_ENDPOINT": server.url,
                "BACKEND_ENDPOINT_TYPE": "session",
            }
            yield shell

    return face


async def test_from_login_to_logout(facing, web):
    """By the environment of the official client alone."""
    async with facing() as shell:
        before = await shell.run("whoami")
        login = await shell.run("login", stdin=ANSWERS)
        after = await shell.run("whoami --output json")
        logout = await shell.run("logout")
        at_last = await shell.run("whoami")
        again = await shell.run("logout")
    assert (before.code, at_last.code) == (4, 4)
    assert "nobody is logged in at" in before.stderr
    assert "(atoll login)" in before.stderr
    assert (login.code, login.stdout) == (0, "")
    assert f"{USER} is logged in at" in login.stderr
    assert json.loads(after.stdout) == {
        **{key: value for key, value in ME["user"].items() if key != "groups"},
        "groups": ["vision", "default"],
        **ME["keypair"],
        "mode": "login",
        "profile": "environment",
        "endpoint": shell.environ["BACKEND_ENDPOINT"],
    }
    assert (logout.code, web.known) == (0, {})
    assert f"{USER} is logged out of" in logout.stderr
    assert (again.code, "nobody is logged in" in again.stderr) == (0, True)


async def test_a_refused_password(facing):
    async with facing() as shell:
        result = await shell.run("login", stdin=f"{USER}\nwrong\n")
    assert result.code == 4
    assert "refuses ann@lab.org: No such user" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("stdin", "missing"), [("", "no e-mail was given"), (f"{USER}\n", "no password of")]
)
async def test_a_script_that_says_too_little(facing, stdin, missing):
    async with facing() as shell:
        result = await shell.run("login", stdin=stdin)
    assert (result.code, missing in result.stderr) == (2, True)


async def test_a_profile_that_logs_in(facing, web):
    """Two profiles of one web server have logins of their own; one that is removed leaves none."""
    web.passwords["bob@lab.org"] = "bobs"
    async with facing() as shell:
        url = shell.environ.pop("BACKEND_ENDPOINT")
        shell.environ.clear()
        ann = await shell.run(f"profile add ann --endpoint {url} --login", stdin=ANSWERS)
        bob = await shell.run(
            f"profile add bob --endpoint {url} --login", stdin="bob@lab.org\nbobs\n"
        )
        who = await shell.run("whoami --profile ann --output json")
        out = await shell.run("logout bob")
        listed = await shell.run("profile list --output json")
        removed = await shell.run("profile remove ann")
    assert (ann.code, bob.code, out.code, removed.code) == (0, 0, 0, 0)
    assert json.loads(who.stdout)["profile"] == "ann"
    assert [*web.known.values()] == [USER]
    assert {one["name"]: one["endpoint_type"] for one in json.loads(listed.stdout)} == {
        "ann": "session",
        "bob": "session",
    }
    assert not [*shell.home.rglob("login-*.json")]
    assert PASSWORD not in "".join(
        file.read_text(errors="replace") for file in shell.home.rglob("*") if file.is_file()
    )


@pytest.mark.parametrize("more", ["--access-key AK --secret-key SK", "--endpoint-type api"])
async def test_a_profile_is_let_in_one_way(facing, more):
    async with facing() as shell:
        result = await shell.run(f"profile add lab --endpoint https://lab.org --login {more}")
    assert (result.code, "without a keypair" in result.stderr) == (2, True)


async def test_nobody_logs_in_where_keypairs_sign(facing):
    async with facing() as shell:
        shell.environ |= {
            "BACKEND_ENDPOINT_TYPE": "api",
            "BACKEND_ACCESS_KEY": "AK",
            "BACKEND_SECRET_KEY": "SK",
        }
        for command in ("login", "logout"):
            result = await shell.run(command, stdin=ANSWERS)
            assert (result.code, "signs its requests" in result.stderr) == (2, True)


async def test_doctor_tells_of_the_login(facing, web):
    """And asks for none."""
    async with facing() as shell:
        nobody = await shell.run("doctor --output json", stdin=ANSWERS)
        await shell.run("login", stdin=ANSWERS)
        somebody = await shell.run("doctor --output json")
        tested = await shell.run("profile test")
        web.known.clear()
        run_out = await shell.run("doctor --output json", stdin=ANSWERS)
    found = {one["check"]: one for one in json.loads(somebody.stdout)}
    assert found["login"]["status"] == "ok"
    assert found["login"]["detail"] == f"{USER} is logged in"
    assert "the login of ann@lab.org is accepted" in tested.stderr
    for result, told in ((nobody, "nobody is logged in"), (run_out, "has expired")):
        last = json.loads(result.stdout)[-1]
        assert (result.code, last["check"], last["status"]) == (4, "login", "failed")
        assert told in last["detail"]
        assert last["hint"] == "atoll login"


async def test_a_handshake_that_the_cluster_behind_refuses(facing, web, answer):
    """A web server of 23.09 has one answer to all of those."""
    refusal = b'{"type": "https://api.backend.ai/probs/bad-gateway", "title": "inaccessible"}'
    async with facing() as shell:
        await shell.run("login", stdin=ANSWERS)
        web.func = lambda path, seen, func=web.func: (
            answer(refusal, status=502) if "/stream/" in path else func(path, seen)
        )
        result = await shell.run("doctor --output json")
    last = json.loads(result.stdout)[-1]
    assert (result.code, last["check"], last["status"]) == (0, "websocket", "ok")


@frozen
class Answer:
    """What a cluster by another way answers."""

    content: object
    status: int = 200
    headers: dict = field(factory=dict)

    async def read(self, _most=0):
        return json.dumps(self.content).encode()

    async def aclose(self):
        pass


@define
class Badges:
    """A transport of somebody else, whose users log in by showing a badge."""

    shown: str = ""

    @property
    def login(self):
        return self

    async def identity(self):
        return Identity(self.shown) if self.shown else None

    async def is_valid(self):
        return bool(self.shown)

    async def log_in(self, ask, user=""):
        self.shown = user or await ask("badge")
        return Identity(self.shown)

    async def log_out(self):
        self.shown = ""

    async def request(self, request):
        if request.path == "/":
            return Answer({"version": "v7.20230615", "manager": "23.09.10"})
        if not self.shown:
            return Answer({"title": "No badge."}, status=401)
        return Answer({"data": ME})

    async def aclose(self):
        pass


class BadgePlugin:
    """Offers it for the scheme `badge`."""

    @staticmethod
    @hookimpl
    def atoll_transports():
        yield Transport("request", ("badge",), f"{__name__}:connect_by_badge")


def connect_by_badge(_profile, _dialer=None):
    return Badges()


async def test_a_transport_of_somebody_else_has_users_log_in(shell):
    """By the same commands, in one run of the program."""
    shell.add(atoll_admin, "admin")
    shell.add(BadgePlugin, "badges")
    shell.environ = {"BACKEND_ENDPOINT": "badge://door", "BACKEND_ENDPOINT_TYPE": "session"}
    result = await shell.run("login\nwhoami --output json\nlogout", stdin="77\n")
    assert result.code == 0, result.stderr
    assert json.loads(result.stdout)["email"] == USER
    assert "77 is logged in at badge://door" in result.stderr
    missing = await shell.run("whoami")
    assert (missing.code, "nobody is logged in at badge://door" in missing.stderr) == (4, True)
