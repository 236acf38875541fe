"""Why a session waits or did not start, as clusters of several releases tell it."""

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from atoll_sessions.model import Session
from atoll_sessions.reasons import room_makers, to_number, what_fits

NO_ROOM = "Could not find a resource region in any agent big enough to host the session"
AGENT = {"name": "MultiAgentError", "repr": "MultiAgentError(1)"}
FAULT = {"name": "InsufficientResource", "repr": "InsufficientResource(slot_name='cpu')"}
LIMIT = {"name": "keypair_resource_limit", "msg": "your quota is used up"}


@pytest.mark.parametrize(
    ("data", "trouble"),
    [
        (None, ""),
        ({}, ""),
        ({"kernel": {"exit_code": 3}}, ""),
        ({"error": {**AGENT, "collection": [FAULT]}}, FAULT["repr"]),
        ({"error": AGENT}, AGENT["repr"]),
        ({"scheduler": {"msg": NO_ROOM, "failed_predicates": []}}, NO_ROOM),
        ({"scheduler": {"msg": "", "failed_predicates": [LIMIT]}}, LIMIT["msg"]),
    ],
)
def test_what_a_cluster_has_noted(data, trouble):
    """Which it does in shapes of several kinds."""
    assert Session.from_node({"status_data": json.dumps(data)}).trouble == trouble


@pytest.mark.parametrize(
    ("needs", "free", "said"),
    [
        ({"cpu": 2, "mem": 8}, {"cpu": 1, "mem": 9}, "what would fit now: cpu 1, mem 8 B"),
        ({"cpu": 2}, {"cpu": 0, "mem": 9}, "nothing fits now without cpu"),
        ({"cpu": 2, "cuda.shares": 1}, {"cpu": 2}, "nothing fits now without cuda.shares"),
        ({"cpu": 1}, {"cpu": 1}, "it would fit now"),
        ({}, {"cpu": 1}, ""),
        ({"cpu": 1}, {}, ""),
    ],
)
def test_what_would_fit(needs, free, said):
    """Never more than is needed."""
    assert what_fits(needs, free) == said


def session(name, **slots):
    return Session(name=name, occupying_slots={slot: str(held) for slot, held in slots.items()})


@pytest.mark.parametrize(
    ("lacking", "makers"),
    [
        ({"cpu": 1}, ["a"]),
        ({"cpu": 2}, ["a", "b"]),
        ({"cpu": 3}, ["a", "b", "c"]),
        ({"cpu": 9}, []),
        ({"cuda.shares": 1}, ["c"]),
        ({"cpu": 1, "cuda.shares": 1}, ["a", "c"]),
        ({"mem": 1}, []),
        ({"cpu": 0.5}, ["a"]),
    ],
)
def test_who_would_make_room(lacking, makers):
    idle = [session("a", cpu=1), session("b", cpu=1), session("c", cpu=1, **{"cuda.shares": 2})]
    idle.append(Session(name="odd", occupying_slots={"cpu": "x"}))
    assert [one.name for one in room_makers(idle, lacking)] == makers


def measured(percent, used=None):
    stat = {"cpu_util": {"pct": percent}, "cpu_used": {"current": used}}
    return [{"live_stat": stat}]


@pytest.mark.parametrize(
    ("facts", "idle"),
    [
        ({"type": "interactive", "containers": measured("0.5")}, True),
        ({"type": "INTERACTIVE", "containers": measured(3)}, True),
        ({"type": "interactive", "containers": measured("99")}, False),
        ({"type": "interactive", "containers": None}, True),
        ({"type": "batch", "containers": measured("0")}, False),
        ({"type": None}, False),
        ({"type": "interactive", "containers": measured("99", "20"), "created_at": "now"}, True),
        ({"type": "interactive", "containers": measured("99", "9000"), "created_at": "now"}, False),
        ({"type": "interactive", "containers": measured("nan"), "created_at": "x"}, True),
    ],
)
def test_which_sessions_seem_idle(facts, idle):
    if facts.get("created_at") == "now":
        facts = {**facts, "created_at": (datetime.now(UTC) - timedelta(seconds=9)).isoformat()}
    assert Session(**facts).seems_idle is idle


def test_amounts_as_users_write_them():
    """And what is none."""
    assert [to_number(text) for text in ("2", ".5", "512m", "1.5G", "2gib", "1k")] == [
        2, 0.5, 512 << 20, 1.5 * (1 << 30), 2 << 30, 1024,
    ]  # fmt: skip
    assert all(math.isnan(to_number(text)) for text in ("", "abc", "-1", "1 2", "1x", "1e3"))


async def test_a_start_that_failed_tells_why(facing, cluster, answer):
    """With what the agent has said, since the status alone says little."""
    made = {"sessionId": "x", "sessionName": "sess", "status": "PREPARING", "created": True}
    cluster.routes["POST /session"] = answer(json.dumps(made).encode(), status=201)
    cluster.session = {
        "status": "CANCELLED",
        "status_info": "failed-to-start",
        "status_data": json.dumps({"error": {**AGENT, "collection": [FAULT]}}),
    }
    async with facing() as shell:
        result = await shell.run("start -t sess python")

    assert result.code == 1
    assert f"session sess is CANCELLED: failed-to-start: {FAULT['repr']}" in result.stderr


async def test_an_older_cluster_is_asked_for_no_more_than_it_knows(facing, cluster, answer):
    """What the session needs is then what was asked for, for each of its containers."""
    made = {"sessionId": "x", "sessionName": "sess", "status": "PENDING", "created": True}
    cluster.routes["POST /session"] = answer(json.dumps(made).encode(), status=201)
    free = {"scaling_group_remaining": {"cpu": "3", "mem": "1073741824"}}
    cluster.routes["POST /resource/check-presets"] = answer(json.dumps(free).encode())
    cluster.session = {"status": "PENDING", "status_data": '{"scheduler": {"msg": "no room"}}'}
    cluster.unknown = "requested_slots"
    async with facing() as shell:
        result = await shell.run(
            "start -t sess --max-wait 1 --cluster-size 2 -r cpu=2 -r mem=512m python"
        )

    assert result.code == 124
    assert (
        "session sess is PENDING: no room; it needs cpu 4, mem 1 GiB, of which cpu 3, mem 1 GiB "
        "is free; what would fit now: cpu 3, mem 1 GiB\n"
    ) in result.stderr
