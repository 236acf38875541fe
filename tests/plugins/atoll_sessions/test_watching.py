"""`events`, `restart` and `wait`, facing clusters with the habits of each release."""

import json
from uuid import UUID

import pytest

SESSION_ID = "2ce87391-a5c7-4205-a9b7-84c82f353e9f"
EVENTS = "GET /events/session"
RESTART = f"PATCH /session/{SESSION_ID}"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def event(name, kernel=None, session=SESSION_ID, **data):
    """Spell out one event."""
    about = {"kernelId": kernel, "clusterRole": "main"} if kernel else {}
    told = {"sessionId": session, "reason": "", "exitCode": None, **about, **data}
    return f"event: {name}\ndata: {json.dumps(told)}\n\n".encode()


def streams(*bodies):
    """Answer the first request with the first body, and so on; each ends with its connection."""
    left = list(bodies)

    async def stream(connection):
        await connection.send_all(HEAD + left.pop(0))

    return stream


async def watch(facing, options=""):
    """Run `events`; returns the names of the events, and all that came."""
    async with facing() as shell:
        result = await shell.run(f"events sess --output jsonl {options}")
    return [json.loads(line)["event"] for line in result.stdout.splitlines()], result


async def test_events_end_with_the_sessions_last(facing, cluster):
    """Each is told once, however often the cluster sends it; those of other sessions are not."""
    cluster.routes[EVENTS] = streams(
        event("session_started", session="another")
        + event("kernel_started", "k1")
        + event("kernel_started", "k2")
        + event("session_terminating", reason="user-requested")
        + event("kernel_terminated", "k1") * 2
        + event("kernel_terminated", "k2")
        + event("kernel_terminated", "k1")
        + event("session_terminated", session="another")
        + event("session_terminated")
        + event("never_read")
    )
    names, result = await watch(facing)

    assert result.code == 0
    assert names == [
        *["kernel_started"] * 2,
        "session_terminating",
        *["kernel_terminated"] * 2,
        "session_terminated",
    ]
    assert '"reason": "user-requested"' in result.stdout


async def test_what_happens_again_is_told_again(facing, cluster):
    """A container that is restarted starts a second time."""
    cluster.routes[EVENTS] = streams(
        event("kernel_started", "k1")
        + event("kernel_preparing", "k1")
        + event("kernel_started", "k1")
        + event("session_terminated")
    )
    names, _ = await watch(facing)
    assert names.count("kernel_started") == 2


@pytest.mark.parametrize(
    ("scope", "shown"), [("kernel", ["kernel_terminated"]), ("session", ["session_terminated"])]
)
async def test_a_scope_ends_with_the_session_all_the_same(facing, cluster, scope, shown):
    """So the cluster is asked for everything."""
    cluster.routes[EVENTS] = streams(event("kernel_terminated", "k1") + event("session_terminated"))
    names, _ = await watch(facing, f"--scope {scope}")

    assert names == shown
    (asked,) = [query for key, query in cluster.asked if key == EVENTS]
    assert asked == {"sessionId": [SESSION_ID], "scope": ["*"]}


async def test_a_broken_stream_is_taken_up_again(facing, cluster):
    """And that is said, since what happened in between is lost."""
    cluster.routes[EVENTS] = streams(
        event("session_terminating"), event("kernel_terminated", "k1") + event("session_terminated")
    )
    names, result = await watch(facing)

    assert names == ["session_terminating", "kernel_terminated", "session_terminated"]
    assert "was lost; connecting again" in result.stderr


async def test_a_proxy_that_speaks_for_a_restarting_cluster_is_asked_again(facing, cluster, answer):
    """As a connection that could not be made is."""
    left = [
        HEAD,
        answer(b"<html>", status=500, content_type="text/html"),
        HEAD + event("session_terminated"),
    ]

    async def stream(connection):
        await connection.send_all(left.pop(0))

    cluster.routes[EVENTS] = stream
    names, result = await watch(facing)
    assert (names, result.code) == (["session_terminated"], 0)


async def test_a_refusal_is_no_break(facing, cluster, answer):
    """Keys that were withdrawn meanwhile won't be taken by asking again."""
    left = [HEAD, answer(b"{}", status=403)]

    async def stream(connection):
        await connection.send_all(left.pop(0))

    cluster.routes[EVENTS] = stream
    _, result = await watch(facing)
    assert result.code == 4


@pytest.mark.parametrize("status", ["TERMINATED", "CANCELLED", "ERROR"])
async def test_nothing_is_waited_for_when_it_has_ended(facing, cluster, status):
    """Before, or while the stream was broken: the last event won't come again."""
    cluster.session = [{"status": "RUNNING"}, {"status": status, "status_info": "idle-timeout"}]
    cluster.routes[EVENTS] = streams(event("session_terminating"), b"")
    names, result = await watch(facing)

    assert (names, result.code) == (["session_terminating"], 0)
    assert f"has ended already; it is {status}: idle-timeout" in result.stderr


async def test_the_owner_is_named_as_all_releases_read_it(facing, cluster):
    """And the session is looked for among the owner's."""
    cluster.routes[EVENTS] = streams(event("session_terminated"))
    await watch(facing, "-o AKIAOTHEROTHEROTHERS")

    (asked,) = [query for key, query in cluster.asked if key == EVENTS]
    assert asked["ownerAccessKey"] == ["AKIAOTHEROTHEROTHERS"]


def containers(*ids):
    """What GraphQL tells of a session with these containers."""
    return {"status": "RUNNING", "containers": [{"container_id": one} for one in ids]}


async def restart(facing):
    """Run `restart`."""
    async with facing() as shell:
        return await shell.run("restart sess")


async def test_a_restart_is_over_when_the_session_runs_again(facing, cluster, answer):
    """In other containers than before."""
    between = {**containers("old"), "status": "RESTARTING"}
    cluster.session = [containers("old"), between, containers("new")]
    cluster.routes[RESTART] = answer(b"", status=204)
    result = await restart(facing)

    assert (result.code, "sess runs again" in result.stderr) == (0, True)


async def test_a_restart_that_failed_in_silence_is_told(facing, cluster, answer):
    """23.09 answers with success and says RUNNING, while its agent has failed half-way."""
    cluster.session = containers("old")
    cluster.routes[RESTART] = answer(b"", status=204)
    result = await restart(facing)

    assert result.code == 1
    assert "has failed on the cluster's side" in result.stderr


async def test_a_session_that_does_not_come_back_is_told(facing, cluster, answer):
    """With what the cluster says about it."""
    cluster.session = [containers("old"), {"status": "ERROR", "status_info": "failed-to-start"}]
    cluster.routes[RESTART] = answer(b"", status=204)
    result = await restart(facing)

    assert result.code == 1
    assert "sess is ERROR after its restart: failed-to-start" in result.stderr


@pytest.mark.parametrize("status", [501, 503])
async def test_a_cluster_that_can_not_restart_says_what_to_do(facing, cluster, answer, status):
    """From 26.7 on none can; the status differs by generation."""
    problem = b'{"type": "https://api.backend.ai/probs/not-implemented", "title": "No."}'
    cluster.routes[RESTART] = answer(problem, status=status)
    result = await restart(facing)

    assert result.code == 1
    assert "can't restart sessions, so sess is unchanged" in result.stderr
    assert "atoll rm sess" in result.stderr


async def test_waiting_ends_when_there_is_nothing_to_wait_for(facing, cluster):
    """With what became of the session."""
    cluster.session = [
        {"status": "PENDING"},
        {"status": "HIBERNATING"},
        {"status": "CANCELLED", "status_info": "pending-timeout"},
    ]
    async with facing() as shell:
        result = await shell.run("wait sess")

    assert result.code == 1
    assert "sess is CANCELLED (pending-timeout) and will not be RUNNING any more" in result.stderr


async def test_waiting_has_an_end(facing, cluster):
    """With the exit code of `timeout`."""
    cluster.session = {"status": "PENDING"}
    async with facing() as shell:
        result = await shell.run("wait sess --for running --max-wait 1")

    assert (result.code, "is not RUNNING after 1 s" in result.stderr) == (124, True)


async def test_an_administrators_own_session_comes_before_that_of_others(facing, cluster):
    """Lists of administrators hold everybody's; in those of others nothing can be done."""
    strange = {"id": str(UUID(int=1)), "name": "sess", "access_key": "AKIAOTHER"}
    own = {"id": SESSION_ID, "name": "sess", "access_key": "AKIAIOSFODNN7EXAMPLE"}
    cluster.listed = [strange, own]
    cluster.routes[f"DELETE /session/{SESSION_ID}"] = cluster.answer(b"{}")
    async with facing() as shell:
        assert (await shell.run("rm sess")).code == 0
        cluster.listed = [strange]
        refused = await shell.run("rm sess")
    assert refused.code == 5
    assert "session sess belongs to another user (rm, restart and events take -o AKIAOTHER)" in (
        refused.stderr
    )
