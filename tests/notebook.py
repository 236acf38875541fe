"""A cell of a notebook, computed as a page of JupyterLab does it."""

import json
import uuid

import pytest
from websockets.sync.client import connect

DEADLINE = 60
"""Seconds for each answer."""


def compute(http, address, code):
    """Run a cell in a kernel of its own; returns what it printed."""
    headers = {"X-XSRFToken": "t", "Cookie": "_xsrf=t"}
    answer = http.post(f"http://{address}/api/kernels", headers=headers, timeout=DEADLINE)
    kernel = answer.json()["id"]
    url = f"ws://{address}/api/kernels/{kernel}/channels"
    with connect(url, origin=f"http://{address}", additional_headers=headers) as socket:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
        header |= {"session": uuid.uuid4().hex, "username": "", "date": "2026-01-01T00:00:00Z"}
        content = {"code": code, "silent": False, "store_history": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        socket.send(json.dumps({**message, "channel": "shell", "buffers": []}))
        printed = ""
        while True:
            message = json.loads(socket.recv(DEADLINE))
            if message["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if message["msg_type"] == "stream":
                printed += message["content"]["text"]
            elif message["msg_type"] == "error":
                pytest.fail("\n".join(message["content"]["traceback"]))
            elif message["content"].get("execution_state") == "idle":
                return printed
