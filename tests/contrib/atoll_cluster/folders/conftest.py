"""Folders of a real cluster, and files that go to them and come back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from attrs import frozen

OFFSET = "application/offset+octet-stream"


@frozen
class Transfer:
    """The storage endpoint, as a client uses it that holds a token."""

    url: str
    token: str
    http: httpx.Client

    def head(self) -> httpx.Response:
        """Ask how far an upload got."""
        return self.http.head(self.url, params={"token": self.token})

    def patch(self, content: Any, offset: int = 0, **params: str) -> httpx.Response:
        """Send bytes."""
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(offset),
            "Content-Type": OFFSET,
        }
        query = {"token": self.token, **params}
        return self.http.patch(self.url, params=query, content=content, headers=headers)

    def get(self, headers: dict[str, str] | None = None, **params: str) -> httpx.Response:
        """Fetch."""
        return self.http.get(self.url, params={"token": self.token, **params}, headers=headers)


@frozen
class Storage:
    """Leave to bring and fetch files, asked as one keypair."""

    client: Any

    def upload(self, folder: str, path: str, size: int) -> Transfer:
        """Ask to bring a file."""
        return self._granted(folder, "request-upload", {"path": path, "size": size})

    def download(self, folder: str, path: str, **body: Any) -> Transfer:
        """Ask to fetch one."""
        return self._granted(folder, "request-download", {"path": path, **body})

    def put(self, folder: str, path: str, content: bytes) -> None:
        """Bring a whole file."""
        done = self.upload(folder, path, len(content)).patch(content)
        assert done.status_code == 204, done.text

    def fetch(self, folder: str, path: str) -> bytes:
        """Return a whole file."""
        done = self.download(folder, path).get()
        assert done.status_code == 200, done.text
        return done.content

    def names(self, folder: str, path: str = "") -> list[str]:
        """List a folder."""
        answer = self.client.ask("GET", f"/folders/{folder}/files", params={"path": path})
        assert answer.status_code == 200, answer.text
        return [item["name"] for item in answer.json()["items"]]

    def _granted(self, folder: str, what: str, body: dict[str, Any]) -> Transfer:
        answer = self.client.ask("POST", f"/folders/{folder}/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return Transfer(answer.json()["url"], answer.json()["token"], self.client.http)


@pytest.fixture
def storage(client) -> Storage:
    return Storage(client)


@pytest.fixture
def make_storage() -> type[Storage]:
    return Storage


@pytest.fixture
def name() -> str:
    """A name that nothing else has."""
    return f"f-{uuid4().hex[:10]}"


@pytest.fixture
def make_folder(client) -> Callable[..., str]:
    """Return the function that makes a folder of the administrator's and gives its name."""

    def make(name: str | None = None, **body: Any) -> str:
        name = name or f"f-{uuid4().hex[:10]}"
        answer = client.ask("POST", "/folders", json={"name": name, **body})
        assert answer.status_code == 201, answer.text
        return name

    return make


@pytest.fixture
def folder(make_folder) -> str:
    """A folder of the administrator's."""
    return make_folder()


@pytest.fixture
def on_disk(shared, client) -> Callable[[str], Path]:
    """Return the function that tells where a folder lies on the disk."""

    def place(name: str) -> Path:
        folder_id = client.ask("GET", f"/folders/{name}").json()["id"]
        return shared.data / "storage" / "folders" / folder_id

    return place
