"""A headless Chromium, driven by its debugging protocol."""

import base64
import json
import os
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from websockets.sync.client import connect

DEADLINE = 60.0


class Page:
    """A page of a headless Chromium, driven by its debugging protocol."""

    def __init__(self, socket):
        self._socket = socket
        self._last = 0
        self.events = []
        """What the browser has told without being asked, once a test has it do so."""

    def call(self, method, **params):
        """Call a method of the protocol; returns its result."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        while (answer := json.loads(self._socket.recv(timeout=DEADLINE))).get("id") != self._last:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def evaluate(self, script):
        """Return the value of an expression on the page."""
        result = self.call(
            "Runtime.evaluate",
            expression=script,
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        return result["result"].get("value")

    def wait_for(self, script):
        """Wait until an expression holds."""
        end = time.monotonic() + DEADLINE
        while not self.evaluate(f"Boolean({script})"):
            assert time.monotonic() < end, (script, self.evaluate("document.body.innerText"))
            time.sleep(0.1)

    def type(self, text):
        """Type a text into what has the focus, Enter for each line's end."""
        for character in text.replace("\n", "\r"):
            self.call("Input.dispatchKeyEvent", type="char", text=character)

    def press(self, key, code, text="", *, shift=False):
        """Press a key."""
        shared = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 * shift}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
        self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def screenshot(self, name):
        """Keep a picture of the page, if ATOLL_SCREENSHOTS names a folder for them."""
        if folder := os.environ.get("ATOLL_SCREENSHOTS"):
            data = self.call("Page.captureScreenshot")["data"]
            (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(data))


@contextmanager
def browser(profile):
    """Run a browser with its profile in a folder; gives the function that opens an address."""
    process = subprocess.Popen(
        [
            "chromium",
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1200,800",
            "--remote-debugging-port=0",
            "--remote-allow-origins=*",
            # A name that somebody has point to this machine.
            "--host-resolver-rules=MAP evil.example 127.0.0.1",
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process:
        try:
            with _page(profile) as page:

                def go(address):
                    page.call("Emulation.setFocusEmulationEnabled", enabled=True)
                    page.call("Page.navigate", url=address)
                    return page

                yield go
        finally:
            process.terminate()


@contextmanager
def _page(profile):
    """Connect to the first page of the browser that lives in `profile`."""
    port_file = profile / "DevToolsActivePort"
    end = time.monotonic() + DEADLINE
    while not port_file.exists() or not port_file.read_text().strip():
        assert time.monotonic() < end, "chromium does not start"
        time.sleep(0.05)
    port = port_file.read_text().split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=60) as answer:
        [target] = [one for one in json.load(answer) if one["type"] == "page"]
    with connect(target["webSocketDebuggerUrl"], max_size=None, ping_interval=None) as socket:
        yield Page(socket)
