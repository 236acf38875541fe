"""What `logs --follow` and `wait` make of what they see from time to time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll import UsageError
from atoll_sessions.logs import new_part
from atoll_sessions.statuses import KNOWN, can_reach, has_reached, known_status

VARIED = "".join(f"line {number}\n" for number in range(1000))


def test_only_what_is_new_is_shown():
    """And all of it, the first time."""
    assert new_part("", "one\n") == "one\n"
    assert new_part("one\n", "one\ntwo") == "two"
    assert new_part("one\n", "one\n") == ""


@given(st.integers(0, 500), st.text(max_size=50))
def test_a_log_that_lost_its_front_is_followed_on(cut, added):
    """Clusters drop the oldest output of a long log."""
    before = VARIED[:7000]
    assert new_part(before, (before + added)[cut:]) == added


def test_the_line_that_tells_of_a_dropped_front_is_no_news():
    """Whether it is there for the first time or not."""
    note = "[more was printed before this]\n"
    assert new_part(VARIED, f"{note}{VARIED[500:]}new\n") == "new\n"
    assert new_part(note + VARIED, f"{note}{VARIED[500:]}new\n") == "new\n"


@given(st.text("ab\n", min_size=100), st.integers(0, 60), st.text("ab\n"))
def test_nothing_that_is_new_for_certain_is_swallowed(before, cut, added):
    """Where output repeats, it can't be told how much was dropped; what is shown ends the log."""
    now = (before + added)[cut:]
    shown = new_part(before, now)
    assert now.endswith(shown)
    assert len(shown) <= len(added)


def test_a_long_log_of_equal_lines_takes_no_time():
    """Nor one of which hardly anything is left."""
    before = "tick\n" * 200_000
    assert new_part(before, before[5:] + "tock\n").endswith("tock\n")
    assert new_part(before, "tick\n") == ""


def test_a_log_that_has_nothing_in_common_is_new():
    """That of a session that was restarted."""
    assert new_part("old output\n", "new output\n") == "new output\n"


def test_statuses_are_known_in_any_case():
    """Those of all releases; others are refused, and the known ones named."""
    assert known_status("running") == "RUNNING"
    assert known_status("Prepared") == "PREPARED"
    with pytest.raises(UsageError, match=r"no such status: done \(known: PENDING, .*ERROR\)"):
        known_status("done")


def test_what_was_passed_is_reached():
    """A session may be in some statuses too shortly to be seen there."""
    assert has_reached("RUNNING", "PULLING")
    assert has_reached("TERMINATED", "TERMINATING")
    assert not has_reached("PULLING", "RUNNING")
    assert not has_reached("PREPARING", "PULLING")
    assert not has_reached("RUNNING_DEGRADED", "RUNNING")
    assert not has_reached("CANCELLED", "TERMINATED")
    assert not has_reached("TERMINATED", "RUNNING")
    assert all(has_reached(status, status) for status in KNOWN)


def test_what_has_ended_reaches_nothing():
    """But a failed session can be terminated, and a status of a later release says nothing."""
    assert not can_reach("TERMINATED", "RUNNING")
    assert not can_reach("CANCELLED", "TERMINATED")
    assert not can_reach("ERROR", "RUNNING")
    assert can_reach("ERROR", "TERMINATED")
    assert can_reach("HIBERNATING", "RUNNING")
