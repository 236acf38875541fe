"""What Tab offers as values of the options by which lists are chosen."""

import pytest

from atoll_sessions.expressions import check_filter, filter_values


@pytest.fixture
def completed(shell):
    """Complete lines with the commands of sessions, folders and administration."""
    shell.load("sessions", "vfolders", "admin")
    return shell.complete


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ps --status PEN", ["PENDING"]),
        ("ps --status RUNNING,pend", ["RUNNING,PENDING"]),
        ("ps --status=TERMINATI", ["--status=TERMINATING"]),
        ("ps -f clu", ["cluster_mode", "cluster_size", "cluster_template", "cluster_hostname"]),
        ("ps -f name,cluster_m", ["name,cluster_mode"]),
        ("ps --order -term", ["-terminated_at"]),
        ("ps --order name,-starts", ["name,-starts_at"]),
        ("ps --filter start", ["starts_at ", "startup_command "]),
        ("ps --filter 'name i", ["name in ", "name is ", "name isnot ", "name ilike "]),
        ("ps --filter 'name is n", ["name is null"]),
        ("""ps --filter 'name == "x" """, ['name == "x" & ', 'name == "x" | ']),
        ("""ps --filter '!(name == "x" & starts""", ['!(name == "x" & starts_at ']),
        ("""ps --filter 'name == "stat""", []),
        ("wait mine --for RUNNING_", ["RUNNING_DEGRADED"]),
        ("admin users --order full", ["full_name"]),
        ("admin agents -f id,stat", ["id,status", "id,status_changed"]),
        ("vfolder list --filter usage", ["usage_mode "]),
        ("ps --output jso", ["json", "jsonl"]),
        ("start --type ba", ["batch"]),
    ],
)
async def test_values_are_offered(completed, line, expected):
    """Several by commas, signs before them, and a filter word by word."""
    assert await completed(line) == expected


@pytest.mark.parametrize("begun", ["", "name == 1 & ", "! ", "(", "name == 1 | (a in [1, 2]) & "])
def test_what_is_offered_leads_to_a_filter(begun):
    """Whoever takes an offer each time ends at a filter that can be read."""
    fitting = filter_values(["name", "a"]).fitting
    text = begun
    for _ in ("field", "operator", "value"):
        text = list(fitting(text))[-1]
    check_filter(text + ")" * (text.count("(") - text.count(")")), ["name", "a"])
