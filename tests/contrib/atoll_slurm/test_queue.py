"""What squeue and sinfo print, as Slurm 22.05 and 23.11 did, and what is made of it."""

from datetime import datetime

import pytest
from atoll_slurm.partitions import Partition, parse_partitions
from atoll_slurm.queue import parse, state_of

from atoll_cluster.engines import Ended, Running, Unknown, Waiting

PRINTED = """\
Welcome to the site | today: maintenance | at 8
3|COMPLETED|n2|n2|2026-11-27T15:21:54|2026-11-27T15:21:55|None|a b|c.k-11756
2|FAILED|n1|n1|2026-11-27T15:21:54|2026-11-27T15:21:55|NonZeroExitCode|s.k-16572
6|PENDING|n/a||2026-11-27T15:21:54|2026-11-27T16:26:54|BeginTime|s.k-6
4|PENDING|n/a||2026-11-27T15:21:54|N/A|JobHeldUser|s.k-4
1|RUNNING|n1|n1|2026-11-27T15:21:54|2026-11-27T15:26:55|None|s.with.dots.k-20934
473_[0-2]|PENDING|n/a||2026-11-27T15:21:54|N/A|Priority|array
476+1|RUNNING|n2|n2|2026-11-27T15:21:54|2026-11-27T15:26:55|None|components

"""


def test_each_line_is_a_job_and_a_banner_is_none():
    """A job's name may hold what separates the fields, and dots."""
    found = {one.kernel_id: one for one in parse(PRINTED.splitlines())}
    assert {name: (one.job_id, one.state) for name, one in found.items()} == {
        "k-11756": ("3", Ended()),
        "k-16572": ("2", Ended()),
        "k-6": ("6", Waiting("BeginTime")),
        "k-4": ("4", Waiting("JobHeldUser")),
        "k-20934": ("1", Running("n1")),
        "array": ("473_[0-2]", Waiting("Priority")),
        "components": ("476+1", Running("n2")),
    }
    assert found["k-20934"].ends == datetime(2026, 11, 27, 15, 26, 55)  # noqa: DTZ001  # as squeue has it
    assert found["k-4"].ends is None


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (("PENDING", "n/a", "Resources"), Waiting("Resources")),
        (("PENDING", "n/a", "None"), Waiting()),
        (("REQUEUED", "n/a", "BeginTime"), Waiting("BeginTime")),
        (("CONFIGURING", "n1", "None"), Running("n1")),
        (("COMPLETING", "n1", "None"), Running("n1")),
        (("TIMEOUT", "n1", "TimeLimit"), Ended("time-limit")),
        (("PREEMPTED", "n1", "None"), Ended("preempted")),
        (("NODE_FAIL", "n1", "NodeDown"), Ended("node-failure")),
        (("OUT_OF_MEMORY", "n1", "OutOfMemory"), Ended("out-of-memory")),
        (("CANCELLED by 0", "n1", "None"), Ended("cancelled")),
        (("CANCELLED", "n/a", "DependencyNeverSatisfied"), Ended("dependency-failed")),
        (("POWERED_ODDLY", "n1", "None"), Unknown("Slurm reports the state POWERED_ODDLY")),
    ],
)
def test_states_keep_their_reasons(told, state):
    assert state_of(*told) == state


def test_partitions_are_listed_once_with_their_limits():
    assert parse_partitions("debug*|10:00\ndebug*|10:00\nlong|7-00:00:00\nany|infinite\n") == [
        Partition("debug", "10:00", is_default=True),
        Partition("long", "7-00:00:00", is_default=False),
        Partition("any", "", is_default=False),
    ]
