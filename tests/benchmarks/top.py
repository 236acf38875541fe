"""`top` with 10,000 sessions: what it costs while nothing changes, and how soon a change is shown.

    python tests/benchmarks/top.py

A cluster of this program's own tells of the sessions, with what they use; none of it changes until
one session is ended, which an event tells. All in one run: processor time of `atoll top` over
half a minute, from /proc, once all sessions are loaded, and the time from the event to the screen.
"""

import json
import os
import re
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pexpect
from common import ATOLL, plain_environment, say

SESSIONS = 10_000
IDLE = 30.0
"""Seconds over which processor time is measured."""
CHANGES = 10
MOST_CPU, MOST_DELAY = 0.05, 1.0
STAT = {"cpu_util": {"pct": "42.0"}, "mem": {"current": "1073741824"}}


def node(number: int) -> dict[str, Any]:
    """Return a session as GraphQL tells of it."""
    return {
        "id": f"{number:08}-0000-4000-8000-000000000000",
        "name": f"session-{number:05}",
        "status": "RUNNING",
        "status_info": "",
        "type": "INTERACTIVE",
        "image": "cr.example.org/stable/python:3.11-ubuntu22.04",
        "created_at": f"2026-01-01T0{number // 3600}:{number // 60 % 60:02}:{number % 60:02}+00:00",
        "occupying_slots": json.dumps({"cpu": "2", "mem": "4294967296"}),
        "service_ports": "[]",
        "containers": [{"live_stat": json.dumps(STAT), "last_stat": None}],
    }


NODES = {(one := node(number))["id"]: one for number in range(SESSIONS)}
EVENTS: "Queue[str]" = Queue()


class Cluster(BaseHTTPRequestHandler):
    """Answers as a manager does; keeps connections open."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Tell the version, or events as they come."""
        if not self.path.startswith("/events/"):
            self._answer({"version": "v8.20240915", "manager": "24.09.0"})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b": listening\n\n")
        while True:
            data = json.dumps({"sessionId": EVENTS.get(), "ownerAccessKey": "AK"})
            self.wfile.write(f"event: session_terminated\ndata: {data}\n\n".encode())
            self.wfile.flush()

    def do_POST(self) -> None:
        """Answer GraphQL."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        query, variables = asked["query"], asked["variables"]
        if "agent_list" in query:
            data: dict[str, Any] = {"agent_list": {"items": []}}
        elif "compute_session_list" in query:
            offset, limit = variables["offset"], variables["limit"]
            items = list(NODES.values())[offset : offset + limit]
            data = {"compute_session_list": {"items": items, "total_count": SESSIONS}}
        else:
            data = {name: NODES.get(one) for name, one in variables.items()}
        self._answer({"data": data})

    def _answer(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drain(child: "pexpect.spawn[str]", seconds: float) -> None:
    """Read what is shown for so long."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        child.expect([r".+", pexpect.TIMEOUT], timeout=left)


def idle_share(child: "pexpect.spawn[str]") -> float:
    """Return the share of one core that it takes while nothing changes."""
    drain(child, 5.0)
    before = processor_seconds(child.pid)
    drain(child, IDLE)
    return (processor_seconds(child.pid) - before) / IDLE


def delays(child: "pexpect.spawn[str]") -> list[float]:
    """End sessions on the screen; return how long each took to be shown as ended."""
    found = []
    for number in range(SESSIONS - 1, SESSIONS - 1 - CHANGES, -1):
        one = NODES[node(number)["id"]]
        one["status"] = "TERMINATED"
        began = time.monotonic()
        EVENTS.put(one["id"])
        child.expect(rf"{one['name']}.*?TERMINATED", timeout=20)
        found.append(time.monotonic() - began)
        drain(child, 0.3)
    return found


def main() -> None:
    """Measure, and say both; exits with 1 when one of them is out of bounds."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cluster)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as home:
        environ = plain_environment(Path(home)) | {
            "TERM": "xterm-256color",
            "BACKEND_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "BACKEND_ACCESS_KEY": "AK",
            "BACKEND_SECRET_KEY": "SK",
        }
        child = pexpect.spawn(
            ATOLL, ["top"], env=environ, dimensions=(50, 160), encoding="utf-8", timeout=120
        )
        began = time.monotonic()
        child.expect(re.escape(f"{SESSIONS:,} running"))
        say(f"{SESSIONS:,} sessions are on the screen after {time.monotonic() - began:.1f} s")
        share, waits = idle_share(child), delays(child)
        child.send("q")
        child.expect(pexpect.EOF)
    say(f"while nothing changes, it takes {share:.1%} of one core (at most {MOST_CPU:.0%})")
    say(f"a change is shown after {max(waits):.2f} s at most of {CHANGES} (at most {MOST_DELAY} s)")
    sys.exit(share > MOST_CPU or max(waits) > MOST_DELAY)


if __name__ == "__main__":
    main()
