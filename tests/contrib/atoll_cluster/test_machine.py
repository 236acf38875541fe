"""What the machine gives away: processors in parts, memory, GPUs real and simulated, addresses."""

import json
import subprocess
import sys
from decimal import Decimal

import pytest

from atoll_cluster.scheduler.machine import Machine, find_gpus
from atoll_cluster.slots import Slots, from_text
from atoll_cluster.store.records import KernelRow

HALF = Decimal("0.5")


def holder(cpus=(), devices=(), address=None, **slots):
    names = {"shares": "cuda.shares", "device": "cuda.device"}
    return KernelRow(
        id="k", session_id="s", status_changed="", created_at="", cpus=cpus, devices=devices,
        address=address, occupied_slots={names.get(name, name): slots[name] for name in slots},
    )  # fmt: skip


def test_amounts_add_up_exactly():
    slots = from_text({"cpu": "0.1", "mem": "1.5g", "cuda.shares": 0.3})
    assert slots.times(3).as_text() == {"cpu": "0.3", "mem": "4831838208", "cuda.shares": "0.9"}
    assert (slots + slots - slots).as_text() == slots.as_text()
    assert Slots(1, 10).lacking(Slots(2, 5)) == ["mem"]
    assert from_text({"cuda.shares": 1}).lacking(Slots(1, 1)) == ["cuda.shares"]


def test_halves_share_a_processor_and_whole_ones_do_not():
    machine = Machine(3, 1000, (0, 1, 2))
    first = holder(cpus=machine.choose(HALF, []), cpu="0.5")
    whole = holder(cpus=machine.choose(Decimal(1), [first]), cpu="1")
    second = holder(cpus=machine.choose(HALF, [first, whole]), cpu="0.5")
    assert first.cpus == second.cpus != whole.cpus
    assert len(machine.choose(Decimal("1.5"), [])) == 2
    assert len(machine.choose(Decimal(9), [])) == 3


def test_real_gpus_are_counted(tmp_path):
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert find_gpus(tmp_path) == (0, 1, 10)


def test_a_gpu_goes_whole_or_in_shares():
    machine = Machine(2, 1000, (0, 1), gpus=(0, 1))
    assert machine.slots.as_text()["cuda.device"] == "2"
    left = machine.remaining(from_text({"cuda.shares": 0.5})).as_text()
    assert (left["cuda.device"], left["cuda.shares"]) == ("1", "1.5")
    whole = holder(devices=(0,), device="1")
    assert machine.choose_gpus(from_text({"cuda.shares": 0.5}), [whole]) == (1,)
    assert [path.name for path in machine.device_files((1,))][:2] == ["nvidia1", "nvidiactl"]
    assert machine.device_files(()) == ()


def test_addresses_are_used_once():
    machine = Machine(2, 1000, (0, 1), network=99)
    taken = [holder(address=f"127.99.{n >> 8}.{n & 255}") for n in range(1, 257)]
    assert machine.address([]) == "127.99.0.1"
    assert machine.address(taken) == "127.99.1.1"
    del taken[7]
    assert machine.address(taken) == "127.99.0.8"


@pytest.mark.parametrize("by_option", [True, False])
def test_simulated_gpus_are_shown_and_given_away(program, http, by_option):
    if by_option:
        program.arguments = ("--slots", "cuda.shares=4")
    else:
        program.data.mkdir()
        (program.data / "kernels").mkdir()
        (program.data / "config.json").write_text('{"slots": {"cuda.shares": 4}}')
    client = program.start().client(http)
    assert client.ask("GET", "/config/resource-slots").json()["cuda.shares"] == "count"
    created = client.create(
        "trainer", image="python-tensorflow:1.12-py36", config={"resources": {"cuda.shares": 1.5}}
    )
    assert (created["status"], created["servedExactly"]) == ("RUNNING", False)
    seen = client.run("trainer", "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])")
    assert client.console(seen) == "0,1\n"
    left = client.ask("POST", "/resource/check-presets", json={}).json()
    assert left["keypair_remaining"]["cuda.shares"] == "2.5"
    agents = "{ agent_list(limit: 1, offset: 0) { items { available_slots occupied_slots } } }"
    (agent,) = client.gql(agents)["data"]["agent_list"]["items"]
    assert json.loads(agent["available_slots"])["cuda.shares"] == "4"
    assert json.loads(agent["occupied_slots"])["cuda.shares"] == "1.5"
    refused = client.ask(
        "POST", "/session",
        json={"name": "toobig", "image": "python", "config": {"resources": {"cuda.shares": 5}}},
    )  # fmt: skip
    assert "this machine has 4" in refused.json()["msg"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"mock": 1}', '{"slots": {"cuda": 1}}', '{"slots": 3}',
             '{"slots": {"cuda.shares": "many"}}'],
)  # fmt: skip
def test_an_invalid_configuration_is_reported_in_one_line(program, text):
    program.data.mkdir()
    (program.data / "kernels").mkdir()
    (program.data / "config.json").write_text(text)
    command = [sys.executable, "-m", "atoll_cluster", "--data", program.data]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "config.json" in ended.stderr
