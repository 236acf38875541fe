"""What `ps --all` costs over long lists: time and memory of the client, and of a page in the store.

The sessions are written to the store directly. Both sizes are measured in one run, so that what
counts are their ratios: memory that stays the same, time that grows as the list does.

    python tests/benchmarks/listing.py [SESSIONS ...]
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from attrs import frozen
from common import ATOLL, embedded_cluster, say

from atoll_cluster import credentials
from atoll_cluster.paths import DataDir
from atoll_cluster.store.sessions import NEWEST, Page
from atoll_cluster.store.store import Store

SIZES = [int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000]
PAGE = 100

# One row makes all others: what differs is numbered.
FILL = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :count)
INSERT INTO sessions (id, name, type, image, asked_image, architecture, access_key, user_uuid,
    domain_name, group_id, scaling_group, tag, cluster_mode, cluster_size, priority,
    requested_slots, resource_opts, environ, preopen_ports, dependencies, status, status_info,
    status_changed, result, exit_code, created_at, terminated_at)
SELECT printf('5e551004-0000-4000-8000-%012d', n), 'session-' || n, 'BATCH',
    'python:3.11-debian12', 'python', 'x86_64', access_key, user, 'default',
    (SELECT id FROM groups LIMIT 1), 'default', 'sweep:s-0000', 'single-node', 1, 10,
    '{"cpu": "1", "mem": "536870912"}', '{}', '{}', '[]', '[]', 'TERMINATED', 'task-done',
    strftime('%Y-%m-%dT%H:%M:%f000+00:00', '2026-01-01', n || ' seconds'), 'SUCCESS', 0,
    strftime('%Y-%m-%dT%H:%M:%f000+00:00', '2026-01-01', n || ' seconds'),
    strftime('%Y-%m-%dT%H:%M:%f000+00:00', '2026-01-01', (n + 9) || ' seconds')
FROM numbers, (SELECT * FROM keypairs WHERE is_admin LIMIT 1);
"""
FILL_KERNELS = """
INSERT INTO kernels (id, session_id, cluster_role, cluster_idx, cluster_hostname, status,
    status_changed, created_at, terminated_at, exit_code)
SELECT 'ce' || substr(id, 3), id, 'main', 1, 'main1', status, status_changed, created_at,
    terminated_at, 0 FROM sessions;
"""


@frozen
class Cost:
    """Seconds and the most bytes of a client that has listed so many sessions."""

    sessions: int
    seconds: float
    memory: int


def main() -> None:
    """Print a table: sessions, time of the deepest page, time and memory of the client, ratios."""
    say(f"{'sessions':>9}  {'last page':>10}  {'ps --all':>9}  {'per 1,000':>10}  {'peak':>9}")
    costs = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            data = DataDir.prepare(Path(name) / "atoll" / "data" / "local")
            page = fill(data, size)
            costs.append(list_all(Path(name), size))
        show(costs[-1], page)
    first, last = costs[0], costs[-1]
    grown = (last.seconds / last.sessions) / (first.seconds / first.sessions)
    say(f"from {first.sessions:,} to {last.sessions:,} sessions:")
    say(f"peak memory {last.memory / first.memory:.2f} x, time per session {grown:.2f} x")


def fill(data: DataDir, count: int) -> float:
    """Fill a new store with sessions that have ended; return the seconds of its deepest page."""
    with closing(Store.open(data.database)) as store:
        credentials.ensure_accounts(data, store)
        with store.db.transaction():
            store.db.execute(FILL, {"count": count})
            store.db.execute(FILL_KERNELS)
        began = time.perf_counter()
        store.sessions.page("domain_name = ?", ("default",), NEWEST, Page(PAGE, count - PAGE))
        return time.perf_counter() - began


def list_all(home: Path, count: int) -> Cost:
    """Have the shell list everything there is."""
    with embedded_cluster(home) as environ:
        began = time.perf_counter()
        command = [ATOLL, "ps", "--all", "--status", "ALL", "--output", "jsonl"]
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE) as client:
            assert client.stdout is not None
            pipe = client.stdout.fileno()
            lines = sum(chunk.count(b"\n") for chunk in iter(lambda: os.read(pipe, 2**16), b""))
            _, status, usage = os.wait4(client.pid, 0)
            client.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
    if (client.returncode, lines) != (0, count):
        sys.exit(f"of {count} sessions {lines} were listed, exit code {client.returncode}")
    return Cost(count, seconds, usage.ru_maxrss * 1024)


def show(cost: Cost, page: float) -> None:
    """Print a line of the table."""
    each = cost.seconds / cost.sessions
    say(
        f"{cost.sessions:9,}  {1000 * page:7.1f} ms  {cost.seconds:7.2f} s  {1e6 * each:7.1f} ms"
        f"  {cost.memory / 2**20:5.1f} MiB"
    )


if __name__ == "__main__":
    main()
