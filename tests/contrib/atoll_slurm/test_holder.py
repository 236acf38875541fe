"""The program that holds a job, with commands of a shell in the place of `srun`."""

import json
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
from atoll_slurm.holding import HOLDER
from attrs import frozen

BEGINS = 'echo "{\\"pid\\": $$}" > new; echo 7 > step; mv new supervisor.json; '
LASTS = f"trap 'exit 9' TERM; {BEGINS} while :; do sleep 0.05; done"
LONG = 60


@frozen
class Held:
    """A holder, and a connection to it."""

    program: subprocess.Popen
    stream: object

    def say(self, **message):
        self.stream.write(json.dumps(message).encode() + b"\n")
        self.stream.flush()

    def begun(self):
        """Wait until the first kernel has begun; returns its step."""
        message = self.hear("holds")
        return message["step"] or self.hear("began")["step"]

    def until_ended(self):
        """Wait until a kernel has ended that the holder accepts; returns what is told of it."""
        self.hear("accepted")
        while (message := json.loads(self.stream.readline()))["event"] != "ended":
            assert message["event"] == "began"
        return message

    def hear(self, event):
        """Return the next message, which is such an event."""
        message = json.loads(self.stream.readline())
        assert message["event"] == event, message
        return message


@pytest.fixture
def request_to(tmp_path):
    """Make a request to start a kernel, whose supervisor is a script."""

    def make(kernel, script, seconds=None):
        folder = tmp_path / kernel / "run"
        folder.mkdir(parents=True)
        argv = ["sh", "-c", script]
        return {"op": "start", "kernel": kernel, "folder": str(folder), "argv": argv,
                "seconds": seconds}  # fmt: skip

    return make


@pytest.fixture
def holding(tmp_path):
    """Start a holder with its first request, and connect to it."""

    @contextmanager
    def start(idle, first):
        run = tmp_path / "a" / "run"
        run.mkdir(parents=True)
        (run.parent / "launcher.json").write_text(json.dumps({"request": first}))
        argv = [sys.executable, "-I", "-S", str(HOLDER), str(idle), "1"]
        with subprocess.Popen(argv, cwd=run, stdout=subprocess.DEVNULL) as program:
            try:
                with connected(run / "kernel.sock", program) as stream:
                    yield Held(program, stream)
            finally:
                program.kill()

    return start


@contextmanager
def connected(path, program):
    """Connect as soon as the holder listens."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(LONG)
        while True:
            assert program.poll() is None
            try:
                client.connect(str(path))
            except OSError:
                continue
            break
        with client.makefile("rwb") as stream:
            yield stream


def test_kernels_run_one_after_another_and_tell_how_they_end(holding, request_to):
    with holding(LONG, request_to("k1", LASTS)) as held:
        assert held.begun() == "7"
        second = request_to("k2", f"{BEGINS} echo 'srun: task 0: Out Of Memory' >&2; exit 1")
        held.say(**second)
        assert held.hear("refused")["kernel"] == "k2"
        held.say(op="end", kernel="k1", grace=5)
        ended = held.hear("ended")
        assert (ended["kernel"], ended["code"], ended["reason"]) == ("k1", 9, None)
        held.say(**second)
        ended = held.until_ended()
        assert (ended["kernel"], ended["reason"]) == ("k2", "out-of-memory")
        held.say(op="leave")
        assert held.program.wait(LONG) == 0


def test_a_kernel_whose_time_is_up_is_ended_with_that_reason(holding, request_to):
    with holding(LONG, request_to("k1", LASTS)) as held:
        held.begun()
        held.say(op="end", kernel="k1", grace=5)
        held.hear("ended")
        held.say(**request_to("k2", LASTS, seconds=0.5))
        assert held.until_ended()["reason"] == "time-limit"


def test_the_end_of_the_job_ends_the_kernel_and_then_the_holder(holding, request_to):
    with holding(LONG, request_to("k1", LASTS)) as held:
        held.begun()
        held.program.send_signal(signal.SIGTERM)
        assert held.hear("ended")["by_job"]
        assert held.program.wait(LONG) == 0


def test_a_holder_without_a_kernel_ends_by_itself(holding, request_to):
    with holding(0, request_to("k1", LASTS)) as held:
        held.begun()
        held.say(op="end", kernel="k1", grace=0)
        assert held.program.wait(LONG) == 0
