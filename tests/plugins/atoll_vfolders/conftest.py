"""The folder commands in process, facing a cluster that can be told to fail on the wire.

It keeps its files in memory, and speaks as 23.09 does unless its version is another.
"""

import io
import json
import tarfile
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from attrs import define, field

import atoll_rest
import atoll_vfolders

TIME = "2026-01-02T03:04:05+00:00"


def folder(name, id="1" * 32, **more):
    """A folder as the API lists it."""
    return {"name": name, "id": id, "host": "local:v1", "status": "ready", "is_owner": True, **more}


@define
class Fault:
    """What to do instead of answering a request, once; `after` so many like it were answered.

    `cut` is how many bytes of the body are kept before the connection breaks; `answer` is sent.
    """

    method: str
    answer: bytes = b""
    cut: int | None = None
    after: int = 0
    path: str = ""


@define
class MemoryCluster:
    """Folders and one folder's files."""

    answer: object
    version: str = "v7.20230615"
    folders: list = field(factory=lambda: [folder("data")])
    files: dict = field(factory=dict)
    items: list | None = None
    """What is listed, when that is not the truth."""
    archive: bytes | None = None
    takes_packed: bool = False
    refused: set = field(factory=set)
    uploads: dict = field(factory=dict)
    faults: list = field(factory=list)
    asked: list = field(factory=list)
    url: str = ""
    before: object = lambda _seen: None
    """Called with each request before it is answered."""

    async def handle(self, seen, stream):
        """Answer one request."""
        self.before(seen)
        address = urlsplit(seen.target)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        body = seen.body
        self.asked.append((seen.method, address.path, query, dict(seen.headers), body))
        if (fault := self._fault(seen.method, address.path)) is not None:
            if fault.cut is None:
                await stream.send_all(fault.answer)
                return True
            if seen.method == "PATCH":
                self._keep(query["token"], body[: fault.cut])
                return False
            whole = await self._answered(seen, address.path, query)
            head, _, content = whole.partition(b"\r\n\r\n")
            await stream.send_all(head + b"\r\n\r\n" + content[: fault.cut])
            return False
        await stream.send_all(await self._answered(seen, address.path, query))
        return True

    def _fault(self, method, path):
        for fault in self.faults:
            if fault.method == method and fault.path in path:
                if fault.after:
                    fault.after -= 1
                    return None
                self.faults.remove(fault)
                return fault
        return None

    async def _answered(self, seen, path, query):
        if path == "/":
            return self._json({"version": self.version, "manager": "23.09"})
        if path in {"/upload", "/download"}:
            return self._storage(seen, query)
        if path.endswith("/upload-packed"):
            return self._packed(seen.body)
        return self._json(self._told(seen, path, query))

    def _packed(self, body):
        if not self.takes_packed:
            return self.answer(b"{}", status=404)
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            found = {member.name: archive.extractfile(member).read() for member in archive}
        if set(found) & self.refused:
            return self.answer(b"{}", status=400)
        self.files |= found
        return self._json({})

    def _told(self, seen, path, query):
        if path == "/folders":
            return self.folders
        sent = json.loads(seen.body or b"{}")
        verb = unquote(path).rpartition("/")[2]
        if verb == "files":
            return {"items": self._listed(sent.get("path") or query.get("path"))}
        if verb == "request-upload":
            token = f"up{len(self.asked)}"
            self.uploads[token] = (sent, bytearray())
            return {"url": f"{self.url}/upload", "token": token}
        if verb == "request-download":
            return {"url": f"{self.url}/download", "token": sent["path"]}
        return {}

    def _listed(self, path):
        if self.items is not None:
            return self.items
        above = "" if path == "." else f"{path}/"
        below = [name.removeprefix(above) for name in self.files if name.startswith(above)]
        folders = {name.partition("/")[0] for name in below if "/" in name}
        found = [
            self.item(name, len(self.files[above + name])) for name in below if "/" not in name
        ]
        return found + [self.item(name, 4096, "DIRECTORY") for name in sorted(folders)]

    def item(self, name, size, type="FILE"):
        """A file as it is listed."""
        return {"name": name, "type": type, "size": size, "mode": "644", "modified": TIME}

    def _storage(self, seen, query):
        if seen.method == "GET":
            return self._download(seen, query)
        if query["token"] not in self.uploads:
            return self.answer(b"{}", status=404)
        kept = self._keep(query["token"], seen.body)
        return f"HTTP/1.1 204 No\r\nUpload-Offset: {len(kept)}\r\n\r\n".encode()

    def _keep(self, token, body):
        sent, kept = self.uploads[token]
        kept.extend(body)
        if body and len(kept) >= sent["size"]:
            self.files[sent["path"]] = bytes(kept)
            del self.uploads[token]
        return kept

    def _download(self, seen, query):
        if query.get("archive"):
            return self.answer(self.archive or b"{}", status=200 if self.archive else 400)
        content = self.files[query["token"]]
        kind = f'ETag: "{hash(content)}"', "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT"
        start = int(seen.headers.get("range", "bytes=0-")[6:-1])
        if not start:
            return self.answer(content, headers=kind)
        span = f"Content-Range: bytes {start}-{len(content) - 1}/{len(content)}"
        return self.answer(content[start:], status=206, headers=[*kind, span])

    def _json(self, content):
        return self.answer(json.dumps(content).encode())

    def requests(self, method, path=""):
        """What was asked so far: query, headers and body of each."""
        return [one[2:] for one in self.asked if one[0] == method and path in one[1]]


@pytest.fixture
def cluster(answer):
    """A cluster with an empty folder called `data`."""
    return MemoryCluster(answer)


@pytest.fixture
def make_fault():
    """Return the function that makes a fault."""
    return Fault


@pytest.fixture
def make_folder():
    """Return the function that makes an entry of the list of folders."""
    return folder


@pytest.fixture
def facing(shell, serve, cluster):
    """Return a context manager that gives the shell, facing the cluster."""

    @asynccontextmanager
    async def face():
        async with serve(cluster.handle) as server:
            cluster.url = server.url
            shell.environ = {
                "BACKEND_ENDPOINT": server.url,
                "BACKEND_ENDPOINT_TYPE": "api",
                "BACKEND_ACCESS_KEY": "AKIAIOSFODNN7EXAMPLE",
                "BACKEND_SECRET_KEY": "secret",
            }
            shell.add(atoll_rest, "rest")
            shell.add(atoll_vfolders, "vfolders")
            yield shell

    return face


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that the user is in."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place
