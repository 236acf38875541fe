"""A server that writes down what clients ask for, and answers as if all of it went well."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from graphql import FieldNode, OperationDefinitionNode, parse, value_from_ast_untyped

SESSION = "11111111-2222-4333-8444-555555555555"
FOLDER = "66666666777748888999aaaaaaaaaaaa"
GROUP = "77777777-2222-4333-8444-555555555555"
_KNOWN = {
    "id": SESSION,
    "name": "recorded",
    "session_id": SESSION,
    "status": "RUNNING",
    "type": "INTERACTIVE",
    "user_id": "user@example.com",
    "email": "user@example.com",
    "uuid": GROUP,
    "access_key": "AKIARECORDEDRECORDED",
    "is_active": True,
    "ok": True,
    "msg": "success",
    "total_count": 1,
    "aliases": ["recorded"],
}
_PLURAL = {"groups", "groups_by_name", "users", "domains", "images", "keypairs", "scaling_groups"}
_FOLDER = {"id": FOLDER, "name": "recorded", "host": "local:volume1", "is_owner": True,
           "permission": "rw", "type": "user", "ownership_type": "user", "cloneable": True,
           "quota_scope_id": f"user:{GROUP}", "usage_mode": "general",
           "status": "ready"}  # fmt: skip
_ANSWERS: list[tuple[str, str, Any]] = [
    ("GET", "/", {"version": "v7.20230615", "manager": "23.09.10"}),
    ("GET", "/manager/announcement", {"enabled": False, "message": ""}),
    ("POST", "/session", {"sessionId": SESSION, "sessionName": "recorded", "status": "RUNNING",
     "servicePorts": [], "created": True}),
    ("GET", "/session/[^/]+/logs", {"result": {"logs": ""}}),
    ("GET", "/session/[^/]+/files", {"files": "[]", "errors": "", "abspath": "/home/work"}),
    ("GET", "/stream/session/[^/]+/apps", []),
    ("DELETE", "/session/[^/]+", {"stats": {"status": "terminated"}}),
    ("GET", "/folders", [_FOLDER]),
    ("GET", "/folders/_/id", {"id": FOLDER, "name": "recorded"}),
    ("GET", "/folders/_/hosts", {"default": "local:volume1", "allowed": ["local:volume1"]}),
    ("POST", "/folders", _FOLDER),
    ("GET", "/folders/[^/]+/files", {"items": [], "files": "[]"}),
    ("GET", "/folders/[^/]+", _FOLDER),
    ("POST", "/folders/[^/]+/invite", {"invited_ids": ["user@example.com"]}),
    ("POST", "/folders/[^/]+/share", {"shared_emails": ["user@example.com"]}),
    ("DELETE", "/folders/[^/]+/unshare", {"unshared_emails": ["user@example.com"]}),
    ("POST", "/folders/[^/]+/clone", {**_FOLDER, "bgtask_id": SESSION}),
    ("GET", "/folders/invitations/list", {"invitations": []}),
    ("POST", "/template/session", [{"id": FOLDER, "user": FOLDER}]),
    ("GET", "/template/session", []),
    ("POST", "/config/get", {"result": {}}),
    ("GET", "/resource/usage/(month|period)", []),
    ("GET", "/user-config/dotfiles", {"path": ".vimrc", "perm": "644", "data": ""}),
    ("GET", "/config/resource-slots", {"cpu": "count", "mem": "bytes"}),
]  # fmt: skip


def _answer(method: str, path: str) -> Any:
    found = (answer for verb, how, answer in _ANSWERS if verb == method and re.fullmatch(how, path))
    return next(found, {})


def _value(field: FieldNode) -> Any:
    """Make up what a field of GraphQL holds: something for what is known, null for the rest."""
    name = field.name.value
    if field.selection_set is None:
        return _KNOWN.get(name)
    inner = {one.name.value: _value(one) for one in field.selection_set.selections
             if isinstance(one, FieldNode)}  # fmt: skip
    return [inner] if name == "items" or name in _PLURAL else inner


def _operation(body: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the data that answers a document, and what its mutations are told."""
    (operation,) = parse(body["query"]).definitions
    assert isinstance(operation, OperationDefinitionNode)
    roots = [one for one in operation.selection_set.selections if isinstance(one, FieldNode)]
    told = []
    for root in roots if operation.operation.value == "mutation" else ():
        given = {
            one.name.value: value_from_ast_untyped(one.value, body.get("variables") or {})
            for one in root.arguments
        }
        told.append({"method": "MUTATION", "path": root.name.value, "given": given})
    return {root.name.value: _value(root) for root in roots}, told


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[dict[str, Any]]

    def _serve(self) -> None:
        split = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_json = "json" in self.headers.get("Content-Type", "") and raw
        body = json.loads(raw) if is_json else {}
        path = unquote(split.path)
        if path.startswith("/admin/g"):
            data, told = _operation(body)
            self.seen.extend(told)
            self._reply({"data": data} if path.endswith("gql") else data)
            return
        answer = _answer(self.command, path)
        if path not in {"/", "/manager/announcement"}:
            given = {**dict(parse_qsl(split.query)), **body}
            self.seen.append({"method": self.command, "path": path, "given": given})
        # What went on in the background has ended long ago, and nobody has to wait for it.
        self._reply(answer, 404 if path.startswith("/events/") else 200)

    def _reply(self, answer: Any, status: int = 200) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def recording() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve on loopback; gives the endpoint, and the list that requests are added to.

    Queries of GraphQL are left out, mutations are told by their root with their arguments.
    """
    seen: list[dict[str, Any]] = []
    handler = type("Handler", (_Handler,), {"seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", seen
        finally:
            server.shutdown()
            serving.join()


FILES = {
    "boot.sh": "echo boot\n",
    "vimrc": "set nu\n",
    "template.yml": """template:
  api_version: v1
  kind: taskTemplate
  metadata: {name: t}
  spec:
    session_type: interactive
    kernel: {image: "python:3.11", environ: {}}
    mounts: {}
    resources: {}
""",
}
"""What the commands of `requests-23.09.json` read."""


def environ(endpoint: str) -> dict[str, str]:
    """Return the variables by which a client finds the server."""
    return {
        "BACKEND_ENDPOINT": endpoint,
        "BACKEND_ENDPOINT_TYPE": "api",
        "BACKEND_ACCESS_KEY": "AKIARECORDEDRECORDED",
        "BACKEND_SECRET_KEY": "recorded" * 5,
    }
