"""Looking at sessions and jobs of a site, and waiting for what becomes of them."""

import csv
import io
import time

PATIENCE = 90


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
