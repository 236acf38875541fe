"""Who guesses at passwords has to wait, and who knows them gets in; nothing grows without end."""

import time

import pytest

from atoll_cluster.api.request.problems import Problem
from atoll_cluster.api.request.throttle import ACCOUNT, ADDRESS, Attempts, Pace, Throttle

WRONG = "guess"
PACE = Pace(3, 10.0)


class Clock:
    """Time that passes when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_after_some_attempts_each_costs_a_wait(clock):
    throttle = Throttle(PACE, clock)
    for _ in range(3):
        throttle.take("name")
    for _ in range(5):
        with pytest.raises(Problem) as caught:
            throttle.take("name")
        assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "10"})
    throttle.take("other")
    clock.now += 10
    throttle.take("name")
    with pytest.raises(Problem):
        throttle.take("name")
    clock.now += 30
    for _ in range(3):
        throttle.take("name")


def test_what_was_right_is_not_counted(clock):
    attempts = Attempts(Throttle(PACE, clock), Throttle(PACE, clock))
    for _ in range(20):
        with attempts.counted("name", "address"):
            pass


@pytest.mark.parametrize(
    ("name", "address"), [("one", "a{}"), ("n{}", "one")], ids=["account", "address"]
)
def test_an_account_and_an_address_are_counted_each(clock, name, address):
    attempts = Attempts(Throttle(PACE, clock), Throttle(PACE, clock))

    def fail(number):
        with attempts.counted(name.format(number), address.format(number)):
            raise ValueError

    for number in range(3):
        with pytest.raises(ValueError, match=r"^$"):
            fail(number)
    with pytest.raises(Problem, match="try again in 10 seconds"):
        fail(3)


def test_memory_is_bounded(clock):
    throttle = Throttle(PACE, clock)
    for number in range(30_000):
        throttle.take(str(number))
    assert len(throttle._free_at) <= 10_000


def guess(client, name, password=WRONG, path="/auth/authorize"):
    """Try a password without signing."""
    body = {"username": name, "password": password, "current_password": password}
    body |= {"new_password": "new", "email": f"{name}@example.com"}
    return client.http.post(client.endpoint + path, json=body)


def test_a_right_password_is_accepted_after_the_wait(program, http, monkeypatch):
    client = program.start().client(http, "user")
    change = {"old_password": "", "new_password": "right", "new_password2": "right"}
    assert client.ask("POST", "/auth/update-password", json=change).status_code == 200
    name = "user@atoll.local"
    answers = [guess(client, name) for _ in range(ACCOUNT.burst + 3)]
    assert [answer.status_code for answer in answers] == [401] * ACCOUNT.burst + [429] * 3
    last = answers[-1]
    assert last.json()["type"].endswith("/too-many-requests")
    assert 0 < int(last.headers["retry-after"]) <= ACCOUNT.seconds
    # The other name of the account, and the other door to it, are no way around.
    assert guess(client, name.upper()).status_code in {401, 429}
    assert guess(client, name, "right").status_code == 429
    assert guess(client, name, "right", "/auth/update-password-no-auth").status_code == 429
    for _ in wait(int(last.headers["retry-after"])):
        if (found := guess(client, name, "right")).status_code != 429:
            break
    assert found.status_code == 200
    assert found.json()["data"]["access_key"] == client.access_key


def wait(seconds):
    """Yield until so many seconds, and some more, have passed."""
    end = time.monotonic() + seconds + 2
    while time.monotonic() < end:
        yield
        time.sleep(0.25)


@pytest.mark.parametrize(
    "path", ["/auth/authorize", "/auth/update-password-no-auth", "/auth/signup"]
)
def test_an_address_is_throttled_whatever_the_names(program, http, path):
    client = program.start().client(http, "user")
    answers = [guess(client, f"name{number}", path=path) for number in range(ADDRESS.burst + 10)]
    statuses = [answer.status_code for answer in answers]
    assert 429 not in statuses[: ADDRESS.burst]
    assert statuses[-1] == 429
    assert int(answers[-1].headers["retry-after"]) <= ADDRESS.seconds


def test_invalid_tokens_are_throttled_separately(program, http):
    client = program.start().client(http, "user")
    client.ask("POST", "/folders", json={"name": "data"})
    asked = {"path": "file", "size": 1}
    good = client.ask("POST", "/folders/data/request-upload", json=asked).json()
    url = client.endpoint + "/storage/upload"
    statuses = {http.patch(url, params={"token": f"guess{n}"}).status_code for n in range(70)}
    assert statuses == {400, 429}
    head = {"Upload-Offset": "0"}
    sent = http.patch(url, params={"token": good["token"]}, content=b"x", headers=head)
    assert sent.status_code == 204
