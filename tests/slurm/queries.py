"""Query the sessions and jobs of a site, and wait until they are in a state."""

import csv
import io
import time

TIMEOUT = 90
WITHOUT_KEY = """
import socket, ssl
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
stream = socket.create_connection(("{host}", {port}), 10)
print("connected")
try:
    stream = context.wrap_socket(stream)
    stream.sendall(b"kernel.sock\\n{{\\"op\\": \\"ping\\"}}\\n")
    print("heard", stream.recv(1))
except OSError as error:
    print("refused", error)
"""
"""Code that connects to a session's port without its key."""


def job_of(lab, session):
    """Return the id of the job of a session."""
    lines = lab.ssh("squeue --me --noheader --format='%i %j'").splitlines()
    [found] = [line.split()[0] for line in lines if f" {session}." in line]
    return found


def jobs(lab):
    """Return the states of jobs that have not ended, by the names of sessions."""
    lines = lab.ssh("squeue --me --noheader --format='job %T %j'").splitlines()
    found = (line.split(" ", 2)[1:] for line in lines if line.startswith("job "))
    return {name.rpartition(".")[0]: state for state, name in found}


def rows(lab, *options):
    """Return the rows of `ps`, by the names of sessions."""
    fields = "--format name,status,status_info --output csv"
    found = csv.DictReader(io.StringIO(lab.must(f"ps {' '.join(options)} {fields}")))
    return {row["name"]: row for row in found}


def until(query, wanted):
    """Repeat `query()` until `wanted` accepts its result, which is returned."""
    deadline = time.monotonic() + TIMEOUT
    while not wanted(found := query()):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found
