"""A manager that an administrator has frozen answers 503, and waits for nobody's next try."""

import pytest
import trio

SESSION = "/session/2ce87391-a5c7-4205-a9b7-84c82f353e9f"
EVENTS = "GET /events/session"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@pytest.fixture
def frozen(answer):
    """What such a manager answers."""
    body = b'{"type": "https://api.backend.ai/probs/server-frozen", "title": "It is frozen."}'
    return answer(body, status=503, content_type="application/problem+json")


@pytest.fixture
def run(facing, cluster, frozen):
    """Return the function that runs a line while this route is frozen; tells how often it was asked
    for.
    """

    async def running(line, route, *before):
        left = list(before)

        async def stream(connection):
            await connection.send_all(left.pop(0) if left else frozen)
            return not left and not before

        cluster.routes[route] = stream
        async with facing() as shell:
            with trio.fail_after(60):
                result = await shell.run(line)
        return result, [key for key, _ in cluster.asked].count(route) - len(before)

    return running


@pytest.mark.parametrize(
    ("line", "route"),
    [
        ("events sess", EVENTS),
        ("logs --follow sess", f"GET {SESSION}/logs"),
        ("wait sess", "POST /admin/gql"),
        ("start -t sess python", "POST /session"),
        (
            "run --rm --max-parallel 1 -c 'print($X)' --exec-range X=case:1,2,3 python",
            "POST /session",
        ),
        ("rm sess", f"DELETE {SESSION}"),
        ("rm sess", "POST /admin/gql"),
        ("restart sess", f"PATCH {SESSION}"),
    ],
)
async def test_its_refusal_ends_a_command_at_once(run, line, route):
    result, asked = await run(line, route)
    assert (result.code, asked) == (1, 1), result.stderr
    assert "It is frozen" in result.stderr
    assert "an administrator has paused the cluster" in result.stderr


async def test_events_end_when_the_cluster_has_frozen_meanwhile(run):
    result, asked = await run("events sess", EVENTS, HEAD)
    assert (result.code, asked) == (1, 1), result.stderr
    assert "It is frozen" in result.stderr
