"""How the figures of a session are shown."""

import pytest

from atoll_sessions.stats import show_metrics


@pytest.mark.parametrize(
    ("capacity", "shown"),
    [
        ("1000", "88.11 percent (at most 90.00 percent)"),
        ("2000", "88.11 percent (at most 45.00 percent)"),
        ("0", "88.11 percent"),
        (None, "88.11 percent"),
    ],
)
def test_per_cent_are_of_the_capacity(capacity, shown):
    """Clusters tell milliseconds in a second and call them per cent."""
    entry = {"current": "881.096", "capacity": capacity, "pct": "88.11", "unit_hint": "percent"}
    assert show_metrics({"cpu_util": entry | {"stats.max": "900"}}) == [f"  cpu_util: {shown}"]


def test_others_are_shown_as_they_are():
    entry = {"current": "1048576", "capacity": "0", "unit_hint": "bytes", "stats.max": "2097152"}
    used = {"current": "20", "unit_hint": "msec"}
    lines = show_metrics({"mem": entry, "cpu_used": used})
    assert lines == ["  cpu_used: 20 msec", "  mem: 1 MiB (at most 2 MiB)"]
