"""Notebooks and terminals of a session in a real browser, through `app`, as the document has it."""

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from tests.e2e.browser import browser

DEADLINE = 60.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("chromium"),
]


@pytest.fixture
def browse(tmp_path):
    """Return the function that opens a page at an address."""
    with browser(tmp_path / "profile") as go:
        yield go


@pytest.fixture(scope="module")
def session(shared):
    name = "to-browse"
    assert shared.run("start", "-t", name, "python").returncode == 0
    return name


@contextmanager
def forwarded(shared, session, app):
    """Run `app` as the document has it; gives the address."""
    with shared.start("app", "-b", "0", session, app, "--output", "jsonl") as process:
        try:
            row = json.loads(process.stdout.readline())
            # The document's own word for it.
            yield f"http://localhost:{row['port']}"
        finally:
            process.kill()


def test_a_command_in_a_web_terminal(shared, session, browse):
    with forwarded(shared, session, "ttyd") as address:
        page = browse(address)
        page.wait_for("window.term && document.querySelector('.xterm-helper-textarea')")
        page.evaluate("term.focus()")
        screen = (
            "[...Array(term.buffer.active.length).keys()]"
            ".map(n => term.buffer.active.getLine(n).translateToString(true)).join('\\n')"
        )
        page.wait_for(f"/[$#] ?$/.test(({screen}).trim())")
        page.type("echo $((6 * 7)) from $(whoami)\n")
        page.wait_for(f"({screen}).includes('42 from work')")
        page.screenshot("ttyd")


def test_a_cell_in_a_notebook(shared, session, browse):
    notebook = {
        "cells": [{"cell_type": "code", "source": "6 * 7", "metadata": {}, "outputs": [],
                   "execution_count": None, "id": "only"}],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }  # fmt: skip
    write = f"open('answer.ipynb', 'w').write({json.dumps(notebook)!r})"
    assert shared.run("run", "-q", "-t", session, "-c", write, "python").returncode == 0
    with forwarded(shared, session, "jupyter") as address:
        page = browse(f"{address}/lab/tree/answer.ipynb")
        page.wait_for("document.querySelector('.jp-Notebook .jp-CodeCell .cm-content')")
        # The prompt of a cell is empty until a kernel is there to run it.
        page.wait_for("/Idle/.test(document.querySelector('#jp-bottom-panel, body').innerText)")
        page.evaluate("document.querySelector('.jp-CodeCell .cm-content').focus()")
        page.press("Enter", 13, "\r", shift=True)
        page.wait_for("document.querySelector('.jp-OutputArea-output')?.innerText.trim() == '42'")
        assert "news" not in page.evaluate("document.body.innerText").lower()
        asked = page.evaluate("performance.getEntriesByType('resource').map(e => e.name).join(' ')")
        assert "/lab/api/" in asked
        assert "/lab/api/news" not in asked
        assert "/lab/api/update" not in asked
        page.screenshot("jupyter")


@pytest.mark.parametrize("app", ["ttyd", "jupyter"])
def test_pages_of_others_get_nowhere(shared, session, browse, app):
    """A page under a name that leads here, and one of another site that opens a websocket."""
    with forwarded(shared, session, app) as address:
        port = address.rpartition(":")[2]
        page = browse(f"http://evil.example:{port}/")
        page.wait_for("document.body?.innerText.includes('is not this machine')")
        with another_site() as site:
            page = browse(site)
            page.wait_for("document.body?.innerText === 'another site'")
            page.evaluate(TRY.replace("PORT", port))
            page.wait_for("window.told?.length === 3")
            assert page.evaluate("told.sort().join()") == "fetch,frame,socket"


TRY = """
window.told = [];
const say = text => told.push(text);
const socket = new WebSocket("ws://localhost:PORT/ws", ["tty"]);
socket.onopen = () => say("socket open");
socket.onerror = () => say("socket");
fetch("http://localhost:PORT/api/contents").then(() => say("fetched"), () => say("fetch"));
const frame = document.createElement("iframe");
frame.src = "http://localhost:PORT/";
frame.onload = () => {
  try { frame.contentWindow.document.body; say("frame read"); } catch { say("frame"); }
};
document.body.append(frame);
"""


class Another(BaseHTTPRequestHandler):
    """A page at a port of its own."""

    def do_GET(self):
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"another site")

    def log_message(self, *_arguments):
        """Say nothing."""


@contextmanager
def another_site():
    with ThreadingHTTPServer(("127.0.0.1", 0), Another) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
