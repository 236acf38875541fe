"""A tunnel to a service on standard input and output: `relay.py ENDPOINT SESSION APP`."""

import os
import sys
import threading
from datetime import UTC, datetime

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from atoll_cluster.api.request.signing import SignedRequest, sign

endpoint, session, app = sys.argv[1:]
target = f"/stream/session/{session}/tcpproxy?app={app}"
date = datetime.now(UTC).isoformat()
version = "v7.20230615"
signed = SignedRequest(
    method="GET",
    target=target,
    host=endpoint.removeprefix("http://"),
    date=date,
    content_type="",
    version=version,
)
signature = sign(signed, os.environ["SECRET_KEY"])
credential = f"{os.environ['ACCESS_KEY']}:{signature}"
headers = {
    "Date": date,
    "X-BackendAI-Version": version,
    "Authorization": f"BackendAI signMethod=HMAC-SHA256, credential={credential}",
}


def send() -> None:
    while data := os.read(0, 65536):
        tunnel.send(data)
    tunnel.send(b"")


with connect(f"ws{endpoint[4:]}{target}", additional_headers=headers, compression=None) as tunnel:
    threading.Thread(target=send, daemon=True).start()
    try:
        while True:
            sys.stdout.buffer.write(tunnel.recv())
            sys.stdout.buffer.flush()
    except ConnectionClosed:
        os._exit(0)
