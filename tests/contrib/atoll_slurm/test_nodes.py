"""What sinfo prints of nodes, as Slurm 22.05 did, and the agents that are made of it."""

from decimal import Decimal

import pytest
from atoll_slurm.nodes import gres_slots, is_up, parse

MIB = 2**20
FREE = ("0/2/0/2", "2048", "0", "1500", "0.50", "(null)", "gpu:0", "10.0.0.1", "none")


def printed(*cells):
    return "".join(f"{cell:<200}" for cell in cells)


def test_a_node_is_listed_once_with_all_its_partitions():
    gpus = ("1/1/0/2", "2048", "512", "N/A", "N/A", "gpu:a100:2(S:0-1),ssd:1",
            "gpu:a100:1(IDX:0,1),ssd:0", "10.0.0.3", "none")  # fmt: skip
    lines = [
        "Welcome to the site",
        printed("n1", "debug*", "idle", *FREE),
        printed("n1", "long", "idle", *FREE),
        printed("n3", "long", "mixed", *gpus),
    ]
    first, third = parse(lines)
    assert (first.name, first.groups, first.address) == (
        "n1", ("debug", "default", "long"), "10.0.0.1",
    )  # fmt: skip
    assert first.slots == {"cpu": 2, "mem": 2048 * MIB}
    assert (first.cpu_load, first.memory_used) == (0.5, 548 * MIB)
    assert third.slots == {
        "cpu": 2, "mem": 2048 * MIB, "cuda.device": 2, "gres:gpu:a100": 2, "gres:ssd": 1,
    }  # fmt: skip
    assert third.used == {
        "cpu": 1, "mem": 512 * MIB, "cuda.device": 1, "gres:gpu:a100": 1, "gres:ssd": 0,
    }  # fmt: skip
    assert (third.cpu_load, third.memory_used) == (None, None)


def test_a_setting_names_the_partition_of_sessions_that_name_none():
    lines = [printed("n1", "debug*", "idle", *FREE), printed("n1", "long", "idle", *FREE)]
    assert parse(lines, "long")[0].groups == ("debug", "long", "default")


def test_a_node_says_why_it_takes_nothing():
    lines = [
        printed("n1", "long", "drained", *FREE[:-1], "disk: a|b"),
        printed("n2", "long", "idle*", *FREE),
    ]
    drained, silent = parse(lines)
    assert (drained.is_alive, drained.is_open, drained.reason) == (
        True,
        False,
        "drained: disk: a|b",
    )
    assert (silent.is_alive, silent.reason) == (False, "idle*: it does not answer")


@pytest.mark.parametrize(
    ("state", "up"),
    [
        ("idle", (True, True)),
        ("mixed", (True, True)),
        ("allocated+", (True, True)),
        ("idle~", (True, True)),
        ("planned", (True, True)),
        ("draining", (True, False)),
        ("maint", (True, False)),
        ("idle$", (True, False)),
        ("reserved", (True, False)),
        ("inval", (True, False)),
        ("down", (False, False)),
        ("down*", (False, False)),
        ("allocated*", (False, False)),
        ("odd_new_word", (True, True)),
    ],
)
def test_what_states_mean(state, up):
    assert is_up(state) == up


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("(null)", {}),
        ("gpu:4", {"cuda.device": 4}),
        ("gpu", {"cuda.device": 1}),
        ("gpu:a:2,gpu:b:1", {"cuda.device": 3, "gres:gpu:a": 2, "gres:gpu:b": 1}),
        ("bandwidth:lustre:no_consume:4K",
         {"gres:bandwidth": 4096, "gres:bandwidth:lustre": 4096}),
    ],
)  # fmt: skip
def test_generic_resources_have_the_names_by_which_they_are_asked_for(text, slots):
    assert gres_slots(text) == {name: Decimal(amount) for name, amount in slots.items()}
