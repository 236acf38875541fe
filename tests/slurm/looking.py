"""Looking at sessions and jobs of a site, and waiting for what becomes of them."""

import csv
import io
import time

PATIENCE = 90
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
"""Code that speaks to a session's port and does not have its key."""


def job_of(lab, session):
    """The id of a session's job."""
    lines = lab.ssh("squeue --me --noheader --format='%i %j'").splitlines()
    [found] = [line.split()[0] for line in lines if f" {session}." in line]
    return found


def jobs(lab):
    """The jobs of the site that have not ended: their states by the names of sessions."""
    lines = lab.ssh("squeue --me --noheader --format='job %T %j'").splitlines()
    found = (line.split(" ", 2)[1:] for line in lines if line.startswith("job "))
    return {name.rpartition(".")[0]: state for state, name in found}


def rows(lab, *options):
    """What `ps` tells of sessions, by their names."""
    fields = "--format name,status,status_info --output csv"
    found = csv.DictReader(io.StringIO(lab.must(f"ps {' '.join(options)} {fields}")))
    return {row["name"]: row for row in found}


def until(look, wanted):
    """Wait until `look()` is what is wanted."""
    deadline = time.monotonic() + PATIENCE
    while not wanted(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found
