"""Fail when a test that must run was skipped: `required.py REPORT...`, JUnit XML files of pytest.

A client that needs a Python which this machine does not have may be left out, all but the one of
23.09, the release of the cluster, and so may languages that no session needs, and what an
engine without a bound has no use for. Besides that everything is required, and each part must be
there.
"""

import sys
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

PARTS = {
    "JupyterLab and ttyd in a browser": ("test_apps_browser",),
    "SSH from OpenSSH to OpenSSH": ("services.test_ssh",),
    "the shell on the real cluster": ("test_real_cluster", "[endpoint"),
    "the shell on the embedded cluster": ("test_real_cluster", "[embedded"),
    "the document's lines on the real cluster": ("test_real_sessions",),
    "applications on the real cluster": ("interop.test_apps",),
    "SSH on the real cluster": ("interop.test_ssh", "[endpoint"),
    "folders on the real cluster": ("interop.test_folders", "[endpoint"),
    "templates on the real cluster": ("interop.test_templates", "[endpoint"),
    "administration of the real cluster": ("interop.test_administration", "[endpoint"),
    "the official client 23.9.10": ("test_official_clients", "[23.9.10]"),
    "its applications": ("test_official_services", "[23.9.10]"),
    "its SSH": ("interop.test_ssh", "official_client_logs_in", "[23.9.10]"),
    "its folders": ("test_official_folders", "[23.9.10]"),
    "its templates": ("test_official_templates", "[23.9.10]"),
    "its administration": ("test_official_administration", "[23.9.10]"),
    "the cluster of a login node": ("slurm.test_login_node",),
    "sessions on Slurm": ("slurm.test_sessions",),
    "the transports on the real cluster": ("test_transport",),
    "the web server 23.9.10 before the real cluster": ("test_web_server", "[endpoint"),
    "the web server 23.9.10 before the embedded cluster": ("test_web_server", "[embedded"),
}
OPTIONAL = (
    "no Python 3.9 ",
    "no Python 3.13 ",
    "unknown image: r ",
    "unknown image: ruby ",
    "this client fails in itself",
    "this client has no such command",
    "it has no queue that can be filled",
    "it does not tell its machines",
)


def main(reports: Sequence[str]) -> int:
    """Print what is missing; returns the exit code."""
    # pytest wrote them just now
    trees = [ET.parse(report) for report in reports]  # noqa: S314
    cases = [case for tree in trees for case in tree.iter("testcase")]
    problems = [*skipped(cases), *missing(cases)]
    for problem in problems:
        print(problem)  # noqa: T201  # the answer of this program
    return 1 if problems else 0


def skipped(cases: Sequence[ET.Element]) -> Iterator[str]:
    """Tell of tests that were skipped and must not be."""
    for case in cases:
        skip = case.find("skipped")
        if skip is not None and not skip.get("message", "").startswith(OPTIONAL):
            yield f"skipped: {title(case)}: {skip.get('message')}"


def missing(cases: Sequence[ET.Element]) -> Iterator[str]:
    """Tell of parts of which no test ran."""
    ran = [title(case) for case in cases if case.find("skipped") is None]
    for part, words in PARTS.items():
        if not any(all(word in name for word in words) for name in ran):
            yield f"not run: {part}"


def title(case: ET.Element) -> str:
    """Return a test's full name."""
    return f"{case.get('classname')}::{case.get('name')}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
