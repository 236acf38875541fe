"""What is sent again, how often and when: over real sockets, or by a clock that jumps."""

import json

import pytest
import trio
from tests.core.api.conftest import asked, open_api

from atoll import Api, Problem, Profile, Unreachable
from atoll._api.retries import with_retries
from atoll.transport import NotSent
from atoll_rest.transport import connect


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_reading_request_is_repeated_after_a_lost_answer(cluster, method):
    async with cluster(b"") as server, open_api(server) as api:
        assert (await api.request(method, "/x")).status == 200
    assert len(asked(server)) == 2


@pytest.mark.parametrize(("method", "safe"), [("POST", None), ("DELETE", None), ("GET", False)])
async def test_a_lost_answer_to_a_changing_request_is_an_error(cluster, method, safe):
    async with cluster(b"") as server, open_api(server) as api:
        with pytest.raises(Unreachable, match="was lost"):
            await api.request(method, "/x", safe=safe)
    assert len(asked(server)) == 1


async def test_a_changing_request_that_is_safe_is_repeated(cluster):
    async with cluster(b"") as server, open_api(server) as api:
        await api.request("PUT", "/x", safe=True)
    assert len(asked(server)) == 2


@pytest.mark.parametrize(
    ("refusal", "attempts"),
    [
        ({"status": 502}, 2),
        ({"status": 503, "kind": "service-unavailable"}, 2),
        ({"status": 503, "kind": "server-frozen"}, 1),
        ({"status": 503, "kind": "not-implemented"}, 1),
        ({"status": 500}, 1),
        ({"status": 429}, 1),
        ({"status": 429, "headers": ["Retry-After: 0"]}, 2),
        ({"status": 429, "headers": ["Retry-After: 600"]}, 1),
    ],
)
async def test_which_refusals_are_transient(cluster, problem, refusal, attempts):
    async with cluster(problem(**refusal)) as server, open_api(server) as api:
        if attempts == 1:
            with pytest.raises(Problem):
                await api.request("GET", "/x")
        else:
            await api.request("GET", "/x")
    assert len(asked(server)) == attempts


PUT_OFF = {"status": 503, "kind": "store-unavailable", "msg": "The database is locked"}


@pytest.mark.parametrize(("method", "safe"), [("GET", None), ("POST", None), ("DELETE", False)])
async def test_a_delayed_request_is_sent_until_it_succeeds(cluster, problem, method, safe):
    """However often that takes, and whatever it is: nothing of it was done."""
    refusals = [problem(**PUT_OFF, headers=["Retry-After: 0"])] * 4
    async with cluster(*refusals) as server, open_api(server) as api:
        await api.request(method, "/x", json={"a": 1}, safe=safe)
    assert [json.loads(seen.body) for seen in asked(server)] == [{"a": 1}] * 5


@pytest.mark.parametrize(
    ("retry_after", "attempts", "seconds"),
    [(1.0, 60, 59), (5.0, 12, 55), (None, 61, 59.1), (3600.0, 1, 0)],
)
async def test_a_request_that_is_always_delayed_is_given_up(
    retry_after, attempts, seconds, autojump_clock
):
    made = []

    async def attempt():
        made.append(trio.current_time())
        raise Problem("locked", status=503, type="store-unavailable", retry_after=retry_after)

    with pytest.raises(Problem, match="locked"):
        await with_retries(attempt, safe=False, loopback=True)
    assert (len(made), made[-1] - made[0]) == (attempts, pytest.approx(seconds, abs=0.01))


async def test_a_delayed_request_with_a_streamed_body_is_sent_once(cluster, problem):
    async def pieces():
        yield b"piece"

    async with cluster(problem(**PUT_OFF)) as server, open_api(server) as api:
        with pytest.raises(Problem, match="The database is locked"):
            await api.request("PATCH", "/x", body=pieces())
    assert len(asked(server)) == 1


async def test_a_streamed_body_is_sent_once(cluster):
    async def pieces():
        yield b"piece"

    async with cluster(b"") as server, open_api(server) as api:
        with pytest.raises(Unreachable, match="was lost"):
            await api.request("PATCH", "/x", body=pieces(), safe=True)
    [seen] = asked(server)
    assert seen.body == b"piece"


async def test_a_request_that_timed_out_is_not_repeated(serve, answer):
    async def handler(seen, stream):
        if seen.target != "/":
            await trio.sleep_forever()
        await stream.send_all(answer(b'{"version": "v7.20230615"}'))
        return True

    async with serve(handler) as server, open_api(server) as api:
        with pytest.raises(Unreachable, match="silent"):
            await api.request("GET", "/x", timeout=0.05)
    assert len(asked(server)) == 1


class Unsent:
    """A transport whose first requests never leave."""

    def __init__(self, profile, failures):
        self.inner = connect(profile)
        self.failures = failures
        self.attempts = 0

    async def request(self, request):
        self.attempts += 1
        if self.attempts <= self.failures:
            raise NotSent("can't connect")
        return await self.inner.request(request)

    async def aclose(self):
        await self.inner.aclose()


async def test_a_request_that_was_not_sent_is_always_repeated(cluster, tmp_path):
    async with cluster() as server:
        async with open_api(server, tmp_path) as api:
            await api.version()
        made = []

        def unsent(_kind, profile):
            made.append(Unsent(profile, failures=1))
            return made[-1]

        profile = Profile(name="lab", endpoint=server.url)
        async with Api(profile, unsent, tmp_path) as api:
            await api.request("POST", "/x")
    assert made[0].attempts == 2


@pytest.mark.parametrize(
    ("endpoint", "attempts", "seconds"),
    [("http://cluster.example", 3, 0.5), ("http://127.0.0.1:1", 2, 0.05)],
)
async def test_an_unreachable_cluster_is_reported_after_a_few_attempts(
    endpoint, attempts, seconds, autojump_clock
):
    made = []

    def unsent(_kind, profile):
        made.append(Unsent(profile, failures=99))
        return made[-1]

    began = trio.current_time()
    async with Api(Profile(name="lab", endpoint=endpoint), unsent) as api:
        with pytest.raises(Unreachable, match="can't connect"):
            await api.request("GET", "/x")
    assert trio.current_time() - began == pytest.approx(seconds, abs=0.01)
    assert made[0].attempts == attempts
