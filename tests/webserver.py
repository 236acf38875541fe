"""A web server in front of a cluster, as tests have it: its own routes, and an API behind."""

import json
from uuid import uuid4

from attrs import define, field

PROBS = "https://api.backend.ai/probs"
USER = "ann@lab.org"
PASSWORD = "a-password-that-must-not-be-kept"


@define(slots=False)
class WebServer:
    """Lets in who knows `passwords` (and the `code`, if there is one), and knows them by a cookie.

    `refusal` answers every login instead, `status` is that of refused ones. `expired` holds users
    who have to choose another password first.
    """

    answer: object
    passwords: dict = field(factory=lambda: {USER: PASSWORD})
    code: str = ""
    wants_code: dict = field(factory=lambda: {"details": "OTP not provided"})
    """How a code that is missing is asked for."""
    refusal: dict = field(factory=dict)
    status: int = 200
    expired: set = field(factory=set)
    known: dict = field(factory=dict)
    """Users by the value of their cookie."""
    api: dict = field(factory=dict)
    """What the API behind answers, by path; whatever is not here it answers with `{}`."""
    seen: list = field(factory=list)

    async def handle(self, seen, stream):
        """Answer one request."""
        self.seen.append(seen)
        path = seen.target.partition("?")[0]
        if path.startswith("/server/"):
            handler = getattr(self, path.removeprefix("/server/").replace("-", "_"))
            await stream.send_all(handler(seen))
        else:
            await stream.send_all(self.func(path, seen))
        return True

    def paths(self):
        """Return what was asked for, but the version."""
        paths = [seen.target.partition("?")[0] for seen in self.seen]
        return [path for path in paths if path != "/func/"]

    def func(self, path, seen):
        """Answer for the API."""
        if path == "/func/":
            return self.json({"version": "v7.20230615", "manager": "23.09.10"})
        if self.user_of(seen) is None:
            body = {"type": f"{PROBS}/auth-failed", "title": "Unauthorized access"}
            return self.json(body, status=401)
        reply = self.api.get(path.removeprefix("/func"), {})
        return reply if isinstance(reply, bytes) else self.json(reply)

    def login(self, seen):
        """`POST /server/login`."""
        asked = json.loads(seen.body)
        user, password = asked["username"], asked["password"]
        if self.refusal:
            return self.refused(self.refusal)
        if self.passwords.get(user) != password:
            return self.refused({"type": f"{PROBS}/auth-failed", "details": "No such user."})
        if self.code and "otp" not in asked:
            return self.refused({"type": f"{PROBS}/rejected", **self.wants_code})
        if self.code and asked["otp"] != self.code:
            return self.refused({"type": f"{PROBS}/rejected", "details": "Invalid OTP."})
        if user in self.expired:
            expired = {"type": f"{PROBS}/password-expired", "title": "Password has expired."}
            return self.refused(expired)
        cookie = uuid4().hex
        self.known[cookie] = user
        data = {"access_key": f"AKIA{user[:3].upper()}", "role": "user", "status": "active"}
        headers = [f"Set-Cookie: AIOHTTP_SESSION={cookie}; Max-Age=604800; HttpOnly; Path=/"]
        return self.json({"authenticated": True, "data": data}, headers=headers)

    def refused(self, data):
        """Spell out a login that was not taken; it sets a cookie all the same."""
        headers = [f"Set-Cookie: AIOHTTP_SESSION={uuid4().hex}; Path=/"]
        return self.json({"authenticated": False, "data": data}, self.status, headers)

    def login_check(self, seen):
        """`POST /server/login-check`."""
        return self.json({"authenticated": self.user_of(seen) is not None, "data": None})

    def logout(self, seen):
        """`POST /server/logout`."""
        self.known.pop(cookie_of(seen), None)
        return self.answer(b"", status=201)

    def update_password_no_auth(self, seen):
        """`POST /server/update-password-no-auth`."""
        asked = json.loads(seen.body)
        user, new = asked["username"], asked["new_password"]
        if self.passwords.get(user) != asked["current_password"] or len(new) < 4:
            refusal = {"type": f"{PROBS}/auth-failed", "details": "invalid password format"}
            return self.json({"data": refusal, "password_changed_at": None})
        self.passwords[user] = new
        self.expired.discard(user)
        return self.json({"password_changed_at": "2026-11-27"})

    def user_of(self, seen):
        """Return who sends a request."""
        return self.known.get(cookie_of(seen))

    def json(self, content, status=200, headers=()):
        """Spell out an answer in JSON."""
        return self.answer(json.dumps(content).encode(), status=status, headers=headers)


def cookie_of(seen):
    """Return the value of the cookie that a request shows."""
    return seen.headers.get("cookie", "").removeprefix("AIOHTTP_SESSION=")


def asked_of(*answers):
    """Return a function that answers questions, one after the other, and the list of those."""
    left, questions = list(answers), []

    async def ask(question, *, hidden=False, default=None):
        questions.append((question, hidden))
        return left.pop(0) or default

    return ask, questions
