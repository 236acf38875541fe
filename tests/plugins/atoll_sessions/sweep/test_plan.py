"""A plan outlives the process that made it, and tells each case what to run."""

import json

import pytest
from attrs import evolve

from atoll.transport import Part
from atoll_sessions.creation import SessionRequest
from atoll_sessions.execution import Code
from atoll_sessions.sweep.plan import Plan, dump_plan, fingerprint, load_plan
from atoll_sessions.sweep.ranges import make_grid, parse_range


@pytest.fixture
def plan():
    """A plan that uses what a plan can hold."""
    ranges = [("exec", "X=range:0,3,1"), ("env", "Y=case:a,b"), ("build", "Z=linspace:0,1,2")]
    return Plan(
        id="s-12ab",
        line="run …",
        profile="lab",
        grid=make_grid([parse_range(place, text) for place, text in ranges]),
        request=SessionRequest(
            image="python",
            name="exp",
            env={"V": "$Y", "$Y": "$X"},
            bootstrap_script="echo 한\n",
            mounts={"data": ""},
            preopen=(8000, 9000),
            resources={"cpu": "1"},
            tag="mine",
        ),
        code=Code(mode="batch", clean="c $X", build="b $Z $X", exec="e $X ${Y}"),
        named=True,
        remove=True,
        max_parallel=3,
        out="/somewhere",
    )


def test_read_as_written(plan):
    """With all it holds, bytes too; what a later release has added is passed over."""
    document = json.loads(dump_plan(plan))
    document["later"] = document["request"]["later"] = 1

    assert load_plan(dump_plan(plan)) == plan
    assert load_plan(json.dumps(document)) == plan
    assert load_plan(dump_plan(plan)).grid.at(7) == plan.grid.at(7)


def test_cases(plan):
    """Every variable in its own place; the session's name and tag tell whose it is."""
    case = plan.case(8)

    assert case.values == {"X": "1", "Y": "b", "Z": "1"}
    assert case.label == "[8/12 X=1 Y=b Z=1]"
    assert case.code == Code(mode="batch", clean="c $X", build="b 1 $X", exec="e 1 ${Y}")
    assert case.request.env == {"V": "b", "$Y": "$X"}
    assert (case.request.name, case.request.tag) == ("exp-0008", "mine sweep:s-12ab")
    assert evolve(plan, named=False).case(12).request.name == "s-12ab-0012"


def test_what_makes_two_sweeps_the_same(plan):
    """Cases, session, code and files; not how many run at a time, nor when, nor under which id."""
    files = [Part("src", "a.py", b"1")]
    same = fingerprint(plan, files)

    assert (
        fingerprint(evolve(plan, id="s-0", max_parallel=9, remove=False, out=None), files) == same
    )
    others = [
        fingerprint(plan, [Part("src", "a.py", b"2")]),
        fingerprint(evolve(plan, code=evolve(plan.code, exec="f")), files),
        fingerprint(evolve(plan, profile="other"), files),
        fingerprint(evolve(plan, request=evolve(plan.request, resources={})), files),
        fingerprint(evolve(plan, grid=make_grid(plan.grid.ranges[:2])), files),
    ]
    assert len({same, *others}) == 6
