"""What is tried again, after which pauses, and when that ends; by a clock that jumps."""

import math

import pytest
import trio
from trio.testing import MockClock

from atoll import AtollError, Problem, Unreachable
from atoll.outages import Backoff, is_permanent, is_transient
from atoll.transport import ConnectionLost, NotSent


def in_no_time(main):
    """Run an async function by a clock that jumps to whatever is waited for."""
    return trio.run(main, clock=MockClock(autojump_threshold=0))


def refusal(status, kind="generic-error", retry_after=None):
    return Problem("refused", status=status, type=kind, retry_after=retry_after)


FROZEN = refusal(503, "server-frozen")


@pytest.mark.parametrize(
    ("error", "transient", "permanent"),
    [
        (NotSent("nothing listens there"), True, False),
        (ConnectionLost("was lost"), True, False),
        (Unreachable("has been silent"), True, False),
        (Unreachable("the certificate has expired", permanent=True), False, True),
        (refusal(429), True, False),
        (refusal(502), True, False),
        (refusal(503, "service-unavailable"), True, False),
        (refusal(504), True, False),
        (FROZEN, False, True),
        (refusal(503, "not-implemented"), False, True),
        (refusal(503, "instance-not-available"), False, False),
        (refusal(500), False, False),
        (refusal(404), False, False),
        (AtollError("no"), False, False),
        (OSError(5, "Input/output error"), False, False),
    ],
)
def test_which_errors_are_transient(error, transient, permanent):
    assert (is_transient(error), is_permanent(error)) == (transient, permanent)


class Failing:
    """Fails with each of the errors, or for ever with the last one; notes when it was tried."""

    def __init__(self, *errors, forever=False):
        self.errors = list(errors)
        self.forever = forever
        self.times = []

    async def __call__(self):
        self.times.append(trio.current_time())
        if not self.errors:
            return "done"
        raise self.errors[0] if self.forever and len(self.errors) == 1 else self.errors.pop(0)

    @property
    def pauses(self):
        return [round(b - a, 3) for a, b in zip(self.times, self.times[1:], strict=False)]


LOST = ConnectionLost("was lost")


@pytest.mark.parametrize(
    ("policy", "pauses"),
    [
        (Backoff(first=0.5, patience=10), [0.5, 1, 2, 4]),
        (Backoff(first=1, longest=2, patience=8), [1, 2, 2, 2]),
        (Backoff(first=1, factor=1, patience=3.5), [1, 1, 1]),
        (Backoff(first=0.1, factor=4, attempts=3), [0.1, 0.4]),
        (Backoff(first=1, attempts=1), []),
        (Backoff(first=1, patience=0), []),
    ],
)
def test_pauses_grow_until_the_time_limit(policy, pauses):
    action = Failing(LOST, forever=True)

    async def main():
        with pytest.raises(ConnectionLost):
            await policy.retry(action)

    in_no_time(main)
    assert action.pauses == pauses


def test_a_success_is_returned():
    action = Failing(LOST, LOST)
    assert in_no_time(lambda: Backoff(first=1).retry(action)) == "done"
    assert action.pauses == [1, 2]


@pytest.mark.parametrize("error", [FROZEN, refusal(404), AtollError("no"), KeyError("bug")])
def test_permanent_errors_are_raised_at_once(error):
    action, told = Failing(error, forever=True), []

    async def main():
        with pytest.raises(type(error)):
            await Backoff(first=1).retry(action, tell=told.append)

    in_no_time(main)
    assert (len(action.times), told) == (1, [])


@pytest.mark.parametrize(
    ("policy", "retry_after", "pauses"),
    [
        (Backoff(first=0.5), 7.0, [7, 7]),
        (Backoff(first=0.5), 0.0, [0.5, 0.5]),  # nobody is asked without any pause
        (Backoff(first=0.5, longest=2), 3.0, [3, 3]),
        (Backoff(first=0.5, patience=10), 600.0, []),
        (Backoff(first=0.5, patience=10, outlasts_rate_limits=True), 600.0, [600, 600]),
    ],
)
def test_retry_after_of_the_cluster_is_used(policy, retry_after, pauses):
    action = Failing(*[refusal(429, retry_after=retry_after)] * 2)

    async def main():
        try:
            await policy.retry(action)
        except Problem:
            assert not pauses

    in_no_time(main)
    assert action.pauses == pauses


def test_an_outage_is_reported_once_and_measured():
    told = []

    async def main():
        retrying = Backoff(first=1).retrying(told.append)
        assert retrying.seconds == 0
        for error in (LOST, refusal(502), LOST):
            await retrying.wait(error)
        assert (told, retrying.failures, retrying.seconds) == ([LOST], 3, 7)
        retrying.reset()
        assert (retrying.failures, retrying.seconds) == (0, 0)
        began = trio.current_time()
        await retrying.wait(refusal(502))
        assert (len(told), trio.current_time() - began) == (2, 1)

    in_no_time(main)


def test_patience_counts_from_the_first_failure_after_what_went_forward():
    async def main():
        retrying = Backoff(first=1, factor=1, patience=2.5).retrying()
        for _ in range(5):
            await trio.sleep(100)
            await retrying.wait(LOST)
            await retrying.wait(LOST)
            retrying.reset()
        earlier = Backoff(first=1, patience=2.5).retrying(since=trio.current_time() - 2)
        with pytest.raises(ConnectionLost):
            await earlier.wait(LOST)

    in_no_time(main)


def test_the_caller_decides_what_is_transient():
    async def main():
        retrying = Backoff(first=1).retrying()
        await retrying.wait(AtollError("locked"), passes=True)
        with pytest.raises(ConnectionLost):
            await retrying.wait(LOST, passes=False)

    in_no_time(main)


@pytest.mark.parametrize(
    ("policy", "times"),
    [
        (Backoff(first=0.1, factor=1.5, longest=0.2, attempts=5), [0, 0.1, 0.25, 0.45, 0.65]),
        (Backoff(first=1, attempts=2), [0, 1]),
        (Backoff(first=2, factor=1, patience=5), [0, 2, 4]),
    ],
)
def test_polling_has_pauses(policy, times):
    async def main():
        began = trio.current_time()
        return [round(trio.current_time() - began, 3) async for _ in policy]

    assert in_no_time(main) == times


def test_pauses_restart_and_have_a_least_length():
    async def main():
        pauses, slept = Backoff(first=1, longest=4).pauses(), []
        for at_least in (0, 0, 0, 9, 0):
            began = trio.current_time()
            await pauses.sleep(at_least)
            slept.append(trio.current_time() - began)
        pauses.restart()
        return slept, pauses.next()

    assert in_no_time(main) == ([1, 2, 4, 9, 4], 1)


def test_jitter_varies_a_pause_either_way():
    pauses = [Backoff(first=1, jitter=0.2).pauses().next() for _ in range(200)]
    assert 0.8 <= min(pauses) < 0.9
    assert 1.1 < max(pauses) <= 1.2


@pytest.mark.parametrize("wrong", [{"first": -1}, {"first": math.nan}, {"first": 1, "factor": 0.5},
                                   {"first": 1, "jitter": 2}])  # fmt: skip
def test_an_invalid_backoff_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Backoff(**wrong)


def test_waiting_can_be_cancelled():
    async def main():
        with trio.move_on_after(5) as scope:
            await Backoff(first=1).retry(Failing(LOST, forever=True))
        return scope.cancelled_caught

    assert in_no_time(main)
